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

    fn slots(&self) -> usize {
        self.lock().slots.len()
    }
}

#[test]
fn a_task_that_is_polled_repeatedly_has_one_slot() {
    let queue = Queue::default();
    let (count, waker) = waiter();
    let mut ticket = Ticket::default();
    for _ in 0..100 {
        assert!(queue.register(&mut ticket, &waker).is_none());
    }
    assert_eq!(queue.slots(), 1);
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
fn a_registered_waker_is_known_without_the_lock_whatever_kind_registered_first() {
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
fn the_identity_of_a_ticket_is_that_of_the_stored_waker() {
    let queue = Queue::default();
    let mut ticket = Ticket::default();
    // A clone of this one has another table of functions.
    queue.register(&mut ticket, Waker::noop());
    let Some(Slot::Waiting(kept)) = queue.lock().slots.pop_front() else { panic!("it waits") };
    assert_eq!(ticket.waker, WakerId::of(&kept));
}

#[test]
fn slots_of_deregistered_tasks_are_used_again() {
    for stays in [false, true] {
        let queue = Queue::default();
        let (count, waker) = waiter();
        // An event, so that slots do not begin at the first number.
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
                assert!(queue.deregister(&mut ticket).is_none(), "a ticket is valid once");
            }
        }
        assert_eq!(queue.slots(), 3 + usize::from(stays));
        queue.wake_all();
        assert_eq!(count.get(), usize::from(stays));
    }
}

#[test]
fn a_ticket_that_was_woken_frees_no_slot_of_another_task() {
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
fn a_task_that_registers_while_others_are_woken_waits_for_the_next_event() {
    let queue = Queue::default();
    let waiters: Vec<_> = (0..BATCH * 3).map(|_| waiter()).collect();
    let mut tickets = Vec::from_iter(waiters.iter().map(|_| Ticket::default()));
    for (ticket, (_, waker)) in tickets.iter_mut().zip(&waiters) {
        queue.register(ticket, waker);
    }
    // A deregistered task leaves a free slot.
    queue.deregister(&mut tickets[BATCH]);
    let end = queue.lock().begin_waking();
    let mut batch = Batch::new();
    let mut again = 0;
    while queue.lock().take(end, &queue.epoch, &mut batch) {
        batch.wake().unwrap();
        queue.register(&mut tickets[again], &waiters[again].1);
        again += 1;
    }
    batch.wake().unwrap();
    // The free slot made the second batch longer by one.
    assert_eq!(again, 2);
    for (n, (count, _)) in waiters.iter().enumerate() {
        assert_eq!(count.get(), usize::from(n != BATCH), "{n}");
    }
    assert_eq!(queue.slots(), again);
    queue.wake_all();
    assert_eq!((waiters[0].0.get(), waiters[1].0.get(), waiters[2].0.get()), (2, 2, 1));
}

#[test]
fn a_task_that_deregisters_while_others_are_woken_frees_no_slot_that_is_being_woken() {
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
fn waiting_reuses_memory_and_frees_it_when_few_tasks_are_left() {
    let queue = Queue::default();
    let (_, waker) = waiter();
    let mut tickets = [(); 1_000].map(|()| Ticket::default());
    let mut capacities = Vec::new();
    for _ in 0..4 {
        for ticket in &mut tickets {
            queue.register(ticket, &waker);
        }
        capacities.push(queue.lock().slots.capacity());
        queue.wake_all();
        capacities.push(queue.lock().slots.capacity());
    }
    assert_eq!(size_of::<Slot>(), 16);
    assert!((1_000..=1_125).contains(&capacities[0]), "{capacities:?}");
    assert!(capacities.iter().all(|capacity| *capacity == capacities[0]), "{capacities:?}");
    // One task is left, or a few.
    for left in [1, 2] {
        tickets.iter_mut().for_each(|ticket| drop(queue.register(ticket, &waker)));
        queue.wake_all();
        tickets[..left].iter_mut().for_each(|ticket| drop(queue.register(ticket, &waker)));
        queue.wake_all();
        assert!(queue.lock().slots.capacity() < 100, "{left}");
    }
}

#[test]
fn memory_grows_in_small_steps_for_few_tasks_and_by_an_eighth_for_many() {
    let queue = Queue::default();
    let (_, waker) = waiter();
    let mut capacities = Vec::new();
    for _ in 0..10_000 {
        queue.register(&mut Ticket::default(), &waker);
        capacities.push(queue.lock().slots.capacity());
    }
    capacities.dedup();
    assert_eq!(capacities[..7], [2, 4, 8, 16, 32, 48, 64]);
    for pair in capacities.windows(2).skip(10) {
        assert_eq!(pair[1] - pair[0], (pair[0] / 8).max(16), "{pair:?}");
    }
}

#[test]
fn a_single_waiting_task_is_woken_like_any_other() {
    let queue = Queue::default();
    let (count, waker) = waiter();
    let mut ticket = Ticket::default();
    queue.wake_all();
    for n in 1..=3 {
        queue.register(&mut ticket, &waker);
        assert!(queue.epoch.is_registered(&ticket, &waker));
        queue.wake_all();
        assert!(!queue.epoch.is_registered(&ticket, &waker));
        assert_eq!((count.get(), queue.slots()), (n, 0));
        queue.wake_all();
    }
    // A free slot wakes no task.
    queue.register(&mut ticket, &waker);
    queue.deregister(&mut ticket);
    queue.wake_all();
    assert_eq!((count.get(), queue.slots()), (3, 0));
}

#[test]
fn a_waker_that_panics_does_not_prevent_other_wake_ups() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            std::panic::panic_any(Payload);
        }
    }
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            panic!("the payload panics when it is dropped");
        }
    }
    let queue = Queue::default();
    let waiters: Vec<_> = (0..BATCH * 2).map(|_| waiter()).collect();
    for (n, (_, waker)) in waiters.iter().enumerate() {
        if n % 7 == 0 {
            queue.register(&mut Ticket::default(), &Waker::from(Arc::new(Panics)));
        }
        queue.register(&mut Ticket::default(), waker);
    }
    let panicked = queue.epoch.wake_all(queue.lock(), || queue.lock());
    drop_payload(panicked.unwrap_err());
    assert!(waiters.iter().all(|(count, _)| count.get() == 1));
}
