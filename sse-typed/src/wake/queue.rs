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
        let id = ticket.waker.or_of(&kept);
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

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc, Mutex, MutexGuard,
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
        queue: Mutex<WakeQueue>,
        epoch: WakeEpoch,
    }

    impl Queue {
        fn lock(&self) -> MutexGuard<'_, WakeQueue> {
            self.queue.lock().unwrap()
        }

        fn register(&self, ticket: &mut Ticket, waker: &Waker) -> Option<Waker> {
            self.lock().register(ticket, waker)
        }

        fn deregister(&self, ticket: &mut Ticket) -> Option<Waker> {
            self.lock().deregister(ticket)
        }

        fn wake_all(&self) {
            self.epoch.wake_all(self.lock(), || self.lock()).unwrap();
        }

        fn places(&self) -> usize {
            self.lock().slots.len()
        }
    }

    #[test]
    fn a_task_that_is_polled_again_and_again_has_one_place() {
        let queue = Queue::default();
        let (count, waker) = waiter();
        let mut ticket = Ticket::default();
        for _ in 0..100 {
            assert!(queue.register(&mut ticket, &waker).is_none());
        }
        assert_eq!(queue.places(), 1);
        queue.wake_all();
        assert_eq!(count.get(), 1);
    }

    #[test]
    fn the_last_waker_of_a_ticket_is_the_one_that_is_woken() {
        let queue = Queue::default();
        let ((old, old_waker), (new, new_waker)) = (waiter(), waiter());
        let mut ticket = Ticket::default();
        assert!(queue.register(&mut ticket, &old_waker).is_none());
        assert!(queue.epoch.is_registered(&ticket, &old_waker));
        assert!(!queue.epoch.is_registered(&ticket, &new_waker));
        assert!(queue.register(&mut ticket, &new_waker).is_some());
        assert!(queue.epoch.is_registered(&ticket, &new_waker));
        queue.wake_all();
        assert_eq!((old.get(), new.get()), (0, 1));
    }

    #[test]
    fn without_the_lock_a_waker_is_known_whichever_kind_registered_first() {
        struct Other;
        impl Wake for Other {
            fn wake(self: Arc<Self>) {}
        }
        let (_count, waker) = waiter();
        let other = Waker::from(Arc::new(Other));
        for kinds in [[&other, &waker], [&waker, &other]] {
            let queue = Queue::default();
            let mut tickets = [(); 2].map(|()| Ticket::default());
            for (ticket, waker) in tickets.iter_mut().zip(kinds) {
                assert!(!queue.epoch.is_registered(ticket, waker), "it never registered");
                queue.register(ticket, waker);
            }
            for (ticket, waker) in tickets.iter().zip(kinds) {
                assert!(queue.epoch.is_registered(ticket, waker));
            }
            assert!(!queue.epoch.is_registered(&tickets[0], kinds[1]));
            queue.wake_all();
            for (ticket, waker) in tickets.iter().zip(kinds) {
                assert!(!queue.epoch.is_registered(ticket, waker), "it was woken");
            }
        }
    }

    #[test]
    fn the_identity_is_that_of_the_waker_that_is_kept() {
        let queue = Queue::default();
        let mut ticket = Ticket::default();
        // A clone of this one has another table of functions.
        queue.register(&mut ticket, Waker::noop());
        let Some(Slot::Waiting(kept)) = queue.lock().slots.pop_front() else { panic!("it waits") };
        assert_eq!(ticket.waker, WakerId::of(&kept));
    }

    #[test]
    fn places_of_those_who_leave_are_used_again() {
        for stays in [false, true] {
            let queue = Queue::default();
            let (count, waker) = waiter();
            // An event, so that places are numbered from another number than the first.
            queue.wake_all();
            if stays {
                queue.register(&mut Ticket::default(), &waker);
            }
            for _ in 0..1_000 {
                let mut tickets = [(); 3].map(|()| Ticket::default());
                for ticket in &mut tickets {
                    queue.register(ticket, &waker);
                }
                for mut ticket in tickets {
                    assert!(queue.deregister(&mut ticket).is_some());
                    assert!(queue.deregister(&mut ticket).is_none(), "a ticket is good once");
                }
            }
            assert_eq!(queue.places(), 3 + usize::from(stays));
            queue.wake_all();
            assert_eq!(count.get(), usize::from(stays));
        }
    }

    #[test]
    fn a_ticket_that_was_woken_takes_nobodys_place() {
        let queue = Queue::default();
        let ((_, first), (second, second_waker)) = (waiter(), waiter());
        let (mut old, mut new) = (Ticket::default(), Ticket::default());
        queue.register(&mut old, &first);
        queue.wake_all();
        queue.register(&mut new, &second_waker);
        assert!(queue.deregister(&mut old).is_none());
        queue.wake_all();
        assert_eq!(second.get(), 1);
    }

    #[test]
    fn who_registers_while_others_are_woken_waits_for_the_next_event() {
        let queue = Queue::default();
        let crowd: Vec<_> = (0..BATCH * 3).map(|_| waiter()).collect();
        let mut tickets = Vec::from_iter(crowd.iter().map(|_| Ticket::default()));
        for (ticket, (_, waker)) in tickets.iter_mut().zip(&crowd) {
            queue.register(ticket, waker);
        }
        // One leaves a hole.
        queue.deregister(&mut tickets[BATCH]);
        let end = queue.lock().begin_waking();
        let mut batch = Batch::new();
        let mut again = 0;
        while queue.lock().take(end, &queue.epoch, &mut batch) {
            batch.wake().unwrap();
            queue.register(&mut tickets[again], &crowd[again].1);
            again += 1;
        }
        batch.wake().unwrap();
        // The hole made the second batch longer by one.
        assert_eq!(again, 2);
        for (n, (count, _)) in crowd.iter().enumerate() {
            assert_eq!(count.get(), usize::from(n != BATCH), "{n}");
        }
        assert_eq!(queue.places(), again);
        queue.wake_all();
        assert_eq!((crowd[0].0.get(), crowd[1].0.get(), crowd[2].0.get()), (2, 2, 1));
    }

    #[test]
    fn who_leaves_while_others_are_woken_frees_no_place_that_is_being_woken() {
        let queue = Queue::default();
        let ((_, early), (late, late_waker)) = (waiter(), waiter());
        let mut ticket = Ticket::default();
        queue.register(&mut ticket, &early);
        let end = queue.lock().begin_waking();
        queue.deregister(&mut ticket);
        queue.register(&mut Ticket::default(), &late_waker);
        let mut batch = Batch::new();
        while queue.lock().take(end, &queue.epoch, &mut batch) {}
        batch.wake().unwrap();
        assert_eq!(late.get(), 0, "the event came before it");
        queue.wake_all();
        assert_eq!(late.get(), 1);
    }

    #[test]
    fn waiting_allocates_nothing_once_the_crowd_is_known_and_gives_room_back_when_it_is_gone() {
        let queue = Queue::default();
        let (_, waker) = waiter();
        let mut tickets = [(); 1_000].map(|()| Ticket::default());
        let mut rooms = Vec::new();
        for _ in 0..4 {
            for ticket in &mut tickets {
                queue.register(ticket, &waker);
            }
            rooms.push(queue.lock().slots.capacity());
            queue.wake_all();
        }
        assert_eq!(size_of::<Slot>(), 16);
        assert!((1_000..=1_125).contains(&rooms[0]) && rooms.iter().all(|room| *room == rooms[0]), "{rooms:?}");
        // Those who are left are one, or a few.
        for left in [1, 2] {
            tickets.iter_mut().for_each(|ticket| drop(queue.register(ticket, &waker)));
            queue.wake_all();
            tickets[..left].iter_mut().for_each(|ticket| drop(queue.register(ticket, &waker)));
            queue.wake_all();
            assert!(queue.lock().slots.capacity() < 100, "{left}");
        }
    }

    #[test]
    fn one_who_waits_alone_is_woken_like_any_other() {
        let queue = Queue::default();
        let (count, waker) = waiter();
        let mut ticket = Ticket::default();
        queue.wake_all();
        for n in 1..=3 {
            queue.register(&mut ticket, &waker);
            assert!(queue.epoch.is_registered(&ticket, &waker));
            queue.wake_all();
            assert!(!queue.epoch.is_registered(&ticket, &waker));
            assert_eq!((count.get(), queue.places()), (n, 0));
            queue.wake_all();
        }
        // A place that nobody has any more wakes nobody.
        queue.register(&mut ticket, &waker);
        queue.deregister(&mut ticket);
        queue.wake_all();
        assert_eq!((count.get(), queue.places()), (3, 0));
    }

    #[test]
    fn a_waker_that_panics_keeps_no_other_from_being_woken() {
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                std::panic::panic_any(Payload);
            }
        }
        struct Payload;
        impl Drop for Payload {
            fn drop(&mut self) {
                panic!("nor is its payload");
            }
        }
        let queue = Queue::default();
        let crowd: Vec<_> = (0..BATCH * 2).map(|_| waiter()).collect();
        for (n, (_, waker)) in crowd.iter().enumerate() {
            if n % 7 == 0 {
                queue.register(&mut Ticket::default(), &Waker::from(Arc::new(Panics)));
            }
            queue.register(&mut Ticket::default(), waker);
        }
        let panicked = queue.epoch.wake_all(queue.lock(), || queue.lock());
        drop_payload(panicked.unwrap_err());
        assert!(crowd.iter().all(|(count, _)| count.get() == 1));
    }
}
