use std::{
    fmt,
    sync::{
        Arc, Mutex, TryLockError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{Block, OnGap, PublishError, error::Kind, order::Order, shared::Shared, tail::Remote};
use crate::codec::{EncodeEvent, Encoder};

/// What a hub and its subscriptions share.
pub(super) struct Core<E> {
    pub(super) shared: Arc<Shared>,
    pub(super) order: Order,
    pub(super) on_gap: OnGap<E>,
    pub(super) counts: Counts,
    /// The log, if it is not in this process's memory.
    pub(super) remote: Option<Remote>,
    /// Room to encode in, if nobody else is just using it.
    scratch: Mutex<Encoder>,
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
            scratch: Mutex::default(),
            began: Instant::now(),
            last_use: AtomicU64::new(0),
        }
    }

    /// A handle or a subscription is given up now.
    pub(super) fn note_use(&self) {
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last_use.fetch_max(now, Ordering::Relaxed);
    }

    /// When a handle or a subscription was last given up.
    pub(super) fn last_use(&self) -> Instant {
        self.began + Duration::from_nanos(self.last_use.load(Ordering::Relaxed))
    }

    /// Encodes an event without its id, and lends the block. User's code runs in here, so no lock is waited for.
    pub(super) fn with_block<T>(&self, event: &E, lend: impl FnOnce(&[u8]) -> T) -> Result<T, PublishError>
    where
        E: EncodeEvent,
    {
        let mut own = Encoder::new();
        let mut scratch = match self.scratch.try_lock() {
            Ok(scratch) => Some(scratch),
            Err(TryLockError::Poisoned(scratch)) => Some(scratch.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        let encoder = scratch.as_deref_mut().unwrap_or(&mut own);
        encoder.clear();
        encoder.encode_without_id(event).map_err(Kind::Encode)?;
        if encoder.is_empty() {
            return Err(Kind::NeverSent(event.event_type().to_owned()).into());
        }
        let lent = lend(encoder.as_bytes());
        // At once, because the next event may be long in coming. What a panic leaves is cleared by it.
        encoder.clear();
        Ok(lent)
    }
}

impl<E: EncodeEvent> Core<E> {
    /// Encodes an event for a log that is elsewhere.
    pub(super) fn block(&self, event: &E) -> Result<Block, PublishError> {
        self.with_block(event, |block| Block::encoded(Bytes::copy_from_slice(block), event.is_terminal()))
    }
}

impl<E> fmt::Debug for Core<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("on_gap", &self.on_gap).field("counts", &self.counts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        RawEvent,
        hub::{Retention, id::Epoch, ring::Names},
    };

    #[test]
    fn a_hub_does_not_keep_the_room_of_a_large_event() {
        let shared = Shared::new(Retention::default(), Names::Numbered(Epoch::random()));
        let core = Core::new(Arc::new(shared), OnGap::Ignore, None);
        let large = RawEvent::new("large", "x".repeat(1 << 20));
        assert_eq!(core.with_block(&large, <[u8]>::len).unwrap(), "event: large\ndata: \n\n".len() + (1 << 20));
        let room = core.scratch.lock().unwrap().room();
        assert!(room <= 64 << 10, "{room}");
    }
}
