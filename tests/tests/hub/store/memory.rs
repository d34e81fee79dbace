//! How long a store in memory keeps keys.

use std::time::Duration;

use futures_util::{StreamExt, future::BoxFuture};
use sse_typed::hub::{Block, End, EventLog, EventStore, Hub, LogOptions, MemoryStore, Retention, Start};
use tokio::time::{sleep, timeout};

use crate::common::Feed;

fn block() -> Block {
    Block::new("event: tick\ndata: 1\n\n", false).unwrap()
}

async fn count(store: &MemoryStore, key: &str) -> usize {
    let log = store.log(key);
    let start = log.before_last(u64::MAX).await.unwrap();
    log.read_after(start.as_str(), 1_000).await.unwrap().entries.len()
}

#[tokio::test(start_paused = true)]
async fn an_idle_key_is_removed_its_time_after_the_last_append() {
    let store = MemoryStore::new(LogOptions::new().idle_ttl(Duration::from_secs(10)));
    let log = store.log("a");
    let first = log.append(&block()).await.unwrap();
    sleep(Duration::from_secs(9)).await;
    log.append(&block()).await.unwrap();
    sleep(Duration::from_secs(9)).await;
    assert_eq!(count(&store, "a").await, 2);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(count(&store, "a").await, 0);
    assert!(log.read_after(first.as_str(), 10).await.unwrap().gap.is_some(), "its ids are gaps");
    log.append(&block()).await.unwrap();
    assert_eq!(count(&store, "a").await, 1, "it can be used again");
}

#[tokio::test(start_paused = true)]
async fn a_client_of_a_key_that_has_expired_is_told_when_the_key_is_next_used() {
    let store = MemoryStore::new(LogOptions::new().idle_ttl(Duration::from_secs(10)));
    let hub: Hub<Feed, _> = Hub::builder().build_on(store.log("a"));
    let mut events = hub.subscribe(Start::Live).events();
    let uses: [fn(&MemoryStore) -> BoxFuture<'_, ()>; 4] = [
        |store| Box::pin(async { drop(store.log("a").head().await) }),
        |store| Box::pin(async { drop(store.log("a").read_after("", 1).await) }),
        |store| Box::pin(async { drop(store.log("a")) }),
        |store| Box::pin(async { drop(store.log("a").append(&block()).await) }),
    ];
    for touch in uses {
        hub.publish(&Feed::Tick(7)).await.unwrap();
        loop {
            let event = events.next().await.unwrap();
            if *event.data == Feed::Tick(7) {
                break;
            }
        }
        assert!(timeout(Duration::from_secs(11), events.next()).await.is_err());
        touch(&store).await;
        let next = timeout(Duration::from_secs(1), events.next()).await.expect("it is woken").unwrap();
        assert!(matches!(*next.data, Feed::Missed(_)), "{next:?}");
    }
}

#[tokio::test]
async fn a_page_has_a_mebibyte_at_most_or_one_larger_event() {
    let log = MemoryStore::new(LogOptions::new().retain(Retention::events(100).bytes(64 << 20))).log("a");
    let large = |size: usize| Block::new(format!("data: {}\n\n", "x".repeat(size)), false).unwrap();
    let start = log.head().await.unwrap();
    for size in [2 << 20, 500 << 10, 500 << 10, 500 << 10, 1] {
        log.append(&large(size)).await.unwrap();
    }
    let (mut position, mut pages) = (start, Vec::new());
    while let page = log.read_after(position.as_str(), 100).await.unwrap()
        && let Some(last) = page.entries.last()
    {
        position = last.id.clone();
        pages.push(page.entries.len());
    }
    assert_eq!(pages, [1, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_closed_key_is_removed_its_time_after_the_close() {
    let store = MemoryStore::new(LogOptions::new().closed_ttl(Duration::from_secs(10)));
    let log = store.log("a");
    log.append(&block()).await.unwrap();
    sleep(Duration::from_secs(100)).await;
    log.close(Some(&block()), End::Complete).await.unwrap();
    sleep(Duration::from_millis(9_900)).await;
    assert_eq!(count(&store, "a").await, 2);
    assert!(log.append(&block()).await.is_err());
    sleep(Duration::from_millis(200)).await;
    assert_eq!(count(&store, "a").await, 0);
    log.append(&block()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn expired_keys_are_removed_when_other_keys_are_appended_to() {
    let store = MemoryStore::new(LogOptions::new().idle_ttl(Duration::from_secs(10)));
    for n in 0..1_000 {
        store.log(&n.to_string()).append(&block()).await.unwrap();
    }
    assert_eq!(format!("{store:?}"), "MemoryStore { keys: 1000, .. }");
    sleep(Duration::from_secs(11)).await;
    let woken = store.wakes().wait("999");
    for _ in 0..300 {
        store.log("new").append(&block()).await.unwrap();
    }
    assert_eq!(format!("{store:?}"), "MemoryStore { keys: 1, .. }");
    woken.await;
}

#[tokio::test]
async fn a_key_without_events_is_kept_no_longer_than_its_logs() {
    let store = MemoryStore::default();
    let logs = [store.log("a"), store.log("a"), store.log("b")];
    logs[0].head().await.unwrap();
    assert_eq!(format!("{store:?}"), "MemoryStore { keys: 2, .. }");
    drop(logs);
    assert_eq!(format!("{store:?}"), "MemoryStore { keys: 0, .. }");
    store.log("a").append(&block()).await.unwrap();
    assert_eq!(count(&store, "a").await, 1);
    store.remove("a").await.unwrap();
    assert_eq!(format!("{store:?}"), "MemoryStore { keys: 0, .. }");
}

#[tokio::test(start_paused = true)]
async fn retention_holds_by_number_and_age() {
    let options = LogOptions::new().retain(Retention::events(5).age(Duration::from_secs(10)));
    let store = MemoryStore::new(options);
    let log = store.log("a");
    for _ in 0..8 {
        log.append(&block()).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(count(&store, "a").await, 5);
    sleep(Duration::from_millis(7_500)).await;
    assert_eq!(count(&store, "a").await, 2);
}

#[tokio::test]
async fn an_error_says_what_is_wrong() {
    let store = MemoryStore::default();
    let error = store.log("").head().await.unwrap_err();
    assert!(error.is_invalid_key());
    assert_eq!(error.to_string(), "invalid key: the key is empty");
    let sole = store.open("a", &LogOptions::new().sole_writer());
    sole.append(&block()).await.unwrap();
    store.log("a").append(&block()).await.unwrap();
    let error = sole.append(&block()).await.unwrap_err();
    let sse_typed::hub::AppendError::Failed(error) = error else { panic!("{error}") };
    assert!(error.is_second_writer());
}
