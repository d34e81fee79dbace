use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

/// A hold on an [`EventSource`](super::EventSource) from elsewhere. Clones hold the same source.
#[derive(Clone)]
pub struct Handle(Arc<Mutex<Shared>>);

#[derive(Default)]
struct Shared {
    order: Option<Order>,
    /// Of the task that waits for the source.
    waker: Option<Waker>,
}

/// What the source is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Restart,
    Close,
}

impl Handle {
    /// Ends the source: not one event is delivered any more, not even one that was received before, and no attempt is
    /// made. The connection is closed when the source is polled next, or dropped.
    pub fn close(&self) {
        self.give(Order::Close);
    }

    /// Ends the connection, or the wait for one, and connects anew at once, with the last event ID.
    ///
    /// It does nothing to a source that is over, nor where the request may not be made again: one of another method than
    /// GET that no [`Resume`](crate::client::Resume) repeats, or not yet.
    pub fn restart(&self) {
        self.give(Order::Restart);
    }

    fn give(&self, order: Order) {
        let mut shared = self.lock();
        if shared.order != Some(Order::Close) {
            shared.order = Some(order);
        }
        let waker = shared.waker.take();
        drop(shared);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The source's end of its handles, if it has given any away.
#[derive(Default)]
pub(super) struct Orders(Option<Handle>);

impl Orders {
    pub(super) fn handle(&mut self) -> Handle {
        self.0.get_or_insert_with(|| Handle(Arc::default())).clone()
    }

    /// Takes the order, and leaves word whom to wake for the next: what obeys one may have to wait as well.
    pub(super) fn take(&self, waker: &Waker) -> Option<Order> {
        let mut shared = self.0.as_ref()?.lock();
        let order = shared.order.take();
        let known = shared.waker.as_ref().is_some_and(|old| old.will_wake(waker));
        let old = if known { None } else { shared.waker.replace(waker.clone()) };
        // Dropping a waker may drop a task, and what it owns: not under the lock.
        drop(shared);
        drop(old);
        order
    }

    /// Whether the source is to end when it is polled next.
    pub(super) fn is_closed(&self) -> bool {
        self.0.as_ref().is_some_and(|handle| handle.lock().order == Some(Order::Close))
    }

    /// Nobody waits for the source any more.
    pub(super) fn forget_waker(&self) {
        let waker = self.0.as_ref().and_then(|handle| handle.lock().waker.take());
        drop(waker);
    }
}

/// Handles outlive the source, and would keep its task.
impl Drop for Orders {
    fn drop(&mut self) {
        self.forget_waker();
    }
}
