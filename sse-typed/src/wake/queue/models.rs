//! Models of the queue. loom runs each in every order of its threads, with at most [`PREEMPTIONS`] preemptions, and with
//! every value that the memory model lets an atomic load return.
//!
//! A lost wake-up leaves a thread that waits forever, which loom reports as a deadlock.

use std::{
    sync::atomic::{AtomicUsize, Ordering as StdOrdering},
    task::Wake,
};

use loom::{
    model::Builder,
    sync::{
        Arc, Mutex, MutexGuard, Notify,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use super::*;

const PREEMPTIONS: usize = 3;

fn model(threads: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(PREEMPTIONS));
    builder.check(threads);
}

/// The waker of a thread.
struct Task {
    notify: Notify,
    /// How often the task was woken. It belongs to no model, so it is an atomic number of std.
    woken: AtomicUsize,
}

impl Wake for Task {
    fn wake(self: std::sync::Arc<Self>) {
        self.woken.fetch_add(1, StdOrdering::Relaxed);
        self.notify.notify();
    }
}

impl Task {
    fn new() -> (std::sync::Arc<Self>, Waker) {
        let task = std::sync::Arc::new(Self { notify: Notify::new(), woken: AtomicUsize::new(0) });
        (std::sync::Arc::clone(&task), Waker::from(task))
    }

    fn woken(&self) -> usize {
        self.woken.load(StdOrdering::Relaxed)
    }
}

/// Polls until ready. loom also polls once without a wake-up.
fn block_on<T>(mut poll: impl FnMut(&Waker) -> Option<T>) -> T {
    let (task, waker) = Task::new();
    loop {
        if let Some(value) = poll(&waker) {
            return value;
        }
        task.notify.wait();
    }
}

/// Events as a hub has them: their number is under the lock of the queue, and beside it for readers without the lock.
#[derive(Default)]
struct Events {
    state: Mutex<EventsState>,
    head: AtomicU64,
    epoch: WakeEpoch,
}

#[derive(Default)]
struct EventsState {
    head: u64,
    waiters: WakeQueue,
}

impl AsMut<WakeQueue> for EventsState {
    fn as_mut(&mut self) -> &mut WakeQueue {
        &mut self.waiters
    }
}

impl Events {
    fn lock(&self) -> MutexGuard<'_, EventsState> {
        self.state.lock().unwrap()
    }

    fn publish(&self) {
        let mut state = self.lock();
        state.head += 1;
        self.head.store(state.head, Ordering::Release);
        self.epoch.wake_all(state, || self.lock()).unwrap();
    }

    /// The number of events, if there are more than `known`. Otherwise the task is registered.
    fn poll(&self, known: u64, ticket: &mut Ticket, waker: &Waker) -> Option<u64> {
        if self.head.load(Ordering::Acquire) == known && self.epoch.is_registered(ticket, waker) {
            return None;
        }
        let mut state = self.lock();
        if state.head > known {
            return Some(state.head);
        }
        let replaced = state.waiters.register(ticket, waker);
        drop(state);
        drop(replaced);
        None
    }

    /// Registers, and returns the number of events at that time.
    fn register(&self, ticket: &mut Ticket, waker: &Waker) -> u64 {
        let mut state = self.lock();
        let replaced = state.waiters.register(ticket, waker);
        let head = state.head;
        drop(state);
        drop(replaced);
        head
    }

    fn deregister(&self, ticket: &mut Ticket) -> Option<Waker> {
        self.lock().waiters.deregister(ticket)
    }

    /// Waits for events until there are as many.
    fn wait_for(&self, events: u64) {
        let (mut known, mut ticket) = (0, Ticket::default());
        block_on(|waker| {
            while let Some(head) = self.poll(known, &mut ticket, waker) {
                known = head;
                if head == events {
                    return Some(());
                }
            }
            None
        });
    }
}

#[test]
fn waiting_tasks_see_an_event_while_another_leaves() {
    model(|| {
        let events = Arc::new(Events::default());
        let ((_task, waker), mut ticket) = (Task::new(), Ticket::default());
        events.register(&mut ticket, &waker);
        let waiters = [(); 2].map(|()| {
            let events = Arc::clone(&events);
            thread::spawn(move || events.wait_for(1))
        });
        let leaver = {
            let events = Arc::clone(&events);
            thread::spawn(move || drop(events.deregister(&mut ticket)))
        };
        events.publish();
        for thread in waiters.into_iter().chain([leaver]) {
            thread.join().unwrap();
        }
    });
}

#[test]
fn the_only_waiting_task_sees_every_event() {
    model(|| {
        let events = Arc::new(Events::default());
        let waiter = {
            let events = Arc::clone(&events);
            thread::spawn(move || events.wait_for(2))
        };
        events.publish();
        events.publish();
        waiter.join().unwrap();
    });
}

#[test]
fn a_waiting_task_sees_events_that_are_published_at_once() {
    model(|| {
        let events = Arc::new(Events::default());
        // Another task, so that wake-ups are interrupted.
        let ((other, other_waker), mut ticket) = (Task::new(), Ticket::default());
        events.register(&mut ticket, &other_waker);
        let waiter = {
            let events = Arc::clone(&events);
            thread::spawn(move || events.wait_for(2))
        };
        let publisher = {
            let events = Arc::clone(&events);
            thread::spawn(move || events.publish())
        };
        events.publish();
        waiter.join().unwrap();
        publisher.join().unwrap();
        assert_eq!(other.woken(), 1);
    });
}

#[test]
fn an_event_wakes_exactly_the_tasks_that_registered_before_it_and_did_not_leave() {
    model(|| {
        let events = Arc::new(Events::default());
        let ((early, early_waker), (leaving, leaving_waker)) = (Task::new(), Task::new());
        let (mut early_ticket, mut leaving_ticket) = (Ticket::default(), Ticket::default());
        events.register(&mut early_ticket, &early_waker);
        events.register(&mut leaving_ticket, &leaving_waker);
        let publisher = {
            let events = Arc::clone(&events);
            thread::spawn(move || events.publish())
        };
        let leaver = {
            let events = Arc::clone(&events);
            thread::spawn(move || events.deregister(&mut leaving_ticket).is_some())
        };
        let late = {
            let events = Arc::clone(&events);
            thread::spawn(move || {
                let ((task, waker), mut ticket) = (Task::new(), Ticket::default());
                let seen = events.register(&mut ticket, &waker);
                (task, waker, ticket, seen)
            })
        };
        publisher.join().unwrap();
        let has_left = leaver.join().unwrap();
        let (late, late_waker, late_ticket, seen) = late.join().unwrap();
        assert_eq!(early.woken(), 1);
        assert_eq!(leaving.woken(), usize::from(!has_left));
        assert_eq!(late.woken(), usize::from(seen == 0), "it registered when there were {seen} events");
        assert_eq!(events.epoch.is_registered(&late_ticket, &late_waker), seen == 1);
        assert!(!events.epoch.is_registered(&early_ticket, &early_waker));
        events.publish();
        assert_eq!((early.woken(), leaving.woken(), late.woken()), (1, usize::from(!has_left), 1));
    });
}

#[test]
fn a_task_that_moves_to_another_waker_is_woken_by_one_of_them() {
    model(|| {
        let events = Arc::new(Events::default());
        // Another task, so that wake-ups are interrupted.
        let (mut ticket, (first, first_waker)) = (Ticket::default(), Task::new());
        events.register(&mut Ticket::default(), Waker::noop());
        events.register(&mut ticket, &first_waker);
        let publisher = {
            let events = Arc::clone(&events);
            thread::spawn(move || events.publish())
        };
        let (second, second_waker) = Task::new();
        let seen = events.poll(0, &mut ticket, &second_waker);
        publisher.join().unwrap();
        let woken = (first.woken(), second.woken());
        match seen {
            Some(_) => assert_eq!(woken, (1, 0)),
            None => assert_eq!(woken, (0, 1)),
        }
    });
}

/// A signal as a shutdown has it: it is set once, beside the lock of the queue.
#[derive(Default)]
struct Signal {
    is_set: AtomicBool,
    waiting: Mutex<WakeQueue>,
    epoch: WakeEpoch,
}

impl Signal {
    fn lock(&self) -> MutexGuard<'_, WakeQueue> {
        self.waiting.lock().unwrap()
    }

    fn set(&self) {
        self.is_set.store(true, Ordering::Release);
        self.epoch.wake_all(self.lock(), || self.lock()).unwrap();
    }

    fn poll(&self, ticket: &mut Ticket, waker: &Waker) -> Option<()> {
        let is_set = || self.is_set.load(Ordering::Acquire).then_some(());
        if is_set().is_some() {
            return Some(());
        }
        if self.epoch.is_registered(ticket, waker) {
            return None;
        }
        let replaced = self.lock().register(ticket, waker);
        drop(replaced);
        is_set()
    }
}

#[test]
fn a_waiting_task_sees_a_signal_while_another_leaves() {
    model(|| {
        let signal = Arc::new(Signal::default());
        let ((_task, waker), mut ticket) = (Task::new(), Ticket::default());
        assert!(signal.poll(&mut ticket, &waker).is_none());
        let waiter = {
            let signal = Arc::clone(&signal);
            thread::spawn(move || {
                let mut ticket = Ticket::default();
                block_on(|waker| signal.poll(&mut ticket, waker));
            })
        };
        let leaver = {
            let signal = Arc::clone(&signal);
            thread::spawn(move || {
                let left = signal.lock().deregister(&mut ticket);
                drop(left);
            })
        };
        signal.set();
        waiter.join().unwrap();
        leaver.join().unwrap();
    });
}
