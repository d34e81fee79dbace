use std::fmt;

use tower_http::follow_redirect::FollowRedirect;

#[cfg(feature = "proxy")]
use super::proxy::Proxy;
#[cfg(feature = "tls")]
use super::tls::TlsSettings;
use super::{
    HyperClient,
    redirects::RedirectPolicy,
    transport::{Transport, TransportSettings},
};

/// Configures a [`HyperClient`] with certificates, a proxy or another HTTP version, created by
/// [`HyperClient::builder`].
///
/// A client for an internal service that has its own certificate authority and requires client certificates:
///
#[cfg_attr(feature = "tls", doc = "```no_run")]
#[cfg_attr(not(feature = "tls"), doc = "```ignore")]
/// use sse_typed::{Client, client::HyperClient};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hyper = HyperClient::builder()
///     .add_root_certificate_pem(std::fs::read("internal-ca.pem")?)
///     .only_these_roots()
///     .client_certificate_pem(std::fs::read("client.pem")?, std::fs::read("client-key.pem")?)
///     .build()?;
/// let client = Client::from(hyper);
/// # let _ = client.get("https://feed.internal/").connect::<sse_typed::RawEvent>();
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct HyperClientBuilder {
    #[cfg(feature = "tls")]
    tls: TlsSettings,
    #[cfg(feature = "proxy")]
    proxy: Option<Proxy>,
    #[cfg(feature = "http2")]
    http2_prior_knowledge: bool,
    /// The first error.
    error: Option<BuildError>,
}

impl HyperClientBuilder {
    #[cfg(any(feature = "tls", feature = "proxy"))]
    fn try_change(mut self, change: impl FnOnce(&mut Self) -> Result<(), BuildError>) -> Self {
        if let Err(error) = change(&mut self) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Trusts servers whose certificates are signed by this authority. If the PEM has several authorities, all of them
    /// are trusted. The platform's roots stay trusted, unless [`only_these_roots`](Self::only_these_roots) is called.
    /// Each call adds roots.
    ///
    /// On Android no roots can be added to the platform's.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn add_root_certificate_pem(self, pem: impl AsRef<[u8]>) -> Self {
        self.try_change(|builder| builder.tls.add_roots(pem.as_ref()))
    }

    /// Adds a root in DER form, otherwise the same as [`add_root_certificate_pem`](Self::add_root_certificate_pem).
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn add_root_certificate_der(self, der: impl Into<Vec<u8>>) -> Self {
        self.try_change(|builder| builder.tls.add_root(der.into().into()))
    }

    /// Trusts only the added roots, and none of the platform's.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn only_these_roots(mut self) -> Self {
        self.tls.only_these_roots();
        self
    }

    /// Sets the client's certificate, in PEM form, for servers that require one (mutual TLS). `chain` starts with
    /// the certificate, followed by intermediate certificates. `key` is PKCS#8, PKCS#1 or SEC1, and not encrypted.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn client_certificate_pem(self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.try_change(|builder| builder.tls.set_client_certificate(chain.as_ref(), key.as_ref()))
    }

    /// Sends requests through an HTTP proxy: `http://host:port`, or `http://user:password@host:port`,
    /// percent-encoded. Requests for `https` URLs use a tunnel (CONNECT), so the proxy sees only the name of the
    /// server. Requests for `http` URLs are sent to the proxy with the full URL. The connection to the proxy is
    /// plain HTTP. The proxy's credentials are sent only to the proxy.
    ///
    /// When the proxy refuses the credentials with a 407, the error is fatal and not retried. For an `http` URL the
    /// error has that [status](crate::client::Error::status), and
    /// [`retry_status`](crate::client::ReconnectPolicy::retry_status) may retry it. For an `https` URL
    /// [`Error::is_request`](crate::client::Error::is_request) is true. A tunnel that fails for another reason counts
    /// as a failed connection and is retried.
    ///
    /// Environment variables such as `http_proxy` are not read.
    ///
    #[cfg_attr(feature = "proxy", doc = "```")]
    #[cfg_attr(not(feature = "proxy"), doc = "```ignore")]
    /// use sse_typed::{Client, client::HyperClient};
    ///
    /// let hyper = HyperClient::builder().proxy("http://proxy.internal:3128").no_proxy("localhost, .internal").build()?;
    /// let client = Client::from(hyper);
    /// # let _ = client.get("https://example.com/").connect::<sse_typed::RawEvent>();
    /// # Ok::<(), sse_typed::client::BuildError>(())
    /// ```
    #[cfg(feature = "proxy")]
    #[cfg_attr(docsrs, doc(cfg(feature = "proxy")))]
    pub fn proxy(self, url: impl AsRef<str>) -> Self {
        self.try_change(|builder| {
            let old = builder.proxy.take().unwrap_or_default();
            builder.proxy = Some(old.with_url(url.as_ref())?);
            Ok(())
        })
    }

    /// Excludes servers from the [proxy](Self::proxy), as a comma-separated list. An entry is an address, a network
    /// such as `10.0.0.0/8`, a name, which includes its subdomains, or `*` for all servers.
    #[cfg(feature = "proxy")]
    #[cfg_attr(docsrs, doc(cfg(feature = "proxy")))]
    pub fn no_proxy(mut self, servers: impl Into<String>) -> Self {
        let old = self.proxy.take().unwrap_or_default();
        self.proxy = Some(old.with_no_proxy(servers.into()));
        self
    }

    /// Uses HTTP/2 without TLS (h2c) for `http` URLs, and never HTTP/1.1. Every server must support it. For `https`
    /// URLs the version is negotiated as usual.
    #[cfg(feature = "http2")]
    #[cfg_attr(docsrs, doc(cfg(feature = "http2")))]
    pub const fn http2_prior_knowledge(mut self) -> Self {
        self.http2_prior_knowledge = true;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// The first of these errors: a malformed certificate or key, a key that does not match its certificate,
    /// `only_these_roots` without a root, an invalid proxy URL, or a proxy together with HTTP/2 by prior knowledge,
    /// which proxies do not forward.
    pub fn build(self) -> Result<HyperClient, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        #[cfg(all(feature = "proxy", feature = "http2"))]
        if self.http2_prior_knowledge && self.proxy.as_ref().is_some_and(Proxy::has_url) {
            return Err(BuildError::new(
                "an HTTP proxy does not forward HTTP/2 by prior knowledge: set only one of them",
            ));
        }
        let settings = TransportSettings {
            #[cfg(feature = "tls")]
            tls: self.tls.client_config()?,
            #[cfg(feature = "proxy")]
            proxy: self.proxy.map(Proxy::into_matcher),
            #[cfg(feature = "http2")]
            http2_prior_knowledge: self.http2_prior_knowledge,
        };
        Ok(HyperClient { service: FollowRedirect::with_policy(Transport::new(settings), RedirectPolicy::new()) })
    }
}

/// Does not show the proxy's credentials, certificates or keys.
impl fmt::Debug for HyperClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("HyperClientBuilder");
        #[cfg(feature = "tls")]
        debug.field("tls", &self.tls);
        #[cfg(feature = "proxy")]
        debug.field("proxy", &self.proxy.is_some());
        #[cfg(feature = "http2")]
        debug.field("http2_prior_knowledge", &self.http2_prior_knowledge);
        debug.field("error", &self.error).finish()
    }
}

/// Why a [`HyperClientBuilder`] could not build a client. The message contains neither the proxy's URL nor any part
/// of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError(String);

impl BuildError {
    #[cfg(any(feature = "tls", feature = "proxy"))]
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BuildError {}
