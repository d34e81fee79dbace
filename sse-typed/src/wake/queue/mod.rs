#[cfg(all(test, sse_typed_loom))]
mod models;
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
/// Each event wakes all tasks that are in the queue then, in batches. A task that registers meanwhile is added after
/// them and waits for the event after it. The number of a slot is not used again once the slot was woken, so a
/// [`Ticket`] that was woken is no longer valid. A task that is polled again without a new event keeps its slot, and
/// deregistering frees it. The memory of the queue is reused, so waiting does not allocate once as many tasks have
/// waited before.
///
/// Dropping a waker runs user code. So the queue drops none: it returns them, and the caller drops them outside of its
/// lock. Wakers are cloned under the lock, as in tokio: a clone at each poll would be a cost for tasks that are
/// registered already.
pub(crate) struct WakeQueue {
    slots: VecDeque<Slot>,
    /// The number of the first slot. Numbers begin at 1: tickets that were never registered have zero.
    first: u64,
    /// Slots before this number are being woken.
    waking: u64,
    /// The head of the list of free slots from `waking` on. Zero if there are none.
    free: u64,
}

enum Slot {
    Waiting(Waker),
    /// With the number of the next free slot, or zero.
    Free(u64),
}

/// Tasks that are woken together, outside of the lock.
#[derive(Debug)]
struct Batch {
    wakers: [Option<Waker>; BATCH],
    len: usize,
}

/// How many tasks are woken each time the lock is taken: enough to make the lock cheap, and few enough that the woken
/// tasks do not wait for it long. The models have few tasks, and let others run between any two wake-ups.
const BATCH: usize = if cfg!(all(test, sse_typed_loom)) { 1 } else { 32 };

impl Default for WakeQueue {
    fn default() -> Self {
        Self { slots: VecDeque::new(), first: 1, waking: 1, free: 0 }
    }
}

impl WakeQueue {
    /// Registers a waker in the ticket's slot, or in a new one. Returns a waker to be dropped outside of the lock.
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
                    // An eighth at a time, because the memory of many waiting tasks matters. Most hubs have few of them.
                    let len = self.slots.len();
                    self.slots.reserve_exact((len / 8).max(len.clamp(2, 16)));
                }
                self.slots.push_back(waiting);
                self.end() - 1
            }
        };
        *ticket = Ticket { number, waker: id };
        None
    }

    /// Frees the slot of a ticket. Returns a waker to be dropped outside of the lock.
    pub(crate) fn deregister(&mut self, ticket: &mut Ticket) -> Option<Waker> {
        let ticket = mem::take(ticket);
        let next = self.free;
        let slot = self.slot(ticket.number).filter(|slot| matches!(slot, Slot::Waiting(_)))?;
        let left = mem::replace(slot, Slot::Free(next));
        // A task in a slot that is being woken would be woken for an old event.
        if ticket.number >= self.waking {
            self.free = ticket.number;
        }
        left.into_waker()
    }

    fn slot(&mut self, number: u64) -> Option<&mut Slot> {
        let index = number.checked_sub(self.first)?;
        self.slots.get_mut(usize::try_from(index).ok()?)
    }

    /// The number of the next slot, unless one is free.
    fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// Marks all waiting tasks to be woken: those before the number that this returns.
    fn begin_waking(&mut self) -> u64 {
        self.waking = self.end();
        self.free = 0;
        self.waking
    }

    /// Takes the first slot, to be woken outside of the lock.
    fn take_one(&mut self, epoch: &WakeEpoch) -> Option<Waker> {
        let slot = self.slots.pop_front()?;
        self.first += 1;
        epoch.set_first(self.first);
        self.shrink(1);
        slot.into_waker()
    }

    /// Takes some of the slots before `end`, to be woken outside of the lock. True if there are more of them.
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

    /// Frees memory when there is capacity for many more tasks than were just `woken`.
    fn shrink(&mut self, woken: usize) {
        let needed = woken.max(self.slots.len());
        if self.slots.capacity() / 4 > needed.max(64) {
            self.slots.shrink_to(needed);
        }
    }
}

/// For [`WakeEpoch::wake_all`] on the queue itself.
impl AsMut<Self> for WakeQueue {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

impl WakeEpoch {
    /// Wakes all waiting tasks. `locked` holds the lock of the queue. The lock is released while tasks are woken, and
    /// `lock` takes it again.
    ///
    /// # Errors
    ///
    /// The first panic of a waker, after all tasks were woken.
    pub(crate) fn wake_all<G>(&self, mut locked: G, lock: impl Fn() -> G) -> thread::Result<()>
    where
        G: DerefMut<Target: AsMut<WakeQueue>>,
    {
        let queue = locked.as_mut();
        let end = queue.begin_waking();
        if end - queue.first == 1 {
            // The single subscriber of a job needs no batch.
            let woken = queue.take_one(self);
            drop(locked);
            return woken.map_or(Ok(()), |waker| catch_unwind(AssertUnwindSafe(|| waker.wake())));
        }
        let mut batch = Batch::new();
        let mut woken = 0;
        let mut result = Ok(());
        loop {
            let queue = locked.as_mut();
            let more = queue.take(end, self, &mut batch);
            woken += batch.len;
            if !more {
                queue.shrink(woken);
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

    /// Wakes all tasks of the batch and leaves it empty. A panic does not prevent the other wake-ups; the first one is
    /// returned.
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

/// The first of two panics. The payload of the other is dropped, which may run user code, too.
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
