//! Connections through an HTTP proxy.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Uri, uri::Scheme};
use hyper_util::{
    client::{
        legacy::connect::{Connected, Connection, HttpConnector, proxy::Tunnel},
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tower_service::Service;

use super::{BoxFuture, builder::BuildError};
use crate::client::{error::BoxError, proxy_auth::find_auth_refusal};

/// The settings of the proxy.
#[derive(Default)]
pub(super) struct Proxy {
    /// It may hold a password.
    url: Option<String>,
    no_proxy: String,
}

impl Proxy {
    /// # Errors
    ///
    /// When it is not the URL of a proxy. The message does not show an invalid URL, because the password could be
    /// anywhere in it.
    pub(super) fn with_url(self, url: &str) -> Result<Self, BuildError> {
        let refuse = |fault: &str| {
            let form = "a proxy is `http://host:port`, or `http://user:password@host:port` with percent-encoding";
            Err(BuildError::new(format!("the URL of the proxy {fault}: {form}")))
        };
        let Ok(parsed) = url.parse::<Uri>() else {
            return refuse("is malformed");
        };
        if parsed.scheme() != Some(&Scheme::HTTP) {
            return refuse("does not begin with `http://`");
        }
        let host = parsed.host().unwrap_or_default();
        if host.is_empty() {
            return refuse("has no host");
        }
        // `Uri` accepts an invalid port and ignores it, and part of it would be sent as part of the host.
        let authority = parsed.authority().map_or("", http::uri::Authority::as_str);
        let (user, host_and_port) = authority.rsplit_once('@').unwrap_or(("", authority));
        if user.contains('@') {
            return refuse("is malformed");
        }
        if host_and_port.len() > host.len() && parsed.port_u16().is_none() {
            return refuse("has no valid port");
        }
        if !matches!(parsed.path(), "" | "/") || parsed.query().is_some() {
            return refuse("has a path or a query");
        }
        // A matcher ignores a URL that it cannot parse, and requests would bypass the proxy.
        let matcher = Matcher::builder().all(url.to_owned()).build();
        if matcher.intercept(&Uri::from_static("https://host/")).is_none() {
            return refuse("is malformed");
        }
        Ok(Self { url: Some(url.to_owned()), ..self })
    }

    pub(super) fn with_no_proxy(self, servers: String) -> Self {
        Self { no_proxy: servers, ..self }
    }

    #[cfg(feature = "http2")]
    pub(super) const fn has_url(&self) -> bool {
        self.url.is_some()
    }

    pub(super) fn into_matcher(self) -> Arc<Matcher> {
        Arc::new(Matcher::builder().all(self.url.unwrap_or_default()).no(self.no_proxy).build())
    }
}

/// The `proxy-authorization` of a request that the proxy forwards, if the proxy has credentials.
pub(super) fn proxy_authorization(proxy: &Matcher, uri: &Uri) -> Option<HeaderValue> {
    let mut value = proxy.intercept(uri)?.basic_auth()?.clone();
    value.set_sensitive(true);
    Some(value)
}

/// Connects to the server directly or through the proxy.
#[derive(Clone)]
pub(super) struct ProxyConnector {
    tcp: HttpConnector,
    proxy: Option<Arc<Matcher>>,
    /// Whether the proxy opens a tunnel, rather than forwarding each request.
    uses_tunnel: bool,
}

impl ProxyConnector {
    /// A connector for `http` URLs.
    pub(super) const fn for_http(tcp: HttpConnector, proxy: Option<Arc<Matcher>>) -> Self {
        Self { tcp, proxy, uses_tunnel: false }
    }

    /// A connector for `https` URLs.
    #[cfg(feature = "tls")]
    pub(super) const fn for_https(tcp: HttpConnector, proxy: Option<Arc<Matcher>>) -> Self {
        Self { tcp, proxy, uses_tunnel: true }
    }
}

impl Service<Uri> for ProxyConnector {
    type Response = TokioIo<ProxyStream>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        match self.proxy.as_ref().and_then(|proxy| proxy.intercept(&server)) {
            None => {
                let connection = self.tcp.call(server);
                Box::pin(async move { Ok(wrap(connection.await?, false)) })
            }
            Some(proxy) if self.uses_tunnel => {
                let tunnel = tunnel(&proxy, self.tcp.clone()).call(server);
                Box::pin(async move {
                    match tunnel.await {
                        Ok(connection) => Ok(wrap(connection, false)),
                        Err(error) => Err(find_auth_refusal(&error).map_or_else(|| error.into(), Into::into)),
                    }
                })
            }
            Some(proxy) => {
                let connection = self.tcp.call(proxy.uri().clone());
                Box::pin(async move { Ok(wrap(connection.await?, true)) })
            }
        }
    }
}

fn tunnel(proxy: &Intercept, tcp: HttpConnector) -> Tunnel<HttpConnector> {
    let tunnel = Tunnel::new(proxy.uri().clone(), tcp);
    match proxy.basic_auth() {
        Some(value) => tunnel.with_auth(value.clone()),
        None => tunnel,
    }
}

fn wrap(tcp: TokioIo<TcpStream>, is_forward_proxy: bool) -> TokioIo<ProxyStream> {
    TokioIo::new(ProxyStream { tcp: tcp.into_inner(), is_forward_proxy })
}

/// A connection to a server or to a proxy.
pub(super) struct ProxyStream {
    tcp: TcpStream,
    /// Whether the peer is a proxy that forwards requests, which need their full URL.
    is_forward_proxy: bool,
}

impl Connection for ProxyStream {
    fn connected(&self) -> Connected {
        self.tcp.connected().proxy(self.is_forward_proxy)
    }
}

impl AsyncRead for ProxyStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ProxyStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}
