use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Method, Request, Response};
use tower_service::Service;

use super::{ResponseFuture, SseResponse, layer::LayerSettings};
use crate::event::LastEventId;

/// Converts the typed streams of the inner service into HTTP responses. Made by [`SseLayer`](super::SseLayer).
///
/// It implements `Service` if the inner service answers with an [`SseResponse`]. Otherwise rustc reports that a method such as
/// `oneshot` exists but its trait bounds were not satisfied.
#[derive(Clone)]
// rustc shows the next line if it is not one.
pub struct SseService<S> /* a service if the response of `S` is an `SseResponse` */ {
    inner: S,
    settings: Arc<LayerSettings>,
}

impl<S> SseService<S> {
    pub(super) const fn new(inner: S, settings: Arc<LayerSettings>) -> Self {
        Self { inner, settings }
    }

    /// Returns the inner service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner service mutably.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Unwraps the inner service.
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

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::Ready};

    use bytes::Bytes;
    use http_body_util::Empty;
    use tower_layer::Layer as _;

    use super::*;
    use crate::SseLayer;

    #[derive(Clone)]
    struct NeverReady;

    impl Service<Request<()>> for NeverReady {
        type Response = Response<Empty<Bytes>>;
        type Error = Infallible;
        type Future = Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Pending
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            std::future::ready(Ok(Response::new(Empty::new())))
        }
    }

    #[test]
    fn the_service_is_ready_when_the_service_inside_is() {
        let mut service = SseLayer::new().layer(NeverReady);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(Service::<Request<()>>::poll_ready(&mut service, &mut cx).is_pending());
    }
}
