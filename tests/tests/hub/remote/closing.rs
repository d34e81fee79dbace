//! How a log elsewhere ends, and how a hub ends in a log to which others continue to append.

use std::sync::atomic::Ordering;

use futures_util::{FutureExt, Stream};
use sse_typed::{
    EventId,
    event::GapReason,
    hub::{Block, EventLog, Hub, MemoryLog, Page, Retention, Start},
};
use tokio::{runtime::Handle, task::yield_now};

use super::{
    NetworkLog, publish, settle, soon,
    test_log::{Behavior, TestLog, infallible},
    ticks, until,
};
use crate::common::{Feed, Reader, missed};

#[tokio::test]
async fn a_close_holds_for_every_process_and_loses_no_event() {
    for ring in [4, 1_000] {
        let log = NetworkLog::new(1_000);
        let (hub, other) = (log.hub(ring), log.hub(ring));
        let mut live = [Reader::at(&hub, Start::Live), Reader::at(&other, Start::Live)];
        settle().await;
        publish(&hub, 1..=20).await;
        let mut late = [Reader::at(&hub, Start::Earliest), Reader::at(&other, Start::Earliest)];
        hub.close(Some(Feed::Done)).await.unwrap();
        let mut expected = ticks(1..=20);
        expected.push(Feed::Done);
        for reader in live.iter_mut().chain(&mut late) {
            assert_eq!(reader.rest().await, expected);
        }
        for closed in [&hub, &other] {
            assert!(closed.publish(&Feed::Tick(0)).await.unwrap_err().is_closed());
            assert!(closed.close(None).await.unwrap_err().is_closed());
            assert!(closed.is_closed());
        }
        // A hub that is built after the close, as after a restart.
        let restarted = log.hub(ring);
        for hub in [&hub, &other, &restarted] {
            assert_eq!(Reader::at(hub, Start::Earliest).rest().await, expected);
            assert_eq!(Reader::at(hub, Start::Last(1)).rest().await, [Feed::Done]);
            assert_eq!(Reader::at(hub, Start::Live).rest().await, []);
            assert_eq!(hub.subscribe(live[0].last_event_id()).size_hint(), (0, Some(0)));
        }
    }
}

#[tokio::test]
async fn the_first_response_without_events_may_be_empty_and_the_next_is_204() {
    let log = NetworkLog::new(1_000);
    let hub = log.hub(100);
    let id = hub.publish(&Feed::Tick(1)).await.unwrap();
    hub.close(None).await.unwrap();
    // The process that has closed the log knows.
    for start in [Start::Live, Start::after(id.clone())] {
        assert_eq!(hub.subscribe(start).size_hint(), (0, Some(0)));
    }
    for start in [Start::Live, Start::after(id.clone())] {
        let restarted = log.hub(100);
        assert_eq!(Reader::at(&restarted, start.clone()).rest().await, []);
        until(|| restarted.is_closed()).await;
        assert_eq!(restarted.subscribe(start).size_hint(), (0, Some(0)));
    }
}

#[tokio::test]
async fn ready_finds_out_whether_there_is_anything_to_send() {
    for retained in [100, 3] {
        let log = NetworkLog::new(retained);
        let hub = log.hub(2);
        let id = hub.publish(&Feed::Tick(1)).await.unwrap();
        publish(&hub, 2..=3).await;
        // The log is open: the subscription waits, or has events.
        for start in [Start::Live, Start::Earliest, Start::after(id.clone())] {
            let hub = log.hub(2);
            let ready = soon(hub.subscribe(start).start_with(Feed::Tick(0)).ready()).await;
            assert_eq!(ready.size_hint(), (0, None));
        }
        let newest = hub.publish(&Feed::Tick(4)).await.unwrap();
        hub.close(None).await.unwrap();
        for (start, expected) in [
            (Start::Live, vec![]),
            (Start::Earliest, vec![Feed::Tick(0)]),
            (Start::after(id.clone()), vec![Feed::Tick(0)]),
            (Start::after(newest.clone()), vec![]),
        ] {
            let hub = log.hub(2);
            let ready = soon(hub.subscribe(start.clone()).start_with(Feed::Tick(0)).ready()).await;
            assert_eq!(ready.size_hint() == (0, Some(0)), expected.is_empty(), "{start:?}");
            let seen = Reader::of(ready).rest().await;
            assert_eq!(&seen[..expected.len().min(seen.len())], expected, "the greeting comes first");
            let missed = if retained == 100 && matches!(start, Start::Earliest) { 1 } else { 2 };
            if !expected.is_empty() {
                assert_eq!(seen[1..], ticks(missed..=4), "{start:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_close_without_a_last_event_follows_all_published_events() {
    let log = NetworkLog::new(1_000);
    let hub = log.hub(100);
    let mut reader = Reader::at(&hub, Start::Live);
    publish(&hub, 1..=5).await;
    hub.close(None).await.unwrap();
    assert_eq!(reader.take(5).await, ticks(1..=5));
    assert!(reader.next().await.is_none());
}

#[tokio::test]
async fn a_close_wakes_a_subscription_that_has_all_events() {
    let log = NetworkLog::new(1_000);
    let hub = log.hub(100);
    let mut reader = Reader::at(&hub, Start::Live);
    publish(&hub, 1..=5).await;
    assert_eq!(reader.take(5).await, ticks(1..=5));
    hub.close(None).await.unwrap();
    assert!(reader.next().await.is_none());
}

#[tokio::test]
async fn a_subscription_that_reads_the_log_ends_where_the_log_was_closed() {
    for ring in [4, 1_000] {
        let log = NetworkLog::new(10_000);
        let hub = log.hub(ring);
        publish(&hub, 1..=600).await;
        let mut late = Reader::at(&hub, Start::Earliest);
        assert_eq!(late.next().await.unwrap()[0].0, Feed::Tick(1));
        let seen: u64 = late.last_event_id().as_str().unwrap().rsplit_once('-').unwrap().1.parse().unwrap();
        hub.close(None).await.unwrap();
        assert_eq!(late.rest().await, ticks(seen + 1..=600));
    }
}

#[tokio::test]
async fn a_close_right_after_the_first_subscription_ends_it() {
    // Whatever the timing of the log.
    for turns in 0..60 {
        let log = NetworkLog::new(1_000);
        log.turns.store(turns, Ordering::Relaxed);
        let hub = log.hub(100);
        let mut reader = Reader::at(&hub, Start::Live);
        hub.close(None).await.unwrap();
        assert_eq!(reader.rest().await, []);
    }
}

#[tokio::test]
async fn an_event_that_is_published_during_the_close_is_received_or_is_an_error() {
    let log = NetworkLog::new(1_000);
    let hub = log.hub(100);
    let mut reader = Reader::at(&hub, Start::Live);
    log.holds_appends.send_replace(true);
    let mut before = Box::pin(hub.publish(&Feed::Tick(1)));
    assert!((&mut before).now_or_never().is_none());
    let mut close = Box::pin(hub.close(None));
    assert!((&mut close).now_or_never().is_none());
    log.holds_appends.send_replace(false);
    let (before, close) = soon(async { tokio::join!(before, close) }).await;
    close.unwrap();
    let expected = match before {
        Ok(_) => ticks([1]),
        Err(error) => {
            assert!(error.is_closed(), "{error}");
            Vec::new()
        }
    };
    assert_eq!(reader.rest().await, expected);
    assert!(hub.publish_with(|| panic!("the change must not be made")).await.unwrap_err().is_closed());
}

#[tokio::test]
async fn a_close_that_is_cancelled_leaves_the_hub_open_and_can_be_repeated() {
    let log = NetworkLog::new(1_000);
    let hub = log.hub(100);
    let mut reader = Reader::at(&hub, Start::Live);
    publish(&hub, [1]).await;
    log.holds_appends.send_replace(true);
    let mut close = Box::pin(hub.close(Some(Feed::Done)));
    assert!((&mut close).now_or_never().is_none());
    drop(close);
    log.holds_appends.send_replace(false);
    publish(&hub, [2]).await;
    assert_eq!(reader.take(2).await, ticks(1..=2));
    hub.close(Some(Feed::Tick(3))).await.unwrap();
    assert_eq!(reader.rest().await, ticks([3]));
}

#[tokio::test]
async fn one_of_two_concurrent_closes_succeeds() {
    let log = NetworkLog::new(1_000);
    let hub = log.hub(100);
    let mut reader = Reader::at(&hub, Start::Live);
    let (one, other) = tokio::join!(hub.close(Some(Feed::Tick(1))), hub.close(Some(Feed::Tick(2))));
    assert!(one.is_ok() && other.unwrap_err().is_closed());
    assert_eq!(reader.rest().await, ticks([1]));
    assert_eq!(
        Reader::at(&log.hub(1), Start::Earliest).take(1).await,
        ticks([1]),
        "the other close has published nothing"
    );
}

/// Otherwise a client would be answered 204 although the hub stays open.
#[tokio::test]
async fn the_hub_is_open_until_the_log_has_stored_the_last_event() {
    let log = NetworkLog::new(1_000);
    let hub = log.hub(100);
    log.holds_appends.send_replace(true);
    let mut close = Box::pin(hub.close(Some(Feed::Done)));
    assert!((&mut close).now_or_never().is_none());
    let meanwhile = hub.subscribe(Start::Live);
    assert_eq!(meanwhile.size_hint(), (0, None));
    log.is_down.store(true, Ordering::Relaxed);
    log.holds_appends.send_replace(false);
    assert!(close.await.unwrap_err().is_log());
    log.is_down.store(false, Ordering::Relaxed);
    assert!(!hub.is_closed());
    publish(&hub, [1]).await;
    assert_eq!(Reader::of(meanwhile).take(1).await, ticks([1]));
}

#[tokio::test]
async fn a_subscription_that_begins_during_the_close_receives_the_last_event() {
    let log = NetworkLog::new(1_000);
    let hub = log.hub(100);
    log.holds_answers.send_replace(true);
    let mut close = Box::pin(hub.close(Some(Feed::Tick(1))));
    let mut reader = Reader::at(&hub, Start::Earliest);
    while (&mut close).now_or_never().is_none() {
        if reader.read_one().is_ready() {
            log.holds_answers.send_replace(false);
        }
        yield_now().await;
    }
    assert_eq!(reader.rest().await, []);
}

#[tokio::test]
async fn a_close_without_an_answer_is_unknown_and_may_have_happened() {
    let log = NetworkLog::new(1_000);
    let hub = log.hub(100);
    let mut reader = Reader::at(&hub, Start::Live);
    publish(&hub, [1]).await;
    log.holds_answers.send_replace(true);
    let mut close = Box::pin(hub.close(Some(Feed::Tick(2))));
    until(|| (&mut close).now_or_never().is_some() || hub.stats().published == 2).await;
    log.is_down.store(true, Ordering::Relaxed);
    log.holds_answers.send_replace(false);
    assert!(soon(close).await.unwrap_err().is_unknown());
    log.is_down.store(false, Ordering::Relaxed);
    assert_eq!(reader.rest().await, ticks(1..=2));
    assert!(hub.close(None).await.unwrap_err().is_closed());
}

#[tokio::test]
async fn a_hub_ends_although_its_last_events_were_trimmed() {
    let log = NetworkLog::new(1);
    let hub = log.hub(100);
    let mut reader = Reader::at(&hub, Start::Live);
    publish(&hub, [0]).await;
    assert_eq!(reader.take(1).await, ticks([0]));
    // All at once, before the follower has read them.
    log.add(1..=10).await;
    hub.close(None).await.unwrap();
    let rest = reader.rest().await;
    assert!(matches!(rest[..], [Feed::Missed(_), Feed::Tick(10)]), "{rest:?}");
}

#[tokio::test]
async fn a_gap_that_passes_the_end_of_a_dropped_hub_is_reported_last() {
    let log = NetworkLog::new(20);
    let hub = log.hub(2);
    let _followed = hub.subscribe(Start::Live);
    let id = hub.publish(&Feed::Tick(1)).await.unwrap();
    publish(&hub, 2..=20).await;
    let mut late = Reader::at(&hub, id);
    drop(hub);
    until(|| Handle::current().metrics().num_alive_tasks() == 0).await;
    log.add(21..=100).await;
    assert_eq!(late.rest().await, [missed(79, GapReason::Trimmed)]);
}

#[tokio::test]
async fn a_gap_before_the_end_is_followed_by_the_retained_events() {
    let log = NetworkLog::new(20);
    let hub = log.hub(2);
    let _followed = hub.subscribe(Start::Live);
    let id = hub.publish(&Feed::Tick(1)).await.unwrap();
    publish(&hub, 2..=30).await;
    let mut late = Reader::at(&hub, id);
    hub.close(None).await.unwrap();
    until(|| Handle::current().metrics().num_alive_tasks() == 0).await;
    let mut expected = vec![missed(9, GapReason::Trimmed)];
    expected.extend(ticks(11..=30));
    assert_eq!(late.rest().await, expected);
}

#[tokio::test]
async fn the_follower_of_a_hub_that_is_over_ends() {
    let log = NetworkLog::new(1_000);
    let hub = log.hub(100);
    let _subscription = hub.subscribe(Start::Live);
    publish(&hub, [1]).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
    hub.close(Some(Feed::Done)).await.unwrap();
    until(|| Handle::current().metrics().num_alive_tasks() == 0).await;
}

#[tokio::test]
async fn events_that_were_published_before_the_last_handle_was_dropped_are_received() {
    let log = NetworkLog::new(1_000);
    for ring in [2, 100] {
        let hub: Hub<Feed, NetworkLog> = Hub::builder().retain(Retention::events(ring)).build_on(log.clone());
        let (mut live, mut slow) = (Reader::at(&hub, Start::Live), Reader::at(&hub, Start::Live));
        publish(&hub, [1]).await;
        assert_eq!(live.take(1).await, ticks([1]));
        // No other task runs meanwhile, so the follower has read none of these events yet.
        let mut publish = Box::pin(publish(&hub, 2..=10));
        while (&mut publish).now_or_never().is_none() {}
        drop(publish);
        drop(hub);
        assert_eq!(live.rest().await, ticks(2..=10));
        assert_eq!(slow.rest().await, ticks(1..=10));
    }
}

/// A log to which others never stop publishing: each call finds another event.
struct NeverStops(MemoryLog);

impl NeverStops {
    async fn add_one(&self) {
        // No test closes it.
        let _ = self.0.append(&Block::new("event: tick\ndata: 1\n\n", false).unwrap()).await;
    }
}

impl Behavior for NeverStops {
    fn log(&self) -> &MemoryLog {
        &self.0
    }

    async fn read_after(&self, after: &str, limit: usize) -> Page {
        self.add_one().await;
        infallible(self.0.read_after(after, limit).await)
    }

    async fn head(&self) -> EventId {
        self.add_one().await;
        infallible(self.0.head().await)
    }
}

#[tokio::test]
async fn a_hub_whose_last_handle_is_dropped_ends_although_others_never_stop_publishing() {
    for start in [Start::Live, Start::Earliest] {
        let hub: Hub<Feed, _> = Hub::builder().build_on(TestLog(NeverStops(MemoryLog::default())));
        let mut reader = Reader::at(&hub, start);
        assert_eq!(reader.take(1).await, ticks([1]));
        drop(hub);
        let mut items = 0;
        while reader.next().await.is_some() {
            items += 1;
            assert!(items < 1_000, "it does not end");
        }
    }
}
