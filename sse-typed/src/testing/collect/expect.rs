use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A step of a test: a future that completes when the expectation is met, and panics when it fails.
///
/// # Panics
///
/// When polled, if something else came, or nothing within the time limit. The panic names the line of the `.await`.
///
/// # Cancel safety
///
/// Dropping it takes nothing from the stream.
#[must_use = "nothing is expected unless it is awaited"]
pub struct Expect<'c, T> {
    future: Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'c>>,
}

impl<'c, T> Expect<'c, T> {
    pub(crate) fn new(future: impl Future<Output = Result<T, String>> + Send + 'c) -> Self {
        Self { future: Box::pin(future) }
    }
}

impl<T> Future for Expect<'_, T> {
    type Output = T;

    // Of an expectation that is awaited directly, the caller is the line of the `.await`.
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.future.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(value)) => Poll::Ready(value),
            Poll::Ready(Err(message)) => panic!("{message}"),
        }
    }
}

impl<T> fmt::Debug for Expect<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expect").finish_non_exhaustive()
    }
}
