use std::{
    fmt,
    task::{Context, Poll},
};

use ::reqwest::{Error, Request};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use super::{
    BoxResponseFuture, ResponseBody, basic_auth::authorize_by_url, error::BoxError, tunnel::refused_credentials,
    unsendable::Unsendable, url::absolute,
};

/// A service over the network, by a client of reqwest that the program has.
///
/// Redirects, proxies, cookies, TLS, decompression and default headers are as that client was built: across origins reqwest
/// drops the headers that it knows as credentials, and sends the rest, the last event ID among them. A URL that it cannot
/// ask for is an error, as are too many redirects and a proxy that refuses a tunnel with 407; none of them is repeated. A
/// reqwest that was built without TLS takes `https` for a connection that fails, though, and that is repeated.
///
/// A user and a password in the URL are sent as `authorization: Basic`, unless the request has that header.
///
/// Two settings of its builder cut event streams, and are better left alone: `timeout`, which counts until the end of the
/// body, and `read_timeout`, where the server sends keep-alives more rarely. The clocks for streams are
/// [`response_timeout`](super::RequestBuilder::response_timeout), [`idle_timeout`](super::RequestBuilder::idle_timeout)
/// and [`event_timeout`](super::RequestBuilder::event_timeout); `connect_timeout` goes well with them.
///
/// reqwest does not let its connections be given up one by one. Over HTTP/2 the attempt after a timeout goes out by the
/// connection that was silent, unless that connection is lost: set `http2_keep_alive_interval` and
/// `http2_keep_alive_timeout` (reqwest's feature `http2`), so that a dead path is noticed.
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
    /// A service by this client; the connections are the client's.
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

/// What [`Client::reqwest`](super::Client::reqwest) calls.
impl Service<http::Request<Bytes>> for ReqwestClient {
    type Response = http::Response<ResponseBody>;
    type Error = BoxError;
    type Future = BoxResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // It has no limit of its own.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Bytes>) -> Self::Future {
        let client = self.client.clone();
        BoxResponseFuture::new(async move { send(&client, request).await })
    }
}

/// What middleware calls that stands between it and [`Client::new`](super::Client::new).
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
            // As bytes, and not as a body to be streamed: reqwest sends it again after a redirect.
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
    absolute(request.uri())?;
    // reqwest does so for requests of its own builder alone.
    authorize_by_url(&mut request)?;
    let mut request = Request::try_from(request).map_err(told_apart)?;
    if is_empty {
        *request.body_mut() = None;
    }
    let response = client.execute(request).await.map_err(told_apart)?;
    Ok(http::Response::from(response).map(ResponseBody::new))
}

/// Marks what no repetition mends. The URL, which reqwest names whole, is left out.
fn told_apart(error: Error) -> BoxError {
    let error = error.without_url();
    if let Some(refused) = refused_credentials(&error) {
        return refused.into();
    }
    if error.is_builder() || error.is_redirect() { Unsendable::because(error).into() } else { error.into() }
}

impl fmt::Debug for ReqwestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestClient").finish_non_exhaustive()
    }
}
