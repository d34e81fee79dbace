//! The trusted roots and the client's certificate. No type of rustls is visible outside `hyper/`.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use rustls_platform_verifier::Verifier;

use super::builder::BuildError;

#[derive(Default)]
pub(super) struct TlsSettings {
    roots: Vec<CertificateDer<'static>>,
    only_these_roots: bool,
    client_certificate: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl TlsSettings {
    pub(super) fn add_roots(&mut self, pem: &[u8]) -> Result<(), BuildError> {
        for root in certificates(pem, "root")? {
            self.add_root(root)?;
        }
        Ok(())
    }

    pub(super) fn add_root(&mut self, root: CertificateDer<'static>) -> Result<(), BuildError> {
        // The verifier would report the same error later, with a different message on each platform.
        RootCertStore::empty()
            .add(root.clone())
            .map_err(|error| BuildError::new(format!("a root certificate cannot be used: {error}")))?;
        self.roots.push(root);
        Ok(())
    }

    pub(super) const fn only_these_roots(&mut self) {
        self.only_these_roots = true;
    }

    pub(super) fn set_client_certificate(&mut self, chain: &[u8], key: &[u8]) -> Result<(), BuildError> {
        let chain = certificates(chain, "client")?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound => {
                BuildError::new("the PEM of the client's key has no private key; encrypted keys are not supported")
            }
            error => BuildError::new(format!("the PEM of the client's key is malformed: {}", fault(&error))),
        })?;
        self.client_certificate = Some((chain, key));
        Ok(())
    }

    /// Returns `None` if nothing was set.
    ///
    /// # Errors
    ///
    /// When the settings contradict each other.
    pub(super) fn client_config(self) -> Result<Option<ClientConfig>, BuildError> {
        if self.roots.is_empty() && self.only_these_roots {
            return Err(BuildError::new(
                "no server would be trusted: `only_these_roots` needs at least one added root",
            ));
        }
        if self.roots.is_empty() && self.client_certificate.is_none() {
            return Ok(None);
        }
        self.into_client_config().map(Some).map_err(BuildError::new)
    }

    fn into_client_config(self) -> Result<ClientConfig, String> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = if self.only_these_roots {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(self.roots);
            builder.with_root_certificates(roots)
        } else {
            let verifier = platform_verifier(self.roots, provider)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        };
        match self.client_certificate {
            None => Ok(builder.with_no_client_auth()),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("the client's certificate and its key cannot be used: {error}")),
        }
    }
}

/// The default settings: the platform's roots.
///
/// # Errors
///
/// When the platform has no roots.
pub(super) fn platform_config() -> Result<ClientConfig, String> {
    TlsSettings::default().into_client_config()
}

/// Chosen explicitly, because rustls' default panics in a program whose dependencies enable a second provider.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(not(target_os = "android"))]
fn platform_verifier(roots: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Result<Verifier, String> {
    Verifier::new_with_extra_roots(roots, provider)
        .map_err(|error| format!("the platform's root certificates cannot be loaded: {error}"))
}

#[cfg(target_os = "android")]
fn platform_verifier(roots: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Result<Verifier, String> {
    if !roots.is_empty() {
        return Err("on Android no roots can be added to the platform's root certificates".to_owned());
    }
    Verifier::new(provider).map_err(|error| format!("the platform's root certificates cannot be loaded: {error}"))
}

fn certificates(pem: &[u8], whose: &str) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(none) if none.is_empty() => Err(BuildError::new(format!("the PEM of the {whose} has no certificate"))),
        Ok(certificates) => Ok(certificates),
        Err(error) => {
            Err(BuildError::new(format!("the PEM of the {whose} certificate is malformed: {}", fault(&error))))
        }
    }
}

/// Describes what is wrong with a PEM without quoting it: a file may contain a key beside the certificate.
const fn fault(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "the end of a section is missing",
        pem::Error::IllegalSectionStart { .. } => "a section has a malformed beginning",
        pem::Error::Base64Decode(_) => "a section is not valid base64",
        pem::Error::SectionTooLarge => "a section is too large",
        _ => "it cannot be read",
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("roots", &self.roots.len())
            .field("only_these_roots", &self.only_these_roots)
            .field("client_certificate", &self.client_certificate.is_some())
            .finish()
    }
}
