use std::{any::Any, future::Future, pin::Pin, sync::Arc, time::Duration};

use crate::event::EventId;

/// Reads the log of one key for one hub. The task of the [wake-ups](super::Wakes) runs it.
pub(in crate::hub) trait Follower: Send + Sync + 'static {
    /// Whether the hub has read this event. It is called under the lock of the wake-ups, and must not wait or wake.
    fn has_read(&self, id: &EventId) -> bool;

    /// Reads the next events. `pause` is how long the task waits if this fails.
    fn step(self: Arc<Self>, news: News, pause: Duration) -> StepFuture;

    /// Clears the events of a hub without subscriptions and the state of its reads, and returns both. It is called under the
    /// lock of the wake-ups. The caller drops the returned value after it has released that lock.
    fn become_dormant(&self) -> Box<dyn Any + Send>;

    /// Wakes the subscriptions: the task has ended, and the next one that is polled starts another.
    fn wake_subscriptions(&self);
}

pub(in crate::hub) type StepFuture = Pin<Box<dyn Future<Output = StepOutcome> + Send>>;

/// A report of events that a follower may have to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hub) enum News {
    /// Events up to this one. Later events are reported separately.
    UpTo(Box<EventId>),
    /// Anything: read until a page is empty.
    Unknown,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) enum StepOutcome {
    /// There may be more to read.
    Continue,
    /// All events are read.
    CaughtUp,
    /// The log or the hub has ended: no event follows.
    Over,
    /// The log has failed.
    Failed,
}

impl News {
    /// Combines two reports.
    pub(super) fn and(self, other: &Self) -> Self {
        // Two reports may come in any order.
        if self == *other { self } else { Self::Unknown }
    }
}
