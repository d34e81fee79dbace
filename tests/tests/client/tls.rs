//! HTTPS by rustls with the platform's roots, which on Linux the environment names.

use std::{convert::Infallible, path::PathBuf, sync::Arc};

use axum::{
    Router,
    extract::Request,
    response::sse::{Event, Sse},
    routing::get,
};
use futures_util::stream;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{net::TcpListener, process::Command};
use tokio_rustls::TlsAcceptor;

fn data(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "data", "tls", name].iter().collect()
}

/// A server on localhost that speaks the given protocols, and tells in an event by which it was asked. Gives its port.
async fn server(protocols: &[&str]) -> u16 {
    let certificate = CertificateDer::from_pem_file(data("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(data("server.key")).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let version = |request: Request| async move {
        let event = Event::default().data(format!("{:?}", request.version()));
        Sse::new(stream::iter([Ok::<_, Infallible>(event)]))
    };
    let router = Router::new().route("/", get(version));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(router.clone()));
            tokio::spawn(async move {
                let socket = TokioIo::new(acceptor.accept(socket).await.ok()?);
                auto::Builder::new(TokioExecutor::new()).serve_connection(socket, service).await.ok()
            });
        }
    });
    port
}

async fn ask(url: String, roots: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ask"));
    let output = command.arg(url).env("SSL_CERT_FILE", data(roots)).env_remove("SSL_CERT_DIR").output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn https_speaks_http_2_where_it_is_offered_and_http_1_elsewhere() {
    for (protocols, version) in [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1"), (&[], "HTTP/1.1")]
    {
        let port = server(protocols).await;
        assert_eq!(ask(format!("https://localhost:{port}/"), "ca.pem").await, format!("event: {version}\n"));
    }
}

#[tokio::test]
async fn https_to_a_server_that_is_not_trusted_gives_no_response() {
    let port = server(&["http/1.1"]).await;
    // Another root than the one that signed; and the right root, but another name.
    for (url, roots) in
        [(format!("https://localhost:{port}/"), "server.pem"), (format!("https://127.0.0.1:{port}/"), "ca.pem")]
    {
        let told = ask(url, roots).await;
        assert!(told.starts_with("no stream: no response: ") && told.contains("certificate"), "{told}");
    }
}

#[tokio::test]
async fn without_roots_https_is_an_error_that_says_so_and_http_works() {
    let server = tests::scripted::ScriptedServer::start([tests::scripted::Reply::events("data: plain\n\n")]).await;
    assert_eq!(ask(server.url("/"), "no such file").await, "event: plain\n");
    let told = ask("https://localhost:1/".to_owned(), "no such file").await;
    assert!(told.contains("root certificates"), "{told}");
}
