//! The part of a log elsewhere that is in memory: how the follower fills it, and how a hub ends in that log.
//!
//! # Closing
//!
//! A closed log says so in its pages. The hub then ends where the log ends, whichever process closed it, and a
//! subscription that begins later reads the retained events and then the end.
//!
//! A hub also ends when its last handle is dropped, while other processes continue to append to its log. The hub then
//! ends at a position in the log, and a reader that reaches the position ends.
//!
//! | state | events are taken | entered by |
//! |---|---|---|
//! | `Open` | yes | |
//! | `Ending`, position unknown | no | dropping the last handle; an append to a log that others have closed |
//! | `Ending`, position known | no | `Hub::close`, when the log is closed; the follower, when the log has answered with its head |
//! | `Closed` | no | the follower, when it reaches the end |
//!
//! Dropping the last handle cannot ask the log for its head, so the follower asks once the hub is ending. It cannot
//! miss an event of the hub: the hub takes no events while the follower asks, so the head is not before any event that
//! was taken. If the events up to that head are trimmed before they are read, a gap leads past the end; that gap is
//! the last one that is reported.
//!
//! Only the follower leaves `Ending`. When the follower is dropped with its runtime, the state stays as it is and all
//! waiting tasks are woken: the first one that is polled starts another follower, which continues from there. If nobody
//! is subscribed, there is no follower, and nobody waits for one.

use std::{
    future::poll_fn,
    sync::atomic::Ordering,
    task::{Poll, Waker},
};

use super::{
    end::{CloseState, EndPosition, HubEnd},
    history::{History, HistoryState, register_and_unlock},
    read::RingPosition,
    waiter::HistoryWaiter,
};
use crate::{event::EventId, hub::log::LogEntry, wake::Ticket};

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) enum ExtendOutcome {
    /// All of its events are in the ring.
    All,
    /// None are: the hub ends, and the position of the end must be known first.
    EndUnknown,
    /// The events before the end are in the ring. No more events follow.
    Closed,
    /// None are: the ring was forgotten since the follower has begun it.
    Forgotten,
}

/// Where a position is.
pub(in crate::hub) enum RingLookup {
    Found(u64),
    /// It is not in the ring. The task is registered, if there can be new events.
    NotFound(HubEnd),
}

/// When a subscription was made.
pub(in crate::hub) struct HubMark {
    /// The position after all events in the ring, if it had begun.
    pub(in crate::hub) head: Option<EventId>,
    appends: u64,
}

impl HistoryState {
    fn hub_end(&self) -> HubEnd {
        match &self.close_state {
            CloseState::Open => HubEnd::NotEnding,
            CloseState::Ending(EndPosition(None)) => HubEnd::PositionUnknown,
            CloseState::Ending(end) | CloseState::Closed(end) => HubEnd::At(end.clone()),
        }
    }

    /// Closes if the end is in the ring already: the ring may have reached it before it was known to be the end.
    pub(super) fn close_if_end_is_in_ring(&mut self) {
        if let CloseState::Ending(end) = &self.close_state
            && self.origin.is_some()
            && end.get().is_some_and(|position| self.ring.find(position.as_str()).is_some())
        {
            self.close_state = CloseState::Closed(end.clone());
        }
    }

    /// Closes if the position that the ring has reached is the end.
    fn close_if_end(&mut self, reached: &EventId) {
        if let CloseState::Ending(end) = &self.close_state
            && end.is(reached)
        {
            self.close_state = CloseState::Closed(end.clone());
        }
    }
}

impl History {
    /// The present, to be compared later.
    pub(in crate::hub) fn mark(&self) -> HubMark {
        let head = self.head_if_begun().map(|head| head.id);
        HubMark { head, appends: self.appends.load(Ordering::Acquire) }
    }

    /// Notes that this hub begins an append to its log.
    pub(in crate::hub) fn note_append(&self) {
        self.appends.fetch_add(1, Ordering::Release);
    }

    /// Whether this hub has begun an append since then.
    pub(in crate::hub) fn has_appended_since(&self, mark: &HubMark) -> bool {
        self.appends.load(Ordering::Acquire) != mark.appends
    }

    /// The position at which the ring begins, once it is known.
    pub(in crate::hub) fn origin(&self) -> Option<EventId> {
        self.lock().origin.clone()
    }

    /// Whether it is known where the ring begins in the log.
    pub(in crate::hub) fn has_begun(&self) -> bool {
        self.lock().origin.is_some()
    }

    /// Whether it is known where the ring begins, or that it never begins. If not, the task is registered.
    pub(in crate::hub) fn has_begun_or_wait(&self, ticket: &mut Ticket, waker: &Waker) -> bool {
        let state = self.lock();
        if state.origin.is_some() || state.is_over() {
            return true;
        }
        register_and_unlock(state, ticket, waker);
        false
    }

    /// The position after all events, if the ring has begun.
    pub(in crate::hub) fn head_if_begun(&self) -> Option<RingPosition> {
        let state = self.lock();
        state.origin.is_some().then(|| RingPosition::new(&state, state.ring.head()))
    }

    /// Begins the ring at this position, unless it has begun. Returns the position up to which it has events.
    pub(in crate::hub) fn begin(&self, at: EventId) -> EventId {
        let mut state = self.lock();
        if state.origin.is_none() {
            state.ring.rebase(at.clone());
            state.origin = Some(at);
            state.close_if_end_is_in_ring();
        }
        let head = state.ring.id(state.ring.head());
        self.wake_waiting_quietly(state);
        head
    }

    /// Restarts the ring after a gap of the log. All events in the ring are before the gap and are trimmed. False if the
    /// ring was [forgotten](Self::forgotten) since.
    pub(in crate::hub) fn rebase(&self, at: &EventId, forgotten: u32) -> bool {
        let mut state = self.lock();
        if state.forgotten != forgotten {
            return false;
        }
        state.ring.rebase(at.clone());
        state.close_if_end(at);
        self.wake_waiting_quietly(state);
        true
    }

    /// Adds the next events of the log, up to the end of the hub, unless the ring was [forgotten](Self::forgotten) since.
    /// Dropping the entries may run code of the log, so the caller drops them, outside of the lock.
    pub(in crate::hub) fn extend(&self, entries: &[LogEntry], forgotten: u32) -> ExtendOutcome {
        let mut locked = self.lock();
        let now = self.now(&locked);
        let state = &mut *locked;
        if state.forgotten != forgotten {
            return ExtendOutcome::Forgotten;
        }
        match &state.close_state {
            CloseState::Ending(EndPosition(None)) => return ExtendOutcome::EndUnknown,
            CloseState::Open | CloseState::Ending(_) | CloseState::Closed(_) => {}
        }
        for entry in entries {
            if state.is_over() {
                break;
            }
            state.ring.push(Some(entry.id.clone()), entry.block.as_bytes(), entry.ends(), now);
            state.close_if_end(&entry.id);
        }
        let outcome = if state.is_over() { ExtendOutcome::Closed } else { ExtendOutcome::All };
        self.wake_waiting_quietly(locked);
        outcome
    }

    /// Finds a position. If it is not in the ring, the task is registered to be woken by new events.
    pub(in crate::hub) fn find_or_wait(&self, id: &str, ticket: &mut Ticket, waker: &Waker) -> RingLookup {
        let state = self.lock();
        if state.origin.is_some()
            && let Some(position) = state.ring.find(id)
        {
            return RingLookup::Found(position);
        }
        let end = state.hub_end();
        // A registered task counts as one that has all events, and a closed hub has no new events.
        if !state.is_over() {
            register_and_unlock(state, ticket, waker);
        }
        RingLookup::NotFound(end)
    }

    /// How often the ring was restarted, after a gap or for other reasons.
    pub(in crate::hub) fn restarts(&self) -> u64 {
        self.lock().ring.restarts()
    }

    /// Whether the hub ends, and where.
    pub(in crate::hub) fn hub_end(&self) -> HubEnd {
        self.lock().hub_end()
    }

    /// Waits until the hub is ending.
    pub(in crate::hub) async fn wait_until_ending(&self) {
        let mut waiter = HistoryWaiter::new(self);
        let is_open = |state: &HistoryState| matches!(state.close_state, CloseState::Open);
        poll_fn(|cx| if waiter.wait_while(is_open, cx) { Poll::Pending } else { Poll::Ready(()) }).await;
    }

    /// Takes no more events. The hub ends at this position, where the log was closed; or else at the head that the log
    /// has now.
    pub(in crate::hub) fn begin_ending(&self, at: Option<EventId>) {
        let mut locked = self.lock();
        let state = &mut *locked;
        state.is_log_closed |= at.is_some();
        if matches!(state.close_state, CloseState::Open) {
            state.close_state = CloseState::Ending(EndPosition::new(at));
            state.close_if_end_is_in_ring();
        }
        self.wake_waiting_quietly(locked);
    }

    /// Sets the position of the end of a hub that is ending.
    pub(in crate::hub) fn set_end_position(&self, head: EventId) {
        let mut locked = self.lock();
        let state = &mut *locked;
        if let CloseState::Ending(end) = &mut state.close_state {
            *end = EndPosition::new(Some(head));
            state.close_if_end_is_in_ring();
        }
        self.wake_waiting_quietly(locked);
    }

    /// Closes: the ring has all events of a log that is closed.
    pub(in crate::hub) fn close_with_log(&self) {
        self.lock().is_log_closed = true;
        self.close_at_head();
    }

    /// Closes: the ring has all events of its log or of its hub.
    pub(in crate::hub) fn close_at_head(&self) {
        let mut state = self.lock();
        if !state.is_over() {
            let position = state.origin.is_some().then(|| state.ring.id(state.ring.head()));
            state.close_state = CloseState::Closed(EndPosition::new(position));
        }
        self.wake_waiting_quietly(state);
    }

    /// Remembers that the log is closed and retains no event. That stays so.
    pub(in crate::hub) fn set_log_closed_and_empty(&self) {
        self.lock().is_log_closed_and_empty = true;
    }

    /// Whether the log is known to be closed and to retain no event.
    pub(in crate::hub) fn is_log_closed_and_empty(&self) -> bool {
        self.lock().is_log_closed_and_empty
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Retention, id::has_end_mark};

    #[test]
    fn the_id_of_the_end_has_the_end_mark_if_the_log_itself_was_closed() {
        for is_log_closed in [true, false] {
            let history = History::of_remote_log(Retention::default());
            history.begin(EventId::from(7_u32));
            history.begin_ending(is_log_closed.then(|| EventId::from(7_u32)));
            // The last handle is dropped as well.
            history.begin_ending(None);
            assert_eq!(has_end_mark(history.end_id().unwrap().as_str()), is_log_closed);
        }
    }
}
