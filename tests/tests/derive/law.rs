//! The law: encoding is refused and writes not one byte, or decoding gives the value again. What is normalised is applied
//! to the expected value here, and nothing else is.

use std::{collections::BTreeMap, fmt::Debug, time::Duration};

use proptest::prelude::*;
use serde_json::Value;
use sse_typed::{
    Decoded, EventId, RawEvent, SseEvent,
    codec::{Decoder, Encoder, Item},
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
enum Plain {
    Object {
        text: String,
        number: i64,
        list: Vec<Option<String>>,
    },
    Payload(Value),
    #[sse(text)]
    Text(String),
    WithId {
        #[sse(id)]
        id: String,
        #[sse(retry)]
        retry: Option<Duration>,
        text: String,
    },
    #[sse(text)]
    TextWithId {
        #[sse(id)]
        id: Option<String>,
        text: String,
    },
    Unit,
    #[sse(message, data = "[DONE]")]
    Done,
    #[sse(message)]
    Message(Vec<String>),
    #[sse(other)]
    Other(RawEvent),
}

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(tag = "type", ignore("ping"))]
enum Tagged {
    Object {
        text: String,
        #[serde(flatten)]
        more: BTreeMap<String, u8>,
    },
    Map(BTreeMap<String, String>),
    Unit,
    #[sse(text)]
    Text(String),
    #[sse(other)]
    Other(RawEvent),
}

/// Text that has tried to break an event stream.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r"),
        Just("\n"),
        Just("\r\n"),
        Just("\0"),
        Just("\u{2028}"),
        Just("\u{feff}"),
        Just(" "),
        Just("\t"),
        Just(":"),
        Just("data: x"),
        Just("id: 1"),
        Just("event: Unit"),
        Just("[DONE]"),
        Just("message"),
        Just("ping"),
        Just("Unit"),
        Just("type"),
        Just("{\"type\":\"Unit\"}"),
        Just("\\"),
        Just("\""),
        Just("é"),
        Just("a"),
    ];
    prop_oneof![proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat()), ".*"]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        hostile().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(hostile(), inner, 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn retry() -> impl Strategy<Value = Option<Duration>> {
    proptest::option::of((0_u64..10_000_000, 0_u32..1_000_000_000).prop_map(|(secs, nanos)| Duration::new(secs, nanos)))
}

fn raw() -> impl Strategy<Value = RawEvent> {
    (hostile(), hostile(), proptest::option::of(hostile())).prop_map(|(event_type, data, id)| {
        let event = RawEvent::new(event_type, data);
        match id.and_then(|id| EventId::new(id).ok()) {
            Some(id) => event.with_id(id),
            None => event,
        }
    })
}

fn plain() -> impl Strategy<Value = Plain> {
    prop_oneof![
        (hostile(), any::<i64>(), proptest::collection::vec(proptest::option::of(hostile()), 0..3))
            .prop_map(|(text, number, list)| Plain::Object { text, number, list }),
        json().prop_map(Plain::Payload),
        hostile().prop_map(Plain::Text),
        (hostile(), retry(), hostile()).prop_map(|(id, retry, text)| Plain::WithId { id, retry, text }),
        (proptest::option::of(hostile()), hostile()).prop_map(|(id, text)| Plain::TextWithId { id, text }),
        Just(Plain::Unit),
        Just(Plain::Done),
        proptest::collection::vec(hostile(), 0..3).prop_map(Plain::Message),
        raw().prop_map(Plain::Other),
    ]
}

fn tagged() -> impl Strategy<Value = Tagged> {
    prop_oneof![
        (hostile(), proptest::collection::btree_map(hostile(), any::<u8>(), 0..3))
            .prop_filter("the tag and a field have their names to themselves", |(_, more)| {
                !more.contains_key("type") && !more.contains_key("text")
            })
            .prop_map(|(text, more)| Tagged::Object { text, more }),
        proptest::collection::btree_map(hostile(), hostile(), 0..3)
            .prop_filter("the tag has its name to itself", |map| !map.contains_key("type"))
            .prop_map(Tagged::Map),
        Just(Tagged::Unit),
        hostile().prop_map(Tagged::Text),
        raw().prop_map(Tagged::Other),
    ]
}

/// CRLF and CR arrive as LF.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// In whole milliseconds, rounded up.
fn millis(retry: Duration) -> Duration {
    Duration::from_millis(u64::try_from(retry.as_nanos().div_ceil(1_000_000)).unwrap())
}

fn normalised_raw(event: &RawEvent) -> RawEvent {
    let normalised = RawEvent::new(event.event_type(), lines(event.data()));
    match event.id() {
        Some(id) => normalised.with_id(EventId::new(id).unwrap()),
        None => normalised,
    }
}

fn normalised_plain(event: Plain) -> Plain {
    match event {
        Plain::Text(text) => Plain::Text(lines(&text)),
        Plain::WithId { id, retry, text } => Plain::WithId { id, retry: retry.map(millis), text },
        Plain::TextWithId { id, text } => Plain::TextWithId { id, text: lines(&text) },
        Plain::Other(event) => Plain::Other(normalised_raw(&event)),
        other => other,
    }
}

fn normalised_tagged(event: Tagged) -> Tagged {
    match event {
        Tagged::Text(text) => Tagged::Text(lines(&text)),
        Tagged::Other(event) => Tagged::Other(normalised_raw(&event)),
        other => other,
    }
}

/// What one value becomes, between two others that must not be touched by it. `None` when it is refused.
fn round_trip<E: SseEvent + Debug + PartialEq>(value: &E, sentry: &E) -> Result<Option<E>, TestCaseError> {
    let mut encoder = Encoder::new();
    encoder.encode(sentry).unwrap();
    let before = encoder.len();
    let refused = encoder.encode(value).is_err();
    if refused {
        prop_assert_eq!(encoder.len(), before, "not one byte of a refused event");
    }
    encoder.encode(sentry).unwrap();

    let mut decoder = Decoder::new();
    decoder.feed(encoder.take());
    let mut events = Vec::new();
    while let Some(item) = decoder.next_item() {
        match item {
            Ok(Item::Event(event)) => match E::decode(event) {
                Ok(Decoded::Event(event)) => events.push(event),
                other => prop_assert!(false, "{:?}", other),
            },
            other => prop_assert!(false, "{:?}", other),
        }
    }
    prop_assert_eq!(events.len(), if refused { 2 } else { 3 });
    prop_assert_eq!(&events[0], sentry);
    prop_assert_eq!(events.last(), Some(sentry));
    Ok((!refused).then(|| events.swap_remove(1)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn an_event_is_refused_or_arrives_as_it_was(value in plain()) {
        let arrived = round_trip(&value, &Plain::Unit)?;
        if let Some(arrived) = arrived {
            prop_assert_eq!(arrived, normalised_plain(value));
        }
    }

    #[test]
    fn a_tagged_event_is_refused_or_arrives_as_it_was(value in tagged()) {
        let arrived = round_trip(&value, &Tagged::Unit)?;
        if let Some(arrived) = arrived {
            prop_assert_eq!(arrived, normalised_tagged(value));
        }
    }
}

#[test]
fn what_can_travel_is_not_refused() {
    let encode = |event: &Plain| Encoder::new().encode(event);
    assert!(encode(&Plain::Text("a\r\0b".to_owned())).is_ok());
    assert!(encode(&Plain::Other(RawEvent::new("é\0", "x"))).is_ok());
    assert!(encode(&Plain::WithId { id: "a b".to_owned(), retry: None, text: String::new() }).is_ok());
}
