use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    Ended, Error, EventStream, ResponseBody,
    attempt::add_event_stream_headers,
    connection::Connection,
    error::BoxError,
    options::ReadOptions,
    reader::Reader,
    response::{CheckedResponse, ResponseOptions, rejection},
    trace::StreamSpan,
};
use crate::codec::Decoder;

/// Decodes the responses of a service as typed event streams: the client-side counterpart of the server's
/// `SseLayer`.
///
/// The layered service responds with `http::Response<EventStream<E>>`. A response that is neither `200 OK` with an
/// event stream nor `204 No Content` is an error, with the head and the beginning of the body.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use http::Request;
/// use sse_typed::{RawEvent, client::SseDecodeLayer};
/// use tower::{ServiceBuilder, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), sse_typed::client::Error> {
/// let feed = || async { ([("content-type", "text/event-stream")], "data: hello\n\n") };
/// let router = Router::new().route("/feed", get(feed));
/// let service = ServiceBuilder::new().layer(SseDecodeLayer::<RawEvent>::new()).service(router);
///
/// let mut request = Request::new(Body::empty());
/// *request.uri_mut() = http::Uri::from_static("/feed");
/// let mut events = service.oneshot(request).await?.into_body();
/// assert_eq!(events.next().await.unwrap()?.data.data(), "hello");
/// # Ok(())
/// # }
/// ```
pub struct SseDecodeLayer<E> {
    options: ResponseOptions,
    event: PhantomData<fn() -> E>,
}

impl<E> SseDecodeLayer<E> {
    /// Creates a layer that decodes events of the type `E`.
    #[must_use]
    pub fn new() -> Self {
        Self { options: ResponseOptions::default(), event: PhantomData }
    }

    /// Accepts a `200 OK` without a content type. The default is `false`.
    #[must_use]
    pub const fn accept_missing_content_type(mut self, yes: bool) -> Self {
        self.options.accepts_missing_content_type = yes;
        self
    }
}

impl<E> Default for SseDecodeLayer<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Clone for SseDecodeLayer<E> {
    fn clone(&self) -> Self {
        Self { options: self.options, event: PhantomData }
    }
}

impl<E> fmt::Debug for SseDecodeLayer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseDecodeLayer").field("options", &self.options).finish()
    }
}

impl<S, E> Layer<S> for SseDecodeLayer<E> {
    type Service = SseDecode<S, E>;

    fn layer(&self, inner: S) -> Self::Service {
        SseDecode { inner, layer: self.clone() }
    }
}

/// A service whose responses are event streams, created by [`SseDecodeLayer`].
pub struct SseDecode<S, E> {
    inner: S,
    layer: SseDecodeLayer<E>,
}

impl<S: Clone, E> Clone for SseDecode<S, E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S: fmt::Debug, E> fmt::Debug for SseDecode<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseDecode").field("inner", &self.inner).field("layer", &self.layer).finish()
    }
}

impl<S, E, B, R> Service<Request<B>> for SseDecode<S, E>
where
    S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>>,
    R: Body<Data: Buf, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<EventStream<E>>;
    type Error = Error;
    type Future = SseDecodeFuture<S::Future, E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(|error| Error::service(error.into()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let connection = Connection::default();
        let state = match add_event_stream_headers(request.headers_mut(), None) {
            Ok(()) => {
                request.extensions_mut().insert(connection.clone());
                DecodeState::Responding { response: self.inner.call(request) }
            }
            Err(error) => DecodeState::Rejected { error: Box::pin(std::future::ready(error)) },
        };
        SseDecodeFuture { state, connection, options: self.layer.options, event: PhantomData }
    }
}

pin_project! {
    /// The response future of [`SseDecode`].
    pub struct SseDecodeFuture<F, E> {
        #[pin]
        state: DecodeState<F>,
        connection: Connection,
        options: ResponseOptions,
        event: PhantomData<fn() -> E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum DecodeState<F> {
        Responding { #[pin] response: F },
        /// The request cannot be sent, or the beginning of an error response's body is being read.
        Rejected { error: Pin<Box<dyn Future<Output = Error> + Send>> },
    }
}

impl<F, E, R, X> Future for SseDecodeFuture<F, E>
where
    F: Future<Output = Result<Response<R>, X>>,
    R: Body<Data: Buf, Error: Into<BoxError>> + Send + 'static,
    X: Into<BoxError>,
{
    type Output = Result<Response<EventStream<E>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let response = match this.state.as_mut().project() {
                StateProjection::Rejected { error } => return error.as_mut().poll(cx).map(Err),
                StateProjection::Responding { response } => ready!(response.poll(cx)),
            };
            let response = response.map_err(|error| Error::service(error.into()))?;
            let (head, body) = match CheckedResponse::check(response.map(ResponseBody::new), *this.options) {
                CheckedResponse::EventStream(head, body) => (head, Ok(body)),
                CheckedResponse::NoContent(head) => (head, Err(Ended::NoContent)),
                CheckedResponse::Other(head, body) => {
                    let error = Box::pin(rejection(head, body));
                    this.state.set(DecodeState::Rejected { error });
                    continue;
                }
            };
            let mut reader = Reader::new(Decoder::new(), ReadOptions::default(), StreamSpan::none());
            reader.set_connection(this.connection.clone());
            let events = EventStream::of_response(head.clone(), body, reader);
            return Poll::Ready(Ok(Response::from_parts(head, events)));
        }
    }
}

impl<F, E> fmt::Debug for SseDecodeFuture<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseDecodeFuture").field("options", &self.options).finish_non_exhaustive()
    }
}
