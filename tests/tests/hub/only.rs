//! `only`: the events that a subscriber may see.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::Stream;
use sse_typed::{
    DecodeError, DecodeEvent, Decoded, EncodeError, EncodeEvent, EventKind, EventWriter, HubEvent, RawEventRef,
    event::{DecodeErrorKind, GapReason},
    hub::{Hub, OnGap, Retention, Start},
};
use tokio::time::advance;

use crate::common::{Feed, Reader, WakeCounter, hub, missed, poll, ticks};

fn even(event: &Feed) -> bool {
    matches!(event, Feed::Tick(n) if n % 2 == 0)
}

#[test]
fn events_that_are_withheld_live_are_withheld_on_replay() {
    let hub = hub(Retention::default());
    let mut live = Reader::of(hub.subscribe(Start::Live).only(even));
    ticks(&hub, 1..=5);
    let mut both = Reader::of(hub.subscribe(Start::Last(3)).only(even));
    assert_eq!(live.ticks(), [2, 4]);
    ticks(&hub, 6..=9);
    assert_eq!(live.ticks(), [6, 8]);
    assert_eq!(both.ticks(), [4, 6, 8]);
    let mut replayed = Reader::of(hub.subscribe(Start::Earliest).only(even));
    assert_eq!(replayed.ticks(), [2, 4, 6, 8]);
}

#[test]
fn consecutive_events_that_may_be_seen_are_one_slice() {
    let hub = hub(Retention::default());
    let mut reader = Reader::of(hub.subscribe(Start::Live).only(|event| !matches!(event, Feed::Tick(4))));
    ticks(&hub, 1..=9);
    let mut lengths = Vec::new();
    while let Poll::Ready(Some(events)) = reader.read_one() {
        lengths.push(events.len());
    }
    assert_eq!(lengths, [3, 5]);
}

#[test]
fn after_two_calls_of_only_both_closures_must_agree() {
    let hub = hub(Retention::default());
    let subscription = hub.subscribe(Start::Live).only(even).only(|event| !matches!(event, Feed::Tick(4)));
    let mut reader = Reader::of(subscription);
    ticks(&hub, 1..=6);
    assert_eq!(reader.ticks(), [2, 6]);
}

#[test]
fn a_terminal_event_ends_only_subscriptions_that_may_see_it() {
    let hub = hub(Retention::default());
    let mut all = Reader::at(&hub, Start::Live);
    let mut some = Reader::of(hub.subscribe(Start::Live).only(even));
    ticks(&hub, [2]);
    hub.publish_now(&Feed::Done).unwrap();
    ticks(&hub, [4]);
    assert_eq!(all.events(), [Feed::Tick(2), Feed::Done]);
    assert_eq!(some.ticks(), [2, 4]);
}

#[test]
fn a_subscriber_with_a_filter_is_told_of_gaps() {
    let hub = hub(Retention::events(2));
    let mut reader = Reader::of(hub.subscribe(Start::Live).only(even));
    ticks(&hub, 1..=4);
    assert_eq!(reader.events(), [missed(2, GapReason::Lagged), Feed::Tick(4)]);
}

#[test]
fn a_subscriber_that_may_see_few_events_and_missed_none_is_told_of_no_gap() {
    let hub = hub(Retention::events(10));
    let own = |event: &Feed| matches!(event, Feed::Tick(n) if *n == 1 || *n > 1_000);
    let mut reader = Reader::of(hub.subscribe(Start::Live).only(own));
    ticks(&hub, [1]);
    assert_eq!(reader.ticks(), [1]);
    let mut words = 0;
    for n in 2..=1_000 {
        ticks(&hub, [n]);
        // It is up to date, and is sent a newer id now and then.
        while let Poll::Ready(Some(seen)) = reader.read_one() {
            assert_eq!(seen, []);
            words += 1;
        }
        if n % 7 == 0 {
            reader.subscription = Some(hub.subscribe(reader.last_event_id()).only(own));
            assert_eq!(reader.events(), [], "after it has reconnected");
        }
    }
    assert!((100..400).contains(&words), "{words}");
    ticks(&hub, [1_001]);
    assert_eq!(reader.ticks(), [1_001]);
    assert_eq!(hub.stats().gaps, 0);
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_may_see_few_events_is_told_of_no_gap_when_many_events_are_trimmed_at_once() {
    let hub = hub(Retention::events(100).age(Duration::from_secs(10)));
    ticks(&hub, 1..=200);
    let mut reader = Reader::of(hub.subscribe(Start::Live).only(|event| *event == Feed::Tick(201)));
    ticks(&hub, [201]);
    assert_eq!(reader.ticks(), [201]);
    for n in 202..=260 {
        ticks(&hub, [n]);
        assert_eq!(reader.events(), []);
        // The first events become too old together, among them the one that it received.
        let mut back = Reader::of(hub.subscribe(reader.last_event_id()).only(|_| false));
        assert_eq!(back.events(), [], "it has missed nothing when {n} comes");
        advance(Duration::from_secs(1)).await;
    }
}

#[test]
fn catching_up_on_withheld_events_sends_few_ids() {
    let hub = hub(Retention::events(1_000));
    let mut live = Reader::at(&hub, Start::Live);
    for n in 1..=2_000 {
        ticks(&hub, [n]);
        live.ticks();
    }
    // Each event is a segment of its own.
    let mut late = Reader::of(hub.subscribe(Start::Earliest).only(|_| false));
    let mut words = 0;
    for _ in 0..1_000 {
        words += u64::from(late.read_one().is_ready());
    }
    assert!((1..=4).contains(&words), "{words}");
}

#[test]
fn a_client_that_receives_events_is_sent_no_other_ids() {
    let hub = hub(Retention::events(20));
    let mut reader = Reader::of(hub.subscribe(Start::Live).only(even));
    for n in 1..=500 {
        ticks(&hub, [n]);
        let expected = if n % 2 == 0 { vec![Feed::Tick(n)] } else { Vec::new() };
        let mut items = 0;
        let mut seen = Vec::new();
        while let Poll::Ready(Some(events)) = reader.read_one() {
            items += 1;
            seen.extend(events.into_iter().map(|(event, _)| event));
        }
        assert_eq!((items, &seen), (expected.len(), &expected), "it is sent no other item");
    }
}

#[test]
fn while_no_event_is_trimmed_no_id_is_sent_for_withheld_events() {
    let hub = hub(Retention::events(100));
    let mut reader = Reader::of(hub.subscribe(Start::Live).only(|_| false));
    for n in 1..=100 {
        ticks(&hub, [n]);
        assert!(reader.read_one().is_pending());
    }
}

#[test]
fn values_are_withheld_like_bytes() {
    let hub = hub(Retention::default());
    let mut events = hub.subscribe(Start::Live).only(even).events();
    ticks(&hub, 1..=4);
    let mut seen = Vec::new();
    while let Poll::Ready(Some(event)) = poll(&mut events) {
        seen.push((*event.data).clone());
    }
    assert_eq!(seen, [Feed::Tick(2), Feed::Tick(4)]);
}

#[test]
fn a_poll_passes_a_limited_number_of_withheld_events_and_yields() {
    let hub = hub(Retention::events(20_000));
    ticks(&hub, 1..=20_000);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let mut subscription = hub.subscribe(Start::Earliest).only(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        false
    });
    let (wakes, waker) = WakeCounter::new();
    let mut polls = 0;
    while asked.load(Ordering::Relaxed) < 20_000 {
        let before = asked.load(Ordering::Relaxed);
        assert!(Pin::new(&mut subscription).poll_next(&mut Context::from_waker(&waker)).is_pending());
        let after = asked.load(Ordering::Relaxed);
        if after < 20_000 {
            polls += 1;
            assert_eq!(wakes.count(), polls, "it wakes its own task");
        }
        let passed = after - before;
        // Up to a limit, and to the end of a segment.
        assert!(passed < 2_048, "{passed}");
    }
}

static READ: AtomicUsize = AtomicUsize::new(0);

/// Counts how often it is decoded. It cannot decode odd numbers that it has encoded.
#[derive(Debug)]
struct Costly(u64);

impl EventKind for Costly {
    fn event_type(&self) -> &str {
        "costly"
    }
}

impl EncodeEvent for Costly {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        event.event_type("costly")?;
        event.json(&self.0)
    }
}

impl HubEvent for Costly {}

impl DecodeEvent for Costly {
    const EVENT_TYPES: &'static [&'static str] = &["costly"];

    fn decode(event: RawEventRef<'_>) -> Result<Decoded<Self>, DecodeError> {
        READ.fetch_add(1, Ordering::SeqCst);
        match event.data().parse() {
            Ok(n) if n % 2 == 0 => Ok(Decoded::Event(Self(n))),
            _ => Err(DecodeError::new(DecodeErrorKind::Data, "costly", "odd")),
        }
    }
}

#[test]
fn an_event_is_decoded_once_for_all_subscriptions_and_withheld_if_it_cannot_be_decoded() {
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    for n in 0..10 {
        hub.publish_now(&Costly(n)).unwrap();
    }
    assert_eq!(READ.load(Ordering::SeqCst), 0, "no subscription has decoded values");
    let asked = Arc::new(AtomicUsize::new(0));
    for _ in 0..20 {
        let asked = Arc::clone(&asked);
        let mut subscription = hub.subscribe(Start::Earliest).only(move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            true
        });
        let mut events = 0;
        while let Poll::Ready(Some(entries)) = poll(&mut subscription) {
            assert_eq!(entries.len(), 1, "between two events there is one that cannot be decoded");
            events += 1;
        }
        assert_eq!(events, 5);
    }
    assert_eq!(READ.load(Ordering::SeqCst), 10);
}
