use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::state::{Shared, wake_all};

/// The future of [`Wakes::wait`](super::Wakes::wait): it waits for the next change of a key.
///
/// Every change since the call of `wait` counts, also one before the first poll. It may be ready too early.
#[must_use = "futures do nothing unless polled"]
pub struct Woken {
    shared: Arc<Shared>,
    key: Arc<str>,
    /// The number of changes when this was created.
    seen: u64,
    /// The number of this waiter.
    number: u64,
}

impl Woken {
    pub(super) const fn new(shared: Arc<Shared>, key: Arc<str>, seen: u64, number: u64) -> Self {
        Self { shared, key, seen, number }
    }
}

impl Future for Woken {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut state = this.shared.lock();
        if state.changes_of(&this.key) != this.seen {
            return Poll::Ready(());
        }
        let Some(key) = state.keys.get_mut(&this.key) else { return Poll::Ready(()) };
        let replaced = match key.waiters.iter_mut().find(|(number, _)| *number == this.number) {
            Some((_, waker)) if waker.will_wake(cx.waker()) => None,
            Some((_, waker)) => Some(mem::replace(waker, cx.waker().clone())),
            None => {
                key.waiters.push((this.number, cx.waker().clone()));
                None
            }
        };
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let mut left = None;
        if let Some(key) = state.keys.get_mut(&self.key) {
            key.users -= 1;
            if let Some(at) = key.waiters.iter().position(|(number, _)| *number == self.number) {
                left = Some(key.waiters.swap_remove(at));
            }
        }
        let waker = state.note_interest(&self.key);
        drop(state);
        drop(left);
        wake_all(waker);
    }
}

impl fmt::Debug for Woken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Woken").field("key", &self.key).finish_non_exhaustive()
    }
}
