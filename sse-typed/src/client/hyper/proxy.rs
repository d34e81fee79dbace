//! The way to a server through an HTTP proxy.

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
use crate::client::{error::BoxError, tunnel::refused_credentials};

/// Which servers are asked through which proxy.
#[derive(Default)]
pub(super) struct Proxy {
    /// It may hold a password.
    url: Option<String>,
    without: String,
}

impl Proxy {
    /// # Errors
    ///
    /// When it is no URL of a proxy. What is no URL is not shown: nobody knows where in it the password is.
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
        // What `Uri` takes for one: it leaves a port out that is none, and some of it would be sent as a part of the host.
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
        // A matcher takes a URL that it does not understand for none, and requests would go past the proxy.
        let matcher = Matcher::builder().all(url.to_owned()).build();
        if matcher.intercept(&Uri::from_static("https://host/")).is_none() {
            return refuse("is malformed");
        }
        Ok(Self { url: Some(url.to_owned()), ..self })
    }

    pub(super) fn without(self, servers: String) -> Self {
        Self { without: servers, ..self }
    }

    #[cfg(feature = "http2")]
    pub(super) const fn has_url(&self) -> bool {
        self.url.is_some()
    }

    pub(super) fn into_matcher(self) -> Arc<Matcher> {
        Arc::new(Matcher::builder().all(self.url.unwrap_or_default()).no(self.without).build())
    }
}

/// What the proxy is told to let a request pass, if it is to be told by the request itself.
pub(super) fn authorization(proxy: &Matcher, uri: &Uri) -> Option<HeaderValue> {
    let mut value = proxy.intercept(uri)?.basic_auth()?.clone();
    value.set_sensitive(true);
    Some(value)
}

/// Connects to the server, or to the proxy in its place.
#[derive(Clone)]
pub(super) struct Route {
    tcp: HttpConnector,
    proxy: Option<Arc<Matcher>>,
    /// The proxy is asked for a tunnel, in place of being given each request.
    tunnel: bool,
}

impl Route {
    /// Of `http` URLs.
    pub(super) const fn plain(tcp: HttpConnector, proxy: Option<Arc<Matcher>>) -> Self {
        Self { tcp, proxy, tunnel: false }
    }

    /// Of `https` URLs.
    #[cfg(feature = "tls")]
    pub(super) const fn secure(tcp: HttpConnector, proxy: Option<Arc<Matcher>>) -> Self {
        Self { tcp, proxy, tunnel: true }
    }
}

impl Service<Uri> for Route {
    type Response = TokioIo<RoutedStream>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        match self.proxy.as_ref().and_then(|proxy| proxy.intercept(&server)) {
            None => {
                let connection = self.tcp.call(server);
                Box::pin(async move { Ok(routed(connection.await?, false)) })
            }
            Some(proxy) if self.tunnel => {
                let tunnel = tunnel(&proxy, self.tcp.clone()).call(server);
                Box::pin(async move {
                    match tunnel.await {
                        Ok(connection) => Ok(routed(connection, false)),
                        Err(error) => Err(refused_credentials(&error).map_or_else(|| error.into(), Into::into)),
                    }
                })
            }
            Some(proxy) => {
                let connection = self.tcp.call(proxy.uri().clone());
                Box::pin(async move { Ok(routed(connection.await?, true)) })
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

fn routed(tcp: TokioIo<TcpStream>, forwards: bool) -> TokioIo<RoutedStream> {
    TokioIo::new(RoutedStream { tcp: tcp.into_inner(), forwards })
}

/// A connection to a server, or to a proxy.
pub(super) struct RoutedStream {
    tcp: TcpStream,
    /// Its peer is a proxy that is to be told the whole URL of each request.
    forwards: bool,
}

impl Connection for RoutedStream {
    fn connected(&self) -> Connected {
        self.tcp.connected().proxy(self.forwards)
    }
}

impl AsyncRead for RoutedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for RoutedStream {
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
