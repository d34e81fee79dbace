//! Topics: a hub for each key.

mod bounds;
mod model;

use std::{
    hash::{Hash, Hasher},
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::Stream;
use sse_typed::{
    event::GapReason,
    hub::{Hub, Retention, Start, Topics},
};
use tokio::time::advance;

use crate::common::{Feed, Reader, missed};

fn topics() -> Topics<&'static str, Feed> {
    Topics::new(Hub::builder()).idle(Duration::from_secs(60))
}

#[tokio::test(start_paused = true)]
async fn topics_do_not_receive_each_others_events() {
    let topics = topics();
    let (mut one, mut other) =
        (Reader::of(topics.subscribe(&"one", Start::Live)), Reader::of(topics.subscribe(&"other", Start::Live)));
    topics.publish(&"one", &Feed::Tick(1)).await.unwrap();
    topics.clone().publish(&"other", &Feed::Tick(2)).await.unwrap();
    assert_eq!((one.ticks(), other.ticks()), (vec![1], vec![2]));
    assert!(topics.len() == 2 && !topics.is_empty());
    assert!(topics.get("third").is_none() && topics.len() == 2, "`get` makes no topic");
}

#[tokio::test(start_paused = true)]
async fn topics_retain_as_much_history_as_their_builder_says() {
    let topics = Topics::<u64, Feed>::new(Hub::builder().retain(Retention::events(2)));
    for key in 1..=2 {
        for n in 1..=5 {
            topics.publish(&key, &Feed::Tick(n)).await.unwrap();
        }
        assert_eq!(Reader::of(topics.subscribe(&key, Start::Earliest)).ticks(), [4, 5]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_without_subscriptions_and_handles_is_dropped() {
    let topics = topics();
    let id = topics.publish(&"quiet", &Feed::Tick(1)).await.unwrap();
    topics.publish(&"busy", &Feed::Tick(1)).await.unwrap();
    advance(Duration::from_secs(50)).await;
    topics.publish_now(&"busy", &Feed::Tick(2)).unwrap();
    assert_eq!(topics.len(), 2);
    advance(Duration::from_secs(50)).await;
    topics.publish(&"busy", &Feed::Tick(3)).await.unwrap();
    assert_eq!(topics.len(), 1);
    // The topic has a new hub, and a client that reconnects receives a gap.
    let mut late = Reader::of(topics.subscribe(&"quiet", id));
    assert_eq!(late.events(), [missed(None, GapReason::UnknownId)]);
    let mut busy = Reader::of(topics.subscribe(&"busy", Start::Earliest));
    assert_eq!(busy.ticks(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_topic_with_a_subscription_or_a_handle_is_kept() {
    let topics = topics();
    let subscription = topics.subscribe(&"heard", Start::Live);
    let held = topics.hub(&"held");
    for _ in 0..5 {
        advance(Duration::from_secs(100)).await;
        topics.drop_idle();
        assert_eq!(topics.len(), 2);
    }
    let mut reader = Reader::of(subscription);
    topics.publish(&"heard", &Feed::Tick(1)).await.unwrap();
    assert_eq!(reader.ticks(), [1]);
    drop((reader, held));
    topics.drop_idle();
    assert_eq!(topics.len(), 2, "they are idle from now on");
    advance(Duration::from_secs(60)).await;
    topics.drop_idle();
    assert!(topics.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_idle_time_of_a_topic_begins_when_its_last_use_ends() {
    let topics = topics();
    let mut reader = Reader::of(topics.subscribe(&"heard", Start::Live));
    topics.publish(&"heard", &Feed::Tick(1)).await.unwrap();
    assert_eq!(reader.ticks(), [1]);
    let held = topics.hub(&"held");
    let id = held.publish(&Feed::Tick(1)).await.unwrap();
    // Long uses, without calls that check for idle topics.
    advance(Duration::from_secs(600)).await;
    let brought = reader.last_event_id();
    drop((reader, held));
    advance(Duration::from_secs(59)).await;
    let mut back = Reader::of(topics.subscribe(&"heard", brought));
    assert_eq!(back.events(), [], "it has all events, and its topic exists");
    let mut back = Reader::of(topics.subscribe(&"held", id));
    assert_eq!(back.events(), []);
}

#[tokio::test(start_paused = true)]
async fn a_call_for_a_topic_that_was_idle_for_long_finds_it() {
    let topics = topics();
    topics.publish(&"quiet", &Feed::Tick(1)).await.unwrap();
    advance(Duration::from_secs(600)).await;
    let mut reader = Reader::of(topics.subscribe(&"quiet", Start::Earliest));
    assert_eq!(reader.ticks(), [1], "no call has checked for idle topics before");
}

#[tokio::test(start_paused = true)]
async fn a_closed_topic_stays_closed_for_the_idle_time_and_begins_anew_after_it() {
    let topics = topics();
    topics.hub(&"ride").close(Some(Feed::Done)).await.unwrap();
    for _ in 0..5 {
        let late = topics.subscribe(&"ride", Start::Live);
        assert_eq!(late.size_hint(), (0, Some(0)), "its clients are answered 204");
        assert!(topics.publish(&"ride", &Feed::Tick(1)).await.unwrap_err().is_closed());
        advance(Duration::from_secs(11)).await;
    }
    // Using it has not prolonged that.
    advance(Duration::from_secs(6)).await;
    topics.drop_idle();
    topics.publish(&"ride", &Feed::Tick(2)).await.unwrap();
    assert_eq!(Reader::of(topics.subscribe(&"ride", Start::Earliest)).ticks(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_new_topic_is_made_after_a_removed_one() {
    let topics = topics();
    topics.hub(&"table").close(None).await.unwrap();
    assert!(topics.remove("table").is_some_and(|hub| hub.is_closed()));
    assert!(topics.remove("table").is_none());
    topics.publish(&"table", &Feed::Tick(1)).await.unwrap();
}

/// A key that uses the topics when it is dropped.
#[derive(Clone)]
struct Key(&'static str, Arc<OnceLock<Topics<Self, Feed>>>);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if let Some(topics) = self.1.get() {
            let _ = topics.len();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_may_use_the_topics_when_it_is_dropped() {
    let slot = Arc::new(OnceLock::new());
    let topics = Topics::new(Hub::builder()).idle(Duration::from_secs(60));
    assert!(slot.set(topics.clone()).is_ok());
    let key = |name| Key(name, Arc::clone(&slot));
    for _ in 0..2 {
        drop(topics.hub(&key("known")));
    }
    topics.remove(&key("known"));
    drop(topics.hub(&key("idle")));
    advance(Duration::from_secs(60)).await;
    topics.drop_idle();
    assert!(topics.is_empty());
}

std::thread_local! {
    static WHILE_ENCODING: std::cell::RefCell<Option<Box<dyn FnOnce()>>> = const { std::cell::RefCell::new(None) };
}

#[derive(serde::Deserialize)]
struct Slow;

impl serde::Serialize for Slow {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(hook) = WHILE_ENCODING.take() {
            hook();
        }
        serializer.serialize_unit()
    }
}

#[derive(sse_typed::SseEvent)]
enum SlowFeed {
    Value(Slow),
    #[sse(gap)]
    Missed(sse_typed::Gap),
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_not_dropped_while_an_event_is_published_on_it() {
    let mut lags = Vec::new();
    for now in [false, true] {
        let topics = Topics::<String, SlowFeed>::new(Hub::builder()).idle(Duration::from_secs(60));
        let (subscribed, other) = (Arc::new(OnceLock::new()), topics.clone());
        let put = Arc::clone(&subscribed);
        WHILE_ENCODING.set(Some(Box::new(move || {
            let _ = futures_util::FutureExt::now_or_never(advance(Duration::from_secs(61)));
            other.drop_idle();
            assert!(put.set(other.subscribe("a", Start::Live)).is_ok());
        })));
        if now {
            topics.publish_now("a", &SlowFeed::Value(Slow)).unwrap();
        } else {
            topics.publish("a", &SlowFeed::Value(Slow)).await.unwrap();
        }
        lags.push(subscribed.get().unwrap().lag());
    }
    assert_eq!(lags, [1, 1]);
}
