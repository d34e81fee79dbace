//! How expectations poll: out of budget, without a reason, with another waker, and dropped at every await.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream};
use sse_typed::{
    Client, Event, Sse,
    testing::{Answer, Collect, RawClient, ScriptedServer},
};
use tests::budget::{future_out_of_budget, spend};
use tokio::time::{Instant, sleep};

use crate::{Feed, failure};

fn silent() -> Collect<Feed> {
    Collect::stream(stream::pending::<Feed>())
}

fn ready(n: u64) -> Collect<Feed> {
    Collect::stream(stream::iter((1..=n).map(Feed::Tick)).chain(stream::pending()))
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn an_expectation_without_budget_is_met_and_fails_in_time() {
    let mut events = ready(3);
    assert_eq!(future_out_of_budget(pin!(events.expect(Feed::Tick(1)))).await.data, Feed::Tick(1));
    assert_eq!(future_out_of_budget(pin!(events.take(2))).await.len(), 2);
    let started = Instant::now();
    future_out_of_budget(pin!(events.expect_none_for(Duration::from_secs(7)))).await;
    future_out_of_budget(pin!(events.expect_silence_for(Duration::from_secs(7)))).await;
    assert_eq!(started.elapsed(), Duration::from_secs(14));
    let failed = failure(future_out_of_budget(pin!(events.expect_end()))).await;
    assert!(failed.contains("within 30s"), "{failed}");
    assert_eq!(started.elapsed(), Duration::from_secs(44));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_never_has_budget_fails_in_real_time() {
    // Its wakes keep paused time from running: it is the real clock that ends it.
    let mut events = silent().within(Duration::from_millis(50));
    let mut expectation = pin!(events.next());
    let spent = poll_fn(|cx| {
        spend(cx);
        expectation.as_mut().poll(cx)
    });
    assert!(failure(spent).await.contains("within 50ms"));
}

#[tokio::test(start_paused = true)]
async fn the_other_ends_work_without_budget() {
    let second = Duration::from_secs(1);
    let answer = Answer::stream().wait(second).event(&Event::new(Feed::Tick(1)).id(1_u64)).stall();
    let server = ScriptedServer::new([answer.clone(), answer]);
    let mut events = Collect::source(Client::new(server.clone()).get("/").connect::<Feed>());
    future_out_of_budget(pin!(events.expect(Feed::Tick(1)))).await;

    let (io, server_io) = tokio::io::duplex(64);
    tokio::spawn(async move { server.serve_connection(server_io).await });
    let client = future_out_of_budget(pin!(RawClient::get(io, "/"))).await.pace(5, second);
    let mut events = future_out_of_budget(pin!(client.read())).await;
    future_out_of_budget(pin!(events.expect(Feed::Tick(1)))).await;
}

#[tokio::test(start_paused = true)]
async fn the_waker_of_the_last_poll_is_woken() {
    let (first, last) = (Arc::<Wakes>::default(), Arc::<Wakes>::default());
    let mut events = silent();
    let mut expectation = pin!(events.expect_none_for(Duration::from_secs(1)));
    let mut poll = |wakes: &Arc<Wakes>| {
        let waker = Waker::from(Arc::clone(wakes));
        expectation.as_mut().poll(&mut Context::from_waker(&waker))
    };
    // Polled without a reason, too.
    for wakes in [&first, &first, &last] {
        assert_eq!(poll(wakes), Poll::Pending);
    }
    sleep(Duration::from_secs(2)).await;
    assert_eq!((first.0.load(Ordering::SeqCst), last.0.load(Ordering::SeqCst)), (0, 1));
    assert_eq!(poll(&last), Poll::Ready(()));
}

#[tokio::test(start_paused = true)]
async fn an_expectation_that_is_dropped_takes_nothing() {
    // One event a second: each expectation is dropped after each of its polls.
    let ticks = || {
        Collect::stream(stream::unfold(1, |n| async move {
            sleep(Duration::from_secs(1)).await;
            Some((Event::new(Feed::Tick(n)).id(n), n + 1))
        }))
    };
    for polls in 0..6 {
        let mut events = ticks();
        for round in 0..4 {
            let mut dropped: Pin<Box<dyn Future<Output = ()> + Send>> = match round {
                0 => Box::pin(events.take(50).map(drop)),
                1 => Box::pin(events.expect_all((1..50).map(Feed::Tick)).map(drop)),
                2 => Box::pin(events.expect_only((1..50).map(Feed::Tick)).map(drop)),
                _ => Box::pin(events.expect_comment("none")),
            };
            if round == 3 && polls > 0 {
                break; // an event is there already
            }
            for _ in 0..polls {
                let _ = poll_fn(|cx| Poll::Ready(dropped.as_mut().poll(cx).is_ready())).await;
                sleep(Duration::from_millis(500)).await;
            }
        }
        assert_eq!(events.last_event_id(), "");
        events.expect_all((1..=20).map(Feed::Tick)).await;
        assert_eq!(events.last_event_id(), "20");
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_before_the_end_is_not_taken_while_the_end_is_waited_for() {
    let mut events = ready(2);
    {
        let mut dropped = pin!(events.expect_only([Feed::Tick(1), Feed::Tick(2)]));
        assert!(poll_fn(|cx| Poll::Ready(dropped.as_mut().poll(cx).is_pending())).await);
    }
    events.expect_all([Feed::Tick(1), Feed::Tick(2)]).await;
}

#[tokio::test(start_paused = true)]
async fn dropping_it_drops_the_stream() {
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let endless = stream::poll_fn(move |_| {
        let _ = &held;
        Poll::<Option<Feed>>::Pending
    });
    let mut events = Collect::sse(Sse::new(endless));
    events.expect_none_for(Duration::from_secs(1)).await;
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(events);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_always_has_something_lets_others_run() {
    let other = tests::budget::Other::spawn();
    let mut events = Collect::stream(stream::iter((0..10_000).map(Feed::Tick)));
    events.take(10_000).await;
    assert!(other.turns() > 10, "{}", other.turns());
}

#[tokio::test(start_paused = true)]
async fn expectations_can_move_to_other_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let mut events = is_send(ready(1));
    is_send(events.expect(Feed::Tick(1))).await;
    is_send(events.expect_none_for(Duration::from_secs(1))).await;
    let mut source = is_send(Collect::source(Client::new(ScriptedServer::new([])).get("/").connect::<Feed>()));
    is_send(source.expect_end()).await;
}
