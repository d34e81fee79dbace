use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Method, Request, Response};
use tower_service::Service;

use super::{ResponseFuture, SseResponse, layer::Settings};
use crate::event::LastEventId;

/// Answers with HTTP responses where the inner service answers with typed streams: made by [`SseLayer`](super::SseLayer).
///
/// It is a service if the inner one answers with an [`SseResponse`]. Where the inner service answers with anything else, rustc
/// says that a method such as `oneshot` exists and its trait bounds were not satisfied.
#[derive(Clone)]
// rustc shows the next line where it is not one.
pub struct SseService<S> /* a service if the answer of `S` is an `SseResponse` */ {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> SseService<S> {
    pub(super) const fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }

    /// The inner service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives the inner service back.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B> Service<Request<B>> for SseService<S>
where
    S: Service<Request<B>>,
    S::Response: SseResponse,
{
    type Response = Response<<S::Response as SseResponse>::Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let head_only = request.method() == Method::HEAD;
        let last_event_id = LastEventId::of(&request);
        request.extensions_mut().insert(last_event_id);
        ResponseFuture::new(self.inner.call(request), Arc::clone(&self.settings), head_only)
    }
}

impl<S: fmt::Debug> fmt::Debug for SseService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseService").field("inner", &self.inner).field("settings", &self.settings).finish()
    }
}
