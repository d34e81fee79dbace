use std::{
    future::Future,
    panic::resume_unwind,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    task::Waker,
};

use tokio::{task::AbortHandle, time::Instant};

use crate::{
    panics::caught,
    server::trace,
    wake::{Ticket, WakeEpoch, WakeQueue},
};

/// The state that all clones of a shutdown share.
#[derive(Debug, Default)]
pub(super) struct Signal {
    begun: OnceLock<Instant>,
    waiting: Mutex<WakeQueue>,
    epoch: WakeEpoch,
    /// The task that waits for the future of [`Shutdown::on`](super::Shutdown::on).
    cause: OnceLock<AbortHandle>,
}

impl Signal {
    /// A signal that begins when the future ends, however it ends. The task that drives it goes with the last holder of the
    /// signal.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub(super) fn on(future: impl Future<Output = ()> + Send + 'static) -> Arc<Self> {
        let signal = Arc::<Self>::default();
        // Not `Arc::new_cyclic`: the task may be over before that returns, and would find nothing to begin.
        let begins = BeginOnDrop { signal: Arc::downgrade(&signal), is_ready: false };
        let task = tokio::spawn(async move {
            // Dropped after the future: when it is ready, when it panics, and when its runtime drops it.
            let mut begins = begins;
            future.await;
            begins.is_ready = true;
        });
        let _ = signal.cause.set(task.abort_handle());
        signal
    }

    /// Begins, and wakes all who wait. Only the first call counts.
    pub(super) fn begin(&self) {
        if self.begun.set(Instant::now()).is_ok()
            && let Err(panic) = self.epoch.wake_all(self.lock(), || self.lock())
        {
            resume_unwind(panic);
        }
    }

    pub(super) fn begun_at(&self) -> Option<Instant> {
        self.begun.get().copied()
    }

    /// When the shutdown began. If it has not, the task is registered, and will be woken when it does.
    pub(super) fn begun_or_register(&self, ticket: &mut Ticket, waker: &Waker) -> Option<Instant> {
        // Without the lock: a body polls this with each frame.
        if let Some(begun) = self.begun_at() {
            return Some(begun);
        }
        if self.epoch.is_registered(ticket, waker) {
            return None;
        }
        let replaced = self.lock().register(ticket, waker);
        drop(replaced);
        // A beginning before the registration is seen here; one behind it wakes the task.
        self.begun_at()
    }

    pub(super) fn deregister(&self, ticket: &mut Ticket) {
        if ticket.was_given() {
            let waker = self.lock().deregister(ticket);
            drop(waker);
        }
    }

    fn lock(&self) -> MutexGuard<'_, WakeQueue> {
        // Wakers are dropped outside of the lock; a panic under it would be one of an allocation, which changes nothing.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        if let Some(cause) = self.cause.get() {
            cause.abort();
        }
    }
}

/// Begins the shutdown when the task of its cause is over.
struct BeginOnDrop {
    signal: Weak<Signal>,
    /// The future was ready. Else it panicked, or its runtime was shut down.
    is_ready: bool,
}

impl Drop for BeginOnDrop {
    fn drop(&mut self) {
        let Some(signal) = self.signal.upgrade() else { return };
        if !self.is_ready {
            trace::shutdown_cause_lost();
        }
        // A second panic, of a waker, would abort the process.
        caught(|| signal.begin());
    }
}
