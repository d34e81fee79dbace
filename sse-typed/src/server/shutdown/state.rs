use std::{
    future::Future,
    panic::resume_unwind,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    task::Waker,
};

use tokio::{task::AbortHandle, time::Instant};

use crate::{
    panics::catch_panic,
    server::trace,
    wake::{Ticket, WakeEpoch, WakeQueue},
};

/// The state that all clones of a shutdown share.
#[derive(Debug, Default)]
pub(super) struct ShutdownState {
    begun: OnceLock<Instant>,
    waiting: Mutex<WakeQueue>,
    epoch: WakeEpoch,
    /// The task that runs the future of [`Shutdown::on`](super::Shutdown::on).
    task: OnceLock<AbortHandle>,
}

impl ShutdownState {
    /// Creates the state of a shutdown that begins when the future ends, even by a panic. The task that runs the future is
    /// aborted when the state is dropped.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    pub(super) fn begin_when(future: impl Future<Output = ()> + Send + 'static) -> Arc<Self> {
        let state = Arc::<Self>::default();
        // Not `Arc::new_cyclic`: the task may end before that returns, and could not upgrade its reference then.
        let begin_on_drop = BeginOnDrop { state: Arc::downgrade(&state), is_ready: false };
        let task = tokio::spawn(async move {
            // Dropped after the future: when it is ready, when it panics, and when its runtime drops it.
            let mut begin_on_drop = begin_on_drop;
            future.await;
            begin_on_drop.is_ready = true;
        });
        let _ = state.task.set(task.abort_handle());
        state
    }

    /// Begins the shutdown and wakes all waiting tasks. Only the first call has an effect.
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

    /// The time at which the shutdown began. If it has not begun, the task is registered and woken when it does.
    pub(super) fn begun_or_register(&self, ticket: &mut Ticket, waker: &Waker) -> Option<Instant> {
        // No lock is taken here, because a body polls this with each frame.
        if let Some(begun) = self.begun_at() {
            return Some(begun);
        }
        if self.epoch.is_registered(ticket, waker) {
            return None;
        }
        let replaced = self.lock().register(ticket, waker);
        drop(replaced);
        // If the shutdown began before the registration, it is seen here; otherwise it wakes the task.
        self.begun_at()
    }

    pub(super) fn deregister(&self, ticket: &mut Ticket) {
        if ticket.was_given() {
            let waker = self.lock().deregister(ticket);
            drop(waker);
        }
    }

    fn lock(&self) -> MutexGuard<'_, WakeQueue> {
        // Wakers are dropped outside of the lock. Only an allocation could panic under it, which leaves the queue unchanged.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ShutdownState {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// Begins the shutdown when the task of its future ends.
struct BeginOnDrop {
    state: Weak<ShutdownState>,
    /// Whether the future was ready. Otherwise it panicked, or its runtime was shut down.
    is_ready: bool,
}

impl Drop for BeginOnDrop {
    fn drop(&mut self) {
        let Some(state) = self.state.upgrade() else { return };
        if !self.is_ready {
            trace::shutdown_future_lost();
        }
        // The panic of a waker during another panic would abort the process.
        catch_panic(|| state.begin());
    }
}
