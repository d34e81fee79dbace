//! One request to one origin.

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
use super::proxy::{Route, authorization};
#[cfg(feature = "tls")]
use super::tls::platform_config;
use super::{
    BoxFuture,
    connect::{CONNECT_TIMEOUT, TimedConnector},
};
use crate::client::{
    ResponseBody,
    basic_auth::take_user,
    connection::Connection,
    error::BoxError,
    unsendable::Unsendable,
    url::{Shown, absolute},
};

/// The kernel asks a silent peer after this time whether it is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// While there are streams on an HTTP/2 connection, a PING is sent after this time without a frame, and the connection is
/// lost, with all of its streams, when this time passes without an answer.
#[cfg(feature = "http2")]
const PING_INTERVAL: Duration = Duration::from_secs(20);
#[cfg(feature = "http2")]
const PING_TIMEOUT: Duration = Duration::from_secs(10);

type Pool<C> = legacy::Client<TimedConnector<C>, Full<Bytes>>;

/// What connects to a server, without TLS.
#[cfg(feature = "proxy")]
type Tcp = Route;
#[cfg(not(feature = "proxy"))]
type Tcp = HttpConnector;

#[cfg(feature = "tls")]
type Secure = Pool<hyper_rustls::HttpsConnector<Tcp>>;
#[cfg(not(feature = "tls"))]
type Secure = std::convert::Infallible;

/// What [`HyperClientBuilder`](super::HyperClientBuilder) sets.
#[derive(Default)]
pub(super) struct Settings {
    /// `None` is what the platform trusts.
    #[cfg(feature = "tls")]
    pub(super) tls: Option<rustls::ClientConfig>,
    #[cfg(feature = "proxy")]
    pub(super) proxy: Option<Arc<Matcher>>,
    #[cfg(feature = "http2")]
    pub(super) http2_prior_knowledge: bool,
}

#[derive(Clone)]
pub(super) struct Transport {
    plain: Pool<Tcp>,
    /// Or why `https` cannot be spoken: a machine without root certificates can speak plain HTTP all the same.
    secure: Result<Secure, Arc<str>>,
    #[cfg(feature = "proxy")]
    proxy: Option<Arc<Matcher>>,
}

type Answer = BoxFuture<Result<http::Response<ResponseBody>, BoxError>>;

impl Transport {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            plain: plain(&settings),
            #[cfg(feature = "proxy")]
            proxy: settings.proxy.clone(),
            secure: secure(settings).map_err(Into::into),
        }
    }

    fn send(&self, mut request: http::Request<Full<Bytes>>) -> Result<Answer, Unsendable> {
        // Those of a redirect's location: the server that gave it has no say in who asks the next one.
        take_user(request.uri_mut())?;
        let uri = request.uri();
        let (scheme, url) = (absolute(uri)?, Shown(uri));
        if *scheme == Scheme::HTTP {
            #[cfg(feature = "proxy")]
            if let Some(value) = self.proxy.as_ref().and_then(|proxy| authorization(proxy, uri)) {
                request.headers_mut().try_insert(PROXY_AUTHORIZATION, value).map_err(Unsendable::because)?;
            }
            Ok(ask(&self.plain, request))
        } else if *scheme == Scheme::HTTPS {
            match &self.secure {
                #[cfg(feature = "tls")]
                Ok(pool) => Ok(ask(pool, request)),
                #[cfg(not(feature = "tls"))]
                Ok(never) => match *never {},
                Err(reason) => Err(Unsendable::because(format!("`{url}` needs TLS, and {reason}"))),
            }
        } else {
            Err(Unsendable::because(format!("the scheme of `{url}` is neither `http` nor `https`")))
        }
    }
}

fn ask<C>(pool: &Pool<C>, mut request: http::Request<Full<Bytes>>) -> Answer
where
    TimedConnector<C>: Connect + Clone + Send + Sync + 'static,
{
    if let Some(connection) = request.extensions().get::<Connection>().cloned() {
        let captured = capture_connection(&mut request);
        connection.on_abandon(move || {
            // None of it, if the request still waits for one.
            captured.connection_metadata().as_ref().map(Connected::poison);
        });
    }
    let response = pool.request(request);
    Box::pin(async move { Ok(response.await?.map(ResponseBody::new)) })
}

#[cfg_attr(
    not(any(feature = "proxy", feature = "http2")),
    expect(unused_variables, reason = "there is nothing to set")
)]
fn plain(settings: &Settings) -> Pool<Tcp> {
    #[cfg(feature = "proxy")]
    let tcp = Route::plain(tcp(), settings.proxy.clone());
    #[cfg(not(feature = "proxy"))]
    let tcp = tcp();
    #[cfg_attr(not(feature = "http2"), expect(unused_mut, reason = "it is for HTTP/2 alone"))]
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
fn secure(_: Settings) -> Result<Secure, String> {
    Err("sse-typed was built without its feature `tls`".to_owned())
}

#[cfg(feature = "tls")]
fn secure(settings: Settings) -> Result<Secure, String> {
    let mut tcp = tcp();
    tcp.enforce_http(false);
    #[cfg(feature = "proxy")]
    let tcp = Route::secure(tcp, settings.proxy);
    let config = settings.tls.map_or_else(platform_config, Ok)?;
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config);
    Ok(pool(builder.https_only().enable_all_versions().wrap_connector(tcp)))
}

impl Service<http::Request<Full<Bytes>>> for Transport {
    type Response = http::Response<ResponseBody>;
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // A pool always is.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Full<Bytes>>) -> Self::Future {
        self.send(request).unwrap_or_else(|error| Box::pin(std::future::ready(Err(error.into()))))
    }
}

#[cfg(test)]
mod tests;
