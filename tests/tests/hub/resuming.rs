//! Resuming: ids, starts, and subscriptions that are over.

use std::task::Poll;

use futures_util::Stream;
use sse_typed::{
    EventId, LastEventId,
    event::GapReason,
    hub::{Retention, Start},
};

use crate::common::{Feed, Reader, hub, last_event_id, missed, poll, ticks};

#[test]
fn a_client_resumes_behind_the_last_event_that_it_has() {
    let hub = hub(Retention::default());
    let mut reader = Reader::at(&hub, Start::Live);
    ticks(&hub, 1..=3);
    assert_eq!(reader.ticks(), [1, 2, 3]);
    reader.subscription = None;
    ticks(&hub, 4..=5);
    reader.resume(&hub);
    // Events that are published meanwhile follow.
    ticks(&hub, 6..=6);
    assert_eq!(reader.ticks(), [4, 5, 6]);
}

#[test]
fn a_subscription_begins_at_its_start() {
    let hub = hub(Retention::events(10));
    ticks(&hub, 1..=20);
    let mut starts = [
        Reader::at(&hub, Start::Live),
        Reader::at(&hub, LastEventId::none()),
        Reader::at(&hub, Start::Earliest),
        Reader::at(&hub, Start::Last(3)),
        Reader::at(&hub, Start::Last(0)),
        Reader::at(&hub, Start::Last(u64::MAX)),
    ];
    ticks(&hub, 21..=21);
    let from = |first: u64| (first..=21).collect::<Vec<_>>();
    // One more event was trimmed since, and that is reported.
    assert_eq!(starts[2].events()[0], missed(1, GapReason::Lagged));
    assert_eq!(starts[5].events()[0], missed(1, GapReason::Lagged));
    for (index, first) in [(0, 21), (1, 21), (3, 18), (4, 21)] {
        assert_eq!(starts[index].ticks(), from(first));
    }
    assert_eq!(Reader::at(&hub, Start::Earliest).ticks(), from(12));
}

#[test]
fn an_id_of_an_earlier_process_is_a_gap() {
    let before = hub(Retention::default());
    let old = before.publish_now(&Feed::Tick(1)).unwrap();
    let after = hub(Retention::default());
    ticks(&after, 1..=2);
    let mut reader = Reader::at(&after, old);
    assert_eq!(reader.events(), [missed(None, GapReason::UnknownId), Feed::Tick(1), Feed::Tick(2)]);
}

#[test]
fn any_text_is_accepted_as_a_last_event_id() {
    let hub = hub(Retention::default());
    let id = hub.publish_now(&Feed::Tick(1)).unwrap();
    let epoch = id.as_str().rsplit_once('-').unwrap().0;
    let hostile = [
        "0".to_owned(),
        "-".to_owned(),
        "💥".to_owned(),
        "x".repeat(1024),
        format!("{epoch}-"),
        format!("{epoch}-2"),
        format!("{epoch}-01"),
        format!("{epoch}-+1"),
        format!("{epoch}--1"),
        format!("{epoch}-18446744073709551615"),
        format!("{epoch}-99999999999999999999999"),
        format!("{}-1", epoch.to_uppercase() + "A"),
        format!("{epoch}-1 "),
    ];
    for hostile in hostile {
        let id = match EventId::new(hostile.clone()) {
            Ok(id) => LastEventId::from(id),
            Err(_) => continue,
        };
        let mut reader = Reader::at(&hub, id);
        assert_eq!(reader.events(), [missed(None, GapReason::UnknownId), Feed::Tick(1)], "{hostile}");
    }
}

#[test]
fn a_client_that_has_the_terminal_event_is_told_to_stop_reconnecting() {
    let first = hub(Retention::default());
    let mut reader = Reader::at(&first, Start::Live);
    first.publish_now(&Feed::Done).unwrap();
    ticks(&first, [2]);
    let (seen, open) = reader.read();
    assert_eq!((seen.len(), open), (1, false), "the terminal event ends the subscription, not the hub");
    assert!(seen[0].1.ends_with("-1!"));
    // By any server, also after a restart.
    for hub in [first, hub(Retention::default())] {
        let mut over = hub.subscribe(reader.last_event_id());
        assert_eq!(over.size_hint(), (0, Some(0)));
        assert_eq!(poll(&mut over).map(|entries| entries.is_none()), Poll::Ready(true));
        assert_eq!(over.start_with(Feed::Tick(0)).size_hint(), (0, Some(0)), "it is sent no greeting");
        let over = hub.subscribe_with(reader.last_event_id(), || panic!("it is sent no snapshot"));
        assert_eq!(over.size_hint(), (0, Some(0)));
    }
}

#[test]
fn a_subscription_that_may_have_events_does_not_report_that_it_is_over() {
    let hub = hub(Retention::default());
    for start in [Start::Live, Start::Earliest, Start::Last(0), Start::after(last_event_id("nobody's"))] {
        assert_eq!(hub.subscribe(start).size_hint(), (0, None));
    }
}

#[test]
fn events_behind_a_terminal_event_are_for_later_subscriptions() {
    let hub = hub(Retention::default());
    ticks(&hub, [1]);
    hub.publish_now(&Feed::Done).unwrap();
    ticks(&hub, [3]);
    let mut early = Reader::at(&hub, Start::Earliest);
    assert_eq!(early.events(), [Feed::Tick(1), Feed::Done]);
    let mut late = Reader::at(&hub, Start::Last(1));
    assert_eq!(late.ticks(), [3]);
}

#[test]
fn lag_is_the_number_of_retained_events_that_were_not_yielded() {
    let hub = hub(Retention::events(5));
    let subscription = hub.subscribe(Start::Live);
    assert_eq!(subscription.lag(), 0);
    ticks(&hub, 1..=3);
    assert_eq!(subscription.lag(), 3);
    ticks(&hub, 4..=9);
    assert_eq!(subscription.lag(), 5, "trimmed events do not count");
    assert_eq!(hub.subscribe(Start::after(last_event_id("nobody's"))).lag(), 5);
}
