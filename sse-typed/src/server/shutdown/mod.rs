mod state;
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

use self::state::ShutdownState;
use crate::{codec::Encoded, wake::Ticket};

/// A handle that begins the shutdown of a server: of its streams, its connections and its accept loop.
///
/// Clones share the same shutdown. [`SseLayer::shutdown`](super::SseLayer::shutdown) ends the streams when it begins,
/// [`ConnectionGuard::shutdown_deadline`](super::ConnectionGuard::shutdown_deadline) ends the connections that are still open
/// some time later, and the server's graceful shutdown waits for [`begun`](Self::begun). See [Lifecycle](super#lifecycle) for
/// how these work together.
///
/// ```
/// use sse_typed::server::{Drain, Shutdown, SseLayer};
///
/// # async fn serve() -> std::io::Result<()> {
/// let shutdown = Shutdown::on(async {
///     // On an error there is no signal to wait for: the server keeps running.
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
    state: Arc<ShutdownState>,
}

impl Shutdown {
    /// Creates a shutdown that begins when [`begin`](Self::begin) is called.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Arc::default() }
    }

    /// Creates a shutdown that begins when `future` is ready, or when [`begin`](Self::begin) is called before.
    ///
    /// The future runs in a task of its own on the current runtime. If it panics, or if the runtime is shut down before it is
    /// ready, the shutdown begins, because it could not begin later. When the last clone and the last future of
    /// [`begun`](Self::begun) are dropped, the task is aborted.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime, like [`tokio::spawn`].
    pub fn on(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { state: ShutdownState::begin_when(future) }
    }

    /// Begins the shutdown. It cannot be undone; further calls do nothing.
    pub fn begin(&self) {
        self.state.begin();
    }

    /// Whether the shutdown has begun. It only reads the state and polls no future.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.state.begun_at().is_some()
    }

    /// Waits until the shutdown has begun, for `axum::serve(..).with_graceful_shutdown(..)`, or a `select!` in an accept loop.
    ///
    /// # Cancel safety
    ///
    /// The future can be dropped and created again at any time. A shutdown that has begun is never missed.
    pub fn begun(&self) -> Begun {
        Begun { state: Arc::clone(&self.state), ticket: Ticket::default() }
    }

    /// Ready with the time at which the shutdown began, for a task that keeps only its ticket.
    /// [`deregister`](Self::deregister) takes the ticket back.
    pub(super) fn poll_begun(&self, ticket: &mut Ticket, cx: &Context<'_>) -> Poll<Instant> {
        self.state.begun_or_register(ticket, cx.waker()).map_or(Poll::Pending, Poll::Ready)
    }

    pub(super) fn deregister(&self, ticket: &mut Ticket) {
        self.state.deregister(ticket);
    }

    /// Whether the other is a clone of this shutdown.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown").field("begun", &self.state.begun_at().is_some()).finish_non_exhaustive()
    }
}

/// The future of [`Shutdown::begun`]: it completes once the shutdown has begun.
///
/// It is cheap to poll: once its task is registered, a poll reads two atomics. A body polls it with each frame.
#[must_use = "futures do nothing unless polled"]
pub struct Begun {
    state: Arc<ShutdownState>,
    ticket: Ticket,
}

impl Begun {
    /// Ready with the time at which the shutdown began.
    pub(super) fn poll_at(&mut self, cx: &Context<'_>) -> Poll<Instant> {
        self.state.begun_or_register(&mut self.ticket, cx.waker()).map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.state.deregister(&mut self.ticket);
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
        f.debug_struct("Begun").field("begun", &self.state.begun_at().is_some()).finish_non_exhaustive()
    }
}

/// How open streams end when a [`Shutdown`] begins.
///
/// In each case the events that a stream has yielded are sent, and a reconnection time (`retry:`) before the end keeps clients
/// from reconnecting together: see [`SseLayer::shutdown`](super::SseLayer::shutdown).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Drain {
    /// Streams end at once. Clients reconnect with their last event ID, to any server that is running then.
    Now,
    /// Streams may continue until they end by themselves. Those that are open after the grace period are ended.
    Finish {
        /// How long streams may continue after the shutdown has begun.
        grace: Duration,
    },
    /// Streams send this event as their last and end at once. A terminal event tells clients not to reconnect.
    Farewell(Encoded),
}
