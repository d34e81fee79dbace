use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Wake, Waker},
};

/// Wakes the task that runs the followers, and says which of its steps can go on.
#[derive(Default)]
pub(super) struct Signal {
    /// A bit for each step.
    ready: AtomicU64,
    task: Mutex<Option<Waker>>,
}

/// Wakes one step.
struct StepWaker {
    signal: Arc<Signal>,
    bit: u64,
}

impl Signal {
    /// Sets the task that is woken.
    pub(super) fn set_task(&self, waker: &Waker) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = match &mut *task {
            Some(known) if known.will_wake(waker) => None,
            task => task.replace(waker.clone()),
        };
        drop(task);
        drop(replaced);
    }

    pub(super) fn wake(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }

    /// The bits of the steps that were woken since the last call.
    pub(super) fn take_ready(&self) -> u64 {
        self.ready.swap(0, Ordering::AcqRel)
    }

    /// Notes that a step of the task that calls this can go on.
    pub(super) fn set_ready(&self, number: usize) {
        self.ready.fetch_or(1 << number, Ordering::AcqRel);
    }

    pub(super) fn has_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) != 0
    }

    /// A waker for the step of this number, which is below 64.
    pub(super) fn step_waker(self: &Arc<Self>, number: usize) -> Waker {
        Waker::from(Arc::new(StepWaker { signal: Arc::clone(self), bit: 1 << number }))
    }
}

impl Wake for StepWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.signal.ready.fetch_or(self.bit, Ordering::AcqRel) & self.bit == 0 {
            self.signal.wake();
        }
    }
}
