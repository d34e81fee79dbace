//! Publishing: order, ids, errors and wake-ups.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock},
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{Stream, StreamExt};
use sse_typed::{
    EncodeError, EncodeEvent, EventKind, EventWriter, HubEvent, RawEvent, SseEvent,
    codec::EventItem,
    hub::{Hub, OnGap, Retention, Start},
};

use crate::common::{Feed, Reader, WakeCounter, hub, poll, ticks};

#[tokio::test]
async fn a_published_event_has_the_id_that_publish_returns() {
    let hub = hub(Retention::default());
    let mut reader = Reader::at(&hub, Start::Live);
    let first = hub.publish(&Feed::Tick(1)).await.unwrap();
    let second = hub.publish_now(&Feed::Tick(2)).unwrap();
    let last = hub.publish(&Feed::Done).await.unwrap();
    assert!(first.as_str().ends_with("-1") && second.as_str().ends_with("-2"), "{first} {second}");
    assert!(last.as_str().ends_with("-3!"), "{last}");
    let ids: Vec<_> = reader.read().0.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids, [first.as_str(), second.as_str(), last.as_str()]);
}

#[tokio::test]
async fn a_burst_is_sent_as_one_slice() {
    let hub = hub(Retention::default());
    let mut subscription = hub.subscribe(Start::Live);
    ticks(&hub, 1..=16);
    let entries = subscription.next().await.unwrap();
    assert_eq!(entries.len(), 16);
    assert!(!entries.is_empty() && !entries.is_terminal());
    assert!(entries.last_id().unwrap().as_str().ends_with("-16"));
}

#[tokio::test]
async fn events_can_be_received_as_values() {
    let hub = hub(Retention::default());
    let mut events = hub.subscribe(Start::Live).start_with(Feed::State(0)).events();
    ticks(&hub, 1..=2);
    let id = hub.publish_now(&Feed::Done).unwrap();
    let first = events.next().await.unwrap();
    assert_eq!((&*first.data, &first.id), (&Feed::State(0), &None));
    let tick = events.next().await.unwrap();
    assert_eq!(*tick.data, Feed::Tick(1));
    assert!(tick.id.unwrap().as_str().ends_with("-1"));
    assert_eq!(*events.next().await.unwrap().data, Feed::Tick(2));
    assert_eq!(events.next().await.unwrap().id, Some(id));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_value_is_decoded_once_for_all_subscriptions() {
    let hub = hub(Retention::default());
    let (mut one, mut other) = (hub.subscribe(Start::Live).events(), hub.subscribe(Start::Live).events());
    ticks(&hub, [7]);
    let (one, other) = (one.next().await.unwrap(), other.next().await.unwrap());
    assert!(Arc::ptr_eq(&one.data, &other.data));
}

#[test]
fn an_event_that_cannot_be_encoded_is_an_error_and_is_not_sent() {
    #[derive(Debug)]
    struct Bad(bool);
    impl EventKind for Bad {
        fn event_type(&self) -> &str {
            "bad"
        }
    }
    impl EncodeEvent for Bad {
        fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
            event.json(&1)?;
            event.event_type(if self.0 { "two\nlines" } else { "bad" })
        }
    }
    impl HubEvent for Bad {}

    let hub = Hub::builder_on_gap(OnGap::<Bad>::Ignore).build();
    let mut subscription = hub.subscribe(Start::Live);
    let error = hub.publish_now(&Bad(true)).unwrap_err();
    assert!(error.is_encode(), "{error}");
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("line end"));
    assert!(poll(&mut subscription).is_pending());
    // It takes no id.
    assert!(hub.publish_now(&Bad(false)).unwrap().as_str().ends_with("-1"));
}

#[test]
fn a_skipped_variant_is_not_published() {
    #[derive(SseEvent)]
    enum Inner {
        Seen,
        #[sse(skip)]
        Hidden,
    }
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    let error = hub.publish_now(&Inner::Hidden).unwrap_err();
    assert!(error.is_never_sent() && error.to_string().contains("Hidden"), "{error}");
    assert_eq!(hub.stats().published, 0);
    hub.publish_now(&Inner::Seen).unwrap();
}

#[test]
fn the_id_that_an_event_received_elsewhere_is_replaced_by_the_hubs() {
    #[derive(Debug, SseEvent)]
    enum Relay {
        #[sse(other)]
        Other(RawEvent),
    }
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    let mut subscription = hub.subscribe(Start::Live).start_with(Relay::Other(RawEvent::new("a", "0").with_id(8_u64)));
    let id = hub.publish_now(&Relay::Other(RawEvent::new("a", "1").with_id(9_u64))).unwrap();
    let mut wire = sse_typed::codec::Encoder::new();
    while let Poll::Ready(Some(entries)) = poll(&mut subscription) {
        wire.encode(&entries).unwrap();
    }
    assert_eq!(wire.take(), format!("event: a\ndata: 0\n\nid: {id}\nevent: a\ndata: 1\n\n"));
}

#[test]
fn a_waiting_subscription_is_woken_once_by_an_event_and_a_dropped_one_is_not() {
    let hub = hub(Retention::default());
    let (wakes, waker) = WakeCounter::new();
    let mut staying = hub.subscribe(Start::Live);
    let mut leaving = hub.subscribe(Start::Live);
    for _ in 0..3 {
        for subscription in [&mut staying, &mut leaving] {
            assert!(Pin::new(subscription).poll_next(&mut Context::from_waker(&waker)).is_pending());
        }
    }
    drop(leaving);
    assert_eq!(hub.stats().subscribers, 1);
    ticks(&hub, 1..=5);
    assert_eq!(wakes.count(), 1);
}

#[test]
fn publishing_from_a_closure_of_the_hub_is_an_error_and_no_deadlock() {
    let hub = hub(Retention::default());
    let mut errors = Vec::new();
    hub.publish_now_with(|| {
        errors.push(hub.publish_now(&Feed::Tick(9)).unwrap_err());
        errors.push(hub.publish_now_with(|| Feed::Tick(9)).unwrap_err());
        errors.push(hub.close_now(Some(Feed::Done)).unwrap_err());
        Feed::Tick(1)
    })
    .unwrap();
    assert!(errors.iter().all(sse_typed::hub::PublishError::is_reentrant), "{errors:?}");

    let inner = hub.clone();
    let mut subscription = hub.subscribe_with(Start::Live, move || {
        assert!(inner.publish_now(&Feed::Tick(9)).unwrap_err().is_reentrant());
        Feed::State(1)
    });
    assert!(matches!(poll(&mut subscription), Poll::Ready(Some(_))));
    assert_eq!(hub.stats().published, 1);
    // Another thread waits for the lock.
    std::thread::scope(|scope| {
        let other = scope.spawn(|| hub.publish_now_with(|| Feed::Tick(2)).unwrap());
        assert!(other.join().unwrap().as_str().ends_with("-2"));
    });
}

/// A waker that publishes once, within the wake-up.
struct InPlace(Mutex<Option<Hub<Feed>>>);

impl Wake for InPlace {
    fn wake(self: Arc<Self>) {
        let hub = self.0.lock().unwrap().take();
        if let Some(hub) = hub {
            hub.publish_now(&Feed::Tick(2)).unwrap();
        }
    }
}

#[test]
fn a_task_that_is_woken_by_publish_with_may_publish() {
    let hub = hub(Retention::default());
    let mut subscription = hub.subscribe(Start::Live);
    let waker = Waker::from(Arc::new(InPlace(Mutex::new(Some(hub.clone())))));
    assert!(Pin::new(&mut subscription).poll_next(&mut Context::from_waker(&waker)).is_pending());
    hub.publish_now_with(|| Feed::Tick(1)).unwrap();
    assert_eq!(Reader::of(subscription).ticks(), [1, 2]);
}

static OWN: OnceLock<Hub<Loud>> = OnceLock::new();

/// Publishes when it is dropped, if it has a hub.
#[derive(Debug)]
struct Echo(bool);

impl Drop for Echo {
    fn drop(&mut self) {
        if self.0 {
            OWN.get().unwrap().publish_now(&Loud::Said(Self(false))).unwrap();
        }
    }
}

impl fmt::Display for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("x")
    }
}

#[derive(Debug, EncodeEvent)]
enum Loud {
    #[sse(text)]
    Said(Echo),
}

#[test]
fn an_event_that_is_dropped_after_publish_with_may_publish() {
    let hub = OWN.get_or_init(|| Hub::builder_on_gap(OnGap::Ignore).build());
    hub.publish_now_with(|| Loud::Said(Echo(true))).unwrap();
    assert_eq!(hub.stats().published, 2);
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker");
    }
}

#[test]
fn a_waker_that_panics_does_not_prevent_other_wake_ups() {
    let hub = hub(Retention::default());
    let bad = Waker::from(Arc::new(Panics));
    let (wakes, good) = WakeCounter::new();
    let mut subscriptions: Vec<_> = (0..100).map(|_| hub.subscribe(Start::Live)).collect();
    for (n, subscription) in subscriptions.iter_mut().enumerate() {
        let waker = if n % 40 == 0 { &bad } else { &good };
        assert!(Pin::new(subscription).poll_next(&mut Context::from_waker(waker)).is_pending());
    }
    let published = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hub.publish_now(&Feed::Tick(1))));
    assert!(published.is_err(), "the panic is resumed");
    assert_eq!(wakes.count(), 97);
    assert_eq!(hub.stats().published, 1);
}

#[test]
fn a_panic_in_a_closure_leaves_the_hub_unchanged() {
    let hub = hub(Retention::default());
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hub.publish_now_with(|| panic!("no"))));
    assert!(result.is_err());
    let mut reader = Reader::at(&hub, Start::Earliest);
    hub.publish_now_with(|| Feed::Tick(1)).unwrap();
    assert_eq!(reader.ticks(), [1]);
}

#[test]
fn a_hub_needs_no_runtime() {
    let hub = hub(Retention::default().age(std::time::Duration::from_secs(1)));
    let mut reader = Reader::at(&hub, Start::Live);
    ticks(&hub, [1]);
    assert_eq!(reader.ticks(), [1]);
}

#[test]
fn a_stalled_subscriber_costs_its_own_memory_and_publishing_does_not_wait_for_it() {
    let hub = hub(Retention::events(100));
    let mut stalled: Vec<_> = (0..1_000).map(|_| Reader::at(&hub, Start::Live)).collect();
    for reader in &mut stalled {
        assert!(reader.read_one().is_pending());
    }
    let mut reading = Reader::at(&hub, Start::Live);
    let mut most = 0;
    for n in 1..=10_000 {
        ticks(&hub, [n]);
        assert_eq!(reading.ticks(), [n]);
        most = most.max(hub.stats().bytes);
    }
    assert_eq!(hub.stats().events, 100);
    assert!(most <= 100 * 64, "{most}");
    assert!(size_of::<sse_typed::Subscription<Feed>>() <= 64, "a position, and a ticket to wait with");
    // When they read, they receive the gap event.
    assert_eq!(stalled[0].events()[0], crate::common::missed(9_900, sse_typed::event::GapReason::Lagged));
}
