use std::task::Context;

use super::history::{History, HistoryState, register_and_unlock};
use crate::wake::Ticket;

/// A task other than a subscription that waits for the history to change.
pub(super) struct HistoryWaiter<'a> {
    history: &'a History,
    ticket: Ticket,
}

impl<'a> HistoryWaiter<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        Self { history, ticket: Ticket::default() }
    }

    /// Whether the condition holds. If it does, the task is registered to be woken by the next change.
    pub(super) fn wait_while(&mut self, condition: impl FnOnce(&HistoryState) -> bool, cx: &Context<'_>) -> bool {
        let state = self.history.lock();
        if !condition(&state) {
            return false;
        }
        register_and_unlock(state, &mut self.ticket, cx.waker());
        true
    }

    /// Whether nothing is after this position and something may come. If so, the task is registered.
    pub(super) fn wait_at_head(&mut self, id: &str, cx: &Context<'_>) -> bool {
        self.wait_while(|state| !state.is_over() && state.ring.find(id) == Some(state.ring.head()), cx)
    }
}

impl Drop for HistoryWaiter<'_> {
    fn drop(&mut self) {
        self.history.deregister(&mut self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::Arc,
        task::{Wake, Waker},
    };

    use super::*;
    use crate::hub::Retention;

    #[test]
    fn a_task_that_waits_no_longer_leaves_no_waker() {
        struct Task;
        impl Wake for Task {
            fn wake(self: Arc<Self>) {}
        }
        let (history, task) = (History::of_memory_log(Retention::default()), Arc::new(Task));
        let waker = Waker::from(Arc::clone(&task));
        let mut waiter = HistoryWaiter::new(&history);
        assert!(!waiter.wait_while(|_| false, &Context::from_waker(&waker)));
        assert_eq!(Arc::strong_count(&task), 2);
        assert!(waiter.wait_while(|_| true, &Context::from_waker(&waker)));
        assert_eq!(Arc::strong_count(&task), 3);
        drop(waiter);
        assert_eq!(Arc::strong_count(&task), 2);
    }
}
