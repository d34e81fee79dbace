//! The part of a log elsewhere that is in memory, as its follower and its readers see it, and how a hub ends in such a log.
//!
//! # Closing
//!
//! A log that is closed says so in its pages: the hub ends where the log does, whichever process has closed it, and a
//! subscription that begins later reads what is kept and then the end.
//!
//! A hub whose last handle is dropped ends too, while others go on appending to its log. So its end is a place in the log, and
//! a reader that comes to it ends.
//!
//! | state | events are taken | entered by |
//! |---|---|---|
//! | `Open` | yes | |
//! | `Ending`, the head unknown | no | the last handle that is dropped; an append to a log that others have closed |
//! | `Ending`, the head known | no | `Hub::close`, when the log is closed; the follower, which asks the log for its head |
//! | `Closed` | no | the follower, when it has come to the end |
//!
//! Whoever drops the last handle cannot ask the log where it ends. So the end is the head as the follower asks for it once the
//! hub ends. That head cannot be missed: while it is asked for nobody takes events, so it is not before anything that was
//! taken. Where it is let go before it is read, a gap leads behind the end, and is the last that is told.
//!
//! The follower alone moves on from `Ending`. When it goes with its runtime, it leaves the state as it is, and all who
//! wait are woken: the first to be polled begins another one, which goes on from there. If nobody is subscribed nobody
//! follows, and nobody is kept waiting.

use std::{
    future::poll_fn,
    task::{Poll, Waker},
};

use super::{
    log::LogEntry,
    shared::{Closing, Shared, State, Waiting, wait},
};
use crate::{event::EventId, wake::Ticket};

/// Where a hub ends in a log elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LastPlace(Option<EventId>);

impl LastPlace {
    /// Whether this place is the end.
    pub(super) fn is(&self, place: &EventId) -> bool {
        self.get() == Some(place)
    }

    /// The place that nothing of the hub is behind, if it is known.
    pub(super) const fn get(&self) -> Option<&EventId> {
        self.0.as_ref()
    }
}

/// Whether the hub ends, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    No,
    /// It does, and where is being asked.
    Somewhere,
    /// Behind no place but this.
    At(LastPlace),
}

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    All,
    /// Nothing: the hub ends, and where must be known first.
    Nothing,
    /// What is not behind the end. That was the last.
    Closed,
}

/// What became of a place.
pub(super) enum Sought {
    /// It is in the ring.
    Place(u64),
    /// It is not, and the task is woken by news, if there can be any.
    Outside(Ending),
}

impl State {
    fn ending(&self) -> Ending {
        match &self.closing {
            Closing::Open => Ending::No,
            Closing::Ending(LastPlace(None)) => Ending::Somewhere,
            Closing::Ending(end) | Closing::Closed(end) => Ending::At(end.clone()),
        }
    }

    /// The ring may have come to the end before it was known.
    fn close_if_there(&mut self) {
        if let Closing::Ending(end) = &self.closing
            && self.origin.is_some()
            && end.get().is_some_and(|place| self.ring.find(place.as_str()).is_some())
        {
            self.closing = Closing::Closed(end.clone());
        }
    }

    /// The ring has come to this place.
    fn came_to(&mut self, place: &EventId) {
        if let Closing::Ending(end) = &self.closing
            && end.is(place)
        {
            self.closing = Closing::Closed(end.clone());
        }
    }
}

impl Shared {
    /// The place behind all events, and its id unless the ring has yet to begin.
    pub(super) fn begun_head(&self) -> (u64, Option<EventId>) {
        let state = self.lock();
        let head = state.ring.head();
        (head, state.origin.is_some().then(|| state.ring.id(head)))
    }

    /// The ring begins at this place, unless it has begun before. Returns the place up to which it has come.
    pub(super) fn begin(&self, at: EventId) -> EventId {
        let mut state = self.lock();
        if state.origin.is_none() {
            state.ring.rebase(at.clone());
            state.origin = Some(at);
            state.close_if_there();
        }
        let head = state.ring.id(state.ring.head());
        self.wake(state);
        head
    }

    /// Where the ring has begun.
    pub(super) fn origin(&self) -> Option<EventId> {
        self.lock().origin.clone()
    }

    /// There is a hole in what the log still has: all in the ring lies before it.
    pub(super) fn rebase(&self, at: &EventId) {
        let mut state = self.lock();
        state.ring.rebase(at.clone());
        state.came_to(at);
        self.wake(state);
    }

    /// Takes what the log has next, up to the end. The entries are the log's, and so is what happens when they are dropped:
    /// that is the caller's to do, where no lock is held.
    pub(super) fn extend(&self, entries: &[LogEntry]) -> Taken {
        let mut locked = self.lock();
        let now = self.now(&locked);
        let state = &mut *locked;
        match &state.closing {
            Closing::Ending(LastPlace(None)) => return Taken::Nothing,
            Closing::Open | Closing::Ending(_) | Closing::Closed(_) => {}
        }
        for entry in entries {
            if matches!(state.closing, Closing::Closed(_)) {
                break;
            }
            state.ring.push(Some(entry.id.clone()), entry.block.as_bytes(), entry.ends(), now);
            state.came_to(&entry.id);
        }
        let taken = if matches!(state.closing, Closing::Closed(_)) { Taken::Closed } else { Taken::All };
        self.wake(locked);
        taken
    }

    /// No more events are taken: the hub ends at this place, where the log was closed, or where the log has its head now.
    pub(super) fn end(&self, at: Option<EventId>) {
        let mut locked = self.lock();
        let state = &mut *locked;
        state.log_ended |= at.is_some();
        if matches!(state.closing, Closing::Open) {
            state.closing = Closing::Ending(LastPlace(at));
            state.close_if_there();
        }
        self.wake(locked);
    }

    /// Nothing of a hub that ends is behind this place.
    pub(super) fn end_before(&self, head: EventId) {
        let mut locked = self.lock();
        let state = &mut *locked;
        if let Closing::Ending(end) = &mut state.closing {
            *end = LastPlace(Some(head));
            state.close_if_there();
        }
        self.wake(locked);
    }

    /// The ring has come to the end of its log.
    pub(super) fn log_ended_here(&self) {
        self.lock().log_ended = true;
        self.end_here();
    }

    /// The ring has come to the end of its log, or of its hub: there is nothing more.
    pub(super) fn end_here(&self) {
        let mut state = self.lock();
        if !matches!(state.closing, Closing::Closed(_)) {
            let place = state.origin.is_some().then(|| state.ring.id(state.ring.head()));
            state.closing = Closing::Closed(LastPlace(place));
        }
        self.wake(state);
    }

    /// Whether the hub ends.
    pub(super) fn ending(&self) -> Ending {
        self.lock().ending()
    }

    /// Waits until the hub ends.
    pub(super) async fn ends(&self) {
        let mut waiting = Waiting::new(self);
        let is_open = |state: &State| matches!(state.closing, Closing::Open);
        poll_fn(|cx| if waiting.while_so(is_open, cx) { Poll::Pending } else { Poll::Ready(()) }).await;
    }

    /// Looks for a place, and waits for news if it is not in the ring.
    pub(super) fn seek(&self, id: &str, ticket: &mut Ticket, waker: &Waker) -> Sought {
        let state = self.lock();
        if state.origin.is_some()
            && let Some(place) = state.ring.find(id)
        {
            return Sought::Place(place);
        }
        let ending = state.ending();
        // Who waits is taken for one who has all there is, and of a hub that is closed there is no news.
        if !matches!(state.closing, Closing::Closed(_)) {
            wait(state, ticket, waker);
        }
        Sought::Outside(ending)
    }

    /// Waits until the ring has begun. False while it waits.
    pub(super) fn await_begin(&self, ticket: &mut Ticket, waker: &Waker) -> bool {
        let state = self.lock();
        if state.origin.is_some() || matches!(state.closing, Closing::Closed(_)) {
            return true;
        }
        wait(state, ticket, waker);
        false
    }
}
