//! The events of a part as events of the outer type.

use std::task::Poll;

use futures_util::stream;
use http_body_util::BodyExt;
use proptest::prelude::*;
use sse_typed::{
    Encoded, EventItem, LastEventId, Merge, RawEvent, Sse, SseEvent,
    codec::{Encoder, Nests},
    hub::{Hub, OnGap, Start},
};

use super::{All, Client};
use crate::common::{Feed, poll};

/// Any event.
#[derive(Clone, Debug, PartialEq, SseEvent)]
enum Raw {
    #[sse(other)]
    Any(RawEvent),
}

fn raw_hub() -> Hub<Raw> {
    Hub::builder_on_gap(OnGap::Restart).build()
}

fn any_event(event_type: &str, data: &str) -> Raw {
    Raw::Any(RawEvent::new(event_type, data))
}

/// A tagged type around one that accepts any event.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename_all = "snake_case")]
enum Tagged {
    Hello {
        name: String,
    },
    #[sse(nested)]
    Feed(Feed),
    #[sse(nested)]
    Raw(Raw),
}

/// A type whose own catch-all variant accepts every event that none of its payloads declares.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Open {
    #[sse(nested)]
    Inner(Inner),
    #[sse(other)]
    Other(RawEvent),
}

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Inner {
    Word(String),
    #[sse(other)]
    Other(RawEvent),
}

/// The bytes that a merged stream sends for one event, or that it cannot send it. They are the bytes that the outer
/// type itself writes.
fn check<E, P>(payload: &P, unite: impl FnOnce(P) -> E) -> Result<(), TestCaseError>
where
    E: SseEvent + Nests<P> + std::fmt::Debug + PartialEq + 'static,
    P: sse_typed::HubEvent + Clone + Send + Sync + 'static,
{
    let hub = Hub::builder_on_gap(OnGap::<P>::Restart).build();
    let mut merge = Merge::<E>::new(LastEventId::none()).add("part", |_| hub.subscribe(Start::Live));
    let own = unite(payload.clone());
    let by_itself = Encoded::new(&own);
    if hub.publish_now(payload).is_err() {
        prop_assert!(by_itself.is_err());
        return Ok(());
    }
    let Poll::Ready(Some(item)) = poll(&mut merge) else { return Err(TestCaseError::fail("nothing")) };
    let mut encoder = Encoder::new();
    let encoded = encoder.encode(&item);
    prop_assert_eq!(encoded.is_ok(), by_itself.is_ok(), "{:?}: {:?}", own, encoded);
    prop_assert_eq!(item.is_terminal(), sse_typed::EventKind::is_terminal(&own));
    match (encoded, by_itself) {
        (Ok(()), Ok(by_itself)) => {
            let bytes = encoder.take();
            let (id, fields) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1);
            prop_assert!(id.starts_with(b"id: *part~"));
            prop_assert_eq!(fields, &by_itself.as_bytes()[..]);
            let seen = Client::new().feed::<E>(bytes.clone());
            prop_assert_eq!(seen.len(), 1, "{:?}", own);
        }
        (Err(one), Err(other)) => {
            prop_assert!(encoder.is_empty());
            prop_assert_eq!(one.to_string(), other.to_string());
        }
        _ => unreachable!(),
    }
    Ok(())
}

fn raw() -> impl Strategy<Value = RawEvent> {
    let name = prop::sample::select(vec!["", "message", "hello", "tick", "missed", "word", "other", "ping", "done"]);
    let data = prop_oneof![
        prop::sample::select(vec![
            "",
            "1",
            "{\"type\":\"hello\"}",
            "{\"type\":\"tick\",\"a\":1}",
            "{\"type\":\"ping\"}",
            "a\nb"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    (name, data).prop_map(|(name, data)| RawEvent::new(name, data.replace('\r', "\n")))
}

fn feed() -> impl Strategy<Value = Feed> {
    prop_oneof![any::<u64>().prop_map(Feed::Tick), Just(Feed::Done), any::<u64>().prop_map(Feed::State)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_event_of_a_part_is_on_the_wire_as_the_outer_type_encodes_it(event in feed()) {
        check::<All, _>(&event, All::Feed)?;
        check::<Tagged, _>(&event, Tagged::Feed)?;
        check::<Feed, _>(&event, |event| event)?;
    }

    #[test]
    fn an_event_that_the_outer_type_would_decode_as_another_variant_cannot_be_sent(event in raw()) {
        check::<Tagged, _>(&Raw::Any(event.clone()), Tagged::Raw)?;
        check::<Open, _>(&Inner::Other(event), Open::Inner)?;
    }
}

#[test]
fn the_outer_type_decodes_sent_events_as_its_nested_variant() {
    let (feed, chat) = (crate::common::hub(Default::default()), super::chat());
    let mut merge = super::merge(&feed, &chat, LastEventId::none());
    feed.publish_now(&Feed::State(1)).unwrap();
    chat.publish_now(&super::Chat::Greeting("a\nb".into())).unwrap();
    let greeting = All::Chat(Box::new(super::Chat::Greeting("a\nb".into())));
    assert_eq!(Client::new().read(&mut merge).0, [All::Feed(Feed::State(1)), greeting]);
}

#[tokio::test]
async fn an_event_that_cannot_be_sent_can_be_skipped_and_later_events_have_ids() {
    let raw = raw_hub();
    let merge = || Merge::<Tagged>::new(LastEventId::none()).add("raw", |_| raw.subscribe(Start::Earliest));
    // The second event would be decoded as `hello`.
    for event in [("a", "1"), ("hello", "2"), ("b", "3"), ("hello", "4")] {
        raw.publish_now(&any_event(event.0, event.1)).unwrap();
    }
    raw.close_now(None).unwrap();
    let events = |bytes: bytes::Bytes| Client::new().feed_with_ids::<RawEvent>(bytes);
    let whole = http::Response::from(Sse::new(merge()).on_unsendable(|_| None));
    let seen = events(whole.into_body().collect().await.unwrap().to_bytes());
    let numbers: Vec<_> = seen.iter().map(|(event, id)| (event.data(), id.rsplit_once('-').unwrap().1)).collect();
    assert_eq!(numbers, [("1", "1"), ("3", "3")]);
    // Otherwise it ends the stream, after the events before it.
    let short = http::Response::from(Sse::new(merge()));
    let seen = events(short.into_body().collect().await.unwrap().to_bytes());
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn a_gap_that_cannot_be_sent_is_an_error_too() {
    let raw = Hub::builder_on_gap(OnGap::Emit(|_| any_event("hello", "gap"))).build();
    raw.publish_now(&any_event("a", "1")).unwrap();
    let unknown = sse_typed::EventId::new("unknown").unwrap();
    let mut merge = Merge::<Tagged>::new(unknown).add("raw", |id| raw.subscribe(id));
    let Poll::Ready(Some(gap)) = poll(&mut merge) else { panic!("there is no item") };
    let error = Encoder::new().encode(&gap).unwrap_err();
    assert_eq!(error.event_type(), "hello");
    let Poll::Ready(Some(next)) = poll(&mut merge) else { panic!("there is no item") };
    assert_eq!(
        Client::new().feed::<Tagged>(super::wire(&next)),
        [Tagged::Raw(Raw::Any(RawEvent::new("a", "1").with_id(next.last_id().unwrap())))]
    );
}

#[test]
fn a_merged_stream_can_be_sent_to_any_thread() {
    fn is_send<T: Send + Sync + Unpin + 'static>() {}
    is_send::<Merge<All>>();
    is_send::<sse_typed::hub::Merged<All>>();
}

/// An item can be an item of `Sse`, and can be kept.
#[tokio::test]
async fn an_item_can_be_sent_on_its_own() {
    let feed = crate::common::hub(Default::default());
    let mut merge = Merge::<Feed>::new(LastEventId::none()).add("feed", |id| feed.subscribe(id));
    feed.publish_now(&Feed::Tick(1)).unwrap();
    let Poll::Ready(Some(item)) = poll(&mut merge) else { panic!("there is no item") };
    let twice = http::Response::from(Sse::new(stream::iter([item.clone(), item.clone()])));
    let bytes = twice.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(Client::new().feed::<Feed>(bytes), [Feed::Tick(1), Feed::Tick(1)]);
    assert!(format!("{item:?} {merge:?}").contains("Merge { parts: [\"feed\"]"));
}
