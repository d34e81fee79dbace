use std::{
    fmt,
    future::{Future, IntoFuture, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header::ACCEPT};

use super::{BoxError, Collect, Expect, LIMIT, poll::Deadline, source::chain};
use crate::{
    client::{HttpService, ResponseBody},
    codec::DecodeEvent,
};

type Response = Pin<Box<dyn Future<Output = Result<http::Response<ResponseBody>, BoxError>> + Send>>;

/// The request of [`Collect::get`] or [`Collect::request`]. Awaiting it sends the request and returns a [`Collect`] of the
/// response.
#[must_use = "the request is sent when it is awaited"]
pub struct CollectRequest<E> {
    request: Request<Bytes>,
    send: Box<dyn FnOnce(Request<Bytes>) -> Response + Send>,
    limit: Duration,
    last_event_id: String,
    event: std::marker::PhantomData<fn() -> E>,
}

impl<E> CollectRequest<E> {
    #[track_caller]
    pub(super) fn get<S: HttpService>(service: S, uri: &str) -> Self {
        match Request::get(uri).header(ACCEPT, "text/event-stream").body(Bytes::new()) {
            Ok(request) => Self::new(service, request),
            Err(error) => panic!("{uri:?} is no URI: {error}"),
        }
    }

    pub(super) fn new<S: HttpService>(mut service: S, request: Request<Bytes>) -> Self {
        let send = move |request| {
            let response: Response = Box::pin(async move {
                poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
                let response = service.call(request).await.map_err(Into::into)?;
                Ok(response.map(ResponseBody::new))
            });
            response
        };
        let last_event_id =
            request.headers().get("last-event-id").and_then(|id| std::str::from_utf8(id.as_bytes()).ok());
        let last_event_id = last_event_id.unwrap_or_default().to_owned();
        Self { request, send: Box::new(send), limit: LIMIT, last_event_id, event: std::marker::PhantomData }
    }

    /// Adds a header.
    ///
    /// # Panics
    ///
    /// When the name or the value is not valid.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes())) {
            (Ok(name), Ok(value)) => self.request.headers_mut().append(name, value),
            _ => panic!("{name:?}: {value:?} is no header"),
        };
        self
    }

    /// Sets `Last-Event-ID`, as a client does that reconnects. An empty id removes it.
    ///
    /// # Panics
    ///
    /// When the id is not valid in a header.
    #[track_caller]
    pub fn last_event_id(mut self, id: impl fmt::Display) -> Self {
        self.last_event_id = id.to_string();
        self.request.headers_mut().remove("last-event-id");
        if self.last_event_id.is_empty() {
            return self;
        }
        let id = self.last_event_id.clone();
        self.header("last-event-id", &id)
    }

    /// Sets how long the head of the response may take, and then each expectation. The default is 30 s.
    pub const fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

impl<E: DecodeEvent + 'static> IntoFuture for CollectRequest<E> {
    type Output = Collect<E>;
    type IntoFuture = Expect<'static, Collect<E>>;

    /// Sends the request, and waits for the head of the response.
    fn into_future(self) -> Self::IntoFuture {
        let Self { request, send, limit, last_event_id, .. } = self;
        Expect::new(async move {
            let asked = format!("{} {}", request.method(), request.uri());
            let mut response = send(request);
            let mut deadline = Deadline::after(limit);
            let outcome = poll_fn(|cx| match response.as_mut().poll(cx) {
                Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
                Poll::Pending if deadline.cut_off().is_some() || deadline.is_over(cx) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            match outcome.await {
                Some(Ok(response)) => {
                    let collect = Collect::response(response).within(limit).starting_from(last_event_id);
                    Ok(Collect { asked: Some(asked), ..collect })
                }
                Some(Err(error)) => Err(format!("{asked}: the service failed: {}", chain(&*error))),
                None => Err(format!("{asked}: no response within {limit:?}")),
            }
        })
    }
}

impl<E> fmt::Debug for CollectRequest<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectRequest")
            .field("method", self.request.method())
            .field("uri", self.request.uri())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
