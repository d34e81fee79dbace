use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{history::History, on_gap::OnGap, remote::RemoteLog, snapshot_lock::SnapshotLock};

/// What the handles and the subscriptions of a hub share.
pub(super) struct HubState<E> {
    pub(super) history: Arc<History>,
    pub(super) snapshot_lock: SnapshotLock,
    pub(super) on_gap: OnGap<E>,
    pub(super) counters: Counters,
    /// The log, if it is not in the memory of this process.
    pub(super) remote: Option<RemoteLog>,
    created: Instant,
    /// When a handle or a subscription was last dropped, in nanoseconds since `created`.
    last_use: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) subscribers: AtomicUsize,
    pub(super) gaps: AtomicU64,
}

impl<E> HubState<E> {
    pub(super) fn new(history: Arc<History>, on_gap: OnGap<E>, remote: Option<RemoteLog>) -> Self {
        Self {
            history,
            snapshot_lock: SnapshotLock::default(),
            on_gap,
            counters: Counters::default(),
            remote,
            created: Instant::now(),
            last_use: AtomicU64::new(0),
        }
    }

    /// Records that a handle or a subscription is dropped now.
    pub(super) fn record_use(&self) {
        self.record_use_at(Instant::now());
    }

    /// Records that the hub is used at this time.
    pub(super) fn record_use_at(&self, now: Instant) {
        let since = now.saturating_duration_since(self.created);
        self.last_use.fetch_max(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// When a handle or a subscription was last dropped.
    pub(super) fn last_use(&self) -> Instant {
        self.created + Duration::from_nanos(self.last_use.load(Ordering::Relaxed))
    }
}

impl<E> fmt::Debug for HubState<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubState")
            .field("on_gap", &self.on_gap)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
