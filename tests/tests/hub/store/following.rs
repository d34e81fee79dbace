//! How the task of a store follows keys for the hubs of a process.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Wake, Waker},
    time::Duration,
};

use futures_util::{FutureExt, Stream, StreamExt};
use sse_typed::{
    Subscription,
    hub::{Block, Entries, EventLog, EventStore, Hub, MemoryStore, Retention, Start},
};
use tokio::{
    runtime::{Builder, Handle},
    task::yield_now,
    time::{sleep, timeout},
};

use super::{settle, test_store::TestStore};
use crate::common::Feed;

pub(super) fn store() -> TestStore {
    TestStore::new(MemoryStore::default())
}

pub(super) fn hub<S: EventStore>(store: &S, key: &str) -> Hub<Feed, S::Log> {
    Hub::builder().build_on(store.log(key))
}

/// Another process publishes ticks of these numbers.
async fn add<S: EventStore>(store: &S, key: &str, numbers: impl IntoIterator<Item = u64>) {
    let log = store.log(key);
    for n in numbers {
        log.append(&Block::new(format!("event: tick\ndata: {n}\n\n"), false).unwrap()).await.unwrap();
    }
}

/// The next events, as many as are there.
pub(super) async fn take(subscription: &mut Subscription<Feed>, count: usize) -> Vec<Feed> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let entries = timeout(Duration::from_secs(60), subscription.next())
            .await
            .expect("an event arrives")
            .expect("the stream continues");
        taken.extend(ticks_of(&entries));
    }
    taken
}

pub(super) fn ticks(numbers: impl IntoIterator<Item = u64>) -> Vec<Feed> {
    numbers.into_iter().map(Feed::Tick).collect()
}

#[tokio::test(start_paused = true)]
async fn a_hub_without_subscriptions_for_five_seconds_is_not_followed() {
    let store = store();
    let hub = hub(&store, "a");
    let mut subscription = hub.subscribe(Start::Live);
    settle_with(&mut subscription).await;
    drop(subscription);
    sleep(Duration::from_millis(4_900)).await;
    add(&store, "a", 0..3).await;
    settle().await;
    assert_eq!(hub.stats().events, 3, "a client that reconnects soon finds its position in memory");
    sleep(Duration::from_millis(200)).await;
    assert_eq!(hub.stats().events, 0, "its memory is free");
    let reads = store.reads();
    add(&store, "a", 3..6).await;
    settle().await;
    assert_eq!(store.reads(), reads, "it is not followed");
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "nor is there a task for it");
    let mut subscription = hub.subscribe(Start::Live);
    settle_with(&mut subscription).await;
    hub.publish(&Feed::Tick(6)).await.unwrap();
    assert_eq!(take(&mut subscription, 1).await, ticks([6]), "a live start replays nothing of before");
    assert_eq!(hub.subscribe(Start::Last(7)).ready().await.lag(), 7);
}

/// Polls a subscription that has nothing to yield until the hub is followed.
async fn settle_with(subscription: &mut Subscription<Feed>) {
    for _ in 0..3 {
        assert!(subscription.next().now_or_never().is_none());
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_in_time_keeps_a_hub_followed() {
    let store = store();
    let hub = hub(&store, "a");
    let mut subscription = hub.subscribe(Start::Live);
    settle_with(&mut subscription).await;
    for n in 0..5 {
        drop(subscription);
        sleep(Duration::from_secs(3)).await;
        subscription = hub.subscribe(Start::Live);
        add(&store, "a", [n]).await;
        assert_eq!(take(&mut subscription, 1).await, ticks([n]));
    }
    assert_eq!(hub.stats().published, 5, "it was followed all the time");
    // Held for longer than that, it is used all the time.
    sleep(Duration::from_secs(60)).await;
    add(&store, "a", [5]).await;
    assert_eq!(take(&mut subscription, 1).await, ticks([5]));
}

#[tokio::test]
async fn a_hub_that_begins_has_the_newest_events_in_memory_and_is_live_behind_them() {
    let store = store();
    add(&store, "a", 0..1_000).await;
    let hub = hub(&store, "a");
    let mut live = hub.subscribe(Start::Live);
    settle_with(&mut live).await;
    assert_eq!((hub.stats().events, live.lag()), (256, 0));
    let reads = store.reads();
    add(&store, "a", 1_000..1_003).await;
    assert_eq!(take(&mut live, 3).await, ticks(1_000..1_003));
    let read_for_live = store.reads() - reads;
    // Clients that reconnect after a restart.
    let log = store.log("a");
    let position = log.before_last(200).await.unwrap();
    let reads = store.reads();
    for _ in 0..100 {
        let mut resumed = hub.subscribe(position.clone());
        assert_eq!(take(&mut resumed, 200).await, ticks(803..1_003));
    }
    assert_eq!(store.reads(), reads, "they do not read from the store");
    assert!(read_for_live <= 6, "{read_for_live}");
}

#[tokio::test]
async fn a_hub_with_a_small_memory_reads_no_more_than_that() {
    let store = store();
    add(&store, "a", 0..1_000).await;
    let hub = Hub::<Feed>::builder().retain(Retention::events(10)).build_on(store.log("a"));
    let mut live = hub.subscribe(Start::Live);
    settle_with(&mut live).await;
    assert_eq!(hub.stats().published, 10);
    let mut last = hub.subscribe(Start::Last(20));
    assert_eq!(take(&mut last, 20).await, ticks(980..1_000));
}

#[tokio::test]
async fn a_hub_that_begins_reads_few_large_events() {
    let store = store();
    let log = store.log("a");
    let data = "x".repeat((64 << 10) - 20);
    for _ in 0..200 {
        log.append(&Block::new(format!("event: tick\ndata: {data}\n\n"), false).unwrap()).await.unwrap();
    }
    let hub = hub(&store, "a");
    let mut live = hub.subscribe(Start::Live);
    settle_with(&mut live).await;
    assert_eq!((hub.stats().published, live.lag()), (64, 0), "4 MiB");
    hub.publish(&Feed::Tick(7)).await.unwrap();
    assert_eq!(take(&mut live, 1).await, ticks([7]));
}

#[tokio::test]
async fn a_publisher_begins_its_hub_without_reading_old_events() {
    let store = store();
    add(&store, "a", 0..1_000).await;
    let hub = hub(&store, "a");
    let mut live = hub.subscribe(Start::Live);
    // Nothing was polled, so the publisher is first.
    hub.publish(&Feed::Tick(7)).await.unwrap();
    assert_eq!(take(&mut live, 1).await, ticks([7]));
    assert_eq!(hub.stats().published, 1);
}

#[tokio::test]
async fn a_hub_that_has_the_newest_event_does_not_read() {
    let store = store();
    let hub = hub(&store, "a");
    let mut live = hub.subscribe(Start::Live);
    settle_with(&mut live).await;
    let id = hub.publish(&Feed::Tick(0)).await.unwrap();
    assert_eq!(take(&mut live, 1).await, ticks([0]));
    settle().await;
    let reads = store.reads();
    store.wakes().changed("a", Some(&id));
    settle().await;
    assert_eq!(store.reads(), reads);
    store.wakes().changed("a", None);
    settle().await;
    assert_eq!(store.reads(), reads + 1, "without an id it looks");
    hub.publish(&Feed::Tick(1)).await.unwrap();
    settle().await;
    assert_eq!(store.reads(), reads + 2, "an event that is reported with its id is one read");
    assert_eq!(take(&mut live, 1).await, ticks([1]));
}

#[test]
fn another_task_follows_the_keys_when_a_runtime_ends() {
    let store = MemoryStore::default();
    let hubs: Vec<_> = (0..10).map(|n| hub(&store, &n.to_string())).collect();
    let mut subscriptions: Vec<_> = hubs.iter().map(|hub| hub.subscribe(Start::Earliest)).collect();
    for n in 0..3 {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            for (hub, subscription) in hubs.iter().zip(&mut subscriptions) {
                hub.publish(&Feed::Tick(n)).await.unwrap();
                assert_eq!(take(subscription, 1).await, ticks([n]));
            }
            assert_eq!(runtime.metrics().num_alive_tasks(), 1);
            // Read, but not to its end.
            add(&store, "0", [100 + n]).await;
        });
        drop(runtime);
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { assert_eq!(take(&mut subscriptions[0], 1).await, ticks([100 + n])) });
    }
}

/// The ticks of some entries.
pub(super) fn ticks_of(entries: &Entries<Feed>) -> Vec<Feed> {
    let text = String::from_utf8(entries.to_bytes().unwrap().to_vec()).unwrap();
    text.lines().filter_map(|line| Some(Feed::Tick(line.strip_prefix("data: ")?.parse().unwrap()))).collect()
}

#[test]
fn a_runtime_that_ends_at_any_moment_loses_and_repeats_nothing() {
    for turns in 0..60 {
        let store = TestStore::slow_and_failing(MemoryStore::default());
        let hub = hub(&store, "a");
        let mut subscription = hub.subscribe(Start::Earliest);
        let (mut seen, mut published) = (Vec::new(), 0);
        for _ in 0..4 {
            let runtime = Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                for _ in 0..3 {
                    hub.publish(&Feed::Tick(published)).await.unwrap();
                    published += 1;
                }
                for _ in 0..turns {
                    seen.extend(subscription.next().now_or_never().map(|next| ticks_of(&next.unwrap())));
                    yield_now().await;
                }
            });
        }
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            hub.close(None).await.unwrap();
            while let Some(entries) = subscription.next().await {
                seen.push(ticks_of(&entries));
            }
        });
        assert_eq!(seen.concat(), ticks(0..published), "{turns} turns");
    }
}

#[tokio::test]
async fn hubs_that_are_dropped_at_any_moment_leave_nothing_behind() {
    let store = TestStore::slow_and_failing(MemoryStore::default());
    for turns in 0..60 {
        let hubs: Vec<_> = (0..3).map(|n| hub(&store, &n.to_string())).collect();
        let mut subscriptions: Vec<_> = hubs.iter().map(|hub| hub.subscribe(Start::Live)).collect();
        add(&store, "0", [turns]).await;
        for subscription in &mut subscriptions {
            let _ = subscription.next().now_or_never();
        }
        for _ in 0..turns {
            yield_now().await;
        }
        // The hub first, and then its subscription; or the other way round.
        if turns % 2 == 0 {
            drop((hubs, subscriptions));
        } else {
            drop((subscriptions, hubs));
        }
        settle().await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "{turns} turns");
        assert_eq!(format!("{:?}", store.wakes()), "Wakes { keys: 0, followers: 0, .. }", "{turns} turns");
    }
}

#[test]
fn a_task_that_waits_in_another_runtime_takes_over() {
    let store = MemoryStore::default();
    let (one, two) = (hub(&store, "a"), hub(&store, "b"));
    let first = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let second = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let mut subscription = one.subscribe(Start::Earliest);
    first.block_on(async {
        one.publish(&Feed::Tick(0)).await.unwrap();
        take(&mut subscription, 1).await;
    });
    let mut waiting = two.subscribe(Start::Earliest);
    let taken = second.spawn(async move { take(&mut waiting, 1).await });
    while second.metrics().num_alive_tasks() == 0 {
        std::thread::yield_now();
    }
    // It is woken, and starts another task where it runs.
    drop(first);
    second.block_on(async {
        two.publish(&Feed::Tick(1)).await.unwrap();
        assert_eq!(taken.await.unwrap(), ticks([1]));
    });
}

#[tokio::test]
async fn a_waker_that_panics_harms_nobody() {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("the waker panics");
        }
    }
    let store = MemoryStore::default();
    let hub = hub(&store, "a");
    let (mut good, mut bad) = (hub.subscribe(Start::Live), hub.subscribe(Start::Live));
    settle_with(&mut good).await;
    settle_with(&mut bad).await;
    let waker = Waker::from(Arc::new(Bomb));
    let mut woken = Box::pin(store.wakes().wait("a"));
    for n in 0..3 {
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let mut cx = Context::from_waker(&waker);
            assert!(std::pin::Pin::new(&mut bad).poll_next(&mut cx).is_pending());
            let _ = woken.as_mut().poll(&mut cx);
        }));
        hub.publish(&Feed::Tick(n)).await.unwrap();
        assert_eq!(take(&mut good, 1).await, ticks([n]));
        settle_with(&mut good).await;
        let _ = take(&mut bad, 1).await;
        store.wakes().all_changed();
    }
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
}

#[tokio::test]
async fn hubs_that_are_dropped_end_the_task_of_their_store() {
    let store = store();
    for _ in 0..3 {
        let hubs: Vec<_> = (0..10).map(|n| hub(&store, &n.to_string())).collect();
        let mut subscriptions: Vec<_> = hubs.iter().map(|hub| hub.subscribe(Start::Live)).collect();
        for subscription in &mut subscriptions {
            settle_with(subscription).await;
        }
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
        // In the middle of reads.
        store.controls.holds_reads.send_replace(true);
        store.wakes().all_changed();
        settle().await;
        drop((hubs, subscriptions));
        settle().await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
        assert_eq!(format!("{:?}", store.wakes()), "Wakes { keys: 0, followers: 0, .. }");
        store.controls.holds_reads.send_replace(false);
    }
}

#[tokio::test]
async fn a_dropped_hub_ends_where_it_was_and_others_on_the_key_go_on() {
    let store = store();
    let (one, two) = (hub(&store, "a"), hub(&store, "a"));
    let (mut mine, mut other) = (one.subscribe(Start::Earliest), two.subscribe(Start::Earliest));
    one.publish(&Feed::Tick(0)).await.unwrap();
    drop(one);
    let mut seen = HashSet::new();
    while let Some(entries) = mine.next().await {
        seen.insert(entries.last_id());
    }
    assert_eq!(seen.len(), 1, "it gets what was published before the drop");
    two.publish(&Feed::Tick(1)).await.unwrap();
    assert_eq!(take(&mut other, 2).await, ticks([0, 1]));
}

#[tokio::test]
async fn a_close_ends_all_hubs_on_a_key_also_those_that_come_later() {
    let store = store();
    let (one, two) = (hub(&store, "a"), hub(&store, "a"));
    let mut waiting = two.subscribe(Start::Live);
    settle_with(&mut waiting).await;
    one.close(None).await.unwrap();
    assert!(waiting.next().await.is_none());
    assert!(two.is_closed() && two.publish(&Feed::Tick(0)).await.unwrap_err().is_closed());
    let later = hub(&store, "a");
    let subscription = later.subscribe(Start::Live).ready().await;
    assert_eq!(subscription.size_hint(), (0, Some(0)));
    store.remove("a").await.unwrap();
    let anew = hub(&store, "a");
    anew.publish(&Feed::Tick(1)).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_removed_is_a_gap_for_its_subscriptions() {
    let store = store();
    let hub = hub(&store, "a");
    let mut events = hub.subscribe(Start::Earliest).events();
    hub.publish(&Feed::Tick(0)).await.unwrap();
    assert_eq!(*events.next().await.unwrap().data, Feed::Tick(0));
    store.remove("a").await.unwrap();
    assert!(matches!(*events.next().await.unwrap().data, Feed::Missed(_)));
    hub.publish(&Feed::Tick(1)).await.unwrap();
    assert_eq!(*events.next().await.unwrap().data, Feed::Tick(1));
}

#[tokio::test]
async fn the_lag_of_a_subscription_outside_of_the_ring_is_the_retained_events_after_it() {
    let store = store();
    add(&store, "a", 0..10).await;
    let first = store.log("a").before_last(9).await.unwrap();
    let hub = Hub::<Feed>::builder().retain(Retention::events(5)).build_on(store.log("a"));
    let unpolled = hub.subscribe(Start::Live);
    let mut live = hub.subscribe(Start::Live);
    settle_with(&mut live).await;
    assert_eq!((hub.stats().events, live.lag(), unpolled.lag()), (5, 0, 0), "both are live behind the old events");
    add(&store, "a", 10..12).await;
    assert_eq!(take(&mut live, 2).await, ticks(10..12));
    assert_eq!(unpolled.lag(), 2);
    assert_eq!(hub.subscribe(first).lag(), 5);
}
