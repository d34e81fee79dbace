use std::{
    fmt,
    task::{Context, Poll},
};

use ::reqwest::{Error, Request};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use super::{
    BoxResponseFuture, ResponseBody, basic_auth::set_basic_auth_from_url, error::BoxError,
    permanent_error::PermanentError, proxy_auth::find_auth_refusal, url::absolute_scheme,
};

/// A service over the network that uses an existing reqwest client.
///
/// Redirects, proxies, cookies, TLS, decompression and default headers are those of the reqwest client. On a
/// redirect to another origin, reqwest removes the headers that it knows as credentials and sends all others,
/// including the last event ID. An unsupported URL, too many redirects and a proxy that refuses a tunnel with 407
/// are errors that are not retried. A reqwest that was built without TLS, however, reports `https` as a failed
/// connection, which is retried.
///
/// A user and a password in the URL are sent as `authorization: Basic`, unless the request has that header.
///
/// Two settings of reqwest's builder cut event streams and should not be used: `timeout`, which runs until the end
/// of the body, and `read_timeout`, if the server sends keep-alives less often. Use
/// [`response_timeout`](super::RequestBuilder::response_timeout),
/// [`idle_timeout`](super::RequestBuilder::idle_timeout) and [`event_timeout`](super::RequestBuilder::event_timeout)
/// instead. `connect_timeout` works well with them.
///
/// reqwest cannot abandon a single connection. Over HTTP/2, the attempt after a timeout uses the silent connection
/// again, unless that connection is lost. Set `http2_keep_alive_interval` and `http2_keep_alive_timeout` (reqwest's
/// feature `http2`), so that a dead path is detected.
///
/// ```
/// use std::time::Duration;
/// use sse_typed::{Client, RawEvent};
///
/// # fn on() -> Result<(), reqwest::Error> {
/// let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).user_agent("rides/1").build()?;
/// let source = Client::reqwest(http).get("http://rides.example/events").connect::<RawEvent>();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ReqwestClient {
    client: ::reqwest::Client,
}

impl ReqwestClient {
    /// Creates a service that uses this client and its connection pool.
    #[must_use]
    pub const fn new(client: ::reqwest::Client) -> Self {
        Self { client }
    }
}

impl From<::reqwest::Client> for ReqwestClient {
    fn from(client: ::reqwest::Client) -> Self {
        Self::new(client)
    }
}

/// Called by [`Client::reqwest`](super::Client::reqwest).
impl Service<http::Request<Bytes>> for ReqwestClient {
    type Response = http::Response<ResponseBody>;
    type Error = BoxError;
    type Future = BoxResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // A reqwest client is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Bytes>) -> Self::Future {
        let client = self.client.clone();
        BoxResponseFuture::new(async move { send(&client, request).await })
    }
}

/// Called by middleware between this service and [`Client::new`](super::Client::new).
impl Service<http::Request<Full<Bytes>>> for ReqwestClient {
    type Response = http::Response<ResponseBody>;
    type Error = BoxError;
    type Future = BoxResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<http::Request<Bytes>>::poll_ready(self, cx)
    }

    fn call(&mut self, request: http::Request<Full<Bytes>>) -> Self::Future {
        let client = self.client.clone();
        BoxResponseFuture::new(async move {
            let (head, body) = request.into_parts();
            // Send bytes instead of a streaming body: reqwest can then send them again after a redirect.
            let body = body.collect().await?.to_bytes();
            send(&client, http::Request::from_parts(head, body)).await
        })
    }
}

async fn send(
    client: &::reqwest::Client,
    mut request: http::Request<Bytes>,
) -> Result<http::Response<ResponseBody>, BoxError> {
    let is_empty = request.body().is_empty();
    absolute_scheme(request.uri())?;
    // reqwest does this only for requests of its own builder.
    set_basic_auth_from_url(&mut request)?;
    let mut request = Request::try_from(request).map_err(classify_error)?;
    if is_empty {
        *request.body_mut() = None;
    }
    let response = client.execute(request).await.map_err(classify_error)?;
    Ok(http::Response::from(response).map(ResponseBody::new))
}

/// Marks permanent errors. The URL, which reqwest shows in full, is left out.
fn classify_error(error: Error) -> BoxError {
    let error = error.without_url();
    if let Some(refused) = find_auth_refusal(&error) {
        return refused.into();
    }
    if error.is_builder() || error.is_redirect() { PermanentError::new(error).into() } else { error.into() }
}

impl fmt::Debug for ReqwestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestClient").finish_non_exhaustive()
    }
}
