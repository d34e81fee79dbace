mod signal;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{sync::futures::OwnedNotified, time::Instant};

use self::signal::Signal;
use crate::codec::Encoded;

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
        Self { signal: Arc::new(Signal::new(None)) }
    }

    /// A shutdown that begins when `future` is ready, or by [`begin`](Self::begin) if that comes first.
    ///
    /// No task is spawned: the future is polled by what waits for the shutdown, streams, guarded connections and
    /// [`begun`](Self::begun), so it needs somebody who waits. If it panics the shutdown begins.
    pub fn on(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { signal: Arc::new(Signal::new(Some(Box::pin(future)))) }
    }

    /// Begins the shutdown. It cannot be taken back; to begin again is nothing.
    pub fn begin(&self) {
        self.signal.begin();
    }

    /// Whether the shutdown has begun.
    ///
    /// It looks at the future of [`on`](Self::on), too.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun_at().is_some()
    }

    /// Waits for the beginning: for `axum::serve(..).with_graceful_shutdown(..)`, or a `select!` in an accept loop.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped and made anew at any time.
    pub fn begun(&self) -> Begun {
        Begun { signal: Arc::clone(&self.signal), waiting: None }
    }

    pub(super) fn begun_at(&self) -> Option<Instant> {
        self.signal.look();
        self.signal.begun_at()
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
#[must_use = "futures do nothing unless polled"]
pub struct Begun {
    signal: Arc<Signal>,
    waiting: Option<Waiting>,
}

/// Who is to be woken. As long as nothing of it has changed, a poll of [`Begun`] takes no lock: a body with many events
/// polls it with each.
struct Waiting {
    notified: Pin<Box<OwnedNotified>>,
    waker: Waker,
    round: usize,
}

impl Begun {
    /// When the shutdown began.
    pub(super) fn poll_at(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        if let Some(at) = self.signal.begun_at() {
            self.waiting = None;
            return Poll::Ready(at);
        }
        self.enlist(cx);
        // What was said before is seen here, what is said from now on wakes.
        self.signal.look();
        self.signal.begun_at().map_or(Poll::Pending, Poll::Ready)
    }

    fn enlist(&mut self, cx: &mut Context<'_>) {
        loop {
            let round = self.signal.round();
            if self.waiting.as_ref().is_some_and(|it| it.round == round && it.waker.will_wake(cx.waker())) {
                return;
            }
            let notified = self.signal.notified();
            let waiting = match self.waiting.take() {
                Some(mut waiting) => {
                    waiting.notified.set(notified);
                    waiting.waker.clone_from(cx.waker());
                    Waiting { round, ..waiting }
                }
                None => Waiting { notified: Box::pin(notified), waker: cx.waker().clone(), round },
            };
            if self.waiting.insert(waiting).notified.as_mut().poll(cx).is_pending() {
                return;
            }
            self.waiting = None;
        }
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
