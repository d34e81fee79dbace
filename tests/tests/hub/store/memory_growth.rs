//! Keys that are no longer used leave nothing behind.

use std::time::Duration;

use futures_util::FutureExt;
use sse_typed::hub::{Block, End, EventLog, EventStore, Interest, LogOptions, MemoryStore, Wakes};
use tokio::time::sleep;

fn block() -> Block {
    Block::new("event: tick\ndata: 1\n\n", false).unwrap()
}

#[tokio::test]
async fn keys_are_forgotten_when_nobody_asks_for_their_interest_any_more() {
    let wakes = Wakes::new();
    assert!(wakes.interest().now_or_never().is_none());
    let kept = wakes.wait("kept");
    for n in 0..10_000 {
        drop(wakes.wait(&n.to_string()));
    }
    assert_eq!(format!("{wakes:?}"), "Wakes { keys: 1, followers: 0, .. }");
    // Who asks again learns of those that are there.
    assert_eq!(wakes.interest().await, Interest::Follow("kept".into()));
    assert!(wakes.interest().now_or_never().is_none());
    drop(kept);
    assert_eq!(wakes.interest().await, Interest::Leave("kept".into()));
    assert_eq!(format!("{wakes:?}"), "Wakes { keys: 0, followers: 0, .. }");
}

#[tokio::test(start_paused = true)]
async fn closed_keys_are_removed_in_time_also_if_idle_ones_are_kept_longer() {
    let options = LogOptions::new().idle_ttl(Duration::from_secs(3600)).closed_ttl(Duration::from_secs(10));
    let store = MemoryStore::new(options);
    for n in 0..100 {
        let log = store.log(&n.to_string());
        log.append(&block()).await.unwrap();
        log.close(None, End::Complete).await.unwrap();
    }
    sleep(Duration::from_secs(11)).await;
    for _ in 0..100 {
        store.log("new").append(&block()).await.unwrap();
    }
    assert_eq!(format!("{store:?}"), "MemoryStore { keys: 1, .. }");
}
