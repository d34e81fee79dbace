use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Response;
use pin_project_lite::pin_project;

use super::{SseResponse, layer::LayerSettings, response_settings::SharedSettings};

pin_project! {
    /// The future of an [`SseService`](super::SseService)'s response.
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        settings: Arc<LayerSettings>,
        head_only: bool,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, settings: Arc<LayerSettings>, head_only: bool) -> Self {
        Self { inner, settings, head_only }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: SseResponse,
{
    type Output = Result<Response<R::Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?.respond(*this.head_only);
        let (mut head, body) = response.into_parts();
        SharedSettings::apply_layer(&mut head, this.settings, *this.head_only);
        Poll::Ready(Ok(Response::from_parts(head, body)))
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
