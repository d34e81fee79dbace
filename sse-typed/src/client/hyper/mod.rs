use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::Full;
use tower_http::follow_redirect::FollowRedirect;
use tower_service::Service;

pub use self::builder::{BuildError, HyperClientBuilder};
use self::{
    redirects::Redirects,
    transport::{Settings, Transport},
};
use super::{BoxResponseFuture, ResponseBody, basic_auth::authorize_by_url, error::BoxError};

mod builder;
mod connect;
#[cfg(feature = "proxy")]
mod proxy;
mod redirects;
#[cfg(feature = "tls")]
mod tls;
mod transport;

/// A service over the network, by hyper-util's pooled client.
///
/// It speaks HTTP/1.1, and with feature `tls` HTTPS by rustls (with the platform's roots) and HTTP/2 where the server
/// offers it. [`builder`](Self::builder) sets other roots, a certificate of the client, a proxy, and HTTP/2 without TLS. A URL that it cannot ask for (`https` without that feature) is an error, not something to repeat.
///
/// A connection has to come about, TLS included, within 30 s. An HTTP/2 connection with open streams is asked by a PING after
/// 20 s without a frame, and is lost if there is no answer within another 10 s. After a
/// [`response_timeout`](super::RequestBuilder::response_timeout), an
/// [`idle_timeout`](super::RequestBuilder::idle_timeout) or an
/// [`event_timeout`](super::RequestBuilder::event_timeout) the next request goes out by another connection; other streams
/// on the one that was silent go on.
///
/// It follows up to 20 redirects. To another origin go only `accept`, `cache-control`, `user-agent` and `last-event-id` of
/// the headers (see [`last_event_id_across_origins`](super::Client::last_event_id_across_origins)), and no body; a
/// redirect from `https` to `http` is not followed. What is not followed is an error with the status of the redirect.
///
/// A user and a password in the URL (`https://user:password@host/`, with percent-encoding) are sent as
/// `authorization: Basic`, unless the request has that header. They are not sent as a part of the URL. The header goes along
/// with redirects within the origin. A user and a password in the URL of a redirect are ignored.
///
/// Middleware stands in front of it. Layers that set credentials belong here, outside, where redirects cannot carry them
/// away:
///
/// ```
/// use bytes::Bytes;
/// use http::{HeaderValue, Request, header::AUTHORIZATION};
/// use http_body_util::Full;
/// use sse_typed::{Client, client::HyperClient};
/// use tower::ServiceBuilder;
///
/// let service = ServiceBuilder::new()
///     .map_request(|mut request: Request<Full<Bytes>>| {
///         request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer .."));
///         request
///     })
///     .service(HyperClient::new());
/// let client = Client::new(service);
/// # let _ = client.get("http://localhost/events").connect::<sse_typed::RawEvent>();
/// ```
#[derive(Clone)]
pub struct HyperClient {
    service: FollowRedirect<Transport, Redirects>,
}

impl HyperClient {
    /// A client with a pool of connections of its own; clones share it.
    #[must_use]
    pub fn new() -> Self {
        Self { service: FollowRedirect::with_policy(Transport::new(Settings::default()), Redirects::new()) }
    }

    /// A client with certificates, a proxy or a protocol of your own.
    pub fn builder() -> HyperClientBuilder {
        HyperClientBuilder::default()
    }

    pub(super) fn last_event_id_across_origins(self, yes: bool) -> Self {
        let transport = self.service.into_inner();
        Self { service: FollowRedirect::with_policy(transport, Redirects::new().keep_last_event_id(yes)) }
    }
}

impl Default for HyperClient {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`Client::hyper`](super::Client::hyper) calls.
impl Service<http::Request<Bytes>> for HyperClient {
    type Response = http::Response<ResponseBody>;
    type Error = BoxError;
    type Future = BoxResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Bytes>) -> Self::Future {
        self.call(request.map(Full::new))
    }
}

/// What middleware calls that stands between it and [`Client::new`](super::Client::new).
impl Service<http::Request<Full<Bytes>>> for HyperClient {
    type Response = http::Response<ResponseBody>;
    type Error = BoxError;
    type Future = BoxResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Full<Bytes>>) -> Self::Future {
        // In front of the redirects: the header goes where they let it go.
        match authorize_by_url(&mut request) {
            Ok(()) => BoxResponseFuture::new(self.service.call(request)),
            Err(error) => BoxResponseFuture::new(std::future::ready(Err(error.into()))),
        }
    }
}

impl fmt::Debug for HyperClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperClient").finish_non_exhaustive()
    }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
