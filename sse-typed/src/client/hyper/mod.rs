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
    redirects::RedirectPolicy,
    transport::{Transport, TransportSettings},
};
use super::{BoxResponseFuture, ResponseBody, basic_auth::set_basic_auth_from_url, error::BoxError};

mod builder;
mod connect;
#[cfg(feature = "proxy")]
mod proxy;
mod redirects;
mod small_reads;
#[cfg(feature = "tls")]
mod tls;
mod transport;

/// A service over the network that uses hyper-util's pooled client.
///
/// It supports HTTP/1.1 and, with feature `tls`, HTTPS with rustls (trusting the platform's roots) and HTTP/2 if the
/// server offers it. [`builder`](Self::builder) configures other roots, a client certificate, a proxy, and HTTP/2
/// without TLS. An unsupported URL (such as `https` without that feature) is an error that is not retried.
///
/// Connecting, TLS included, times out after 30 s. On an HTTP/2 connection with open streams, a PING is sent after
/// 20 s without a frame, and the connection is lost if no reply arrives within another 10 s. After a
/// [`response_timeout`](super::RequestBuilder::response_timeout), an
/// [`idle_timeout`](super::RequestBuilder::idle_timeout) or an
/// [`event_timeout`](super::RequestBuilder::event_timeout), the next request uses another connection; other streams
/// on the silent connection continue.
///
/// Over HTTP/1 it reads at most 8 KiB at once, so that a burst does not enlarge hyper's read buffer. An open stream takes
/// about 30 KiB: hyper's read buffer and write buffer of 8 KiB each, its queue of requests of 9 KiB, and the rest.
///
/// It follows up to 20 redirects. A redirect to another origin carries only the headers `accept`, `cache-control`,
/// `user-agent` and `last-event-id` (see
/// [`last_event_id_across_origins`](super::Client::last_event_id_across_origins)), and no body. A redirect from
/// `https` to `http` is not followed. A redirect that is not followed is an error with its status.
///
/// A user and a password in the URL (`https://user:password@host/`, percent-encoded) are sent as
/// `authorization: Basic`, unless the request has that header. They are not sent as part of the URL. Redirects
/// within the origin keep the header. A user and a password in the URL of a redirect are ignored.
///
/// Middleware wraps this client. Put layers that set credentials outside of it, as here, so that redirects cannot
/// send them to another origin:
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
    service: FollowRedirect<Transport, RedirectPolicy>,
}

impl HyperClient {
    /// Creates a client with its own connection pool. Clones share the pool.
    #[must_use]
    pub fn new() -> Self {
        Self {
            service: FollowRedirect::with_policy(Transport::new(TransportSettings::default()), RedirectPolicy::new()),
        }
    }

    /// Returns a builder to configure certificates, a proxy or the HTTP version.
    pub fn builder() -> HyperClientBuilder {
        HyperClientBuilder::default()
    }

    pub(super) fn last_event_id_across_origins(self, yes: bool) -> Self {
        let transport = self.service.into_inner();
        Self { service: FollowRedirect::with_policy(transport, RedirectPolicy::new().keep_last_event_id(yes)) }
    }
}

impl Default for HyperClient {
    fn default() -> Self {
        Self::new()
    }
}

/// Called by [`Client::hyper`](super::Client::hyper).
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

/// Called by middleware between this service and [`Client::new`](super::Client::new).
impl Service<http::Request<Full<Bytes>>> for HyperClient {
    type Response = http::Response<ResponseBody>;
    type Error = BoxError;
    type Future = BoxResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Full<Bytes>>) -> Self::Future {
        // Set before redirects are followed, so that the redirect policy applies to the header.
        match set_basic_auth_from_url(&mut request) {
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
