//! `ready`: finding out first whether there is anything to send.

use futures_util::Stream as _;
use sse_typed::{
    hub::{EventLog, MemoryLog, Page, Retention, Start},
    testing,
};

use super::{
    NetworkLog, settle,
    test_log::{Behavior, TestLog, infallible},
    until,
};
use crate::common::{Feed, Reader, WakeCounter, hub};

#[tokio::test]
async fn events_that_ready_has_read_are_withheld_by_a_later_only() {
    let log = NetworkLog::new(100);
    let hub = log.hub(10);
    for n in 1..=3 {
        hub.publish(&Feed::Tick(n)).await.unwrap();
    }
    hub.close(None).await.unwrap();
    let subscription = hub.subscribe(Start::Earliest).ready().await.only(|_| false);
    assert_eq!(Reader::of(subscription).rest().await, []);
}

#[tokio::test]
async fn events_that_ready_has_read_count_as_lag() {
    let log = NetworkLog::new(100);
    let hub = log.hub(10);
    let mut other = Reader::at(&hub, Start::Live);
    for n in 1..=3 {
        hub.publish(&Feed::Tick(n)).await.unwrap();
    }
    other.take(3).await;
    let before = hub.subscribe(Start::Last(3));
    assert_eq!(before.lag(), 3);
    assert_eq!(before.ready().await.lag(), 3);
}

#[test]
fn ready_asks_the_log_although_a_dropped_follower_has_read_it() {
    let log = NetworkLog::new(100);
    let hub = log.hub(10);
    let other = log.hub(10);
    let rt = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let id = rt().block_on(async {
        let id = hub.publish(&Feed::Tick(1)).await.unwrap();
        let ready = hub.subscribe(id.clone()).ready().await;
        assert_eq!(ready.size_hint(), (0, None));
        id
    });
    rt().block_on(other.close(None)).unwrap();
    rt().block_on(async {
        let ready = hub.subscribe(id).ready().await;
        assert_eq!(ready.size_hint(), (0, Some(0)), "the log is closed, and the client has everything");
    });
}

#[tokio::test]
async fn ready_asks_the_log_although_the_ring_has_the_position() {
    let log = NetworkLog::new(100);
    let hub = log.hub(10);
    let other = log.hub(10);
    let id = hub.publish(&Feed::Tick(1)).await.unwrap();
    drop(hub.subscribe(id.clone()).ready().await);
    other.close(None).await.unwrap();
    let ready = hub.subscribe(id).ready().await;
    assert_eq!(ready.size_hint(), (0, Some(0)), "the log is closed, and the client has everything");
}

#[tokio::test]
async fn a_client_from_which_the_end_is_withheld_is_told_to_stop_reconnecting() {
    let may_see = |event: &Feed| *event == Feed::Tick(1);
    let memory = hub(Retention::events(100));
    let elsewhere = NetworkLog::new(100).hub(10);
    memory.publish(&Feed::Tick(1)).await.unwrap();
    memory.publish(&Feed::Tick(2)).await.unwrap();
    memory.close(Some(Feed::Done)).await.unwrap();
    elsewhere.publish(&Feed::Tick(1)).await.unwrap();
    elsewhere.publish(&Feed::Tick(2)).await.unwrap();
    elsewhere.close(Some(Feed::Done)).await.unwrap();
    let mut rounds = [0, 0];
    let mut reader = Reader::of(memory.subscribe(Start::Earliest).only(may_see));
    while rounds[0] < 5 && reader.subscription.as_ref().unwrap().size_hint() != (0, Some(0)) {
        reader.rest().await;
        reader.resume(&memory);
        reader.subscription = reader.subscription.map(|subscription| subscription.only(may_see));
        rounds[0] += 1;
    }
    let mut reader = Reader::of(elsewhere.subscribe(Start::Earliest).only(may_see).ready().await);
    while rounds[1] < 5 && reader.subscription.as_ref().unwrap().size_hint() != (0, Some(0)) {
        reader.rest().await;
        reader.resume(&elsewhere);
        let again = reader.subscription.take().unwrap();
        reader.subscription = Some(again.only(may_see).ready().await);
        rounds[1] += 1;
    }
    // Without `ready`.
    let mut unready = 0;
    let mut reader = Reader::of(elsewhere.subscribe(Start::Earliest).only(may_see));
    while unready < 5 && reader.subscription.as_ref().unwrap().size_hint() != (0, Some(0)) {
        reader.rest().await;
        reader.resume(&elsewhere);
        reader.subscription = reader.subscription.map(|subscription| subscription.only(may_see));
        unready += 1;
    }
    assert_eq!((rounds, unready), ([1, 1], 1), "connections until a 204");
}

/// The follower is dropped with its runtime after a subscription has checked for it and before the subscription is
/// registered.
#[test]
fn a_subscription_replaces_a_follower_that_is_dropped() {
    // For comparison: it is dropped before the poll.
    followed_from(false);
    followed_from(true);
}

fn followed_from(is_dropped_within_the_poll: bool) {
    use std::{
        pin::Pin,
        sync::{Arc, Mutex},
        task::Context,
    };

    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (followers, others) = (runtime(), runtime());
    let hub = NetworkLog::new(100).hub(10);
    let to_drop = Arc::new(Mutex::new(None));
    let dropped = Arc::clone(&to_drop);
    let mut subscription = followers.block_on(async {
        let mut first = Reader::at(&hub, Start::Live);
        settle().await;
        let _ = first.read();
        settle().await;
        let subscription = hub.subscribe(Start::Live).only(move |event: &Feed| {
            if let Some(runtime) = dropped.lock().unwrap().take() {
                std::thread::spawn(move || drop::<tokio::runtime::Runtime>(runtime)).join().unwrap();
            }
            *event == Feed::Tick(2)
        });
        // Two slices: a terminal event is the last of its segment.
        hub.publish(&Feed::Done).await.unwrap();
        hub.publish(&Feed::Tick(1)).await.unwrap();
        until(|| hub.stats().events == 2).await;
        settle().await;
        subscription
    });
    if is_dropped_within_the_poll {
        *to_drop.lock().unwrap() = Some(followers);
    } else {
        drop(followers);
    }
    let (wakes, waker) = WakeCounter::new();
    let _entered = others.enter();
    let polled = futures_util::Stream::poll_next(Pin::new(&mut subscription), &mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    assert!(to_drop.lock().unwrap().is_none(), "the follower is dropped");
    others.block_on(async {
        hub.publish(&Feed::Tick(2)).await.unwrap();
        settle().await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    });
    assert!(
        wakes.count() > 0,
        "no task follows the log, and the subscription is not woken: within the poll {is_dropped_within_the_poll}"
    );
}

/// A log whose pages have fewer events than were asked for, as they may.
struct ShortPages(MemoryLog);

impl Behavior for ShortPages {
    fn log(&self) -> &MemoryLog {
        &self.0
    }

    async fn read_after(&self, after: &str, limit: usize) -> Page {
        infallible(self.0.read_after(after, limit.min(3)).await)
    }
}

#[tokio::test]
async fn the_suite_accepts_a_log_whose_pages_are_short() {
    testing::event_log(async |events| TestLog(ShortPages(MemoryLog::new(Retention::events(events))))).await;
}

#[tokio::test]
async fn events_that_ready_has_read_are_not_lost_when_the_ring_trims_them_before_a_later_only() {
    let log = NetworkLog::new(100);
    let hub = log.hub(10);
    let mut other = Reader::at(&hub, Start::Live);
    super::publish(&hub, 1..=3).await;
    other.take(3).await;
    let id = other.last_event_id();
    super::publish(&hub, 4..=5).await;
    other.take(2).await;
    let ready = hub.subscribe(id).ready().await;
    assert_eq!(ready.lag(), 2);
    let mut reader = Reader::of(ready.only(|_| true));
    super::publish(&hub, 6..=30).await;
    other.take(25).await;
    hub.close(None).await.unwrap();
    assert_eq!(reader.rest().await, super::ticks(4..=30));
}

#[tokio::test]
async fn a_later_only_that_takes_all_events_changes_nothing() {
    let log = NetworkLog::new(100);
    let hub = log.hub(3);
    let mut other = Reader::at(&hub, Start::Live);
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(hub.publish(&Feed::Tick(n)).await.unwrap());
        other.take(1).await;
    }
    // In the ring, and before it.
    for after in [7, 2] {
        let subscription = hub.subscribe(ids[after as usize].clone()).ready().await.only(|_| true);
        assert_eq!(subscription.position().as_ref(), Some(&ids[after as usize]));
        let mut reader = Reader::of(subscription);
        let rest = super::ticks(after + 1..10);
        assert_eq!(reader.take(rest.len()).await, rest);
    }
}
