use std::{
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
};

/// A waker for one of several futures of a task, which says whether that future was woken.
///
/// The task of a run polls its producer often. Each poll of the future that waits for requests to stop takes the lock of the
/// store's wake-ups, so it is polled only when it was woken.
pub(super) struct WakeFlag {
    is_woken: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl WakeFlag {
    /// A flag that is set, so that the future is polled once.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { is_woken: AtomicBool::new(true), task: Mutex::default() })
    }

    /// Whether the future was woken since the last call. The task is woken with it from now on.
    pub(super) fn take(&self, task: &Waker) -> bool {
        let mut known = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = match &mut *known {
            Some(known) if known.will_wake(task) => None,
            Some(known) => Some(mem::replace(known, task.clone())),
            None => known.replace(task.clone()),
        };
        drop(known);
        drop(replaced);
        self.is_woken.swap(false, Ordering::AcqRel)
    }
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_test::task::spawn;

    use super::*;

    #[test]
    fn a_future_is_polled_once_and_then_only_after_it_was_woken() {
        let flag = WakeFlag::new();
        let waker = Waker::from(Arc::clone(&flag));
        let mut task = spawn(());
        assert!(task.enter(|cx, _| flag.take(cx.waker())));
        assert!(!task.enter(|cx, _| flag.take(cx.waker())));
        assert!(!task.is_woken());
        waker.wake_by_ref();
        assert!(task.is_woken(), "the task is woken as well");
        assert!(task.enter(|cx, _| flag.take(cx.waker())));
        assert!(!task.enter(|cx, _| flag.take(cx.waker())));
    }

    #[test]
    fn the_task_that_asked_last_is_woken() {
        let flag = WakeFlag::new();
        let waker = Waker::from(Arc::clone(&flag));
        let (mut first, mut second) = (spawn(()), spawn(()));
        first.enter(|cx, _| flag.take(cx.waker()));
        second.enter(|cx, _| flag.take(cx.waker()));
        waker.wake();
        assert!(second.is_woken() && !first.is_woken());
    }
}
