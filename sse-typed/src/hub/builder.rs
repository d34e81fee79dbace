use std::fmt;

use super::{EventLog, Hub, MemoryLog, OnGap, Retention};

/// Makes a [`Hub`]: begun by [`Hub::builder`] or [`Hub::builder_on_gap`].
#[must_use = "a builder does nothing until `build`"]
pub struct HubBuilder<E> {
    retention: Retention,
    on_gap: OnGap<E>,
}

impl<E> HubBuilder<E> {
    pub(super) fn new(on_gap: OnGap<E>) -> Self {
        Self { retention: Retention::default(), on_gap }
    }

    /// How much history is kept in memory. With a [log elsewhere](Self::build_on) that is all that is live, and what comes
    /// before it is read from there.
    pub const fn retain(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// A hub with its log in memory. It needs no runtime.
    #[must_use]
    pub fn build(self) -> Hub<E> {
        Hub::new(MemoryLog::new(self.retention), self.on_gap, self.retention)
    }

    /// A hub with this log, of which it is the only user in the process.
    ///
    /// A [`MemoryLog`] has a [`Retention`] of its own. A log elsewhere is followed by a task, which is spawned by the first
    /// subscription: that must be made, or polled, within a Tokio runtime with its timer (`enable_time`), and so must others.
    /// When the runtime ends, a subscription in another takes over.
    #[must_use]
    pub fn build_on<L: EventLog>(self, log: L) -> Hub<E, L> {
        Hub::new(log, self.on_gap, self.retention)
    }
}

impl<E> Clone for HubBuilder<E> {
    fn clone(&self) -> Self {
        Self { retention: self.retention, on_gap: self.on_gap }
    }
}

impl<E> fmt::Debug for HubBuilder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubBuilder").field("retention", &self.retention).field("on_gap", &self.on_gap).finish()
    }
}
