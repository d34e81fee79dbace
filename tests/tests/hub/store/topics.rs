//! Topics whose histories are in a store.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use sse_typed::hub::{EventLog, EventStore, Hub, MemoryStore, Start, Topics};
use tokio::{runtime::Handle, time::sleep};

use super::TestStore;
use crate::common::Feed;

fn rooms<S: EventStore>(store: &S) -> Topics<String, Feed, S::Log> {
    Topics::on(store.clone(), "rooms", Hub::builder())
}

#[tokio::test]
async fn publishing_without_a_hub_appends_under_the_name_and_makes_none() {
    let store = MemoryStore::default();
    let (here, there) = (rooms(&store), rooms(&store));
    let mut events = there.subscribe("lobby", Start::Earliest).events();
    let id = here.publish("lobby", &Feed::Tick(7)).await.unwrap();
    assert!(here.is_empty());
    let event = events.next().await.unwrap();
    assert_eq!((&*event.data, event.id), (&Feed::Tick(7), Some(id)));
    let log = store.log("rooms/lobby");
    let start = log.before_last(u64::MAX).await.unwrap();
    assert_eq!(log.read_after(start.as_str(), 10).await.unwrap().entries.len(), 1);
    // With a hub, a subscription that exists receives it.
    let mut live = here.subscribe("lobby", Start::Live).events();
    here.publish("lobby", &Feed::Tick(8)).await.unwrap();
    assert_eq!(*live.next().await.unwrap().data, Feed::Tick(8));
    let done = here.publish("attic", &Feed::Done).await.unwrap();
    assert!(done.as_str().ends_with('!'), "the id on the wire");
}

#[tokio::test]
async fn topics_of_two_names_do_not_share_events() {
    let store = MemoryStore::default();
    let rooms = rooms(&store);
    let numbers = Topics::<u32, Feed, _>::on(store.clone(), "numbers", Hub::builder());
    rooms.publish("7", &Feed::Tick(1)).await.unwrap();
    numbers.publish(&7, &Feed::Tick(2)).await.unwrap();
    let mut events = numbers.subscribe(&7, Start::Earliest).events();
    assert_eq!(*events.next().await.unwrap().data, Feed::Tick(2));
}

#[tokio::test]
async fn a_topic_that_is_removed_keeps_its_history_and_one_that_is_deleted_does_not() {
    let store = MemoryStore::default();
    let rooms = rooms(&store);
    let hub = rooms.hub("lobby");
    hub.publish(&Feed::Tick(1)).await.unwrap();
    hub.close(None).await.unwrap();
    drop((rooms.remove("lobby"), hub));
    assert!(rooms.publish("lobby", &Feed::Tick(2)).await.unwrap_err().is_closed());
    let mut events = rooms.subscribe("lobby", Start::Earliest).events();
    assert_eq!(*events.next().await.unwrap().data, Feed::Tick(1));
    assert!(events.next().await.is_none());
    assert!(rooms.get("lobby").unwrap().is_closed());

    rooms.delete("lobby").await.unwrap();
    assert!(rooms.get("lobby").is_none(), "a closed hub is not kept");
    rooms.publish("lobby", &Feed::Tick(3)).await.unwrap();
    let mut events = rooms.subscribe("lobby", Start::Earliest).events();
    assert_eq!(*events.next().await.unwrap().data, Feed::Tick(3));
    // An open hub is kept, and its subscriptions get a gap.
    rooms.delete("lobby").await.unwrap();
    assert!(matches!(*events.next().await.unwrap().data, Feed::Missed(_)));
    rooms.publish("lobby", &Feed::Tick(4)).await.unwrap();
    assert_eq!(*events.next().await.unwrap().data, Feed::Tick(4));
}

#[tokio::test]
async fn deleting_a_topic_in_memory_removes_it() {
    let rooms = Topics::<String, Feed>::new(Hub::builder());
    rooms.publish("lobby", &Feed::Tick(1)).await.unwrap();
    rooms.delete("lobby").await.unwrap();
    assert!(rooms.is_empty());
}

#[tokio::test]
async fn a_key_that_is_too_long_is_an_error_of_the_publisher() {
    let rooms = rooms(&MemoryStore::default());
    let error = rooms.publish(&*"x".repeat(600), &Feed::Tick(1)).await.unwrap_err();
    assert!(error.is_log(), "{error}");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "invalid key: the key has over 512 bytes");
    assert!(rooms.delete(&*"x".repeat(600)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_no_store_accepts_ends_its_subscriptions_at_once() {
    let store = TestStore::new(MemoryStore::default());
    for key in ["", "a\0b", &*"x".repeat(513)] {
        let hub: Hub<Feed, _> = Hub::builder().build_on(store.log(key));
        for start in [Start::Live, Start::Earliest, Start::Last(3)] {
            let mut subscription = hub.subscribe(start);
            assert_eq!(subscription.size_hint(), (0, Some(0)), "the answer is 204");
            assert!(subscription.next().await.is_none());
        }
        assert!(hub.subscribe(Start::Live).ready().await.next().await.is_none());
        let waiting = hub.subscribe(Start::Live);
        assert!(hub.publish(&Feed::Tick(1)).await.unwrap_err().is_log());
        assert!(hub.close(None).await.unwrap_err().is_log());
        drop(waiting);
    }
    sleep(Duration::from_secs(60)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    assert_eq!(format!("{:?}", store.wakes()), "Wakes { keys: 0, followers: 0, .. }");
    // Each call of a publisher, with a subscription, asks for the head once.
    assert_eq!(store.reads(), 6);
}

#[test]
fn a_name_with_a_slash_is_refused() {
    for name in ["", "a/b", "/", "a\0", &"x".repeat(129)] {
        let make = || Topics::<String, Feed, _>::on(MemoryStore::default(), name, Hub::builder());
        assert!(std::panic::catch_unwind(make).is_err(), "{name:?}");
    }
}
