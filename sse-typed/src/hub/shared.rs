use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Retention, id,
    ring::{Names, Read, Ring, Run},
    waiters::{Ticket, Waiters},
};
use crate::event::EventId;

/// The ring and those who wait for it, under one lock.
///
/// The lock is held for a few copies at most: user's code, wakers and I/O are kept out of it. What is found under it and
/// the decision to wait are one step, so no wake-up is lost.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    began: Instant,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    waiters: Waiters,
    closed: bool,
}

/// No more events are taken.
#[derive(Debug)]
pub(super) struct Closed;

/// What a subscription finds behind its place.
pub(super) enum Found {
    Run(Run),
    /// It waits.
    Waiting,
    /// Nothing, and nothing will come.
    Closed,
    /// The place is before the history, which begins behind this one.
    Behind(Named),
}

/// A place, and the id that leads there.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) number: u64,
    pub(super) id: EventId,
}

/// Where a last event ID leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    Place(u64),
    Unknown,
    /// It is a terminal event's.
    Over,
}

impl Shared {
    pub(super) fn new(retention: Retention, names: Names) -> Self {
        let state = State { ring: Ring::new(retention, names), waiters: Waiters::default(), closed: false };
        Self { state: Mutex::new(state), began: Instant::now() }
    }

    /// A panic under the lock would be one of an allocation, behind which all is as before.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks, and lets go what is too old.
    fn lock_fresh(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.ring.ages() {
            let now = self.now(&state);
            state.ring.trim(now);
        }
        state
    }

    /// The clock is looked at only where it matters.
    fn now(&self, state: &State) -> Duration {
        if state.ring.ages() { self.began.elapsed() } else { Duration::ZERO }
    }

    /// Appends an event and wakes all who wait. Returns its name.
    pub(super) fn push(&self, block: &[u8], terminal: bool) -> Result<EventId, Closed> {
        self.push_and(block, terminal, false)
    }

    /// Appends a last event, and closes.
    pub(super) fn push_last(&self, block: &[u8], terminal: bool) -> Result<EventId, Closed> {
        self.push_and(block, terminal, true)
    }

    fn push_and(&self, block: &[u8], terminal: bool, close: bool) -> Result<EventId, Closed> {
        let mut state = self.lock();
        if state.closed {
            return Err(Closed);
        }
        let now = self.now(&state);
        let n = state.ring.push(None, block, terminal, now);
        state.closed = close;
        let id = state.ring.event_id(n, terminal);
        self.wake(state);
        Ok(id)
    }

    /// No more events are taken; those who wait are told. False if it was so already.
    pub(super) fn close(&self) -> bool {
        let mut state = self.lock();
        let open = !state.closed;
        state.closed = true;
        self.wake(state);
        open
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let woken = state.waiters.take();
        drop(state);
        if !woken.is_empty() {
            let room = woken.wake();
            self.lock().waiters.give_back(room);
        }
    }

    /// What is behind a place; with nothing there, the task is woken when there is.
    pub(super) fn read(&self, place: u64, ticket: &mut Ticket, waker: &Waker) -> Found {
        let mut state = self.lock_fresh();
        match state.ring.read(place) {
            Read::Run(run) => Found::Run(run),
            Read::Behind(oldest) => Found::Behind(named(&state, oldest)),
            Read::Nothing if state.closed => Found::Closed,
            Read::Nothing => {
                let replaced = state.waiters.wait(ticket, waker);
                drop(state);
                drop(replaced);
                Found::Waiting
            }
        }
    }

    /// The subscription is gone.
    pub(super) fn leave(&self, ticket: Ticket) {
        if !ticket.was_given() {
            return;
        }
        let waker = self.lock().waiters.leave(ticket);
        drop(waker);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The place behind all events.
    pub(super) fn head(&self) -> u64 {
        self.lock().ring.head()
    }

    /// The place before the oldest kept event.
    pub(super) fn oldest(&self) -> Named {
        let state = self.lock_fresh();
        named(&state, state.ring.oldest())
    }

    /// The place behind all events, with its name.
    pub(super) fn named_head(&self) -> Named {
        let state = self.lock();
        named(&state, state.ring.head())
    }

    /// The place before the newest `n` events, as far as they are kept.
    pub(super) fn before_last(&self, n: u64) -> u64 {
        let state = self.lock_fresh();
        state.ring.head().saturating_sub(n).max(state.ring.oldest())
    }

    pub(super) fn look_up(&self, id: &str) -> Lookup {
        if id::is_terminal(id) {
            return Lookup::Over;
        }
        self.lock().ring.find(id).map_or(Lookup::Unknown, Lookup::Place)
    }

    pub(super) fn oldest_segment(&self) -> u64 {
        self.lock().ring.oldest_segment()
    }

    /// Events and bytes that are kept, and the place behind them.
    pub(super) fn size(&self) -> (usize, usize, u64) {
        let state = self.lock_fresh();
        (state.ring.len(), state.ring.bytes(), state.ring.head())
    }
}

fn named(state: &State, number: u64) -> Named {
    Named { number, id: state.ring.id(number) }
}
