//! One request to one origin.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::uri::Scheme;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{
        self,
        connect::{Connect, Connected, HttpConnector, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use tower_service::Service;

use super::{
    BoxFuture,
    connect::{CONNECT_TIMEOUT, TimedConnector},
};
use crate::client::{
    ResponseBody,
    connection::Connection,
    error::BoxError,
    unsendable::Unsendable,
    url::{Shown, absolute},
};

/// The kernel asks a silent peer after this time whether it is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// While there are streams on an HTTP/2 connection, a PING is sent after this time without a frame, and the connection is
/// lost, with all of its streams, when this time passes without an answer.
#[cfg(feature = "tls")]
const PING_INTERVAL: Duration = Duration::from_secs(20);
#[cfg(feature = "tls")]
const PING_TIMEOUT: Duration = Duration::from_secs(10);

type Pool<C> = legacy::Client<TimedConnector<C>, Full<Bytes>>;

#[cfg(feature = "tls")]
type Secure = Pool<hyper_rustls::HttpsConnector<HttpConnector>>;
#[cfg(not(feature = "tls"))]
type Secure = std::convert::Infallible;

#[derive(Clone)]
pub(super) struct Transport {
    plain: Pool<HttpConnector>,
    /// Or why `https` cannot be spoken: a machine without root certificates can speak plain HTTP all the same.
    secure: Result<Secure, Arc<str>>,
}

type Answer = BoxFuture<Result<http::Response<ResponseBody>, BoxError>>;

impl Transport {
    pub(super) fn new() -> Self {
        Self { plain: pool(tcp()), secure: secure().map_err(Into::into) }
    }

    fn send(&self, request: http::Request<Full<Bytes>>) -> Result<Answer, Unsendable> {
        let uri = request.uri();
        let (scheme, url) = (absolute(uri)?, Shown(uri));
        if *scheme == Scheme::HTTP {
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

fn pool<C>(connector: C) -> Pool<C>
where
    TimedConnector<C>: Connect + Clone,
{
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).timer(TokioTimer::new());
    #[cfg(feature = "tls")]
    builder
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(false);
    builder.build(TimedConnector(connector))
}

fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_keepalive(Some(TCP_KEEPALIVE));
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector
}

#[cfg(not(feature = "tls"))]
fn secure() -> Result<Secure, String> {
    Err("sse-typed was built without its feature `tls`".to_owned())
}

#[cfg(feature = "tls")]
fn secure() -> Result<Secure, String> {
    let mut tcp = tcp();
    tcp.enforce_http(false);
    // Named, because rustls' own choice panics in a program whose dependencies turn on a second provider.
    let provider = rustls::crypto::ring::default_provider();
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_platform_verifier(provider)
        .map_err(|error| format!("the platform's root certificates cannot be had: {error}"))?;
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
