#[cfg(test)]
mod tests;

use std::{
    array,
    collections::VecDeque,
    fmt, mem,
    ops::DerefMut,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Waker,
    thread,
};

use super::epoch::{Ticket, WakeEpoch, WakerId};
use crate::panics::drop_payload;

/// The tasks that wait for the next event.
///
/// Each event wakes all tasks that are in the queue then, in batches; a task that registers meanwhile waits behind them for
/// the event after it. The number of a place is not given again once that was woken, so a [`Ticket`] that was woken is of
/// no use any more. A task that is polled again without news keeps its one place, and a task that goes away frees it. The memory of the
/// queue is reused, so waiting does not allocate once a crowd has been seen.
///
/// The drop of a waker is user's code. The queue drops none: all are returned, for the caller to drop outside of its lock.
/// Wakers are cloned under the lock, as in tokio: a clone at each poll would cost those who are registered already.
pub(crate) struct WakeQueue {
    slots: VecDeque<Slot>,
    /// The number of the first slot. Zero is the number of tickets that were never given.
    first: u64,
    /// Places before this number are being woken.
    waking: u64,
    /// The head of the list of free slots from `waking` on; zero if there is none.
    free: u64,
}

enum Slot {
    Waiting(Waker),
    /// With the number of the next free one, or zero.
    Free(u64),
}

/// Tasks that are woken together, outside of the lock.
#[derive(Debug)]
struct Batch {
    wakers: [Option<Waker>; BATCH],
    len: usize,
}

/// How many tasks are woken each time the lock is taken: enough to make the lock cheap, and few enough that the woken tasks
/// do not wait for it long.
const BATCH: usize = 32;

impl Default for WakeQueue {
    fn default() -> Self {
        Self { slots: VecDeque::new(), first: 1, waking: 1, free: 0 }
    }
}

impl WakeQueue {
    /// Registers a waker, at the ticket's place or at a new one. Returns a waker to be dropped outside of the lock.
    pub(crate) fn register(&mut self, ticket: &mut Ticket, waker: &Waker) -> Option<Waker> {
        if let Some(slot @ Slot::Waiting(_)) = self.slot(ticket.number) {
            return match slot {
                Slot::Waiting(known) if known.will_wake(waker) => None,
                slot => {
                    let kept = waker.clone();
                    ticket.waker = WakerId::of(&kept);
                    mem::replace(slot, Slot::Waiting(kept)).into_waker()
                }
            };
        }
        let kept = waker.clone();
        let id = ticket.waker.same_or_of(&kept);
        let waiting = Slot::Waiting(kept);
        let free = self.free;
        let number = match self.slot(free) {
            Some(slot) => {
                self.free = match mem::replace(slot, waiting) {
                    Slot::Free(next) => next,
                    Slot::Waiting(_) => 0,
                };
                free
            }
            None => {
                if self.slots.len() == self.slots.capacity() {
                    // An eighth at a time: a crowd's room is counted per head.
                    self.slots.reserve_exact((self.slots.len() / 8).max(16));
                }
                self.slots.push_back(waiting);
                self.end() - 1
            }
        };
        *ticket = Ticket { number, waker: id };
        None
    }

    /// Frees the place of a ticket. Returns a waker to be dropped outside of the lock.
    pub(crate) fn deregister(&mut self, ticket: &mut Ticket) -> Option<Waker> {
        let ticket = mem::take(ticket);
        let next = self.free;
        let slot = self.slot(ticket.number).filter(|slot| matches!(slot, Slot::Waiting(_)))?;
        let left = mem::replace(slot, Slot::Free(next));
        // A task that took a place which is being woken would be woken for old news.
        if ticket.number >= self.waking {
            self.free = ticket.number;
        }
        left.into_waker()
    }

    fn slot(&mut self, number: u64) -> Option<&mut Slot> {
        let index = number.checked_sub(self.first)?;
        self.slots.get_mut(usize::try_from(index).ok()?)
    }

    /// The number that is given next, unless a place is free.
    fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// Marks all who wait now to be woken: those before the number that this returns.
    fn begin_waking(&mut self) -> u64 {
        self.waking = self.end();
        self.free = 0;
        self.waking
    }

    /// Takes the first place, to be woken outside of the lock.
    fn take_one(&mut self, epoch: &WakeEpoch) -> Option<Waker> {
        let slot = self.slots.pop_front()?;
        self.first += 1;
        epoch.set_first(self.first);
        self.shrink(1);
        slot.into_waker()
    }

    /// Takes some of those before `end`, to be woken outside of the lock. True if there are more of them.
    fn take(&mut self, end: u64, epoch: &WakeEpoch, batch: &mut Batch) -> bool {
        while self.first < end && batch.len < BATCH {
            let Some(slot) = self.slots.pop_front() else { break };
            self.first += 1;
            if let Slot::Waiting(waker) = slot {
                batch.wakers[batch.len] = Some(waker);
                batch.len += 1;
            }
        }
        epoch.set_first(self.first);
        self.first < end
    }

    /// Gives memory back when there is room for many more than the `crowd` that was just woken.
    fn shrink(&mut self, crowd: usize) {
        let crowd = crowd.max(self.slots.len());
        if self.slots.capacity() / 4 > crowd.max(64) {
            self.slots.shrink_to(crowd);
        }
    }
}

/// The queue itself, for [`WakeEpoch::wake_all`].
impl AsMut<Self> for WakeQueue {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

impl WakeEpoch {
    /// Wakes all tasks that wait now. `locked` holds the lock of the queue; it is released while tasks are woken, and `lock`
    /// takes it again.
    ///
    /// # Errors
    ///
    /// The first panic of a waker, after all were woken.
    pub(crate) fn wake_all<G>(&self, mut locked: G, lock: impl Fn() -> G) -> thread::Result<()>
    where
        G: DerefMut<Target: AsMut<WakeQueue>>,
    {
        let queue = locked.as_mut();
        let end = queue.begin_waking();
        if end - queue.first == 1 {
            // The one subscriber of a job or an answer needs no batch.
            let woken = queue.take_one(self);
            drop(locked);
            return woken.map_or(Ok(()), |waker| catch_unwind(AssertUnwindSafe(|| waker.wake())));
        }
        let mut batch = Batch::new();
        let mut crowd = 0;
        let mut result = Ok(());
        loop {
            let queue = locked.as_mut();
            let more = queue.take(end, self, &mut batch);
            crowd += batch.len;
            if !more {
                queue.shrink(crowd);
            }
            drop(locked);
            result = first_panic(result, batch.wake());
            if !more {
                return result;
            }
            locked = lock();
        }
    }
}

impl Slot {
    fn into_waker(self) -> Option<Waker> {
        match self {
            Self::Waiting(waker) => Some(waker),
            Self::Free(_) => None,
        }
    }
}

impl Batch {
    fn new() -> Self {
        Self { wakers: array::from_fn(|_| None), len: 0 }
    }

    /// Wakes all of them and leaves the batch empty. Returns the first panic: the others are woken all the same.
    fn wake(&mut self) -> thread::Result<()> {
        let len = mem::take(&mut self.len);
        let mut wakers = self.wakers[..len].iter_mut().filter_map(Option::take);
        let mut result = Ok(());
        loop {
            match catch_unwind(AssertUnwindSafe(|| wakers.by_ref().for_each(Waker::wake))) {
                Ok(()) => return result,
                panicked => result = first_panic(result, panicked),
            }
        }
    }
}

/// The first of two panics. The other's payload is dropped, which is user's code as well.
fn first_panic(first: thread::Result<()>, other: thread::Result<()>) -> thread::Result<()> {
    match (first, other) {
        (Ok(()), other) => other,
        (first, Ok(())) => first,
        (first, Err(payload)) => {
            drop_payload(payload);
            first
        }
    }
}

impl fmt::Debug for WakeQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakeQueue")
            .field("first", &self.first)
            .field("slots", &self.slots.len())
            .finish_non_exhaustive()
    }
}
