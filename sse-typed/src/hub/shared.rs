use std::{
    mem,
    panic::resume_unwind,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Retention,
    following::LastPlace,
    id::{self, Ends},
    log::{Block, End, Page},
    ring::{Names, Pushed, Read, Ring, Run},
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
    /// The place before the oldest kept event.
    oldest: AtomicU64,
    /// No more events are taken.
    is_closed: AtomicBool,
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
    /// How a log in memory was closed.
    end: End,
    /// The log was closed, and not only its hub given up.
    pub(super) log_ended: bool,
    /// Another log is closed, and keeps nothing.
    nothing_kept: bool,
}

/// Whether more will come.
#[derive(Debug)]
pub(super) enum Closing {
    Open,
    /// No more events are taken. What another log has up to the end is not all here yet: see [`following`](super::following).
    Ending(LastPlace),
    /// Nothing more will come.
    Closed(LastPlace),
}

pub(super) type Locked<'a> = MutexGuard<'a, State>;

/// No more events are taken: the log has ended like this.
#[derive(Debug)]
pub(super) struct Closed(pub(super) End);

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
        let state = State {
            ring,
            waiters: WakeQueue::default(),
            origin,
            closing: Closing::Open,
            end: End::default(),
            log_ended: false,
            nothing_kept: false,
        };
        Self {
            state: Mutex::new(state),
            head: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            epoch: WakeEpoch::default(),
            began: Instant::now(),
        }
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
        self.note_ends(&state);
        if state.ring.gone().is_empty() { state } else { self.without_gone(state) }
    }

    /// Drops what the ring no longer has, outside of the lock: it may be user's, or many. Seldom.
    #[cold]
    fn without_gone<'a>(&'a self, mut state: Locked<'a>) -> Locked<'a> {
        let gone = mem::take(state.ring.gone());
        drop(state);
        drop(gone);
        self.lock()
    }

    /// The clock is looked at only where it matters.
    pub(super) fn now(&self, state: &State) -> Duration {
        if state.ring.ages() { self.began.elapsed() } else { Duration::ZERO }
    }

    /// Something has changed: tells all who wait. A waker that panics does so when all are told.
    pub(super) fn wake<'a>(&'a self, mut state: Locked<'a>) {
        self.note_ends(&state);
        // What was let go for it may be user's, and is dropped behind the last unlocking.
        let _gone = mem::take(state.ring.gone());
        if let Err(panic) = self.epoch.wake_all(state, || self.lock()) {
            resume_unwind(panic);
        }
    }

    /// Stores both ends of the ring for those who do not hold the lock.
    fn note_ends(&self, state: &State) {
        self.oldest.store(state.ring.oldest(), Ordering::Release);
        self.head.store(state.ring.head(), Ordering::Release);
        if !matches!(state.closing, Closing::Open) {
            self.is_closed.store(true, Ordering::Release);
        }
    }

    /// Appends an event and wakes all who wait. Returns its id on the wire.
    pub(super) fn push(&self, block: &[u8], terminal: bool) -> Result<EventId, Closed> {
        let (id, state) = self.push_and_lock(block, terminal)?;
        self.wake(state);
        Ok(id)
    }

    /// Appends an event. Those who wait are still to be [woken](Self::stir).
    pub(super) fn push_quietly(&self, block: &[u8], terminal: bool) -> Result<EventId, Closed> {
        let (id, state) = self.push_and_lock(block, terminal)?;
        self.note_ends(&state);
        Ok(id)
    }

    fn push_and_lock(&self, block: &[u8], terminal: bool) -> Result<(EventId, Locked<'_>), Closed> {
        let mut state = self.lock();
        let pushed = self.append_locked(&mut state, block, Ends::of(terminal))?;
        Ok((pushed.id, state))
    }

    fn append_locked(&self, state: &mut State, block: &[u8], ends: Ends) -> Result<Pushed, Closed> {
        if !matches!(state.closing, Closing::Open) {
            return Err(Closed(state.end));
        }
        let now = self.now(state);
        Ok(state.ring.push(None, block, ends, now))
    }

    /// Appends a last event, if there is one, and closes. Those who wait are woken. Returns the place behind all events.
    pub(super) fn close(&self, last: Option<(&[u8], bool)>, end: End) -> Result<EventId, Closed> {
        let mut state = self.lock();
        match last {
            Some((block, terminal)) => {
                self.append_locked(&mut state, block, Ends { terminal, log: true })?;
            }
            None if matches!(state.closing, Closing::Open) => {}
            None => return Err(Closed(state.end)),
        }
        state.closing = Closing::Closed(LastPlace::default());
        (state.end, state.log_ended) = (end, true);
        let place = state.ring.id(state.ring.head());
        self.wake(state);
        Ok(place)
    }

    /// Has all who wait look again.
    pub(super) fn stir(&self) {
        self.wake(self.lock());
    }

    /// Whether nothing is behind a place, and the task is registered already. Found out without the lock.
    #[inline]
    pub(super) fn is_waiting(&self, place: u64, ticket: &Ticket, waker: &Waker) -> bool {
        self.head.load(Ordering::Acquire) == place && self.epoch.is_registered(ticket, waker)
    }

    /// What is behind a place. With nothing there, or nothing more, the task is woken when there is.
    #[inline]
    pub(super) fn read(&self, place: u64, ticket: &mut Ticket, waker: &Waker) -> Found {
        let mut state = self.lock_fresh();
        match state.ring.read(place) {
            Read::Run(run) => {
                if !state.ring.gone().is_empty() {
                    state = self.without_gone(state);
                }
                if run.last == state.ring.head() && !run.ends_stream() && !matches!(state.closing, Closing::Closed(_)) {
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
    pub(super) fn leave(&self, ticket: &mut Ticket) {
        if !ticket.was_given() {
            return;
        }
        let waker = self.lock().waiters.deregister(ticket);
        drop(waker);
    }

    /// Whether no more events are taken.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Whether nothing more will come.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.lock().closing, Closing::Closed(_))
    }

    /// The place behind all events.
    pub(super) fn head(&self) -> u64 {
        self.lock().ring.head()
    }

    /// Whether nothing will ever come behind a place of a log in memory.
    pub(super) fn is_end(&self, place: u64) -> bool {
        let state = self.lock();
        matches!(state.closing, Closing::Closed(_)) && place == state.ring.head()
    }

    /// Whether no more events are taken, and this id is known as the place behind all.
    pub(super) fn ends_at(&self, id: &str) -> bool {
        match &self.lock().closing {
            Closing::Open => false,
            Closing::Ending(end) | Closing::Closed(end) => end.get().is_some_and(|end| end.as_str() == id),
        }
    }

    /// Whether it is known where the ring begins in another log.
    pub(super) fn has_begun(&self) -> bool {
        self.lock().origin.is_some()
    }

    /// The id that leads to a place.
    pub(super) fn id_of(&self, place: u64) -> EventId {
        self.lock().ring.id(place)
    }

    /// The id that leads to the end, for one that has all. It is marked if it is the log that ended: then no other server need
    /// look.
    pub(super) fn named_end(&self) -> Option<EventId> {
        let state = self.lock();
        let last = match &state.closing {
            Closing::Open => return None,
            Closing::Ending(last) | Closing::Closed(last) => last.get().cloned(),
        };
        let place = last.unwrap_or_else(|| state.ring.id(state.ring.head()));
        Some(if state.log_ended { id::marked(&place) } else { place })
    }

    /// Another log is closed, and keeps nothing: that stays so.
    pub(super) fn note_nothing_kept(&self) {
        self.lock().nothing_kept = true;
    }

    /// Whether another log is known to be closed and to keep nothing.
    pub(super) fn keeps_nothing(&self) -> bool {
        self.lock().nothing_kept
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

    /// The place before the oldest kept event, and how many are kept, without taking the lock.
    pub(super) fn kept(&self) -> (u64, u64) {
        let oldest = self.oldest.load(Ordering::Acquire);
        (oldest, self.head.load(Ordering::Acquire).saturating_sub(oldest))
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
    pub(super) fn append(&self, block: &Block) -> Result<EventId, Closed> {
        let mut state = self.lock();
        let pushed = self.append_locked(&mut state, block.as_bytes(), Ends::of(block.is_terminal()))?;
        // A log gives it without the mark.
        let id = if block.is_terminal() { state.ring.id(pushed.number) } else { pushed.id };
        self.wake(state);
        Ok(id)
    }

    pub(super) fn page(&self, after: &str, limit: usize) -> Page {
        // Of segments that were joined: dropped behind the lock.
        let _gone;
        let mut state = self.lock_fresh();
        let oldest = state.ring.oldest();
        let (place, gap) = match state.ring.find(after) {
            Some(place) if place >= oldest => (place, None),
            Some(place) => (oldest, Some(Gap::new(Some(oldest - place), GapReason::Trimmed))),
            None => (oldest, Some(Gap::new(None, GapReason::UnknownId))),
        };
        let entries = state.ring.entries(place, limit);
        _gone = mem::take(state.ring.gone());
        let is_all = place + entries.len() as u64 == state.ring.head();
        let page = match gap {
            None => Page::contiguous(entries),
            Some(gap) => Page::after_gap(gap, state.ring.id(place), entries),
        };
        if is_all && matches!(state.closing, Closing::Closed(_)) { page.closed(state.end) } else { page }
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

    /// Whether nothing is behind this place, and something may come.
    pub(super) fn is_at_head(&mut self, id: &str, cx: &Context<'_>) -> bool {
        let is_open = |state: &State| !matches!(state.closing, Closing::Closed(_));
        self.while_so(|state| is_open(state) && state.ring.find(id) == Some(state.ring.head()), cx)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.leave(&mut self.ticket);
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
