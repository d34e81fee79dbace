//! Subscriptions to the newest events, which are polled late.

use sse_typed::hub::{Block, EventLog, EventStore, Hub, LogOptions, MemoryStore, Retention, Start};

use super::{settle, test_store::TestStore};
use crate::common::{Feed, Reader};

async fn tick<S: EventStore>(store: &S, n: u64) {
    store.log("a").append(&Block::new(format!("event: tick\ndata: {n}\n\n"), false).unwrap()).await.unwrap();
}

/// The ticks that arrive in time.
async fn ticks(reader: &mut Reader) -> Vec<u64> {
    let mut ticks = Vec::new();
    for _ in 0..3 {
        ticks.extend(reader.ticks());
        settle().await;
    }
    ticks
}

#[tokio::test]
async fn the_newest_events_include_all_that_this_hub_publishes_after_the_subscription() {
    for (has_begun, memory, others) in [(false, 1024, 0), (true, 1024, 0), (true, 2, 0), (false, 2, 7), (true, 2, 7)] {
        let store = TestStore::new(MemoryStore::default());
        let hub = Hub::<Feed>::builder().retain(Retention::events(memory)).build_on(store.log("a"));
        for n in 0..10 {
            tick(&store, n).await;
        }
        let mut live = Reader::at(&hub, Start::Live);
        if has_begun {
            assert_eq!(ticks(&mut live).await, [0; 0]);
        }
        let mut readers = [0, 1, 3, 12, 15, 30].map(|n| (n, Reader::at(&hub, Start::Last(n))));
        hub.publish(&Feed::Tick(10)).await.unwrap();
        for n in 11..11 + others {
            tick(&store, n).await;
        }
        hub.publish(&Feed::Tick(11 + others)).await.unwrap();
        let head = 12 + others;
        for (n, reader) in &mut readers {
            let all: Vec<_> = (head.saturating_sub(*n).min(10)..head).collect();
            assert_eq!(ticks(reader).await, all, "the last {n}: {has_begun}, {memory}, {others}");
        }
    }
}

#[tokio::test]
async fn events_that_are_trimmed_before_the_first_poll_are_a_gap() {
    let store = MemoryStore::new(LogOptions::new().retain(Retention::events(4)));
    let hub = Hub::<Feed>::builder().retain(Retention::events(2)).build_on(store.log("a"));
    let mut reader = Reader::at(&hub, Start::Last(3));
    for n in 0..10 {
        hub.publish(&Feed::Tick(n)).await.unwrap();
    }
    let mut events = reader.events();
    settle().await;
    events.extend(reader.events());
    let seen = format!("{events:?}");
    assert!(matches!(events[..], [Feed::Missed(_), Feed::Tick(6), .., Feed::Tick(9)]), "{seen}");
}
