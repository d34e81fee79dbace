//! Closing a hub, and how subscriptions end.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::Stream;
use sse_typed::{
    EventId, LastEventId,
    hub::{Hub, OnGap, Retention, Start},
};

use crate::common::{Feed, Reader, WakeCounter, hub, hub_on_gap, poll, ticks};

#[tokio::test]
async fn a_closed_hub_takes_no_more_events() {
    let hub = hub(Retention::default());
    hub.close(Some(Feed::Done)).await.unwrap();
    assert!(hub.is_closed());
    assert!(hub.publish(&Feed::Tick(3)).await.unwrap_err().is_closed());
    assert!(hub.publish_with(|| panic!("the change must not be made")).await.unwrap_err().is_closed());
    assert!(hub.close(None).await.unwrap_err().is_closed());
    assert!(hub.close(Some(Feed::Done)).await.unwrap_err().is_closed());
}

fn is_over(hub: &Hub<Feed>, start: impl Into<Start>) -> bool {
    let mut subscription = hub.subscribe(start).start_with(Feed::Tick(0));
    let over = subscription.size_hint() == (0, Some(0));
    assert_eq!(over, matches!(poll(&mut subscription), Poll::Ready(None)), "there is no greeting either");
    over
}

#[test]
fn later_subscriptions_of_a_closed_hub_receive_the_retained_events() {
    for last in [None, Some(Feed::Tick(3)), Some(Feed::Done)] {
        let hub = hub(Retention::default());
        let mut early = Reader::at(&hub, Start::Live);
        let first = hub.publish_now(&Feed::Tick(1)).unwrap();
        ticks(&hub, [2]);
        let mut all = vec![Feed::Tick(1), Feed::Tick(2)];
        all.extend(last.clone());
        hub.close_now(last).unwrap();
        assert_eq!(early.events(), all);
        let (newest, end) = (all[all.len() - 1..].to_vec(), early.last_event_id());
        for (start, expected) in [
            (Start::Earliest, &all[..]),
            (Start::Last(1), &newest),
            (Start::Last(100), &all),
            (Start::after(first), &all[1..]),
        ] {
            let mut late = Reader::at(&hub, start);
            let (seen, open) = late.read();
            let events: Vec<_> = seen.into_iter().map(|(event, _)| event).collect();
            assert_eq!((&events[..], open), (expected, false));
            assert_eq!(late.last_event_id(), end);
        }
        // 204 is for clients that have everything.
        assert!(is_over(&hub, end) && is_over(&hub, Start::Live) && is_over(&hub, Start::Last(0)));
        let late = hub.subscribe_with(Start::Live, || panic!("nobody else"));
        assert_eq!(late.size_hint(), (0, Some(0)));
    }
}

#[test]
fn the_id_of_the_last_event_says_that_no_event_follows_terminal_or_not() {
    for last in [Feed::Tick(1), Feed::Done] {
        let closed = hub(Retention::default());
        let mut reader = Reader::at(&closed, Start::Live);
        closed.close_now(Some(last)).unwrap();
        assert_eq!(reader.read().0.len(), 1);
        let id = reader.last_event_id();
        assert!(id.as_str().unwrap().ends_with('!'));
        // In any process, and after any restart.
        assert!(is_over(&hub(Retention::default()), id));
    }
}

#[tokio::test(start_paused = true)]
async fn subscriptions_of_a_closed_hub_without_history_are_over_unless_they_report_a_gap() {
    for on_gap in [OnGap::emit(), OnGap::Restart, OnGap::Ignore] {
        let reported = !matches!(on_gap, OnGap::Ignore);
        let hub = hub_on_gap(Retention::default().age(Duration::from_secs(1)), on_gap);
        let id = hub.publish_now(&Feed::Tick(1)).unwrap();
        ticks(&hub, 2..=3);
        hub.close_now(None).unwrap();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(is_over(&hub, Start::Earliest));
        for lost in [LastEventId::from(id.clone()), EventId::new("elsewhere-7").unwrap().into()] {
            // A gap is reported once: the client resumes behind it.
            let mut reader = Reader::at(&hub, lost);
            assert_eq!(reader.subscription.as_ref().unwrap().size_hint() == (0, Some(0)), !reported);
            let (_, open) = reader.read();
            assert!(!open);
            assert!(!reported || is_over(&hub, reader.last_event_id()));
        }
    }
}

#[test]
fn a_close_wakes_waiting_subscriptions() {
    let hub = hub(Retention::default());
    let (wakes, waker) = WakeCounter::new();
    let mut subscription = hub.subscribe(Start::Live);
    let mut poll = || Pin::new(&mut subscription).poll_next(&mut Context::from_waker(&waker));
    assert!(poll().is_pending());
    hub.close_now(None).unwrap();
    assert_eq!(wakes.count(), 1);
    assert!(matches!(poll(), Poll::Ready(None)));
    assert!(matches!(poll(), Poll::Ready(None)), "and stays ended");
}

#[test]
fn a_close_whose_last_event_cannot_be_encoded_does_not_close() {
    use sse_typed::SseEvent;
    #[derive(SseEvent)]
    enum Inner {
        #[sse(skip)]
        Hidden,
    }
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    assert!(hub.close_now(Some(Inner::Hidden)).unwrap_err().is_never_sent());
    assert!(!hub.is_closed());
}

#[test]
fn subscriptions_end_when_the_last_handle_is_dropped() {
    let hub = hub(Retention::default());
    let handle = hub.clone();
    let mut reader = Reader::at(&hub, Start::Live);
    drop(hub);
    ticks(&handle, [1]);
    drop(handle);
    let (seen, open) = reader.read();
    assert_eq!((seen.len(), open), (1, false));
}
