use std::{
    fmt,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
};

use tokio::{sync::Notify, time::Instant};

use super::{
    history::{History, MemoryLog, Retention},
    log::{ErasedLog, EventLog},
    on_gap::OnGap,
    remote::RemoteLog,
    start::Start,
    state::HubState,
    stats::HubStats,
    subscription::Subscription,
};
use crate::{codec::HubEvent, event::GapEvent};

/// Sends events to any number of subscriptions, and keeps them as history for clients that reconnect.
///
/// It is a handle and cheap to clone. See the [module](super) for what it promises.
pub struct Hub<E, L = MemoryLog> {
    inner: Arc<HubInner<E, L>>,
}

/// What the handles of a hub share. It is dropped with the last of them; then nobody can publish.
pub(super) struct HubInner<E, L> {
    pub(super) state: Arc<HubState<E>>,
    pub(super) log: Arc<L>,
}

impl<E, L> Drop for HubInner<E, L> {
    fn drop(&mut self) {
        match &self.state.remote {
            None => self.state.history.close_at_head(),
            // The follower may not have read all published events yet.
            Some(_) => self.state.history.begin_ending(None),
        }
    }
}

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

    /// A builder of hubs that handle lost history as `on_gap` says.
    pub fn builder_on_gap(on_gap: OnGap<E>) -> HubBuilder<E>
    where
        E: HubEvent,
    {
        HubBuilder::new(on_gap)
    }
}

impl<E, L: EventLog> Hub<E, L> {
    fn new(log: L, builder: HubBuilder<E>) -> Self {
        let HubBuilder { retention, on_gap, on_unused } = builder;
        let log = Arc::new(log);
        let state = match log.as_memory_log().and_then(|log| log.downcast_ref::<MemoryLog>()) {
            Some(memory) => HubState::new(Arc::clone(memory.history()), on_gap, None),
            None => {
                let history = Arc::new(History::of_remote_log(retention));
                let remote = RemoteLog::new(Arc::clone(&log) as Arc<dyn ErasedLog>, &history, on_unused);
                HubState::new(history, on_gap, Some(remote))
            }
        };
        Self { inner: Arc::new(HubInner { state: Arc::new(state), log }) }
    }
}

impl<E, L> Hub<E, L> {
    /// Subscribes from `start` on: from a client's [`LastEventId`](crate::LastEventId), or from any other [`Start`].
    ///
    /// The subscription receives all events that are published after this call, even when it is first polled much
    /// later. With a log elsewhere this holds for the events that this hub publishes. Events of other publishers are
    /// received if they are appended after the hub has begun to follow the log, which it does soon after its first
    /// subscription.
    ///
    /// If the hub is on a store that does not accept its key, the subscription has ended from the start.
    pub fn subscribe(&self, start: impl Into<Start>) -> Subscription<E> {
        Subscription::new(Arc::clone(&self.inner.state), &start.into())
    }

    /// [`subscribe`](Self::subscribe) with a closure that makes a snapshot: an event that holds the current state.
    ///
    /// A client that can be resumed from `start` gets no snapshot: it has one, and the events since. A new client
    /// ([`Start::Live`]) gets a snapshot first and then all events from there on. So does, with [`OnGap::Snapshot`], a
    /// client whose history is lost. The snapshot's id is its position, so a client that reconnects resumes right
    /// after it.
    ///
    /// With [`publish_with`](Self::publish_with) and a log in memory it is exact: a snapshot contains the changes whose
    /// events are before it, and no others. With other ways to publish, a change may be in the snapshot and its event
    /// may follow it.
    ///
    /// `snapshot` is called when the subscription is polled, while no change is made. It should be short, must not
    /// block, and cannot publish on the same hub.
    pub fn subscribe_with(
        &self,
        start: impl Into<Start>,
        snapshot: impl Fn() -> E + Send + Sync + 'static,
    ) -> Subscription<E> {
        let start = start.into();
        self.subscribe(start.clone()).with_snapshot(start.is_live(), snapshot)
    }

    /// The numbers of the hub at this moment.
    #[must_use]
    pub fn stats(&self) -> HubStats {
        let state = &self.inner.state;
        let (events, bytes, published) = state.history.size();
        HubStats {
            subscribers: state.counters.subscribers.load(Ordering::Relaxed),
            events,
            bytes,
            published,
            gaps: state.counters.gaps.load(Ordering::Relaxed),
        }
    }

    /// Whether the hub takes no more events.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.state.history.is_closed()
    }

    pub(super) const fn inner(&self) -> &Arc<HubInner<E, L>> {
        &self.inner
    }

    /// Since when this has been the only handle, without a subscription. `None` if it is not.
    pub(crate) fn unused_since(&self) -> Option<Instant> {
        let state = &self.inner.state;
        if Arc::strong_count(&self.inner) > 1 {
            return None;
        }
        // A thread that has dropped its handle has counted its subscription before that.
        fence(Ordering::Acquire);
        (state.counters.subscribers.load(Ordering::Acquire) == 0).then(|| state.last_use())
    }
}

// The idle time of a topic begins when its last handle is dropped.
impl<E, L> Drop for Hub<E, L> {
    fn drop(&mut self) {
        self.inner.state.record_use();
    }
}

impl<E, L> Clone for Hub<E, L> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<E, L> fmt::Debug for Hub<E, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("on_gap", &self.inner.state.on_gap).field("stats", &self.stats()).finish()
    }
}

/// Builds a [`Hub`]. [`Hub::builder`] and [`Hub::builder_on_gap`] make one.
#[must_use = "a builder does nothing until `build`"]
pub struct HubBuilder<E> {
    retention: Retention,
    on_gap: OnGap<E>,
    on_unused: Option<Arc<Notify>>,
}

impl<E> HubBuilder<E> {
    fn new(on_gap: OnGap<E>) -> Self {
        Self { retention: Retention::default(), on_gap, on_unused: None }
    }

    /// Notifies when the last subscription of a hub on a log elsewhere is dropped.
    #[cfg(feature = "runs")]
    pub(crate) fn notify_unused(mut self, on_unused: Arc<Notify>) -> Self {
        self.on_unused = Some(on_unused);
        self
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
        Hub::new(MemoryLog::new(self.retention), self)
    }

    /// Builds a hub on this log, for example that of a key of a [store](super::EventStore).
    ///
    /// A hub on a [`MemoryLog`] ignores [`retain`](Self::retain): that log has a [`Retention`] of its own. A log
    /// elsewhere is followed by a task, or all logs of a store by one task. The first subscription spawns it, so
    /// subscriptions must be made or polled within a Tokio runtime with its timer (`enable_time`). Elsewhere a subscription
    /// ends at its first poll, calls of the log have no time limit, and retries wait. When the runtime
    /// ends, a subscription in another runtime spawns the task again.
    #[must_use]
    pub fn build_on<L: EventLog>(self, log: L) -> Hub<E, L> {
        Hub::new(log, self)
    }
}

impl<E> Clone for HubBuilder<E> {
    fn clone(&self) -> Self {
        Self { retention: self.retention, on_gap: self.on_gap, on_unused: self.on_unused.clone() }
    }
}

impl<E> fmt::Debug for HubBuilder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubBuilder")
            .field("retention", &self.retention)
            .field("on_gap", &self.on_gap)
            .finish_non_exhaustive()
    }
}
