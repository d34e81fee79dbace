//! A hub for each key.

use std::time::Duration;

use sse_typed::{
    event::GapReason,
    hub::{Hub, Start, Topics},
};
use tokio::time::advance;

use crate::common::{Feed, Reader, missed};

fn topics() -> Topics<&'static str, Feed> {
    Topics::new(Hub::builder()).idle(Duration::from_secs(60))
}

#[tokio::test(start_paused = true)]
async fn topics_do_not_hear_of_each_other() {
    let topics = topics();
    let (mut one, mut other) =
        (Reader::of(topics.subscribe("one", Start::Live)), Reader::of(topics.subscribe("other", Start::Live)));
    topics.publish("one", &Feed::Tick(1)).await.unwrap();
    topics.clone().publish("other", &Feed::Tick(2)).await.unwrap();
    assert_eq!((one.ticks(), other.ticks()), (vec![1], vec![2]));
    assert_eq!(topics.len(), 2);
    assert!(topics.get("third").is_none() && topics.len() == 2, "asking makes none");
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_nobody_uses_is_dropped_in_the_end() {
    let topics = topics();
    let id = topics.publish("quiet", &Feed::Tick(1)).await.unwrap();
    topics.publish("busy", &Feed::Tick(1)).await.unwrap();
    advance(Duration::from_secs(50)).await;
    topics.publish("busy", &Feed::Tick(2)).await.unwrap();
    assert_eq!(topics.len(), 2);
    advance(Duration::from_secs(50)).await;
    topics.publish("busy", &Feed::Tick(3)).await.unwrap();
    assert_eq!(topics.len(), 1);
    // It begins anew, and whoever was there is told.
    let mut late = Reader::of(topics.subscribe("quiet", id));
    assert_eq!(late.events(), [missed(None, GapReason::UnknownId)]);
    let mut busy = Reader::of(topics.subscribe("busy", Start::Earliest));
    assert_eq!(busy.ticks(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_somebody_listens_to_or_holds_is_kept() {
    let topics = topics();
    let subscription = topics.subscribe("heard", Start::Live);
    let held = topics.hub("held");
    for _ in 0..5 {
        advance(Duration::from_secs(100)).await;
        topics.drop_idle();
        assert_eq!(topics.len(), 2);
    }
    let mut reader = Reader::of(subscription);
    topics.publish("heard", &Feed::Tick(1)).await.unwrap();
    assert_eq!(reader.ticks(), [1]);
    drop((reader, held));
    topics.drop_idle();
    assert_eq!(topics.len(), 2, "idle since now");
    advance(Duration::from_secs(60)).await;
    topics.drop_idle();
    assert!(topics.is_empty());
}
