//! Sends one request to one origin, without redirects.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
#[cfg(feature = "proxy")]
use http::header::PROXY_AUTHORIZATION;
use http::uri::Scheme;
use http_body_util::Full;
#[cfg(feature = "proxy")]
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::{
    client::legacy::{
        self,
        connect::{Connect, Connected, HttpConnector, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use tower_service::Service;

#[cfg(feature = "proxy")]
use super::proxy::{ProxyConnector, proxy_authorization};
#[cfg(feature = "tls")]
use super::tls::platform_config;
use super::{
    BoxFuture,
    connect::{CONNECT_TIMEOUT, TimedConnector},
};
use crate::client::{
    ResponseBody,
    basic_auth::take_userinfo,
    connection::Connection,
    error::BoxError,
    permanent_error::PermanentError,
    url::{RedactedUrl, absolute_scheme},
};

/// The kernel checks after this time whether a silent peer is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// On an HTTP/2 connection with open streams, a PING is sent after [`PING_INTERVAL`] without a frame. Without a
/// reply within [`PING_TIMEOUT`] the connection and all of its streams are lost.
#[cfg(feature = "http2")]
const PING_INTERVAL: Duration = Duration::from_secs(20);
#[cfg(feature = "http2")]
const PING_TIMEOUT: Duration = Duration::from_secs(10);

type Pool<C> = legacy::Client<TimedConnector<C>, Full<Bytes>>;

/// Connects to a server, without TLS.
#[cfg(feature = "proxy")]
type TcpConnector = ProxyConnector;
#[cfg(not(feature = "proxy"))]
type TcpConnector = HttpConnector;

#[cfg(feature = "tls")]
type HttpsPool = Pool<hyper_rustls::HttpsConnector<TcpConnector>>;
#[cfg(not(feature = "tls"))]
type HttpsPool = std::convert::Infallible;

/// The settings of a [`HyperClientBuilder`](super::HyperClientBuilder).
#[derive(Default)]
pub(super) struct TransportSettings {
    /// `None` trusts the platform's roots.
    #[cfg(feature = "tls")]
    pub(super) tls: Option<rustls::ClientConfig>,
    #[cfg(feature = "proxy")]
    pub(super) proxy: Option<Arc<Matcher>>,
    #[cfg(feature = "http2")]
    pub(super) http2_prior_knowledge: bool,
}

#[derive(Clone)]
pub(super) struct Transport {
    http: Pool<TcpConnector>,
    /// The error says why `https` is not supported: a machine without root certificates can still use plain HTTP.
    https: Result<HttpsPool, Arc<str>>,
    #[cfg(feature = "proxy")]
    proxy: Option<Arc<Matcher>>,
}

type ResponseFuture = BoxFuture<Result<http::Response<ResponseBody>, BoxError>>;

impl Transport {
    pub(super) fn new(settings: TransportSettings) -> Self {
        Self {
            http: http_pool(&settings),
            #[cfg(feature = "proxy")]
            proxy: settings.proxy.clone(),
            https: https_pool(settings).map_err(Into::into),
        }
    }

    fn send(&self, mut request: http::Request<Full<Bytes>>) -> Result<ResponseFuture, PermanentError> {
        // Credentials in the location of a redirect are dropped: the server that redirects must not choose them.
        take_userinfo(request.uri_mut())?;
        let uri = request.uri();
        let (scheme, url) = (absolute_scheme(uri)?, RedactedUrl(uri));
        if *scheme == Scheme::HTTP {
            #[cfg(feature = "proxy")]
            if let Some(value) = self.proxy.as_ref().and_then(|proxy| proxy_authorization(proxy, uri)) {
                request.headers_mut().try_insert(PROXY_AUTHORIZATION, value).map_err(PermanentError::new)?;
            }
            Ok(send_through(&self.http, request))
        } else if *scheme == Scheme::HTTPS {
            match &self.https {
                #[cfg(feature = "tls")]
                Ok(pool) => Ok(send_through(pool, request)),
                #[cfg(not(feature = "tls"))]
                Ok(never) => match *never {},
                Err(reason) => Err(PermanentError::new(format!("`{url}` needs TLS, and {reason}"))),
            }
        } else {
            Err(PermanentError::new(format!("the scheme of `{url}` is neither `http` nor `https`")))
        }
    }
}

fn send_through<C>(pool: &Pool<C>, mut request: http::Request<Full<Bytes>>) -> ResponseFuture
where
    TimedConnector<C>: Connect + Clone + Send + Sync + 'static,
{
    if let Some(connection) = request.extensions().get::<Connection>().cloned() {
        let captured = capture_connection(&mut request);
        connection.on_abandon(move || {
            // There is no connection if the request still waits for one.
            captured.connection_metadata().as_ref().map(Connected::poison);
        });
    }
    let response = pool.request(request);
    Box::pin(async move { Ok(response.await?.map(ResponseBody::new)) })
}

#[cfg_attr(
    not(any(feature = "proxy", feature = "http2")),
    expect(unused_variables, reason = "these features have all of the settings")
)]
fn http_pool(settings: &TransportSettings) -> Pool<TcpConnector> {
    #[cfg(feature = "proxy")]
    let tcp = ProxyConnector::for_http(tcp(), settings.proxy.clone());
    #[cfg(not(feature = "proxy"))]
    let tcp = tcp();
    #[cfg_attr(not(feature = "http2"), expect(unused_mut, reason = "only HTTP/2 has settings"))]
    let mut builder = pool_builder();
    #[cfg(feature = "http2")]
    builder.http2_only(settings.http2_prior_knowledge);
    builder.build(TimedConnector(tcp))
}

#[cfg(any(feature = "tls", all(test, feature = "http2")))]
fn pool<C>(connector: C) -> Pool<C>
where
    TimedConnector<C>: Connect + Clone,
{
    pool_builder().build(TimedConnector(connector))
}

fn pool_builder() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).timer(TokioTimer::new());
    #[cfg(feature = "http2")]
    builder
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(false);
    builder
}

fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_keepalive(Some(TCP_KEEPALIVE));
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector
}

#[cfg(not(feature = "tls"))]
fn https_pool(_: TransportSettings) -> Result<HttpsPool, String> {
    Err("sse-typed was built without its feature `tls`".to_owned())
}

#[cfg(feature = "tls")]
fn https_pool(settings: TransportSettings) -> Result<HttpsPool, String> {
    let mut tcp = tcp();
    tcp.enforce_http(false);
    #[cfg(feature = "proxy")]
    let tcp = ProxyConnector::for_https(tcp, settings.proxy);
    let config = settings.tls.map_or_else(platform_config, Ok)?;
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config);
    Ok(pool(builder.https_only().enable_all_versions().wrap_connector(tcp)))
}

impl Service<http::Request<Full<Bytes>>> for Transport {
    type Response = http::Response<ResponseBody>;
    type Error = BoxError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // A pool is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Full<Bytes>>) -> Self::Future {
        self.send(request).unwrap_or_else(|error| Box::pin(std::future::ready(Err(error.into()))))
    }
}

#[cfg(test)]
mod tests;
