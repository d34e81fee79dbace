//! `tag`, which repeats the event type in the JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_typed::{
    Decoded, Encoded, RawEvent, SseEvent,
    event::{DecodeErrorKind, EncodeErrorKind},
};

use super::{both_ways, event, failure, read};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename_all = "snake_case")]
enum Tagged {
    BlockDelta {
        index: u32,
        text: String,
    },
    Start(Start),
    Free(Value),
    Extra(BTreeMap<String, u8>),
    Ping,
    #[sse(data = "[DONE]", message)]
    Done,
    Choice(Choice),
    Number(Count),
}

/// A number, which the derive cannot recognize.
type Count = u8;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    id: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Choice {
    A(u8),
    B { c: bool },
    C,
}

#[test]
fn a_tag_repeats_the_event_type_in_the_json() {
    both_ways(
        &Tagged::BlockDelta { index: 0, text: "a".to_owned() },
        "event: block_delta\ndata: {\"type\":\"block_delta\",\"index\":0,\"text\":\"a\"}\n\n",
    );
    both_ways(
        &Tagged::Start(Start { id: "x".to_owned() }),
        "event: start\ndata: {\"type\":\"start\",\"id\":\"x\"}\n\n",
    );
    both_ways(&Tagged::Free(serde_json::json!({"a": [1]})), "event: free\ndata: {\"type\":\"free\",\"a\":[1]}\n\n");
    both_ways(&Tagged::Extra([("n".to_owned(), 1)].into()), "event: extra\ndata: {\"type\":\"extra\",\"n\":1}\n\n");
    both_ways(&Tagged::Ping, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
    both_ways(&Tagged::Done, "data: [DONE]\n\n");
    both_ways(&Tagged::Choice(Choice::A(1)), "event: choice\ndata: {\"type\":\"choice\",\"A\":1}\n\n");
    both_ways(
        &Tagged::Choice(Choice::B { c: true }),
        "event: choice\ndata: {\"type\":\"choice\",\"B\":{\"c\":true}}\n\n",
    );
    both_ways(&Tagged::Choice(Choice::C), "event: choice\ndata: {\"type\":\"choice\",\"C\":null}\n\n");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Place(i64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Low,
    High,
}

/// Maps whose keys are strings only in JSON.
#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type")]
enum Keyed {
    Byte(BTreeMap<u8, bool>),
    Signed(BTreeMap<i128, u8>),
    Unsigned(BTreeMap<Option<u128>, u8>),
    Flag(BTreeMap<bool, u8>),
    Letter(BTreeMap<char, u8>),
    Place(BTreeMap<Place, u8>),
    #[sse(rename = "Shared", key = "high")]
    Level(BTreeMap<Level, u8>),
    #[sse(rename = "Shared", key = "0")]
    Zero(BTreeMap<u8, u8>),
}

#[test]
fn maps_with_any_keys_are_decoded_unchanged() {
    let wire = |name: &str, members: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\",{members}}}\n\n");
    both_ways(&Keyed::Byte([(1, true)].into()), &wire("Byte", "\"1\":true"));
    let signed = [(i128::MIN, 1), (i128::MAX, 2)];
    both_ways(&Keyed::Signed(signed.into()), &wire("Signed", &format!("\"{}\":1,\"{}\":2", i128::MIN, i128::MAX)));
    both_ways(&Keyed::Unsigned([(Some(u128::MAX), 1)].into()), &wire("Unsigned", &format!("\"{}\":1", u128::MAX)));
    both_ways(&Keyed::Flag([(false, 1), (true, 2)].into()), &wire("Flag", "\"false\":1,\"true\":2"));
    both_ways(&Keyed::Letter([('"', 1), ('é', 2)].into()), &wire("Letter", "\"\\\"\":1,\"é\":2"));
    both_ways(&Keyed::Place([(Place(-7), 1)].into()), &wire("Place", "\"-7\":1"));
    both_ways(&Keyed::Level([(Level::Low, 1), (Level::High, 2)].into()), &wire("Shared", "\"low\":1,\"high\":2"));
    both_ways(&Keyed::Zero([(0, 1), (255, 2)].into()), &wire("Shared", "\"0\":1,\"255\":2"));
}

#[test]
fn the_tag_decides_only_if_the_event_type_is_missing() {
    let start = Tagged::Start(Start { id: "x".to_owned() });
    assert_eq!(event::<Tagged>("data: {\"id\":\"x\",\"type\":\"start\"}\n\n"), start);
    assert_eq!(event::<Tagged>("event: message\ndata: {\"id\":\"x\",\"type\":\"st\\u0061rt\"}\n\n"), start);
    assert_eq!(event::<Tagged>("event: start\ndata: {\"id\":\"x\",\"type\":\"ping\"}\n\n"), start);
    assert_eq!(event::<Tagged>("event: start\ndata: {\"id\":\"x\"}\n\n"), start);
    assert_eq!(event::<Tagged>("event: choice\ndata: {\"A\":1,\"type\":\"choice\"}\n\n"), Tagged::Choice(Choice::A(1)));
    assert_eq!(read::<Tagged>("data: {\"type\":\"unheard_of\"}\n\n").unwrap(), Decoded::Unknown);
    assert_eq!(read::<Tagged>("data: {\"type\":7}\n\n").unwrap_err().kind(), DecodeErrorKind::Data);
    let path = failure::<Tagged>("data: {\"type\":\"block_delta\",\"index\":\"no\",\"text\":\"a\"}\n\n");
    assert!(path.starts_with("event `block_delta` has bad JSON data at `index`: "), "{path}");
    let unknown_field = failure::<Tagged>("event: start\ndata: {\"type\":\"start\",\"id\":\"x\",\"more\":1}\n\n");
    assert!(unknown_field.contains("unknown field `more`"), "{unknown_field}");
    assert!(failure::<Tagged>("event: choice\ndata: {\"A\":1,\"C\":null}\n\n").contains("only key besides the tag"));
}

#[test]
fn a_tagged_payload_that_is_not_an_object_cannot_be_sent() {
    let error = Encoded::new(&Tagged::Number(1)).unwrap_err();
    assert_eq!((error.kind(), error.event_type()), (EncodeErrorKind::Data, "number"));
}

#[test]
fn a_tagged_payload_with_the_tags_key_cannot_be_sent() {
    let error = Encoded::new(&Tagged::Extra([("type".to_owned(), 1)].into())).unwrap_err();
    assert_eq!((error.kind(), error.event_type()), (EncodeErrorKind::Data, "extra"));
    assert!(error.to_string().contains("the payload has the key `type`"), "{error}");
    assert!(Encoded::new(&Tagged::Free(serde_json::json!({ "type": "start" }))).is_err());
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type")]
enum TaggedOther {
    #[sse(rename = "a")]
    A,
    #[sse(other)]
    Other(RawEvent),
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type")]
enum TaggedMessage {
    #[sse(message)]
    Message { a: u8 },
    #[sse(other)]
    Other(RawEvent),
}

#[test]
fn an_empty_tag_value_is_no_event_type() {
    assert_eq!(event::<TaggedMessage>("data: {\"type\":\"\",\"a\":1}\n\n"), TaggedMessage::Message { a: 1 });
    let hidden = TaggedMessage::Other(RawEvent::new("", "{\"type\":\"\",\"a\":1}"));
    assert_eq!(Encoded::new(&hidden).unwrap_err().kind(), EncodeErrorKind::EventType);
    both_ways(&TaggedMessage::Message { a: 1 }, "data: {\"type\":\"message\",\"a\":1}\n\n");
}

#[test]
fn other_with_a_tag_checks_the_tag_too() {
    let hidden = TaggedOther::Other(RawEvent::new("message", "{\"type\":\"a\"}"));
    assert_eq!(Encoded::new(&hidden).unwrap_err().kind(), EncodeErrorKind::EventType);
    both_ways(&TaggedOther::Other(RawEvent::new("", "")), "data: \n\n");
    both_ways(&TaggedOther::Other(RawEvent::new("", "{\"type\":\"b\"}")), "data: {\"type\":\"b\"}\n\n");
    both_ways(&TaggedOther::Other(RawEvent::new("b", "{\"type\":\"a\"}")), "event: b\ndata: {\"type\":\"a\"}\n\n");
}
