use std::{
    mem,
    panic::resume_unwind,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    end::CloseState,
    retention::Retention,
    ring::{Ring, RingIds},
};
use crate::{
    event::EventId,
    hub::log::End,
    panics,
    wake::{Ticket, WakeEpoch, WakeQueue},
};

/// The ring and the tasks that wait for it, under one lock.
///
/// The lock is held for a few copies at most: no user code, waker or I/O runs under it. Reading the ring and deciding
/// to wait are one step under it, so no wake-up is lost.
///
/// A delivery takes the lock once: a task that is given the newest events is registered for the next ones in the same
/// step. When it is polled again, the atomic numbers beside the lock tell that nothing is new and that it is
/// registered.
#[derive(Debug)]
pub(in crate::hub) struct History {
    state: Mutex<HistoryState>,
    /// The position after all events.
    pub(super) head: AtomicU64,
    /// The position before the oldest retained event.
    pub(super) oldest: AtomicU64,
    /// No more events are taken.
    pub(super) is_closed: AtomicBool,
    pub(super) epoch: WakeEpoch,
    /// How many appends to a log elsewhere this hub has begun.
    pub(super) appends: AtomicU64,
    created: Instant,
}

/// The state under the lock of a [`History`].
#[derive(Debug)]
pub(super) struct HistoryState {
    pub(super) ring: Ring,
    pub(super) waiters: WakeQueue,
    /// The position at which a ring that mirrors a log elsewhere begins, once it is known. A log in memory begins at
    /// once.
    pub(super) origin: Option<EventId>,
    /// How often the ring was forgotten.
    pub(super) forgotten: u32,
    pub(super) close_state: CloseState,
    /// How a log in memory was closed.
    pub(super) end: End,
    /// The log itself was closed. Not set when only the last handle of its hub was dropped.
    pub(super) is_log_closed: bool,
    /// A log elsewhere is closed and retains no event.
    pub(super) is_log_closed_and_empty: bool,
}

pub(super) type HistoryGuard<'a> = MutexGuard<'a, HistoryState>;

impl AsMut<WakeQueue> for HistoryState {
    fn as_mut(&mut self) -> &mut WakeQueue {
        &mut self.waiters
    }
}

impl HistoryState {
    /// Whether no more events follow.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.close_state, CloseState::Closed(_))
    }
}

impl History {
    /// The history of a log in memory.
    pub(in crate::hub) fn of_memory_log(retention: Retention) -> Self {
        let ring = Ring::new(retention, RingIds::numbered());
        let origin = Some(ring.id(0));
        Self::new(ring, origin)
    }

    /// The part of a log elsewhere that is in memory. It begins with the first position that the follower sets.
    pub(in crate::hub) fn of_remote_log(retention: Retention) -> Self {
        Self::new(Ring::new(retention, RingIds::from_log(EventId::from(0_u32))), None)
    }

    fn new(ring: Ring, origin: Option<EventId>) -> Self {
        let state = HistoryState {
            ring,
            waiters: WakeQueue::default(),
            origin,
            forgotten: 0,
            close_state: CloseState::Open,
            end: End::default(),
            is_log_closed: false,
            is_log_closed_and_empty: false,
        };
        Self {
            state: Mutex::new(state),
            head: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            epoch: WakeEpoch::default(),
            appends: AtomicU64::new(0),
            created: Instant::now(),
        }
    }

    /// Locks. A poisoned lock is fine: only an allocation can panic under it, and then nothing has changed.
    #[inline]
    pub(super) fn lock(&self) -> HistoryGuard<'_> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks, and trims events that are too old.
    #[inline]
    pub(super) fn lock_trimmed(&self) -> HistoryGuard<'_> {
        let state = self.lock();
        if state.ring.has_max_age() { self.trim(state) } else { state }
    }

    /// Trims events that are too old. A function of its own, because most hubs retain events of any age.
    #[inline(never)]
    fn trim<'a>(&'a self, mut state: HistoryGuard<'a>) -> HistoryGuard<'a> {
        let now = self.now(&state);
        state.ring.trim(now);
        self.store_bounds(&state);
        if state.ring.trimmed_segments().is_empty() { state } else { self.drop_trimmed_segments(state) }
    }

    /// Unlocks, drops the segments that the ring has trimmed, and locks again: their decoded values are user code, and
    /// there may be many. Rare.
    #[cold]
    pub(super) fn drop_trimmed_segments<'a>(&'a self, mut state: HistoryGuard<'a>) -> HistoryGuard<'a> {
        let trimmed = mem::take(state.ring.trimmed_segments());
        drop(state);
        drop(trimmed);
        self.lock()
    }

    /// The time for the ring. The clock is read only if events have a maximum age.
    pub(super) fn now(&self, state: &HistoryState) -> Duration {
        if state.ring.has_max_age() { self.created.elapsed() } else { Duration::ZERO }
    }

    /// Unlocks and wakes all waiting tasks. If a waker panics, the panic resumes after all tasks are woken.
    pub(super) fn wake_waiting<'a>(&'a self, mut state: HistoryGuard<'a>) {
        self.store_bounds(&state);
        // Trimmed segments may hold user values: they are dropped after the last unlock.
        let _trimmed = mem::take(state.ring.trimmed_segments());
        if let Err(panic) = self.epoch.wake_all(state, || self.lock()) {
            resume_unwind(panic);
        }
    }

    /// Unlocks and wakes all waiting tasks. A waker that panics does not harm the caller.
    pub(super) fn wake_waiting_quietly<'a>(&'a self, state: HistoryGuard<'a>) {
        let _ = panics::catch_panic(|| self.wake_waiting(state));
    }

    /// Wakes all waiting tasks, so that they look again.
    pub(in crate::hub) fn wake_all(&self) {
        self.wake_waiting(self.lock());
    }

    /// Stores the oldest and the newest position of the ring for readers that do not take the lock.
    pub(super) fn store_bounds(&self, state: &HistoryState) {
        self.oldest.store(state.ring.oldest(), Ordering::Release);
        self.head.store(state.ring.head(), Ordering::Release);
        if !matches!(state.close_state, CloseState::Open) {
            self.is_closed.store(true, Ordering::Release);
        }
    }

    /// Removes the ticket of a task that no longer waits.
    pub(in crate::hub) fn deregister(&self, ticket: &mut Ticket) {
        if !ticket.was_given() {
            return;
        }
        let waker = self.lock().waiters.deregister(ticket);
        drop(waker);
    }
}

/// Registers the task to be woken by the next event, and unlocks.
pub(super) fn register_and_unlock(mut state: HistoryGuard<'_>, ticket: &mut Ticket, waker: &Waker) {
    let replaced = state.waiters.register(ticket, waker);
    drop(state);
    drop(replaced);
}
