use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicBool, Ordering},
};

use tokio::{sync::Notify, task::AbortHandle};

use super::{follower::follow, hosted::HostedHub, shared_reads::SharedReads};
use crate::{
    hub::{history::History, log::ErasedLog, store::check_key},
    wake::runtime_with_timer,
};

/// A log that is not in the memory of this process, and what follows it.
pub(in crate::hub) struct RemoteLog {
    pub(in crate::hub) log: Arc<dyn ErasedLog>,
    following: Following,
    /// The reads for subscriptions that are not in the ring. They own it.
    reads: Mutex<Weak<SharedReads>>,
    /// Is notified when the last subscription is dropped.
    on_unused: Option<Arc<Notify>>,
}

enum Following {
    /// A task of its own.
    Task(OwnTask),
    /// The task of the store.
    Store(HostedHub),
    /// Nothing: it is a log of a store, and its key is invalid.
    InvalidKey(&'static str),
}

#[derive(Default)]
struct OwnTask {
    is_followed: Arc<AtomicBool>,
    task: Mutex<Option<AbortHandle>>,
}

impl RemoteLog {
    pub(in crate::hub) fn new(log: Arc<dyn ErasedLog>, history: &Arc<History>, on_unused: Option<Arc<Notify>>) -> Self {
        let following = match log.wakes() {
            None => Following::Task(OwnTask::default()),
            Some((wakes, key)) => match check_key(key) {
                Ok(_) => Following::Store(HostedHub::new(wakes.clone(), Arc::clone(&log), Arc::clone(history))),
                Err(fault) => Following::InvalidKey(fault),
            },
        };
        Self { log, following, on_unused, reads: Mutex::default() }
    }

    /// The reads that the subscriptions outside of the ring share.
    pub(super) fn shared_reads(&self) -> Arc<SharedReads> {
        let mut known = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        known.upgrade().unwrap_or_else(|| {
            let reads = Arc::default();
            *known = Arc::downgrade(&reads);
            reads
        })
    }

    /// What is wrong with the key of the log in its store. All calls of the log fail then.
    pub(in crate::hub) const fn invalid_key(&self) -> Option<&'static str> {
        match &self.following {
            Following::InvalidKey(fault) => Some(fault),
            Following::Task(_) | Following::Store(_) => None,
        }
    }

    /// Notes a new subscription.
    pub(in crate::hub) fn add_subscription(&self, history: &History) {
        if let Following::Store(hub) = &self.following {
            hub.add_subscription(&*self.log, history);
        }
    }

    /// Notes that a subscription is dropped, and whether it was the last one.
    pub(in crate::hub) fn remove_subscription(&self, is_last: bool) {
        if let Some(on_unused) = self.on_unused.as_ref().filter(|_| is_last) {
            on_unused.notify_one();
        }
        if let Following::Store(hub) = &self.following {
            hub.remove_subscription();
        }
    }

    /// Spawns the task that follows the log, unless there is one or the history is over. False if there is no runtime
    /// with a timer here to spawn it.
    pub(in crate::hub) fn ensure_followed(&self, history: &Arc<History>) -> bool {
        match &self.following {
            Following::Task(task) => task.ensure_followed(&self.log, history),
            Following::Store(hub) => hub.ensure_followed(history),
            Following::InvalidKey(_) => true,
        }
    }
}

impl OwnTask {
    fn ensure_followed(&self, log: &Arc<dyn ErasedLog>, history: &Arc<History>) -> bool {
        if self.is_followed.load(Ordering::Acquire) || history.is_over() {
            return true;
        }
        let Some(runtime) = runtime_with_timer() else { return false };
        if !self.is_followed.swap(true, Ordering::AcqRel) {
            let log = Arc::clone(log);
            let guard = FollowGuard { is_followed: Arc::clone(&self.is_followed), history: Arc::clone(history) };
            let task = runtime.spawn(async move { follow(&*log, &guard.history).await });
            *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
        }
        true
    }
}

/// All handles and subscriptions of the hub are dropped.
impl Drop for OwnTask {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

/// Owned by the task. When the task is dropped with its runtime, all waiting tasks are woken, and the first one that is
/// polled starts another follower.
struct FollowGuard {
    is_followed: Arc<AtomicBool>,
    history: Arc<History>,
}

impl Drop for FollowGuard {
    fn drop(&mut self) {
        self.is_followed.store(false, Ordering::Release);
        self.history.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use tokio::{runtime::Handle, task::yield_now};

    use super::*;
    use crate::hub::{MemoryLog, Retention};

    #[tokio::test]
    async fn the_task_that_follows_a_log_ends_with_its_hub() {
        let log: Arc<dyn ErasedLog> = Arc::new(MemoryLog::default());
        let history = Arc::new(History::of_remote_log(Retention::default()));
        let task = OwnTask::default();
        assert!(task.ensure_followed(&log, &history) && task.ensure_followed(&log, &history));
        for _ in 0..10 {
            yield_now().await;
        }
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
        drop(task);
        yield_now().await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    }
}
