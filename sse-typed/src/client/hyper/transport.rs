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
        connect::{Connect, HttpConnector},
    },
    rt::{TokioExecutor, TokioTimer},
};
use tower_service::Service;

use super::BoxFuture;
use crate::client::{
    ResponseBody,
    error::{BoxError, Unsendable},
    url::{Shown, absolute},
};

/// How long a connection may take to come about, all addresses of the host together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The kernel asks a silent peer after this time whether it is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

type Pool<C> = legacy::Client<C, Full<Bytes>>;

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

fn ask<C>(pool: &Pool<C>, request: http::Request<Full<Bytes>>) -> Answer
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let response = pool.request(request);
    Box::pin(async move { Ok(response.await?.map(ResponseBody::new)) })
}

fn pool<C>(connector: C) -> Pool<C>
where
    C: Connect + Clone,
{
    legacy::Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
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

#[cfg(all(test, not(feature = "tls")))]
mod tests {
    use super::*;

    #[test]
    fn https_without_tls_is_an_error_that_names_the_feature() {
        let mut request = http::Request::new(Full::default());
        *request.uri_mut() = http::Uri::from_static("https://localhost/feed");
        let error = Transport::new().send(request).err().map(|error| error.to_string());
        let expected = "`https://localhost/feed` needs TLS, and sse-typed was built without its feature `tls`";
        assert_eq!(error.as_deref(), Some(expected));
    }
}
