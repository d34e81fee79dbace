mod signal;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;

use self::signal::Signal;
use crate::{codec::Encoded, wake::Ticket};

/// The word that a server ends: one handle for its streams, its connections and its accept loop.
///
/// Clones are the same handle. It is given to [`SseLayer::shutdown`](super::SseLayer::shutdown), which ends the streams, to
/// [`ConnectionGuard::shutdown_deadline`](super::ConnectionGuard::shutdown_deadline), which ends connections that outlast them, and
/// [`begun`](Self::begun) is what a server's graceful shutdown waits for. See [Lifecycle](super#lifecycle) for the whole.
///
/// ```
/// use sse_typed::server::{Drain, Shutdown, SseLayer};
///
/// # async fn serve() -> std::io::Result<()> {
/// let shutdown = Shutdown::on(async {
///     // An error means that there is no signal to wait for: the server stays.
///     if tokio::signal::ctrl_c().await.is_err() {
///         std::future::pending::<()>().await;
///     }
/// });
/// let layer = SseLayer::new().shutdown(&shutdown, Drain::Now);
/// # drop(layer);
/// shutdown.begun().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Shutdown {
    signal: Arc<Signal>,
}

impl Shutdown {
    /// A shutdown that begins by [`begin`](Self::begin).
    #[must_use]
    pub fn new() -> Self {
        Self { signal: Arc::default() }
    }

    /// A shutdown that begins when `future` is ready, or by [`begin`](Self::begin) if that comes first.
    ///
    /// The future runs in a task of its own on the current runtime. If it panics, or if that runtime is shut down before
    /// it is ready, the shutdown begins: nobody is left to begin it later. When the last clone, and the last future of
    /// [`begun`](Self::begun), are dropped, the task is aborted.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, as [`tokio::spawn`].
    pub fn on(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { signal: Signal::on(future) }
    }

    /// Begins the shutdown. It cannot be taken back; to begin again changes nothing.
    pub fn begin(&self) {
        self.signal.begin();
    }

    /// Whether the shutdown has begun. It only looks, and runs nothing.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.signal.begun_at().is_some()
    }

    /// Waits for the beginning: for `axum::serve(..).with_graceful_shutdown(..)`, or a `select!` in an accept loop.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped and made anew at any time.
    pub fn begun(&self) -> Begun {
        Begun { signal: Arc::clone(&self.signal), ticket: Ticket::default() }
    }

    /// Whether the other is a clone.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.signal, &other.signal)
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown").field("begun", &self.signal.begun_at().is_some()).finish_non_exhaustive()
    }
}

/// Ready when the shutdown has begun: made by [`Shutdown::begun`].
///
/// It is cheap to poll: once its task is registered, a poll reads two atomic numbers. A body polls it with each frame.
#[must_use = "futures do nothing unless polled"]
pub struct Begun {
    signal: Arc<Signal>,
    ticket: Ticket,
}

impl Begun {
    /// When the shutdown began.
    pub(super) fn poll_at(&mut self, cx: &Context<'_>) -> Poll<Instant> {
        self.signal.begun_or_register(&mut self.ticket, cx.waker()).map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.signal.deregister(&mut self.ticket);
    }
}

impl Future for Begun {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_at(cx).map(drop)
    }
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").field("begun", &self.signal.begun_at().is_some()).finish_non_exhaustive()
    }
}

/// What becomes of open streams when a [`Shutdown`] begins.
///
/// However a stream is ended, what it had yielded is sent, and a `retry:` before its end spreads its clients: see
/// [`SseLayer::shutdown`](super::SseLayer::shutdown).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Drain {
    /// They end at once. Clients come back, with their last event ID, to the server that is there then.
    Now,
    /// They go on until they end by themselves, and end when this much time has passed.
    Finish {
        /// How long they may go on.
        grace: Duration,
    },
    /// This event is their last, and they end. A terminal event tells clients not to come back.
    Farewell(Encoded),
}
