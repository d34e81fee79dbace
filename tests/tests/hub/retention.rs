//! How much history is retained.

use std::time::Duration;

use sse_typed::{
    event::GapReason,
    hub::{Retention, Start},
};
use tokio::time::advance;

use crate::common::{Feed, Reader, hub, missed, ticks};

#[tokio::test(start_paused = true)]
async fn events_are_trimmed_when_they_are_too_old() {
    let hub = hub(Retention::events(100).age(Duration::from_secs(60)));
    ticks(&hub, 1..=2);
    let mut stalled = Reader::at(&hub, Start::Earliest);
    advance(Duration::from_secs(40)).await;
    ticks(&hub, [3]);
    let id = hub.publish_now(&Feed::Tick(4)).unwrap();
    assert_eq!(hub.stats().events, 4);
    advance(Duration::from_secs(20)).await;
    assert_eq!(hub.stats().events, 4, "exactly the maximum age");
    advance(Duration::from_millis(1)).await;
    assert_eq!(hub.stats().events, 2);
    assert_eq!(Reader::at(&hub, Start::Earliest).ticks(), [3, 4]);
    assert_eq!(stalled.events(), [missed(2, GapReason::Lagged), Feed::Tick(3), Feed::Tick(4)]);
    // All events may be trimmed; positions do not change.
    advance(Duration::from_secs(60)).await;
    assert_eq!((hub.stats().events, hub.stats().bytes), (0, 0));
    let mut reader = Reader::at(&hub, id);
    assert_eq!(reader.ticks(), Vec::<u64>::new());
    ticks(&hub, [5]);
    assert_eq!(reader.ticks(), [5]);
}

#[tokio::test(start_paused = true)]
async fn a_gap_with_nothing_behind_it_leads_to_the_head() {
    let hub = hub(Retention::default().age(Duration::from_secs(1)));
    let id = hub.publish_now(&Feed::Tick(1)).unwrap();
    ticks(&hub, 2..=3);
    advance(Duration::from_secs(2)).await;
    let mut reader = Reader::at(&hub, id);
    let (seen, _) = reader.read();
    assert_eq!(seen[0].0, missed(2, GapReason::Trimmed));
    assert!(seen[0].1.ends_with("-3"));
    // A client that has received the gap event does not receive it again.
    reader.resume(&hub);
    ticks(&hub, [4]);
    assert_eq!(reader.ticks(), [4]);
}

#[test]
fn events_are_trimmed_when_they_take_too_many_bytes_but_the_newest_is_retained() {
    let hub = hub(Retention::events(1_000).bytes(200));
    ticks(&hub, 1..=100);
    let stats = hub.stats();
    assert!(stats.bytes <= 200 && stats.events >= 3, "{stats:?}");
    let small = crate::common::hub(Retention::events(0).bytes(0));
    ticks(&small, 1..=2);
    assert_eq!(Reader::at(&small, Start::Earliest).ticks(), [2]);
}

#[test]
fn stats_count_the_retained_events() {
    let hub = hub(Retention::events(2));
    let mut reader = Reader::at(&hub, Start::Live);
    ticks(&hub, 1..=3);
    reader.read();
    let stats = hub.stats();
    assert_eq!((stats.subscribers, stats.events, stats.published, stats.gaps), (1, 2, 3, 1));
    drop(reader);
    assert_eq!(hub.stats().subscribers, 0);
}
