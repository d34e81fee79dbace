//! Subscriptions that come at the moment at which their hub becomes dormant.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use sse_typed::{
    Subscription,
    hub::{Block, EventLog, EventStore, Hub, MemoryStore, Start},
};
use tokio::time::sleep;

use super::{settle, test_store::TestStore};
use crate::common::{Feed, Reader};

/// Polls a subscription that has nothing to yield until the hub is followed.
async fn settle_with(subscription: &mut Subscription<Feed>) {
    for _ in 0..3 {
        assert!(subscription.next().now_or_never().is_none());
        settle().await;
    }
}

/// A hub without subscriptions for five seconds, in the middle of a read. Its dormancy is due, and the task of the store has not had
/// its turn yet.
async fn almost_dormant(store: &TestStore) -> Hub<Feed, impl EventLog> {
    let hub = Hub::<Feed>::builder().build_on(store.log("a"));
    let mut subscription = hub.subscribe(Start::Live);
    settle_with(&mut subscription).await;
    store.controls.holds_reads.send_replace(true);
    tick(store, 0).await;
    settle().await;
    drop(subscription);
    sleep(Duration::from_secs(5)).await;
    hub
}

/// Another process publishes.
async fn tick(store: &TestStore, n: u64) {
    store.log("a").append(&Block::new(format!("event: tick\ndata: {n}\n\n"), false).unwrap()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_read_from_before_a_dormancy_does_not_keep_a_new_subscription_waiting() {
    let store = TestStore::new(MemoryStore::default());
    let hub = almost_dormant(&store).await;
    let mut reader = Reader::at(&hub, Start::Live);
    store.controls.holds_reads.send_replace(false);
    assert_eq!(reader.events(), []);
    settle().await;
    tick(&store, 1).await;
    settle().await;
    assert_eq!(reader.events(), [Feed::Tick(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_read_from_before_a_dormancy_is_not_replayed_to_a_new_subscription() {
    let store = TestStore::new(MemoryStore::default());
    let hub = almost_dormant(&store).await;
    let mut reader = Reader::at(&hub, Start::Live);
    // The publisher begins the ring while the read is under way.
    store.controls.holds_reads.send_replace(false);
    hub.publish(&Feed::Tick(1)).await.unwrap();
    settle().await;
    assert_eq!(reader.events(), [Feed::Tick(1)]);
    tick(&store, 2).await;
    settle().await;
    assert_eq!(reader.events(), [Feed::Tick(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_read_from_before_a_dormancy_that_never_answers_is_given_up() {
    let store = TestStore::new(MemoryStore::default());
    let hub = almost_dormant(&store).await;
    let mut reader = Reader::at(&hub, Start::Live);
    let reads = store.reads();
    settle().await;
    assert_eq!(store.reads(), reads + 1, "the new subscription has a read of its own");
    store.controls.holds_reads.send_replace(false);
    settle().await;
    assert_eq!(reader.events(), []);
}
