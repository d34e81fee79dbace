use std::{fmt, mem, task::Waker};

/// The tasks that wait for the next event.
///
/// All of them are woken by each event, so they are taken as a whole, and a generation ends. A subscription knows its
/// place by a [`Ticket`], which is of no use in any other generation. So a task that is polled twice without news has one
/// place, and one that goes away frees it. Two vectors take turns, which is why waiting allocates nothing once a crowd has
/// been seen.
///
/// What a waker does when it is dropped is not ours to know: none is dropped in here, all are handed out, for the caller
/// to drop outside of its lock.
#[derive(Default)]
pub(super) struct Waiters {
    /// Zero is the generation of tickets that were never given.
    generation: u64,
    slots: Vec<Slot>,
    /// The head of the list of free slots.
    free: Option<usize>,
    spare: Vec<Slot>,
}

pub(super) enum Slot {
    Waiting(Waker),
    /// With the next free one.
    Free(Option<u32>),
}

/// A subscription's place among the waiters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ticket {
    generation: u64,
    index: usize,
}

/// All waiters of one generation.
#[must_use = "they wait to be woken"]
pub(super) struct Woken(Vec<Slot>);

impl Waiters {
    /// Waits, in the place that the ticket has or in a new one. Returns a waker to be dropped.
    pub(super) fn wait(&mut self, ticket: &mut Ticket, waker: &Waker) -> Option<Waker> {
        let current = self.generation + 1;
        if ticket.generation == current
            && let Some(slot @ Slot::Waiting(_)) = self.slots.get_mut(ticket.index)
        {
            return match slot {
                Slot::Waiting(known) if known.will_wake(waker) => None,
                slot => mem::replace(slot, Slot::Waiting(waker.clone())).into_waker(),
            };
        }
        let slot = Slot::Waiting(waker.clone());
        let index = match self.free {
            Some(index) => {
                self.free = match mem::replace(&mut self.slots[index], slot) {
                    Slot::Free(next) => next.map(|next| next as usize),
                    Slot::Waiting(_) => None,
                };
                index
            }
            None => {
                if self.slots.len() == self.slots.capacity() {
                    // An eighth at a time: a crowd's room is counted per head.
                    self.slots.reserve_exact((self.slots.len() / 8).max(16));
                }
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        *ticket = Ticket { generation: current, index };
        None
    }

    /// Waits no more. Returns a waker to be dropped.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waker> {
        if ticket.generation != self.generation + 1 {
            return None;
        }
        let slot = self.slots.get_mut(ticket.index)?;
        if matches!(slot, Slot::Free(_)) {
            return None;
        }
        // A place beyond `u32` is forgotten until the generation ends.
        let next = self.free.and_then(|index| u32::try_from(index).ok());
        let left = mem::replace(slot, Slot::Free(next));
        self.free = Some(ticket.index);
        left.into_waker()
    }

    /// Takes all who wait, to be woken outside of the lock.
    pub(super) fn take(&mut self) -> Woken {
        if self.slots.is_empty() {
            return Woken(Vec::new());
        }
        self.generation += 1;
        self.free = None;
        Woken(mem::replace(&mut self.slots, mem::take(&mut self.spare)))
    }

    /// Takes the room back that the woken waited in.
    pub(super) fn give_back(&mut self, room: Woken) {
        if room.0.capacity() > self.spare.capacity() {
            self.spare = room.0;
        }
    }
}

impl Ticket {
    /// Whether the subscription has ever waited.
    pub(super) const fn was_given(&self) -> bool {
        self.generation > 0
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

impl Woken {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Wakes them. What is left is the room, for [`Waiters::give_back`].
    pub(super) fn wake(mut self) -> Self {
        let crowd = self.0.len();
        for waker in self.0.drain(..).filter_map(Slot::into_waker) {
            waker.wake();
        }
        // The room of a crowd that has gone home goes too.
        if self.0.capacity() / 4 > crowd.max(64) {
            self.0.shrink_to(crowd);
        }
        self
    }
}

impl fmt::Debug for Waiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiters").field("generation", &self.generation).field("slots", &self.slots.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn waiter() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (Arc::clone(&count), Waker::from(count))
    }

    #[test]
    fn a_task_that_is_polled_again_and_again_has_one_place() {
        let mut waiters = Waiters::default();
        let (count, waker) = waiter();
        let mut ticket = Ticket::default();
        for _ in 0..100 {
            assert!(waiters.wait(&mut ticket, &waker).is_none());
        }
        assert_eq!(waiters.slots.len(), 1);
        let room = waiters.take().wake();
        waiters.give_back(room);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn the_last_waker_of_a_subscription_is_the_one_that_is_woken() {
        let mut waiters = Waiters::default();
        let ((old, old_waker), (new, new_waker)) = (waiter(), waiter());
        let mut ticket = Ticket::default();
        assert!(waiters.wait(&mut ticket, &old_waker).is_none());
        assert!(waiters.wait(&mut ticket, &new_waker).is_some());
        drop(waiters.take().wake());
        assert_eq!((old.0.load(Ordering::Relaxed), new.0.load(Ordering::Relaxed)), (0, 1));
    }

    #[test]
    fn places_of_those_who_leave_are_used_again() {
        let mut waiters = Waiters::default();
        let (count, waker) = waiter();
        let mut staying = Ticket::default();
        waiters.wait(&mut staying, &waker);
        for _ in 0..1_000 {
            let mut tickets = [Ticket::default(); 3];
            for ticket in &mut tickets {
                waiters.wait(ticket, &waker);
            }
            for ticket in tickets {
                assert!(waiters.leave(ticket).is_some());
                assert!(waiters.leave(ticket).is_none(), "a ticket is good once");
            }
        }
        assert_eq!(waiters.slots.len(), 4);
        drop(waiters.take().wake());
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_ticket_of_an_earlier_generation_takes_nobodys_place() {
        let mut waiters = Waiters::default();
        let ((_, first), (second, second_waker)) = (waiter(), waiter());
        let (mut old, mut new) = (Ticket::default(), Ticket::default());
        waiters.wait(&mut old, &first);
        drop(waiters.take().wake());
        waiters.wait(&mut new, &second_waker);
        assert!(waiters.leave(old).is_none());
        drop(waiters.take().wake());
        assert_eq!(second.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn waiting_allocates_nothing_once_the_crowd_is_known() {
        let mut waiters = Waiters::default();
        let (_, waker) = waiter();
        let mut tickets = [Ticket::default(); 100];
        let mut rooms = Vec::new();
        for _ in 0..6 {
            for ticket in &mut tickets {
                waiters.wait(ticket, &waker);
            }
            rooms.push((waiters.slots.as_ptr().addr(), waiters.slots.capacity()));
            let room = waiters.take().wake();
            waiters.give_back(room);
        }
        assert_eq!(rooms[2], rooms[4]);
        assert_eq!(rooms[3], rooms[5]);
        assert_eq!(size_of::<Slot>(), 16);
        assert!(rooms[5].1 <= 128, "{rooms:?}");
    }
}
