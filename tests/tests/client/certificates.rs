//! Certificates for servers on localhost, and processes that trust them. The client takes its roots from the
//! platform; on Linux an environment variable names them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::process::Command;

/// The environment variable with the authority's file.
const ROOTS: &str = "SSL_CERT_FILE";
/// Marks the process of a test that trusts the test's files.
const TRUSTING: &str = "SSE_TYPED_TRUSTING";

/// The certificate of a server, and the files that a client may trust.
pub(crate) struct Identity {
    /// The certificate of the authority that signed the server's.
    pub(crate) authority: PathBuf,
    /// The server's own certificate, which signs no others.
    pub(crate) own: PathBuf,
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// A file that only this test uses.
fn file(test: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", test.replace("::", "-")))
}

fn write(path: PathBuf, content: impl AsRef<[u8]>) -> PathBuf {
    fs::write(&path, content).unwrap();
    path
}

impl Identity {
    /// Creates an authority and a certificate of it for `localhost`.
    pub(crate) fn generate(test: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = write(file(test, "authority.pem"), params.self_signed(&key).unwrap().pem());
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let own = write(file(test, "own.pem"), certificate.pem());
        Self { authority, own, certificate: certificate.der().to_vec(), key: key.serialize_der() }
    }

    /// Returns the identity whose authority this process trusts. The first process of `test` starts a second one
    /// that trusts it, waits for its success, and gets `None`.
    pub(crate) async fn trusted(test: &str) -> Option<Self> {
        let (certificate, key) = (file(test, "certificate.der"), file(test, "key.der"));
        if std::env::var(TRUSTING).is_ok_and(|name| name == test) {
            let (authority, own) = (file(test, "authority.pem"), file(test, "own.pem"));
            let (certificate, key) = (fs::read(certificate).unwrap(), fs::read(key).unwrap());
            return Some(Self { authority, own, certificate, key });
        }
        let identity = Self::generate(test);
        write(certificate, &identity.certificate);
        write(key, &identity.key);
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args([test, "--exact", "--nocapture"]).env(TRUSTING, test);
        process.env(ROOTS, &identity.authority).env_remove("SSL_CERT_DIR");
        let output = process.kill_on_drop(true).output().await.unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && stdout.contains("1 passed"), "{output:?}");
        None
    }

    /// The settings of a server with the given protocols.
    pub(crate) fn server_config(&self, protocols: &[&str]) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.clone()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(self.certificate.clone())], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}
