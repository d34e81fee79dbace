use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    OnGap, PublishError, encode,
    error::Kind,
    order::Order,
    shared::{Closed, Shared},
    tail::Remote,
};
use crate::{codec::EncodeEvent, event::EventId};

/// What a hub and its subscriptions share.
pub(super) struct Core<E> {
    pub(super) shared: Arc<Shared>,
    pub(super) order: Order,
    pub(super) on_gap: OnGap<E>,
    pub(super) counts: Counts,
    /// The log, if it is not in this process's memory.
    pub(super) remote: Option<Remote>,
    began: Instant,
    /// When a handle or a subscription was last given up, in nanoseconds from the beginning.
    last_use: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) subscribers: AtomicUsize,
    pub(super) gaps: AtomicU64,
}

impl Counts {
    pub(super) fn one_more(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl<E> Core<E> {
    pub(super) fn new(shared: Arc<Shared>, on_gap: OnGap<E>, remote: Option<Remote>) -> Self {
        Self {
            shared,
            order: Order::default(),
            on_gap,
            counts: Counts::default(),
            remote,
            began: Instant::now(),
            last_use: AtomicU64::new(0),
        }
    }

    /// Nothing is published from a closure of this hub that the thread runs just now.
    pub(super) fn enter(&self) -> Result<(), PublishError> {
        if self.order.is_held_here() { Err(Kind::Within.into()) } else { Ok(()) }
    }

    /// A handle or a subscription is given up now.
    pub(super) fn note_use(&self) {
        self.note_use_at(Instant::now());
    }

    /// It is of use at this time.
    pub(super) fn note_use_at(&self, now: Instant) {
        let since = now.saturating_duration_since(self.began);
        self.last_use.fetch_max(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// When a handle or a subscription was last given up.
    pub(super) fn last_use(&self) -> Instant {
        self.began + Duration::from_nanos(self.last_use.load(Ordering::Relaxed))
    }
}

impl<E: EncodeEvent> Core<E> {
    /// Publishes on a log in memory.
    pub(super) fn push(&self, event: &E) -> Result<EventId, PublishError> {
        self.enter()?;
        encode::with_block(event, |block| self.shared.push(block, event.is_terminal()))?
            .map_err(|Closed(_)| Kind::Closed.into())
    }
}

impl<E> fmt::Debug for Core<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("on_gap", &self.on_gap).field("counts", &self.counts).finish_non_exhaustive()
    }
}
