//! The hub under load from several threads.

use std::sync::{
    Arc, Barrier,
    atomic::{AtomicU64, Ordering},
};

use futures_util::{FutureExt, StreamExt};
use sse_typed::{
    EventId, SseEvent,
    hub::{Hub, OnGap, Retention, Start},
};

use crate::common::{ContiguityCheck, Feed, Reader, hub, last_event_id};

/// A cheap pseudo-random number.
fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn subscribers_on_many_threads_receive_contiguous_events_or_gaps() {
    const EVENTS: u64 = 20_000;
    let hub = hub(Retention::events(64));
    let epoch = ContiguityCheck::epoch_of(&hub.publish_now(&Feed::Tick(1)).unwrap());
    let published = Arc::new(AtomicU64::new(1));
    let mut clients = Vec::new();
    for seed in 1..=6_u64 {
        let (hub, epoch) = (hub.clone(), epoch.clone());
        clients.push(tokio::spawn(async move {
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut check = ContiguityCheck::new(&epoch, None);
            let mut reader = Reader::at(&hub, Start::Earliest);
            loop {
                let subscription = reader.subscription.as_mut().unwrap();
                let Some(entries) = subscription.next().await else {
                    panic!("it ends only after the terminal event");
                };
                for seen in reader.decode(&entries) {
                    if seen.0 == Feed::Done {
                        return (check.seen, check.gaps);
                    }
                    check.check(&seen);
                }
                match next(&mut random) % 64 {
                    0..4 => reader.resume(&hub),
                    4 => {
                        let n = next(&mut random) % EVENTS;
                        let kept = hub.stats().published;
                        reader = Reader::at(&hub, last_event_id(&check.id(n)));
                        // An id behind all events may have been published before or after the hub looked it up.
                        check.set_last(if n <= kept { Some(n) } else { None });
                        if n > kept && n <= hub.stats().published {
                            reader = Reader::at(&hub, Start::Earliest);
                        }
                    }
                    5 => {
                        reader = Reader::at(&hub, last_event_id("nobody's"));
                        check.set_last(None);
                    }
                    6..12 => {
                        for _ in 0..next(&mut random) % 64 {
                            tokio::task::yield_now().await;
                        }
                    }
                    12 => {
                        // Waits, and stops waiting.
                        let subscription = reader.subscription.as_mut().unwrap();
                        let entries =
                            futures_util::future::select(subscription.next(), Box::pin(tokio::task::yield_now()));
                        if let futures_util::future::Either::Left((Some(entries), _)) = entries.await {
                            for seen in reader.decode(&entries) {
                                if seen.0 == Feed::Done {
                                    return (check.seen, check.gaps);
                                }
                                check.check(&seen);
                            }
                        }
                    }
                    _ => {}
                }
            }
        }));
    }
    let mut publishers = Vec::new();
    for seed in 7..=9_u64 {
        let (hub, published) = (hub.clone(), Arc::clone(&published));
        publishers.push(tokio::spawn(async move {
            let mut random = seed;
            for _ in 0..EVENTS / 3 {
                hub.publish_with(|| Feed::Tick(published.fetch_add(1, Ordering::SeqCst) + 1)).await.unwrap();
                if next(&mut random).is_multiple_of(8) {
                    tokio::task::yield_now().await;
                }
            }
        }));
    }
    for publisher in publishers {
        publisher.await.unwrap();
    }
    hub.publish_now(&Feed::Done).unwrap();
    let (mut seen, mut gaps) = (0, 0);
    for client in clients {
        let (events, holes) = client.await.unwrap();
        seen += events;
        gaps += holes;
    }
    assert!(seen > 1_000 && gaps > 0, "{seen} seen, {gaps} gaps");
    assert_eq!(hub.stats().subscribers, 0);
}

#[derive(Debug, PartialEq, SseEvent)]
enum Turn {
    Of {
        publisher: u64,
        turn: u64,
    },
    #[sse(terminal)]
    Done,
}

#[test]
fn all_subscribers_see_one_order_of_several_publishers() {
    const TURNS: u64 = 2_000;
    let hub: Hub<Turn> = Hub::builder_on_gap(OnGap::Restart).retain(Retention::events(100_000)).build();
    let barrier = Barrier::new(6);
    let orders: Vec<Vec<(EventId, u64, u64)>> = std::thread::scope(|scope| {
        let subscribers: Vec<_> = (0..3)
            .map(|_| {
                let mut events = hub.subscribe(Start::Live).events();
                scope.spawn(|| {
                    barrier.wait();
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    runtime.block_on(async move {
                        let mut order = Vec::new();
                        while let Some(event) = events.next().await {
                            if let Turn::Of { publisher, turn } = *event.data {
                                order.push((event.id.unwrap(), publisher, turn));
                            }
                        }
                        order
                    })
                })
            })
            .collect();
        let publishers: Vec<_> = (0..3)
            .map(|publisher| {
                let (hub, barrier) = (&hub, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let publish = |turn| (hub.publish_now(&Turn::Of { publisher, turn }).unwrap(), publisher, turn);
                    (0..TURNS).map(publish).collect::<Vec<_>>()
                })
            })
            .collect();
        let published: Vec<_> = publishers.into_iter().flat_map(|publisher| publisher.join().unwrap()).collect();
        hub.publish_now(&Turn::Done).unwrap();
        let mut orders: Vec<_> = subscribers.into_iter().map(|subscriber| subscriber.join().unwrap()).collect();
        // And the ids are those that `publish` returned.
        let mut published = published;
        published.sort_by_key(|(id, ..)| id.as_str().rsplit_once('-').unwrap().1.parse::<u64>().unwrap());
        orders.push(published);
        orders
    });
    assert_eq!(orders[0].len() as u64, 3 * TURNS);
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]));
    for publisher in 0..3 {
        let turns: Vec<_> = orders[0].iter().filter(|(_, by, _)| *by == publisher).map(|(.., turn)| *turn).collect();
        assert_eq!(turns, (0..TURNS).collect::<Vec<_>>());
    }
}

/// A lost wake-up makes this test hang: the subscriber waits for each event before the next one is published.
#[test]
fn no_wake_up_is_lost() {
    let hub = hub(Retention::default());
    let (answer, answers) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let mut events = hub.subscribe(Start::Live);
        scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                while let Some(entries) = events.next().await {
                    answer.send(entries.len()).unwrap();
                }
            });
        });
        for n in 0..20_000 {
            hub.publish_now(&Feed::Tick(n)).unwrap();
            assert_eq!(answers.recv().unwrap(), 1);
        }
        hub.close_now(None).unwrap();
    });
}

/// The event that each subscriber has received.
struct Seen {
    count: AtomicU64,
    news: tokio::sync::Notify,
}

impl Seen {
    fn tell(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.news.notify_one();
    }

    async fn reaches(&self, count: u64) {
        while self.count.load(Ordering::SeqCst) < count {
            self.news.notified().await;
        }
    }
}

/// Each event is published when all subscribers have the one before, and nothing else wakes a task. So a lost wake-up
/// makes this test hang.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_up_is_lost_however_a_subscription_is_polled() {
    const ROUNDS: u64 = 5_000;
    let hub = hub(Retention::events(64));
    let seen = Arc::new(Seen { count: AtomicU64::new(0), news: tokio::sync::Notify::new() });
    let mut readers = 0;
    let mut reader = || {
        readers += 1;
        (hub.subscribe(Start::Live), Arc::clone(&seen))
    };

    // By one task.
    for _ in 0..2 {
        let (mut events, seen) = reader();
        tokio::spawn(async move {
            while let Some(entries) = events.next().await {
                (0..entries.len()).for_each(|_| seen.tell());
            }
        });
    }
    // By one task, with another waker for each event.
    let (events, unordered) = reader();
    tokio::spawn(async move {
        let mut next = futures_util::stream::FuturesUnordered::new();
        next.push(events.into_future());
        while let Some((Some(entries), events)) = next.next().await {
            (0..entries.len()).for_each(|_| unordered.tell());
            next.push(events.into_future());
        }
    });
    // By two tasks in turn; each may be woken for an event that the other receives.
    let (events, turns) = reader();
    let (left, right) = (tokio::sync::mpsc::channel(1), tokio::sync::mpsc::channel(1));
    left.0.send(events).await.unwrap();
    for (mut take, give) in [(left.1, right.0), (right.1, left.0)] {
        let seen = Arc::clone(&turns);
        tokio::spawn(async move {
            while let Some(mut events) = take.recv().await {
                let Some(entries) = events.next().await else { return };
                (0..entries.len()).for_each(|_| seen.tell());
                let _ = give.send(events).await;
            }
        });
    }
    // By a task that polls with a waker that does nothing before it waits.
    let (mut events, looks) = reader();
    tokio::spawn(async move {
        loop {
            let entries = match events.next().now_or_never() {
                Some(entries) => entries,
                None => events.next().await,
            };
            let Some(entries) = entries else { return };
            (0..entries.len()).for_each(|_| looks.tell());
        }
    });
    // By a task that stops waiting, with and without a poll by another task.
    let (mut events, gives_up) = reader();
    tokio::spawn(async move {
        loop {
            let first = futures_util::future::select(events.next(), Box::pin(tokio::task::yield_now())).await;
            let entries = match first {
                futures_util::future::Either::Left((entries, _)) => entries,
                futures_util::future::Either::Right(_) => {
                    let (other, back) = tokio::sync::oneshot::channel();
                    tokio::spawn(async move {
                        let entries = events.next().await;
                        let _ = other.send((entries, events));
                    });
                    let (entries, same) = back.await.unwrap();
                    events = same;
                    entries
                }
            };
            let Some(entries) = entries else { return };
            (0..entries.len()).for_each(|_| gives_up.tell());
        }
    });
    // By another runtime.
    let (mut events, elsewhere) = reader();
    let thread = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async move {
            while let Some(entries) = events.next().await {
                (0..entries.len()).for_each(|_| elsewhere.tell());
            }
        });
    });

    let rounds = async {
        for round in 1..=ROUNDS {
            hub.publish_now(&Feed::Tick(round)).unwrap();
            seen.reaches(round * readers).await;
            if round % 16 == 0 {
                // Subscribers that have it may not have polled again yet.
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), rounds).await.expect("no subscriber waits forever");
    assert_eq!(seen.count.load(Ordering::SeqCst), ROUNDS * readers);
    hub.close_now(None).unwrap();
    thread.join().unwrap();
}
