use std::{
    any::Any,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::follower::{Follower, Step};
use crate::{
    event::EventId,
    hub::{
        history::History,
        log::{self, ErasedLog, News, StepFuture, StepOutcome, Wakes},
        trace,
    },
};

/// A hub whose log the task of a store follows.
pub(super) struct HostedHub {
    wakes: Wakes,
    number: u64,
    follower: Arc<dyn log::Follower>,
}

impl HostedHub {
    pub(super) fn new(wakes: Wakes, log: Arc<dyn ErasedLog>, history: Arc<History>) -> Self {
        let follower = Arc::new(HubFollower { log, history, follower: Mutex::default() });
        Self { number: wakes.next_number(), wakes, follower }
    }

    pub(super) fn add_subscription(&self, log: &dyn ErasedLog, history: &History) {
        if let Some((_, key)) = log.wakes().filter(|_| !history.is_over()) {
            self.wakes.add_subscription(self.number, key, &self.follower);
        }
    }

    pub(super) fn remove_subscription(&self) {
        self.wakes.remove_subscription(self.number);
    }

    /// Makes sure that the log is followed. False if there is no runtime here for the task.
    pub(super) fn ensure_followed(&self, history: &History) -> bool {
        if history.is_closed() {
            if history.is_over() {
                return true;
            }
            // The end is to be found.
            self.wakes.mark(self.number);
        }
        self.wakes.ensure_hosted()
    }
}

/// All handles and subscriptions of the hub are dropped.
impl Drop for HostedHub {
    fn drop(&mut self) {
        self.wakes.remove_follower(self.number);
    }
}

struct HubFollower {
    log: Arc<dyn ErasedLog>,
    history: Arc<History>,
    /// It is taken during a step. If the step is dropped, the next one finds out from the ring where to go on.
    follower: Mutex<Follower>,
}

impl HubFollower {
    fn lock(&self) -> MutexGuard<'_, Follower> {
        self.follower.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl log::Follower for HubFollower {
    fn has_read(&self, id: &EventId) -> bool {
        self.history.has_read(id)
    }

    fn step(self: Arc<Self>, news: News, pause: Duration) -> StepFuture {
        Box::pin(async move {
            let mut follower = mem::take(&mut *self.lock());
            let up_to = match &news {
                News::UpTo(id) => Some(&**id),
                News::Unknown => None,
            };
            let step = match follower.begin_with_newest(&*self.log, &self.history).await {
                Ok(()) => follower.step(&*self.log, &self.history, up_to).await,
                Err(failure) => Err(failure),
            };
            if matches!(step, Ok(Step::CaughtUp(_))) {
                follower.free_position(&self.history);
            }
            *self.lock() = follower;
            match step {
                Ok(Step::Moved) => StepOutcome::Continue,
                Ok(Step::CaughtUp(_)) => StepOutcome::CaughtUp,
                Ok(Step::Over) => StepOutcome::Over,
                Err(failure) => {
                    trace::log_failed(&failure, pause);
                    StepOutcome::Failed
                }
            }
        })
    }

    fn become_dormant(&self) -> Box<dyn Any + Send> {
        let follower = mem::take(&mut *self.lock());
        Box::new((follower, self.history.forget()))
    }

    fn wake_subscriptions(&self) {
        self.history.wake_all();
    }
}
