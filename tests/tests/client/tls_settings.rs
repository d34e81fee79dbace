//! Custom roots and client certificates of `Client::hyper()`.

use std::{convert::Infallible, sync::Arc};

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
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use sse_typed::{
    Client, RawEvent,
    client::{BuildError, Error, HyperClient, HyperClientBuilder},
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Signs certificates.
pub(crate) struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), issuer: Issuer::new(params, key) }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A client certificate and its key.
    fn client(&self) -> (String, String) {
        let (certificate, key) = self.sign("client", ExtendedKeyUsagePurpose::ClientAuth);
        (certificate.pem(), key.serialize_pem())
    }

    /// A server that, if `clients` is given, accepts only client certificates of that authority. See [`serve`].
    pub(crate) async fn serve(&self, clients: Option<&Self>) -> u16 {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let builder = match clients {
            None => builder.unwrap().with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.certificate.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.unwrap().with_client_cert_verifier(verifier)
            }
        };
        let (certificate, key) = self.sign("localhost", ExtendedKeyUsagePurpose::ServerAuth);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = builder.with_single_cert(vec![CertificateDer::from(certificate)], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        serve(Arc::new(config)).await
    }
}

/// A server on localhost whose event names the HTTP version of the request and the headers that name a proxy.
async fn serve(config: Arc<ServerConfig>) -> u16 {
    let acceptor = TlsAcceptor::from(config);
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let respond = |request: Request| async move {
        let proxy_headers: Vec<_> =
            request.headers().keys().filter(|name| name.as_str().starts_with("proxy")).collect();
        let event = Event::default().data(format!("{:?} {proxy_headers:?}", request.version()));
        Sse::new(stream::iter([Ok::<_, Infallible>(event)]))
    };
    let router = Router::new().route("/", get(respond));
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

/// The data of the first event.
pub(crate) async fn ask(builder: HyperClientBuilder, url: &str) -> Result<String, Error> {
    let mut events = Client::from(builder.build().unwrap()).get(url).send::<RawEvent>().await?;
    Ok(events.next().await.unwrap()?.data.data().to_owned())
}

#[tokio::test]
async fn only_a_server_whose_root_was_added_is_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let url = format!("https://localhost:{}/", authority.serve(None).await);
    let both = format!("{}{}", other.pem(), authority.pem());
    let der = authority.certificate.der().to_vec();
    for builder in [
        HyperClient::builder().add_root_certificate_pem(authority.pem()),
        HyperClient::builder().add_root_certificate_pem(authority.pem()).only_these_roots(),
        HyperClient::builder().only_these_roots().add_root_certificate_pem(both),
        HyperClient::builder().add_root_certificate_pem(other.pem()).add_root_certificate_der(der).only_these_roots(),
    ] {
        assert_eq!(ask(builder, &url).await.unwrap(), "HTTP/2.0 []");
    }
    for builder in [
        HyperClient::builder().add_root_certificate_pem(other.pem()),
        HyperClient::builder().add_root_certificate_pem(other.pem()).only_these_roots(),
    ] {
        let error = ask(builder, &url).await.unwrap_err();
        assert!(error.is_connect() && error.to_string().contains("certificate"), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_platforms_roots_stay_trusted_unless_only_the_added_roots_are() {
    use crate::certificates::Identity;

    let test = "tls_settings::the_platforms_roots_stay_trusted_unless_only_the_added_roots_are";
    let Some(identity) = Identity::trusted(test).await else { return };
    let url = format!("https://localhost:{}/", serve(identity.server_config(&["http/1.1"])).await);
    let added = || HyperClient::builder().add_root_certificate_pem(Authority::new().pem());
    let (chain, key) = Authority::new().client();
    for builder in [HyperClient::builder(), added(), HyperClient::builder().client_certificate_pem(chain, key)] {
        assert_eq!(ask(builder, &url).await.unwrap(), "HTTP/1.1 []");
    }
    let error = ask(added().only_these_roots(), &url).await.unwrap_err();
    assert!(error.is_connect() && error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn the_client_sends_its_certificate_to_a_server_that_requires_one() {
    let (servers, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let url = format!("https://localhost:{}/", servers.serve(Some(&clients)).await);
    let trusting = || HyperClient::builder().add_root_certificate_pem(servers.pem()).only_these_roots();
    let (chain, key) = clients.client();
    assert_eq!(ask(trusting().client_certificate_pem(chain, key), &url).await.unwrap(), "HTTP/2.0 []");
    let (chain, key) = strangers.client();
    for builder in [trusting(), trusting().client_certificate_pem(chain, key)] {
        let error = ask(builder, &url).await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
    }
}

#[test]
fn unusable_certificates_and_keys_are_errors_with_the_reason() {
    let builder = HyperClient::builder;
    let authority = Authority::new();
    let ((chain, key), (_, other_key)) = (authority.client(), authority.client());
    let (root, no_base64) = (authority.pem(), "-----BEGIN CERTIFICATE-----\nsecret!\n-----END CERTIFICATE-----\n");
    let half = &key[..key.len() - 30];
    let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let no_key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    let cases = [
        (builder().add_root_certificate_pem(""), "the PEM of the root has no certificate"),
        (builder().add_root_certificate_pem(&key), "the PEM of the root has no certificate"),
        (builder().add_root_certificate_pem(no_base64), "a section is not valid base64"),
        (builder().add_root_certificate_pem(&root[..99]), "the end of a section is missing"),
        (builder().add_root_certificate_der(b"secret".to_vec()), "a root certificate cannot be used: "),
        (builder().only_these_roots(), "`only_these_roots` needs at least one added root"),
        (builder().client_certificate_pem("", &key), "the PEM of the client has no certificate"),
        (builder().client_certificate_pem(&chain, &chain), "the PEM of the client's key has no private key"),
        (builder().client_certificate_pem(&chain, encrypted), "encrypted keys are not supported"),
        (builder().client_certificate_pem(&chain, half), "the end of a section is missing"),
        (builder().client_certificate_pem(&chain, no_key), "the client's certificate and its key cannot be used: "),
        (builder().client_certificate_pem(&chain, other_key), "the client's certificate and its key cannot be used: "),
        // The first error is reported, whatever follows.
        (
            builder().add_root_certificate_pem("").add_root_certificate_pem(&root),
            "the PEM of the root has no certificate",
        ),
    ];
    for (builder, expected) in cases {
        let shown = format!("{builder:?}");
        let error: BuildError = builder.build().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}: {expected}");
        let key: String = key.lines().nth(1).unwrap().to_owned();
        for text in [shown, error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("secret") && !text.contains(&key), "{text}");
        }
    }
    assert!(builder().client_certificate_pem(chain, key).build().is_ok());
}
