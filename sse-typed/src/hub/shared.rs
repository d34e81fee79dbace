use std::{
    mem,
    panic::resume_unwind,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Retention,
    following::End,
    log::{Block, Page},
    ring::{Names, Read, Ring, Run},
};
use crate::{
    event::{EventId, Gap, GapReason},
    wake::{Ticket, WakeEpoch, WakeQueue},
};

/// The ring and those who wait for it, under one lock.
///
/// The lock is held for a few copies at most: user's code, wakers and I/O are kept out of it. What is found under it and
/// the decision to wait are one step, so no wake-up is lost.
///
/// A delivery takes it once: who is given the last events waits for the next ones already, and by the atomic numbers beside
/// the lock finds out that it does when it looks again.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// The place behind all events.
    head: AtomicU64,
    epoch: WakeEpoch,
    began: Instant,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) ring: Ring,
    waiters: WakeQueue,
    /// The place where a ring that follows another log has begun. A log in memory begins at once.
    pub(super) origin: Option<EventId>,
    pub(super) closing: Closing,
}

/// Whether more will come.
#[derive(Debug)]
pub(super) enum Closing {
    Open,
    /// No more events are taken. What another log has up to the end is not all here yet: see [`following`](super::following).
    Ending(End),
    /// Nothing more will come.
    Closed(End),
}

pub(super) type Locked<'a> = MutexGuard<'a, State>;

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

impl AsMut<WakeQueue> for State {
    fn as_mut(&mut self) -> &mut WakeQueue {
        &mut self.waiters
    }
}

impl Shared {
    /// A log in memory.
    pub(super) fn new(retention: Retention, names: Names) -> Self {
        let ring = Ring::new(retention, names);
        let origin = Some(ring.id(0));
        Self::with(ring, origin)
    }

    /// What is in memory of another log.
    pub(super) fn following(retention: Retention) -> Self {
        Self::with(Ring::new(retention, Names::given(EventId::from(0_u32))), None)
    }

    fn with(ring: Ring, origin: Option<EventId>) -> Self {
        let state = State { ring, waiters: WakeQueue::default(), origin, closing: Closing::Open };
        Self { state: Mutex::new(state), head: AtomicU64::new(0), epoch: WakeEpoch::default(), began: Instant::now() }
    }

    /// A panic under the lock would be one of an allocation, behind which all is as before.
    #[inline]
    pub(super) fn lock(&self) -> Locked<'_> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks, and lets go what is too old.
    #[inline]
    fn lock_fresh(&self) -> Locked<'_> {
        let state = self.lock();
        if state.ring.ages() { self.trimmed(state) } else { state }
    }

    /// Without what is too old. Apart, for most hubs keep events of any age.
    #[inline(never)]
    fn trimmed<'a>(&'a self, mut state: Locked<'a>) -> Locked<'a> {
        let now = self.now(&state);
        state.ring.trim(now);
        if state.ring.gone().is_empty() {
            return state;
        }
        let gone = mem::take(state.ring.gone());
        drop(state);
        // It may be user's.
        drop(gone);
        self.lock()
    }

    /// The clock is looked at only where it matters.
    pub(super) fn now(&self, state: &State) -> Duration {
        if state.ring.ages() { self.began.elapsed() } else { Duration::ZERO }
    }

    /// Something has changed: tells all who wait. A waker that panics does so when all are told.
    pub(super) fn wake<'a>(&'a self, mut state: Locked<'a>) {
        self.head.store(state.ring.head(), Ordering::Release);
        // What was let go for it may be user's, and is dropped behind the last unlocking.
        let _gone = mem::take(state.ring.gone());
        if let Err(panic) = self.epoch.wake_all(state, || self.lock()) {
            resume_unwind(panic);
        }
    }

    /// Appends an event and wakes all who wait. Returns its id on the wire.
    pub(super) fn push(&self, block: &[u8], terminal: bool) -> Result<EventId, Closed> {
        let (id, state) = self.push_and(block, terminal, false)?;
        self.wake(state);
        Ok(id)
    }

    /// Appends an event. Those who wait are still to be [told](Self::stir).
    pub(super) fn push_quietly(&self, block: &[u8], terminal: bool) -> Result<EventId, Closed> {
        let (id, state) = self.push_and(block, terminal, false)?;
        self.head.store(state.ring.head(), Ordering::Release);
        Ok(id)
    }

    /// Appends a last event, and closes.
    pub(super) fn push_last(&self, block: &[u8], terminal: bool) -> Result<EventId, Closed> {
        let (id, state) = self.push_and(block, terminal, true)?;
        self.wake(state);
        Ok(id)
    }

    fn push_and(&self, block: &[u8], terminal: bool, close: bool) -> Result<(EventId, Locked<'_>), Closed> {
        let mut state = self.lock();
        if !matches!(state.closing, Closing::Open) {
            return Err(Closed);
        }
        let now = self.now(&state);
        let n = state.ring.push(None, block, terminal, now);
        if close {
            state.closing = Closing::Closed(End::default());
        }
        Ok((state.ring.event_id(n, terminal), state))
    }

    /// Has all who wait look again.
    pub(super) fn stir(&self) {
        self.wake(self.lock());
    }

    /// No more events are taken; those who wait are told. False if it was so already.
    pub(super) fn close(&self) -> bool {
        let mut state = self.lock();
        let was_open = matches!(state.closing, Closing::Open);
        if was_open {
            state.closing = Closing::Closed(End::default());
        }
        self.wake(state);
        was_open
    }

    /// Whether nothing is behind a place, and the task is registered already. Found out without the lock.
    #[inline]
    pub(super) fn is_waiting(&self, place: u64, ticket: Ticket, waker: &Waker) -> bool {
        self.head.load(Ordering::Acquire) == place && self.epoch.is_registered(ticket, waker)
    }

    /// What is behind a place. With nothing there, or nothing more, the task is woken when there is.
    #[inline]
    pub(super) fn read(&self, place: u64, ticket: &mut Ticket, waker: &Waker) -> Found {
        let mut state = self.lock_fresh();
        match state.ring.read(place) {
            Read::Run(run) => {
                if run.last == state.ring.head() && !run.is_terminal() && !matches!(state.closing, Closing::Closed(_)) {
                    wait(state, ticket, waker);
                }
                Found::Run(run)
            }
            Read::Behind(oldest) => Found::Behind(named(&state, oldest)),
            Read::Nothing if matches!(state.closing, Closing::Closed(_)) => Found::Closed,
            Read::Nothing => {
                wait(state, ticket, waker);
                Found::Waiting
            }
        }
    }

    /// The subscription is gone.
    pub(super) fn leave(&self, ticket: Ticket) {
        if !ticket.was_given() {
            return;
        }
        let waker = self.lock().waiters.deregister(ticket);
        drop(waker);
    }

    /// Whether no more events are taken.
    pub(super) fn is_closed(&self) -> bool {
        !matches!(self.lock().closing, Closing::Open)
    }

    /// Whether nothing more will come.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.lock().closing, Closing::Closed(_))
    }

    /// The place behind all events.
    pub(super) fn head(&self) -> u64 {
        self.lock().ring.head()
    }

    /// The place behind all events, with its id.
    pub(super) fn named_head(&self) -> Named {
        let state = self.lock();
        named(&state, state.ring.head())
    }

    /// The place before the oldest kept event.
    pub(super) fn oldest(&self) -> Named {
        let state = self.lock_fresh();
        named(&state, state.ring.oldest())
    }

    /// The place before the newest `n` events, as far as they are kept.
    pub(super) fn named_before_last(&self, n: u64) -> Named {
        let state = self.lock_fresh();
        named(&state, state.ring.head().saturating_sub(n).max(state.ring.oldest()))
    }

    /// Where a last event ID leads, in a log that is in memory.
    pub(super) fn find(&self, id: &str) -> Option<u64> {
        self.lock().ring.find(id)
    }

    /// The place before the oldest kept event, and how many are kept.
    pub(super) fn kept(&self) -> (u64, u64) {
        let state = self.lock();
        (state.ring.oldest(), state.ring.len() as u64)
    }

    /// Events and bytes that are kept, and how many events there ever were.
    pub(super) fn size(&self) -> (usize, usize, u64) {
        let state = self.lock_fresh();
        (state.ring.len(), state.ring.bytes(), state.ring.pushed())
    }
}

/// As a log of its own.
impl Shared {
    /// Appends an event. Returns its id as logs give it.
    pub(super) fn append(&self, block: &Block) -> EventId {
        let mut state = self.lock();
        let now = self.now(&state);
        let n = state.ring.push(None, block.as_bytes(), block.is_terminal(), now);
        let id = state.ring.id(n);
        self.wake(state);
        id
    }

    pub(super) fn page(&self, after: &str, limit: usize) -> Page {
        let mut state = self.lock_fresh();
        let oldest = state.ring.oldest();
        let gap = match state.ring.find(after) {
            Some(place) if place >= oldest => return Page::contiguous(state.ring.entries(place, limit)),
            Some(place) => Gap::new(Some(oldest - place), GapReason::Trimmed),
            None => Gap::new(None, GapReason::UnknownId),
        };
        let resume = state.ring.id(oldest);
        Page::after_gap(gap, resume, state.ring.entries(oldest, limit))
    }
}

/// One who waits for the ring, apart from subscriptions.
pub(super) struct Waiting<'a> {
    shared: &'a Shared,
    ticket: Ticket,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared, ticket: Ticket::default() }
    }

    /// Whether it is so. The task is then woken by what comes next.
    pub(super) fn while_so(&mut self, is_so: impl FnOnce(&State) -> bool, cx: &Context<'_>) -> bool {
        let state = self.shared.lock();
        if !is_so(&state) {
            return false;
        }
        wait(state, &mut self.ticket, cx.waker());
        true
    }

    /// Whether nothing is behind this place.
    pub(super) fn is_at_head(&mut self, id: &str, cx: &Context<'_>) -> bool {
        self.while_so(|state| state.ring.find(id) == Some(state.ring.head()), cx)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.leave(self.ticket);
    }
}

/// Registers the task, so that the next event wakes it, and unlocks.
pub(super) fn wait(mut state: Locked<'_>, ticket: &mut Ticket, waker: &Waker) {
    let replaced = state.waiters.register(ticket, waker);
    drop(state);
    drop(replaced);
}

fn named(state: &State, number: u64) -> Named {
    Named { number, id: state.ring.id(number) }
}
