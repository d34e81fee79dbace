//! A self-signed certificate, created for each run, because browsers speak HTTP/2 only over TLS.

use std::sync::{Arc, OnceLock};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::server::Protocols;

fn certificate() -> &'static CertifiedKey<KeyPair> {
    static CERTIFICATE: OnceLock<CertifiedKey<KeyPair>> = OnceLock::new();
    CERTIFICATE.get_or_init(|| generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap())
}

pub(crate) fn server_config(protocols: Protocols) -> ServerConfig {
    let CertifiedKey { cert, signing_key } = certificate();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(cert.der().to_vec())], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

/// The certificate and its key in PEM format.
pub(crate) fn pem() -> (String, String) {
    let CertifiedKey { cert, signing_key } = certificate();
    (cert.pem(), signing_key.serialize_pem())
}
