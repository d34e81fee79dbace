//! How the ring of a store's hub begins with the newest events of its log, and forgets them when nobody is subscribed.

use std::{mem, sync::Arc};

use super::{history::History, ring::Segment};
use crate::{event::EventId, hub::log::LogEntry};

impl History {
    /// Empties the ring, and puts it after this position. False if the ring has begun: a publisher was first.
    ///
    /// The ring begins with [`finish_preload`](Self::finish_preload). Until then no position in it can be read.
    pub(in crate::hub) fn begin_preload(&self, at: EventId) -> bool {
        // Dropped outside of the lock.
        let _trimmed;
        let mut state = self.lock();
        if state.origin.is_some() {
            return false;
        }
        state.ring.set_used();
        state.ring.rebase(at);
        _trimmed = mem::take(state.ring.trimmed_segments());
        self.store_bounds(&state);
        true
    }

    /// Adds the next events before the ring begins. False if it has begun.
    pub(in crate::hub) fn preload(&self, entries: &[LogEntry]) -> bool {
        let mut locked = self.lock();
        let now = self.now(&locked);
        let state = &mut *locked;
        if state.origin.is_some() {
            return false;
        }
        for entry in entries {
            state.ring.push(Some(entry.id.clone()), entry.block.as_bytes(), entry.ends(), now);
        }
        self.store_bounds(state);
        true
    }

    /// Begins the ring after the events that are in it. Does nothing if it has begun.
    pub(in crate::hub) fn finish_preload(&self) {
        let mut state = self.lock();
        if state.origin.is_none() {
            state.origin = Some(state.ring.id(state.ring.head()));
            state.close_if_end_is_in_ring();
        }
        self.wake_waiting_quietly(state);
    }

    /// Empties a ring that nobody reads, and forgets where it began. The caller drops what was in it.
    pub(in crate::hub) fn forget(&self) -> Vec<Arc<Segment>> {
        let mut state = self.lock();
        if state.is_over() || state.origin.take().is_none() {
            return Vec::new();
        }
        state.forgotten = state.forgotten.wrapping_add(1);
        let head = state.ring.id(state.ring.head());
        state.ring.rebase(head);
        let forgotten = mem::take(state.ring.trimmed_segments());
        self.store_bounds(&state);
        forgotten
    }

    /// How often the ring was [forgotten](Self::forget). A follower asks before it begins, and passes the answer with what it
    /// has read: a read from before the ring was forgotten adds nothing.
    pub(in crate::hub) fn forgotten(&self) -> u32 {
        self.lock().forgotten
    }

    /// Whether the events up to this one have been read.
    pub(in crate::hub) fn has_read(&self, id: &EventId) -> bool {
        let state = self.lock();
        state.origin.is_some() && state.ring.find(id.as_str()).is_some()
    }

    /// The id of the position after all events in the ring.
    pub(in crate::hub) fn head_id(&self) -> EventId {
        self.head_position().id
    }

    /// How many events the ring retains at most.
    pub(in crate::hub) fn max_events(&self) -> usize {
        self.lock().ring.max_events()
    }

    /// How many retained events are after the position at which the ring began.
    pub(in crate::hub) fn count_behind_origin(&self) -> u64 {
        let state = self.lock();
        let Some(origin) = &state.origin else { return 0 };
        let first = state.ring.find(origin.as_str()).unwrap_or(state.ring.oldest());
        state.ring.head().saturating_sub(first)
    }
}
