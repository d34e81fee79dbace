//! The task of a store, polled by hand and with followers that only count.

use std::{
    any::Any,
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use tokio::{
    task::coop::{cooperative, poll_proceed},
    time::{Instant, advance, sleep},
};
use tokio_test::task;

use super::{Follower, Host, News, StepFuture, StepOutcome, Wakes};
use crate::event::EventId;

/// A follower whose steps return these outcomes, the last one again and again.
struct Steps {
    outcomes: Mutex<Vec<StepOutcome>>,
    news: Mutex<Vec<News>>,
    has: Option<EventId>,
    /// How many units of the task's budget a step takes.
    units: usize,
    polls: AtomicUsize,
    dropped: Arc<AtomicUsize>,
    forgotten: AtomicUsize,
}

impl Steps {
    fn new(outcomes: impl IntoIterator<Item = StepOutcome>) -> Arc<Self> {
        Self::with_units(outcomes, 0)
    }

    fn with_units(outcomes: impl IntoIterator<Item = StepOutcome>, units: usize) -> Arc<Self> {
        let mut outcomes: Vec<_> = outcomes.into_iter().collect();
        outcomes.reverse();
        Arc::new(Self {
            outcomes: Mutex::new(outcomes),
            news: Mutex::default(),
            has: Some(id(7)),
            units,
            polls: AtomicUsize::new(0),
            dropped: Arc::default(),
            forgotten: AtomicUsize::new(0),
        })
    }

    fn steps(&self) -> usize {
        self.news.lock().unwrap().len()
    }
}

fn id(n: u32) -> EventId {
    EventId::from(n)
}

struct CountsDrop(Arc<AtomicUsize>);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Follower for Steps {
    fn has_read(&self, id: &EventId) -> bool {
        self.has.as_ref() == Some(id)
    }

    fn step(self: Arc<Self>, news: News, _: Duration) -> StepFuture {
        self.news.lock().unwrap().push(news);
        let dropped = CountsDrop(Arc::clone(&self.dropped));
        Box::pin(async move {
            let _dropped = dropped;
            for _ in 0..self.units {
                self.polls.fetch_add(1, Ordering::Relaxed);
                cooperative(std::future::ready(())).await;
            }
            let mut outcomes = self.outcomes.lock().unwrap();
            if outcomes.len() > 1 { outcomes.pop().unwrap() } else { outcomes[0] }
        })
    }

    fn become_dormant(&self) -> Box<dyn Any + Send> {
        self.forgotten.fetch_add(1, Ordering::Relaxed);
        Box::new(())
    }

    fn wake_subscriptions(&self) {}
}

/// Wake-ups with these followers, each with a subscription, under the keys `0`, `1` and so on.
fn wakes(followers: &[Arc<Steps>]) -> (Wakes, Vec<u64>) {
    let wakes = Wakes::new();
    let numbers = (0..).zip(followers).map(|(n, follower): (usize, _)| {
        let number = wakes.next_number();
        wakes.add_subscription(number, &n.to_string(), &(Arc::clone(follower) as Arc<dyn Follower>));
        number
    });
    let numbers = numbers.collect();
    wakes.0.is_hosted.store(true, Ordering::Release);
    (wakes, numbers)
}

/// The task of the wake-ups, to be polled by hand.
fn host(wakes: &Wakes) -> task::Spawn<Host> {
    task::spawn(Host::new(Arc::clone(&wakes.0)))
}

/// Polls until the task waits for something.
fn settle(host: &mut task::Spawn<Host>) -> Poll<()> {
    loop {
        if host.poll().is_ready() {
            return Poll::Ready(());
        }
        if !host.is_woken() {
            return Poll::Pending;
        }
    }
}

#[tokio::test]
async fn news_during_a_step_lead_to_another_one() {
    let steps = Steps::with_units([StepOutcome::CaughtUp], 1);
    let (wakes, _) = wakes(&[Arc::clone(&steps)]);
    let mut host = host(&wakes);
    poll_fn(|cx| {
        while let Poll::Ready(unit) = poll_proceed(cx) {
            unit.made_progress();
        }
        // Out of budget the step is pending.
        assert!(host.poll().is_pending());
        Poll::Ready(())
    })
    .await;
    wakes.changed("0", Some(&id(1)));
    tokio::task::yield_now().await;
    assert!(settle(&mut host).is_pending());
    assert_eq!(*steps.news.lock().unwrap(), [News::Unknown, News::UpTo(Box::new(id(1)))]);
    wakes.changed("0", Some(&id(7)));
    assert!(settle(&mut host).is_pending());
    assert_eq!(steps.steps(), 2, "the hub has read this event");
    wakes.changed("0", Some(&id(2)));
    wakes.changed("0", Some(&id(3)));
    assert!(settle(&mut host).is_pending());
    assert_eq!(steps.news.lock().unwrap()[2..], [News::Unknown], "two reports in an unknown order");
}

#[tokio::test]
async fn steps_that_use_up_the_budget_all_end() {
    let followers: Vec<_> =
        (0..100).map(|_| Steps::with_units([StepOutcome::Continue, StepOutcome::CaughtUp], 50)).collect();
    let (wakes, _) = wakes(&followers);
    let mut host = Box::pin(Host::new(Arc::clone(&wakes.0)));
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        if polls % 2 == 0 {
            while let Poll::Ready(unit) = poll_proceed(cx) {
                unit.made_progress();
            }
        }
        assert!(host.as_mut().poll(cx).is_pending());
        if followers.iter().all(|steps| steps.steps() == 2 && steps.dropped.load(Ordering::Relaxed) == 2) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    assert!(polls < 1_000, "{polls}");
}

#[tokio::test]
async fn the_task_that_polled_last_is_woken() {
    let steps = Steps::new([StepOutcome::CaughtUp]);
    let (wakes, _) = wakes(&[steps]);
    let mut host = Box::pin(Host::new(Arc::clone(&wakes.0)));
    let (mut first, mut second) = (task::spawn(()), task::spawn(()));
    for task in [&mut first, &mut second] {
        task.enter(|cx, _| {
            for _ in 0..3 {
                assert!(host.as_mut().poll(cx).is_pending());
            }
        });
    }
    assert!(!second.is_woken());
    wakes.changed("0", None);
    assert!(second.is_woken());
}

#[tokio::test(start_paused = true)]
async fn a_failed_follower_waits_longer_and_longer_and_news_do_not_shorten_it() {
    let failing = Steps::new([StepOutcome::Failed]);
    let (wakes, _) = wakes(&[Arc::clone(&failing)]);
    tokio::spawn(Host::new(Arc::clone(&wakes.0)));
    let began = Instant::now();
    let mut times = Vec::new();
    for n in 1..=8 {
        while failing.steps() < n {
            sleep(Duration::from_millis(10)).await;
            wakes.changed("0", None);
        }
        times.push(began.elapsed().as_millis() / 100);
    }
    assert_eq!(times, [0, 1, 3, 7, 15, 31, 63, 113]);
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_is_unused_in_the_middle_of_a_step_is_dropped() {
    let steps = Steps::with_units([StepOutcome::CaughtUp], 1);
    let (wakes, numbers) = wakes(&[Arc::clone(&steps), Steps::new([StepOutcome::CaughtUp])]);
    let mut host = host(&wakes);
    poll_fn(|cx| {
        while let Poll::Ready(unit) = poll_proceed(cx) {
            unit.made_progress();
        }
        assert!(host.poll().is_pending());
        Poll::Ready(())
    })
    .await;
    wakes.remove_subscription(numbers[0]);
    advance(Duration::from_secs(5)).await;
    assert!(settle(&mut host).is_pending());
    assert_eq!((steps.dropped.load(Ordering::Relaxed), steps.forgotten.load(Ordering::Relaxed)), (1, 1));
    // It begins anew with the next subscription.
    wakes.add_subscription(numbers[0], "0", &(Arc::clone(&steps) as Arc<dyn Follower>));
    assert!(settle(&mut host).is_pending());
    assert_eq!(*steps.news.lock().unwrap(), [News::Unknown, News::Unknown]);
    numbers.iter().for_each(|number| wakes.remove_follower(*number));
    assert!(settle(&mut host).is_ready(), "without followers the task ends");
}

#[tokio::test(start_paused = true)]
async fn without_a_task_a_follower_that_was_unused_for_long_begins_anew() {
    let steps = Steps::new([StepOutcome::CaughtUp]);
    let (wakes, numbers) = wakes(&[Arc::clone(&steps)]);
    drop(host(&wakes));
    let add = || wakes.add_subscription(numbers[0], "0", &(Arc::clone(&steps) as Arc<dyn Follower>));
    for (seconds, forgotten) in [(4, 0), (6, 1)] {
        wakes.remove_subscription(numbers[0]);
        advance(Duration::from_secs(seconds)).await;
        add();
        assert_eq!(steps.forgotten.load(Ordering::Relaxed), forgotten);
    }
}

#[tokio::test]
async fn a_task_that_is_dropped_leaves_its_steps_to_the_next_one() {
    let followers: Vec<_> = (0..100).map(|_| Steps::with_units([StepOutcome::CaughtUp], 1)).collect();
    let (wakes, _) = wakes(&followers);
    let mut first = host(&wakes);
    poll_fn(|cx| {
        while let Poll::Ready(unit) = poll_proceed(cx) {
            unit.made_progress();
        }
        assert!(first.poll().is_pending());
        Poll::Ready(())
    })
    .await;
    drop(first);
    assert!(!wakes.0.is_hosted.load(Ordering::Acquire));
    assert!(wakes.ensure_hosted());
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let steps: Vec<_> = followers.iter().map(|steps| steps.steps()).collect();
    assert!(steps[..64].iter().all(|steps| *steps == 2) && steps[64..].iter().all(|steps| *steps == 1), "{steps:?}");
}

/// Its steps never end.
#[derive(Default)]
struct Hangs(AtomicUsize);

impl Follower for Hangs {
    fn has_read(&self, _: &EventId) -> bool {
        false
    }

    fn step(self: Arc<Self>, _: News, _: Duration) -> StepFuture {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::pending())
    }

    fn become_dormant(&self) -> Box<dyn Any + Send> {
        Box::new(())
    }

    fn wake_subscriptions(&self) {}
}

#[tokio::test]
async fn steps_of_removed_followers_leave_their_turn_to_others() {
    let wakes = Wakes::new();
    let followers: Vec<_> = (0..128).map(|_| Arc::new(Hangs::default())).collect();
    let numbers: Vec<_> = followers.iter().map(|_| wakes.next_number()).collect();
    for (number, follower) in numbers.iter().zip(&followers) {
        wakes.add_subscription(*number, &number.to_string(), &(Arc::clone(follower) as Arc<dyn Follower>));
    }
    let running = || followers.iter().filter(|follower| follower.0.load(Ordering::Relaxed) == 1).count();
    let mut host = host(&wakes);
    assert!(settle(&mut host).is_pending());
    assert_eq!(running(), 64);
    numbers[..63].iter().for_each(|number| wakes.remove_follower(*number));
    assert!(settle(&mut host).is_pending());
    assert_eq!(running(), 127, "63 have begun");
    numbers[63..65].iter().for_each(|number| wakes.remove_follower(*number));
    assert!(settle(&mut host).is_pending());
    assert_eq!(running(), 128);
}

#[tokio::test]
async fn a_follower_at_its_end_is_removed() {
    let steps = Steps::new([StepOutcome::Continue, StepOutcome::Over]);
    let (wakes, numbers) = wakes(&[Arc::clone(&steps)]);
    let mut host = host(&wakes);
    assert!(settle(&mut host).is_ready());
    assert_eq!((steps.steps(), wakes.0.lock().keys.len()), (2, 0));
    // These find nothing.
    wakes.remove_subscription(numbers[0]);
    wakes.mark(numbers[0]);
    wakes.remove_follower(numbers[0]);
    wakes.changed("0", None);
}

#[tokio::test(start_paused = true)]
async fn many_followers_that_become_dormant_at_once_leave_others_their_turn() {
    let followers: Vec<_> = (0..10_000).map(|_| Steps::new([StepOutcome::CaughtUp])).collect();
    let (wakes, numbers) = wakes(&followers);
    let mut host = host(&wakes);
    assert!(settle(&mut host).is_pending());
    numbers.iter().for_each(|number| wakes.remove_subscription(*number));
    advance(Duration::from_secs(5)).await;
    for polls in 1.. {
        let polled = host.poll();
        let left = wakes.0.lock().schedule.len();
        assert!(left + polls * 256 >= 10_000, "{left} after {polls}");
        if polled.is_ready() {
            assert_eq!(left, 0);
            break;
        }
        assert!(host.is_woken(), "the next ones are due");
    }
}

/// Its steps never end. They panic when they are dropped, and so does what it has in memory.
struct Bombs;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the drop panics");
    }
}

impl Follower for Bombs {
    fn has_read(&self, _: &EventId) -> bool {
        false
    }

    fn step(self: Arc<Self>, _: News, _: Duration) -> StepFuture {
        let bomb = Bomb;
        Box::pin(async move {
            std::future::pending::<()>().await;
            drop(bomb);
            StepOutcome::CaughtUp
        })
    }

    fn become_dormant(&self) -> Box<dyn Any + Send> {
        Box::new(Bomb)
    }

    fn wake_subscriptions(&self) {}
}

#[tokio::test(start_paused = true)]
async fn drops_that_panic_do_not_end_the_process() {
    let wakes = Wakes::new();
    for n in 0..10 {
        let number = wakes.next_number();
        wakes.add_subscription(number, &n.to_string(), &(Arc::new(Bombs) as Arc<dyn Follower>));
        wakes.remove_subscription(number);
    }
    // When a runtime ends, its task is dropped with all steps.
    let mut first = host(&wakes);
    assert!(settle(&mut first).is_pending());
    drop(first);
    let mut host = host(&wakes);
    assert!(settle(&mut host).is_pending());
    advance(Duration::from_secs(5)).await;
    assert!(settle(&mut host).is_ready());
}
