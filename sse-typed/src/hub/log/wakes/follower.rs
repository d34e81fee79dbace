use std::{any::Any, future::Future, pin::Pin, sync::Arc, time::Duration};

use crate::event::EventId;

/// Reads the log of one key for one hub. The task of the [wake-ups](super::Wakes) runs it.
pub(in crate::hub) trait Follower: Send + Sync + 'static {
    /// Whether the hub has read this event. It is called under the lock of the wake-ups, and must not wait or wake.
    fn has_read(&self, id: &EventId) -> bool;

    /// Reads on. `pause` is how long the task waits if this fails.
    fn step(self: Arc<Self>, news: News, pause: Duration) -> StepFuture;

    /// Frees what is in memory, because nobody is subscribed. The caller drops what is returned outside of its lock, under
    /// which this is called.
    fn become_dormant(&self) -> Box<dyn Any + Send>;

    /// Wakes the subscriptions: the task has ended, and the next one that is polled starts another.
    fn wake_subscriptions(&self);
}

pub(in crate::hub) type StepFuture = Pin<Box<dyn Future<Output = StepOutcome> + Send>>;

/// What there may be to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hub) enum News {
    /// Events up to this one. What follows it is reported apart.
    UpTo(Box<EventId>),
    /// Anything: read until a page is empty.
    Unknown,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) enum StepOutcome {
    /// There may be more to read.
    Continue,
    /// All events are read.
    CaughtUp,
    /// Nothing more comes.
    Over,
    /// The log has failed.
    Failed,
}

impl News {
    /// Both.
    pub(super) fn and(self, other: &Self) -> Self {
        // Two reports may come in any order.
        if self == *other { self } else { Self::Unknown }
    }
}
