//! Subscriptions of a log elsewhere.

use std::{sync::Arc, task::Poll};

use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
    task::yield_now,
};
use tokio_test::task::{self, Spawn};

use super::Subscription;
use crate::{
    event::{EventId, RawEvent},
    hub::{
        Block, EventLog, EventStore, MemoryStore, Retention, history::History, log, on_gap::OnGap, remote::RemoteLog,
        start::Start, state::HubState,
    },
};

/// The state of a hub on the key `key` of a store.
fn hub(store: &MemoryStore, retention: Retention, on_unused: Option<Arc<Notify>>) -> Arc<HubState<RawEvent>> {
    let history = Arc::new(History::of_remote_log(retention));
    let in_store: Arc<dyn log::ErasedLog> = Arc::new(store.log("key"));
    let remote = RemoteLog::new(in_store, &history, on_unused);
    Arc::new(HubState::new(history, OnGap::Restart, Some(remote)))
}

async fn append(store: &MemoryStore) -> EventId {
    store.log("key").append(&Block::new("data: 1\n\n", false).unwrap()).await.unwrap()
}

/// Polls until the subscription waits for events. Returns how many it has yielded.
async fn settle(subscription: &mut Spawn<Subscription<RawEvent>>) -> usize {
    let mut yielded = 0;
    loop {
        match subscription.poll_next() {
            Poll::Ready(Some(entries)) => yielded += entries.len(),
            Poll::Ready(None) => return yielded,
            Poll::Pending => {
                for _ in 0..10 {
                    yield_now().await;
                }
                if !subscription.is_woken() {
                    return yielded;
                }
            }
        }
    }
}

#[test]
fn a_subscription_is_woken_when_the_runtime_in_which_its_log_is_followed_ends() {
    let runtime = || -> Runtime { Builder::new_current_thread().enable_time().build().unwrap() };
    let store = MemoryStore::default();
    let hub = hub(&store, Retention::default(), None);
    let mut subscription = task::spawn(Subscription::new(hub, &Start::Earliest));
    let first = runtime();
    first.block_on(async {
        append(&store).await;
        assert_eq!(settle(&mut subscription).await, 1);
        append(&store).await;
        // From memory.
        assert_eq!(settle(&mut subscription).await, 1);
    });
    assert!(!subscription.is_woken());
    drop(first);
    assert!(subscription.is_woken());
    runtime().block_on(async {
        assert_eq!(settle(&mut subscription).await, 0);
        append(&store).await;
        assert_eq!(settle(&mut subscription).await, 1);
    });
}

#[tokio::test]
async fn a_client_resumes_before_the_event_that_ready_has_read() {
    let store = MemoryStore::default();
    for _ in 0..3 {
        append(&store).await;
    }
    let before = store.log("key").before_last(3).await.unwrap();
    // All events are in memory, or they are read from the log.
    for retained in [100, 1] {
        let hub = hub(&store, Retention::events(retained), None);
        let mut live = task::spawn(Subscription::new(Arc::clone(&hub), &Start::Live));
        assert_eq!(settle(&mut live).await, 0);
        let ready = Subscription::new(hub, &Start::Earliest).ready().await;
        assert_eq!(ready.lag(), 3);
        match ready.position() {
            Some(position) => assert_eq!(position, before),
            None => assert_eq!(retained, 1, "the position in memory is known"),
        }
    }
}

#[tokio::test]
async fn a_hub_is_unused_when_its_last_subscription_is_dropped() {
    let on_unused = Arc::new(Notify::new());
    let hub = hub(&MemoryStore::default(), Retention::default(), Some(Arc::clone(&on_unused)));
    let [first, second] = [(); 2].map(|()| Subscription::new(Arc::clone(&hub), &Start::Live));
    let mut unused = task::spawn(on_unused.notified());
    assert!(unused.poll().is_pending());
    drop(first);
    assert!(unused.poll().is_pending());
    drop(second);
    assert!(unused.poll().is_ready());
}
