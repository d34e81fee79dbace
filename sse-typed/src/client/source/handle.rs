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
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Ends the source: not one event is delivered any more, not even one that was received before, and no attempt is
    /// made. The connection is closed when the source is polled next, or dropped.
    pub fn close(&self) {
        self.give(Order::Close);
    }

    /// Ends the connection, or the wait for one, and connects anew at once, with the last event ID. A source that is over
    /// stays so.
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

    /// Takes the order, or leaves word whom to wake for the next.
    pub(super) fn take(&self, waker: &Waker) -> Option<Order> {
        let mut shared = self.lock();
        let order = shared.order.take();
        if order.is_none() && !shared.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            shared.waker = Some(waker.clone());
        }
        order
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
