use std::{
    array,
    collections::VecDeque,
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    task::Waker,
    thread,
};

/// The tasks that wait for the next event, in a queue.
///
/// All of them are woken by each event: those who are in the queue then, some at a time, while others may
/// already wait for the next one behind them. Places have numbers that are never given twice, so a [`Ticket`] that
/// was called up is of no use any more. A task that is polled twice without news has one place, and one that goes away
/// frees it. The queue's memory is used again, so waiting allocates nothing once a crowd has been seen.
///
/// What a waker does when it is dropped is not ours to know: none is dropped in here, all are handed out, for the caller
/// to drop outside of its lock. They are cloned in here, as in tokio: a clone for each look would cost those who wait already.
pub(super) struct Waiters {
    slots: VecDeque<Slot>,
    /// The number of the first slot. Zero is the number of tickets that were never given.
    first: u64,
    /// Those before this number are being called up.
    calling: u64,
    /// The head of the list of free slots, behind `calling`; zero if there is none.
    free: u64,
}

enum Slot {
    Waiting(Waker),
    /// With the number of the next free one, if there is one.
    Free(u64),
}

/// A subscription's place among the waiters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ticket {
    number: u64,
    /// What tells the waker's task from others, for [`Called`]; zero when it does not.
    task: usize,
}

/// How far the queue has been called up, for those who do not hold the lock.
#[derive(Debug, Default)]
pub(super) struct Called {
    /// The number of the first who was not called.
    first: AtomicU64,
    /// The address of the table of functions that the wakers of most tasks have: that of the first who waited.
    table: AtomicUsize,
}

/// Some who are woken together, outside of the lock.
#[derive(Debug)]
pub(super) struct Batch {
    wakers: [Option<Waker>; BATCH],
    len: usize,
}

/// How many are woken for one taking of the lock. It is cheap then, and those who are woken need not wait for it long.
const BATCH: usize = 32;

impl Default for Waiters {
    fn default() -> Self {
        Self { slots: VecDeque::new(), first: 1, calling: 1, free: 0 }
    }
}

impl Waiters {
    /// Waits, in the place that the ticket has or in a new one. Returns a waker to be dropped.
    pub(super) fn wait(&mut self, ticket: &mut Ticket, called: &Called, waker: &Waker) -> Option<Waker> {
        if let Some(slot @ Slot::Waiting(_)) = self.slot(ticket.number) {
            return match slot {
                Slot::Waiting(known) if known.will_wake(waker) => None,
                slot => {
                    ticket.task = called.task(waker);
                    mem::replace(slot, Slot::Waiting(waker.clone())).into_waker()
                }
            };
        }
        let waiting = Slot::Waiting(waker.clone());
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
        *ticket = Ticket { number, task: called.task(waker) };
        None
    }

    /// Waits no more. Returns a waker to be dropped.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waker> {
        let next = self.free;
        let slot = self.slot(ticket.number).filter(|slot| matches!(slot, Slot::Waiting(_)))?;
        let left = mem::replace(slot, Slot::Free(next));
        // Who came to a place that is being called up would be woken for old news.
        if ticket.number >= self.calling {
            self.free = ticket.number;
        }
        left.into_waker()
    }

    fn slot(&mut self, number: u64) -> Option<&mut Slot> {
        let index = number.checked_sub(self.first)?;
        self.slots.get_mut(usize::try_from(index).ok()?)
    }

    /// The number that is next to be given, but for free ones.
    fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// All who wait now are to be called up: those before the number that this returns.
    pub(super) fn begin_call(&mut self) -> u64 {
        self.calling = self.end();
        self.free = 0;
        self.calling
    }

    /// Takes some of those before `end`, where the call began, to be woken outside of the lock. True if there are more of them.
    pub(super) fn call(&mut self, end: u64, called: &Called, batch: &mut Batch) -> bool {
        while self.first < end && batch.len < BATCH {
            let Some(slot) = self.slots.pop_front() else { break };
            self.first += 1;
            if let Slot::Waiting(waker) = slot {
                batch.wakers[batch.len] = Some(waker);
                batch.len += 1;
            }
        }
        called.first.store(self.first, Ordering::Release);
        self.first < end
    }

    /// The room of a crowd that has gone home goes too. So many were there.
    pub(super) fn shrink(&mut self, crowd: usize) {
        let crowd = crowd.max(self.slots.len());
        if self.slots.capacity() / 4 > crowd.max(64) {
            self.slots.shrink_to(crowd);
        }
    }
}

impl Called {
    /// What tells a task from all others that wait now. A waker is its task's address and its table, so one word does, if
    /// the table is that of most. The address is no other task's, as long as the waker waits.
    fn task(&self, waker: &Waker) -> usize {
        let table = std::ptr::from_ref(waker.vtable()).addr();
        // Written once.
        let common = match self.table.load(Ordering::Relaxed) {
            0 => self
                .table
                .compare_exchange(0, table, Ordering::Relaxed, Ordering::Relaxed)
                .map_or_else(|known| known, |_| table),
            common => common,
        };
        if table == common { waker.data().addr() } else { 0 }
    }

    /// Whether the ticket is good still, and it is this waker that will be woken.
    ///
    /// It may be that it is just being called up. But then it is woken after this, and its task looks again: a waker that
    /// was called before this task ran was called before it looked here.
    pub(super) fn is_waiting(&self, ticket: Ticket, waker: &Waker) -> bool {
        ticket.task != 0 && ticket.number >= self.first.load(Ordering::Acquire) && ticket.task == self.task(waker)
    }
}

impl Ticket {
    /// Whether the subscription has ever waited.
    pub(super) const fn was_given(&self) -> bool {
        self.number > 0
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
    pub(super) fn new() -> Self {
        Self { wakers: array::from_fn(|_| None), len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Wakes them all. It is empty then. If one panics, the first panic is returned: it is not the others' fault.
    pub(super) fn wake(&mut self) -> thread::Result<()> {
        let len = mem::take(&mut self.len);
        let mut wakers = self.wakers[..len].iter_mut().filter_map(Option::take);
        let mut result = Ok(());
        loop {
            match catch_unwind(AssertUnwindSafe(|| wakers.by_ref().for_each(Waker::wake))) {
                Ok(()) => return result,
                panicked => result = result.and(panicked),
            }
        }
    }
}

impl fmt::Debug for Waiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiters").field("first", &self.first).field("slots", &self.slots.len()).finish_non_exhaustive()
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

    impl Count {
        fn get(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn waiter() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (Arc::clone(&count), Waker::from(count))
    }

    #[derive(Default)]
    struct Queue {
        waiters: Waiters,
        called: Called,
    }

    impl Queue {
        fn wait(&mut self, ticket: &mut Ticket, waker: &Waker) -> Option<Waker> {
            self.waiters.wait(ticket, &self.called, waker)
        }

        fn wake_all(&mut self) {
            let end = self.waiters.begin_call();
            let mut batch = Batch::new();
            while self.waiters.call(end, &self.called, &mut batch) {
                batch.wake().unwrap();
            }
            batch.wake().unwrap();
        }
    }

    #[test]
    fn a_task_that_is_polled_again_and_again_has_one_place() {
        let mut queue = Queue::default();
        let (count, waker) = waiter();
        let mut ticket = Ticket::default();
        for _ in 0..100 {
            assert!(queue.wait(&mut ticket, &waker).is_none());
        }
        assert_eq!(queue.waiters.slots.len(), 1);
        queue.wake_all();
        assert_eq!(count.get(), 1);
    }

    #[test]
    fn the_last_waker_of_a_subscription_is_the_one_that_is_woken() {
        let mut queue = Queue::default();
        let ((old, old_waker), (new, new_waker)) = (waiter(), waiter());
        let mut ticket = Ticket::default();
        assert!(queue.wait(&mut ticket, &old_waker).is_none());
        assert!(queue.called.is_waiting(ticket, &old_waker));
        assert!(!queue.called.is_waiting(ticket, &new_waker));
        assert!(queue.wait(&mut ticket, &new_waker).is_some());
        assert!(queue.called.is_waiting(ticket, &new_waker));
        queue.wake_all();
        assert_eq!((old.get(), new.get()), (0, 1));
    }

    #[test]
    fn without_the_lock_only_a_waker_that_will_be_woken_is_taken_for_one() {
        let (_count, waker) = waiter();
        let mut queue = Queue::default();
        let mut ticket = Ticket::default();
        assert!(!queue.called.is_waiting(ticket, &waker), "it never waited");
        queue.wait(&mut ticket, &waker);
        assert!(queue.called.is_waiting(ticket, &waker));
        assert!(queue.called.is_waiting(ticket, &waker.clone()));
        queue.wake_all();
        assert!(!queue.called.is_waiting(ticket, &waker), "it was woken");
        // Not of the common table: nothing is known without the lock.
        queue.wait(&mut ticket, Waker::noop());
        assert!(!queue.called.is_waiting(ticket, Waker::noop()));
        assert!(!queue.called.is_waiting(ticket, &waker));
    }

    #[test]
    fn places_of_those_who_leave_are_used_again() {
        let mut queue = Queue::default();
        let (count, waker) = waiter();
        let mut staying = Ticket::default();
        queue.wait(&mut staying, &waker);
        for _ in 0..1_000 {
            let mut tickets = [Ticket::default(); 3];
            for ticket in &mut tickets {
                queue.wait(ticket, &waker);
            }
            for ticket in tickets {
                assert!(queue.waiters.leave(ticket).is_some());
                assert!(queue.waiters.leave(ticket).is_none(), "a ticket is good once");
            }
        }
        assert_eq!(queue.waiters.slots.len(), 4);
        queue.wake_all();
        assert_eq!(count.get(), 1);
    }

    #[test]
    fn a_ticket_that_was_called_takes_nobodys_place() {
        let mut queue = Queue::default();
        let ((_, first), (second, second_waker)) = (waiter(), waiter());
        let (mut old, mut new) = (Ticket::default(), Ticket::default());
        queue.wait(&mut old, &first);
        queue.wake_all();
        queue.wait(&mut new, &second_waker);
        assert!(queue.waiters.leave(old).is_none());
        queue.wake_all();
        assert_eq!(second.get(), 1);
    }

    #[test]
    fn who_waits_while_others_are_woken_waits_for_the_next() {
        let mut queue = Queue::default();
        let crowd: Vec<_> = (0..BATCH * 3).map(|_| waiter()).collect();
        let mut tickets = vec![Ticket::default(); crowd.len()];
        for (ticket, (_, waker)) in tickets.iter_mut().zip(&crowd) {
            queue.wait(ticket, waker);
        }
        // One leaves a hole, and one is called by another who wakes.
        queue.waiters.leave(tickets[BATCH]);
        let end = queue.waiters.begin_call();
        let mut batch = Batch::new();
        let mut again = 0;
        while queue.waiters.call(end, &queue.called, &mut batch) {
            batch.wake().unwrap();
            queue.wait(&mut tickets[again], &crowd[again].1);
            again += 1;
        }
        batch.wake().unwrap();
        // The hole made the second batch longer by one.
        assert_eq!(again, 2);
        for (n, (count, _)) in crowd.iter().enumerate() {
            assert_eq!(count.get(), usize::from(n != BATCH), "{n}");
        }
        assert_eq!(queue.waiters.slots.len(), again);
        queue.wake_all();
        assert_eq!((crowd[0].0.get(), crowd[1].0.get(), crowd[2].0.get()), (2, 2, 1));
    }

    #[test]
    fn waiting_allocates_nothing_once_the_crowd_is_known_and_gives_room_back_when_it_is_gone() {
        let mut queue = Queue::default();
        let (_, waker) = waiter();
        let mut tickets = [Ticket::default(); 1_000];
        let mut rooms = Vec::new();
        for _ in 0..4 {
            for ticket in &mut tickets {
                queue.wait(ticket, &waker);
            }
            rooms.push(queue.waiters.slots.capacity());
            queue.wake_all();
            queue.waiters.shrink(tickets.len());
        }
        assert_eq!(size_of::<Slot>(), 16);
        assert!((1_000..=1_125).contains(&rooms[0]) && rooms.iter().all(|room| *room == rooms[0]), "{rooms:?}");
        queue.waiters.shrink(10);
        assert!(queue.waiters.slots.capacity() < 100);
    }
}
