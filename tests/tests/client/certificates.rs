//! Certificates for servers on localhost, and processes that trust them: the client takes its roots from the platform, which
//! on Linux the environment names.

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

/// Names the authority's file to a process that trusts it.
const ROOTS: &str = "SSL_CERT_FILE";
/// Marks a test's process that trusts the files of its name.
const TRUSTING: &str = "SSE_TYPED_TRUSTING";

/// The certificate of a server, and the files that a client may be told to trust.
pub(crate) struct Identity {
    /// The certificate of the authority that signed the server's.
    pub(crate) authority: PathBuf,
    /// The server's own, which nobody signs others with.
    pub(crate) own: PathBuf,
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// A file of one test alone.
fn file(test: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", test.replace("::", "-")))
}

fn write(path: PathBuf, content: impl AsRef<[u8]>) -> PathBuf {
    fs::write(&path, content).unwrap();
    path
}

impl Identity {
    /// A new authority, and a certificate of its own for `localhost`.
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

    /// The identity whose authority this process trusts. The test `test` is run by one that does: in the process that was
    /// started first, this starts that other one, waits for its success, and is `None`.
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
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{output:?}");
        None
    }

    /// The settings of a server that speaks the given protocols.
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
