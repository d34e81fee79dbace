//! Reads the events after a position, and finds positions.

use std::{mem, sync::atomic::Ordering, task::Waker};

use super::{
    end::CloseState,
    history::{History, HistoryState, register_and_unlock},
    ring::{EventSlice, RingRead},
};
use crate::{
    event::EventId,
    hub::{id, log::Page},
    wake::Ticket,
};

/// The result of reading after the position of a subscription.
pub(in crate::hub) enum HistoryRead {
    Slice(EventSlice),
    /// Nothing yet. The task is registered.
    Waiting,
    /// Nothing, and no more events follow.
    Closed,
    /// Events after the position are trimmed. The retained events begin after this position.
    Trimmed(RingPosition),
}

/// A position in the ring, and the id that leads to it.
#[derive(Debug)]
pub(in crate::hub) struct RingPosition {
    pub(in crate::hub) number: u64,
    pub(in crate::hub) id: EventId,
}

impl RingPosition {
    pub(super) fn new(state: &HistoryState, number: u64) -> Self {
        Self { number, id: state.ring.id(number) }
    }
}

impl History {
    /// Whether nothing is after a position and the task is registered already. It does not take the lock.
    #[inline]
    pub(in crate::hub) fn is_waiting(&self, position: u64, ticket: &Ticket, waker: &Waker) -> bool {
        self.head.load(Ordering::Acquire) == position && self.epoch.is_registered(ticket, waker)
    }

    /// Reads after a position. If nothing is there, or nothing after the events that are returned, the task is
    /// registered to be woken by the next event.
    #[inline]
    pub(in crate::hub) fn read(&self, position: u64, ticket: &mut Ticket, waker: &Waker) -> HistoryRead {
        let mut state = self.lock_trimmed();
        match state.ring.read(position) {
            RingRead::Slice(slice) => {
                if !state.ring.trimmed_segments().is_empty() {
                    state = self.drop_trimmed_segments(state);
                }
                if slice.last == state.ring.head() && !slice.ends_stream() && !state.is_over() {
                    register_and_unlock(state, ticket, waker);
                }
                HistoryRead::Slice(slice)
            }
            RingRead::Trimmed(oldest) => HistoryRead::Trimmed(RingPosition::new(&state, oldest)),
            RingRead::Empty if state.is_over() => HistoryRead::Closed,
            RingRead::Empty => {
                register_and_unlock(state, ticket, waker);
                HistoryRead::Waiting
            }
        }
    }

    /// Reads a page, as a log in memory answers it.
    pub(super) fn page(&self, after: &str, limit: usize) -> Page {
        // Segments that were joined: dropped after the unlock.
        let _trimmed;
        let mut state = self.lock_trimmed();
        let (page, is_all) = state.ring.page(after, limit);
        _trimmed = mem::take(state.ring.trimmed_segments());
        if is_all && state.is_over() { page.closed(state.end) } else { page }
    }

    /// Whether no more events are taken.
    pub(in crate::hub) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Whether no more events follow.
    pub(in crate::hub) fn is_over(&self) -> bool {
        self.lock().is_over()
    }

    /// Whether a position is the end of a history after which no more events follow.
    pub(in crate::hub) fn is_end(&self, position: u64) -> bool {
        let state = self.lock();
        state.is_over() && position == state.ring.head()
    }

    /// Whether no more events are taken, and this id is known to be the position after all of them.
    pub(in crate::hub) fn is_end_id(&self, id: &str) -> bool {
        match &self.lock().close_state {
            CloseState::Open => false,
            CloseState::Ending(end) | CloseState::Closed(end) => end.get().is_some_and(|end| end.as_str() == id),
        }
    }

    /// The id of the end, for a client that has everything. It has the end mark if the log itself was closed: then
    /// other servers need not ask the log.
    pub(in crate::hub) fn end_id(&self) -> Option<EventId> {
        let state = self.lock();
        let last = match &state.close_state {
            CloseState::Open => return None,
            CloseState::Ending(last) | CloseState::Closed(last) => last.get().cloned(),
        };
        let position = last.unwrap_or_else(|| state.ring.id(state.ring.head()));
        Some(if state.is_log_closed { id::with_end_mark(&position) } else { position })
    }

    /// The position that an id names, in a log in memory. It may be before the retained events.
    pub(in crate::hub) fn find(&self, id: &str) -> Option<u64> {
        self.lock().ring.find(id)
    }

    /// The id of a position.
    pub(in crate::hub) fn id_of(&self, position: u64) -> EventId {
        self.lock().ring.id(position)
    }

    /// The position after all events.
    pub(in crate::hub) fn head(&self) -> u64 {
        self.lock().ring.head()
    }

    /// The position after all events, with its id.
    pub(in crate::hub) fn head_position(&self) -> RingPosition {
        let state = self.lock();
        RingPosition::new(&state, state.ring.head())
    }

    /// The position before the oldest retained event.
    pub(in crate::hub) fn oldest_position(&self) -> RingPosition {
        let state = self.lock_trimmed();
        RingPosition::new(&state, state.ring.oldest())
    }

    /// The position before the newest `n` events, as far as they are retained.
    pub(in crate::hub) fn position_before_last(&self, n: u64) -> RingPosition {
        let state = self.lock_trimmed();
        RingPosition::new(&state, state.ring.head().saturating_sub(n).max(state.ring.oldest()))
    }

    /// The position before the oldest retained event, and the number of retained events. It does not take the lock.
    pub(in crate::hub) fn retained(&self) -> (u64, u64) {
        let oldest = self.oldest.load(Ordering::Acquire);
        (oldest, self.head.load(Ordering::Acquire).saturating_sub(oldest))
    }

    /// The number of retained events, their bytes, and the number of events that were ever published.
    pub(in crate::hub) fn size(&self) -> (usize, usize, u64) {
        let state = self.lock_trimmed();
        (state.ring.len(), state.ring.bytes(), state.ring.total_events())
    }
}
