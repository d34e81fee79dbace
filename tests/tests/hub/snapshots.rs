//! Snapshots: which clients get one, and what it contains.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use futures_util::{Stream, StreamExt};
use sse_typed::{
    LastEventId,
    codec::EventItem,
    hub::{OnGap, Retention, Start},
};

use crate::common::{Feed, Reader, hub, hub_on_gap, last_event_id, poll, ticks};

#[test]
fn a_new_client_gets_a_snapshot_and_a_resumed_client_does_not() {
    let hub = hub(Retention::default());
    let id = hub.publish_now(&Feed::Tick(1)).unwrap();
    ticks(&hub, 2..=3);
    let snapshot = || Feed::State(3);
    let mut new = Reader::of(hub.subscribe_with(Start::Live, snapshot));
    let mut resumed = Reader::of(hub.subscribe_with(id, snapshot));
    let mut earliest = Reader::of(hub.subscribe_with(Start::Earliest, snapshot));
    let (seen, _) = new.read();
    assert_eq!(seen[0].0, Feed::State(3));
    assert!(seen[0].1.ends_with("-3"), "its id is its position");
    assert_eq!(resumed.ticks(), [2, 3]);
    assert_eq!(earliest.ticks(), [1, 2, 3]);
    ticks(&hub, 4..=4);
    assert_eq!(new.ticks(), [4]);
    new.resume(&hub);
    ticks(&hub, 5..=5);
    assert_eq!(new.ticks(), [5]);
}

#[test]
fn a_start_without_an_id_is_live() {
    let hub = hub(Retention::default());
    ticks(&hub, [1]);
    let start = Start::After(LastEventId::none());
    let mut reader = Reader::of(hub.subscribe_with(start, || Feed::State(1)));
    assert_eq!(reader.events(), [Feed::State(1)]);
    ticks(&hub, [2]);
    assert_eq!(reader.ticks(), [2]);
}

#[test]
fn a_terminal_event_for_one_subscriber_ends_its_stream() {
    let hub = hub(Retention::default());
    let greeted = hub.subscribe(Start::Live).start_with(Feed::Done);
    let over = hub.subscribe_with(Start::Live, || Feed::Done);
    for mut subscription in [greeted, over] {
        let Poll::Ready(Some(entries)) = poll(&mut subscription) else { panic!("it has an event for this subscriber") };
        assert!(entries.is_terminal());
        assert!(matches!(poll(&mut subscription), Poll::Ready(None)));
    }
    let Poll::Ready(Some(entries)) = poll(&mut hub.subscribe_with(Start::Live, || Feed::State(0))) else { panic!() };
    assert!(!entries.is_terminal());
}

#[test]
fn a_snapshot_behind_a_terminal_event_does_not_end_its_client() {
    let hub = hub(Retention::default());
    hub.publish_now(&Feed::Done).unwrap();
    let mut reader = Reader::of(hub.subscribe_with(Start::Live, || Feed::State(1)));
    reader.read();
    reader.resume(&hub);
    ticks(&hub, 2..=2);
    assert_eq!(reader.ticks(), [2]);
}

#[test]
fn a_greeting_precedes_the_snapshot() {
    let hub = hub(Retention::default());
    let subscription = hub.subscribe_with(Start::Live, || Feed::State(0)).start_with(Feed::Tick(0));
    assert_eq!(Reader::of(subscription).events(), [Feed::Tick(0), Feed::State(0)]);
}

#[test]
fn a_terminal_snapshot_ends_the_stream() {
    let hub = hub(Retention::default());
    let mut reader = Reader::of(hub.subscribe_with(Start::Live, || Feed::Done));
    ticks(&hub, [1]);
    assert_eq!(reader.read().0.len(), 1);
}

const CHANGES: u64 = 3_000;

/// Makes changes from several threads, while subscribers come and go. With `exact` changes and events are one step.
async fn changing(exact: bool) -> u64 {
    let hub = hub_on_gap(Retention::events(8), OnGap::Snapshot);
    let state = Arc::new(AtomicU64::new(0));
    let mut publishers = Vec::new();
    for _ in 0..if exact { 3 } else { 1 } {
        let (hub, state) = (hub.clone(), Arc::clone(&state));
        publishers.push(tokio::spawn(async move {
            for turn in 0..CHANGES {
                let change = || Feed::Tick(state.fetch_add(1, Ordering::SeqCst) + 1);
                if exact {
                    hub.publish_with(change).await.unwrap();
                } else {
                    let event = change();
                    hub.publish(&event).await.unwrap();
                }
                if turn % 7 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }));
    }
    let mut subscribers = Vec::new();
    for seed in 0..4_u64 {
        let (hub, state) = (hub.clone(), Arc::clone(&state));
        subscribers.push(tokio::spawn(async move {
            let mut random = seed;
            let mut snapshots = 0;
            let mut last_id = None;
            // The state that this client knows, across its connections.
            let mut known = None;
            loop {
                let state = Arc::clone(&state);
                let snapshot = move || Feed::State(state.load(Ordering::SeqCst));
                let mut events = hub.subscribe_with(last_id.clone(), snapshot);
                if events.size_hint() == (0, Some(0)) {
                    return (known, snapshots);
                }
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let mut left = random >> 60;
                while let Some(entries) = events.next().await {
                    let mut reader = Reader::new();
                    for (event, id) in reader.decode(&entries) {
                        match (event, known) {
                            (Feed::State(n), _) => {
                                assert!(known.is_none_or(|known| known <= n), "the state does not go back");
                                snapshots += 1;
                                known = Some(n);
                            }
                            (Feed::Tick(n), Some(k)) if exact => {
                                assert_eq!(n, k + 1, "a change is in the snapshot or its event follows");
                                known = Some(n);
                            }
                            (Feed::Tick(n), Some(k)) => {
                                // Each change at least once.
                                assert!(n <= k + 1, "{n} behind {k}");
                                known = Some(k.max(n));
                            }
                            (Feed::Done, _) => return (known, snapshots),
                            (event, known) => panic!("{event:?} behind {known:?}"),
                        }
                        last_id = Some(sse_typed::EventId::new(id).unwrap());
                    }
                    assert!(!entries.is_terminal());
                    left = match left.checked_sub(1) {
                        Some(left) => left,
                        None => break,
                    };
                    if left.is_multiple_of(4) {
                        // Stalls, and may fall behind.
                        for _ in 0..left {
                            tokio::task::yield_now().await;
                        }
                    }
                }
            }
        }));
    }
    for publisher in publishers {
        publisher.await.unwrap();
    }
    hub.close_now(Some(Feed::Done)).unwrap();
    let (mut snapshots, mut complete) = (0, 0);
    for subscriber in subscribers {
        let (known, taken) = subscriber.await.unwrap();
        // Only a client that reconnected after the end may have missed it.
        complete += u64::from(known == Some(state.load(Ordering::SeqCst)));
        snapshots += taken;
    }
    assert!(complete > 0);
    snapshots
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_snapshot_has_exactly_the_changes_whose_events_are_before_it() {
    assert!(changing(true).await > 4, "some clients met a gap");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_publish_with_a_change_is_received_at_least_once() {
    assert!(changing(false).await > 4, "some clients met a gap");
}

#[test]
fn a_snapshot_for_an_unknown_id_replaces_the_lost_history() {
    let hub = hub_on_gap(Retention::default(), OnGap::Snapshot);
    ticks(&hub, 1..=2);
    let mut reader = Reader::of(hub.subscribe_with(last_event_id("old"), || Feed::State(2)));
    ticks(&hub, 3..=3);
    // It is made when the subscription is polled.
    assert_eq!(reader.events(), [Feed::State(2)]);
    ticks(&hub, 4..=4);
    assert_eq!(reader.ticks(), [4]);
}

#[test]
fn an_event_that_is_published_while_a_snapshot_is_made_follows_it() {
    let hub = hub(Retention::default());
    let publisher = hub.clone();
    // Published without `publish_with`, so it does not wait for the snapshot.
    let snapshot = move || {
        std::thread::scope(|scope| {
            scope.spawn(|| ticks(&publisher, [1])).join().unwrap();
            Feed::State(0)
        })
    };
    let mut reader = Reader::of(hub.subscribe_with(Start::Live, snapshot));
    assert_eq!(reader.events(), [Feed::State(0), Feed::Tick(1)]);
}
