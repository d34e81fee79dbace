use std::fmt;

use super::{
    history::{MemoryLog, Retention},
    hub::Hub,
    log::EventLog,
    on_gap::OnGap,
};
use crate::{codec::HubEvent, event::GapEvent};

// The bounds are on these functions and not on the impl, so that a compile error explains the one that fails. There is
// no other way to make a hub, so nothing else asks for `HubEvent`: the error would be repeated at each use.
impl<E> Hub<E> {
    /// A builder of hubs for a type with a `#[sse(gap)]` variant, which is sent where history is lost.
    pub fn builder() -> HubBuilder<E>
    where
        E: HubEvent + GapEvent,
    {
        HubBuilder::new(OnGap::emit())
    }

    /// A builder of hubs that do `on_gap` where history is lost.
    pub fn builder_on_gap(on_gap: OnGap<E>) -> HubBuilder<E>
    where
        E: HubEvent,
    {
        HubBuilder::new(on_gap)
    }
}

/// Builds a [`Hub`]. [`Hub::builder`] and [`Hub::builder_on_gap`] make one.
#[must_use = "a builder does nothing until `build`"]
pub struct HubBuilder<E> {
    retention: Retention,
    on_gap: OnGap<E>,
}

impl<E> HubBuilder<E> {
    fn new(on_gap: OnGap<E>) -> Self {
        Self { retention: Retention::default(), on_gap }
    }

    /// Sets how much history is retained in memory. With a [log elsewhere](Self::build_on) live subscriptions read from
    /// memory, and older events are read from the log.
    pub const fn retain(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Builds a hub with its log in memory. It needs no runtime.
    #[must_use]
    pub fn build(self) -> Hub<E> {
        Hub::new(MemoryLog::new(self.retention), self.on_gap, self.retention)
    }

    /// Builds a hub on this log. It must be the only user of the log in this process.
    ///
    /// A [`MemoryLog`] has its own [`Retention`]. A task follows a log elsewhere; the first subscription spawns it. So
    /// subscriptions must be made or polled within a Tokio runtime with its timer (`enable_time`). When the runtime
    /// ends, a subscription in another runtime spawns the task anew.
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
