//! Hubs on a store, used from several threads.

use std::time::Duration;

use futures_util::StreamExt;
use sse_typed::{
    LastEventId,
    hub::{EventStore, Hub, LogOptions, MemoryStore, Retention, Start, Topics},
};
use tokio::{task::JoinSet, time::timeout};

use super::test_store::TestStore;
use crate::common::Feed;

const KEYS: u64 = 8;
const EVENTS: u64 = 300;

/// Reads a topic to its end. The client is cut off after `cut` events, again and again, and each time resumes in other topics of the
/// same store, as if in another process.
async fn read<S: EventStore>(topics: [Topics<u64, Feed, S::Log>; 2], key: u64, cut: u64) -> Vec<u64> {
    let (mut seen, mut last_event_id) = (Vec::new(), LastEventId::none());
    for connection in 0.. {
        let mut events = topics[connection % 2].subscribe(&key, last_event_id.clone().or(Start::Earliest)).events();
        for _ in 0..cut {
            let Some(event) = events.next().await else { return seen };
            match &*event.data {
                Feed::Tick(n) => seen.push(*n),
                Feed::Done => return seen,
                other => panic!("key {key}: {other:?} behind {:?}", seen.last()),
            }
            last_event_id = event.id.clone().into();
        }
    }
    seen
}

async fn run<S: EventStore>(store: S) {
    let topics = || Topics::<u64, Feed, _>::on(store.clone(), "rooms", Hub::builder().retain(Retention::events(32)));
    let processes = [topics(), topics()];
    let mut readers = JoinSet::new();
    for key in 0..KEYS {
        for cut in [1, 3, 17, 1_000] {
            readers.spawn(read::<S>(processes.clone(), key, cut));
        }
    }
    let mut publishers = JoinSet::new();
    for key in 0..KEYS {
        let topics = processes[key as usize % 2].clone();
        publishers.spawn(async move {
            for n in 0..EVENTS {
                topics.publish(&key, &Feed::Tick(n)).await.unwrap();
                if n % 7 == key % 7 {
                    tokio::task::yield_now().await;
                }
            }
            topics.hub(&key).close(Some(Feed::Done)).await.unwrap();
        });
    }
    while let Some(published) = publishers.join_next().await {
        published.unwrap();
    }
    let all: Vec<_> = (0..EVENTS).collect();
    while let Some(read) = timeout(Duration::from_secs(60), readers.join_next()).await.expect("all readers end") {
        assert_eq!(read.unwrap(), all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn clients_that_hop_between_two_hubs_of_a_key_see_each_event_once() {
    let options = LogOptions::new().retain(Retention::events(1_000));
    for _ in 0..5 {
        run(MemoryStore::new(options.clone())).await;
    }
    run(TestStore::slow_and_failing(MemoryStore::new(options))).await;
}
