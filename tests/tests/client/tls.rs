//! HTTPS with rustls and the platform's roots, which on Linux an environment variable names.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
};

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
use sse_typed::testing::{Answer, ScriptedServer};
use tokio::{net::TcpListener, process::Command};
use tokio_rustls::TlsAcceptor;

use crate::certificates::Identity;

/// A server on localhost, and two certificates, as files, that a client may trust.
struct Server {
    port: u16,
    /// The certificate of the authority that signed the server's.
    authority: PathBuf,
    /// The server's own certificate, which signs no others.
    own: PathBuf,
}

/// A server with the given protocols, whose event names the HTTP version of the request.
async fn server(test: &str, protocols: &[&str]) -> Server {
    let identity = Identity::generate(test);
    let acceptor = TlsAcceptor::from(identity.server_config(protocols));
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
    Server { port, authority: identity.authority, own: identity.own }
}

async fn ask(url: String, roots: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ask"));
    let output = command.arg(url).env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR").output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn https_uses_http_2_if_offered_and_http_1_otherwise() {
    for (protocols, version) in [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1"), (&[], "HTTP/1.1")]
    {
        let Server { port, authority, .. } = server("https_speaks_http_2", protocols).await;
        assert_eq!(ask(format!("https://localhost:{port}/"), &authority).await, format!("event: {version}\n"));
    }
}

#[tokio::test]
async fn https_to_an_untrusted_server_is_a_connect_error() {
    let Server { port, authority, own } = server("https_to_a_server_that_is_not_trusted", &["http/1.1"]).await;
    // A root that did not sign the certificate, and the right root with another server name.
    for (url, roots) in [(format!("https://localhost:{port}/"), own), (format!("https://127.0.0.1:{port}/"), authority)]
    {
        let text = ask(url, &roots).await;
        assert!(text.starts_with("no stream: no response: ") && text.contains("certificate"), "{text}");
    }
}

#[tokio::test]
async fn without_roots_https_is_an_error_that_says_so_and_http_works() {
    let none = Path::new("no such file");
    let server = ScriptedServer::new([Answer::stream().send("data: plain\n\n")]).listen().await;
    assert_eq!(ask(server.url("/"), none).await, "event: plain\n");
    let text = ask("https://localhost:1/".to_owned(), none).await;
    assert!(text.contains("root certificates"), "{text}");
}
