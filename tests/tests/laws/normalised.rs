//! Values that arrive changed.

use std::time::Duration;

use serde_json::value::RawValue;
use sse_typed::{
    DecodeEvent, Decoded, Encoded, RawEvent, RawEventRef, SseEvent,
    codec::{Decoder, Item},
};

#[derive(Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Normalised {
    #[sse(text)]
    Text(String),
    Raw(Box<RawValue>),
    Number(f64),
    Timed {
        #[sse(retry)]
        retry: Duration,
    },
    #[sse(other)]
    Other(RawEvent),
}

fn there_and_back(event: &Normalised) -> Option<Normalised> {
    let mut decoder = Decoder::new();
    decoder.feed(Encoded::new(event).unwrap().as_bytes().to_vec());
    let Some(Ok(Item::Event(event))) = decoder.next_item() else { panic!("no event") };
    match Normalised::decode(event) {
        Ok(Decoded::Event(event)) => Some(event),
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    }
}

#[test]
fn every_line_end_of_text_becomes_lf() {
    for (sent, received) in [
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\nb"),
        ("a\n\rb", "a\n\nb"),
        ("\r\r\n\n", "\n\n\n"),
        ("\r", "\n"),
        ("a\u{2028}b\u{85}c\u{B}d", "a\u{2028}b\u{85}c\u{B}d"),
        ("\u{FEFF} a \0", "\u{FEFF} a \0"),
        ("", ""),
        (" ", " "),
    ] {
        let Some(Normalised::Text(text)) = there_and_back(&Normalised::Text(sent.to_owned())) else {
            panic!("{sent:?}")
        };
        assert_eq!(text, received, "{sent:?}");
        let other = Normalised::Other(RawEvent::new("x", sent));
        let Some(Normalised::Other(event)) = there_and_back(&other) else { panic!("{sent:?}") };
        assert_eq!(event.data(), received, "{sent:?}");
    }
}

#[test]
fn a_reconnection_time_is_rounded_up_to_a_millisecond() {
    for (sent, received) in [
        (Duration::ZERO, Duration::ZERO),
        (Duration::from_nanos(1), Duration::from_millis(1)),
        (Duration::from_micros(1_500), Duration::from_millis(2)),
        (Duration::from_millis(2_000), Duration::from_millis(2_000)),
        (Duration::from_nanos(2_000_000_001), Duration::from_millis(2_001)),
        (Duration::MAX, Duration::from_millis(u64::MAX)),
    ] {
        let Some(Normalised::Timed { retry }) = there_and_back(&Normalised::Timed { retry: sent }) else {
            panic!("{sent:?}")
        };
        assert_eq!(retry, received, "{sent:?}");
    }
}

#[test]
fn line_ends_between_tokens_of_raw_json_become_lf() {
    let sent = RawValue::from_string("{\r\n\"a\": \"b\\r\\n\",\r\"c\":\n1}".to_owned()).unwrap();
    let Some(Normalised::Raw(arrived)) = there_and_back(&Normalised::Raw(sent)) else { panic!("raw JSON") };
    assert_eq!(arrived.get(), "{\n\"a\": \"b\\r\\n\",\n\"c\":\n1}");
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type")]
enum Tagged {
    Anything(serde_json::Value),
}

/// serde writes both as an object that has only the tag.
#[test]
fn null_with_a_tag_arrives_as_an_empty_object() {
    let encoded = Encoded::new(&Tagged::Anything(serde_json::Value::Null)).unwrap();
    assert_eq!(encoded.as_bytes(), "event: Anything\ndata: {\"type\":\"Anything\"}\n\n");
    let received = Tagged::decode(RawEventRef::new("Anything", "{\"type\":\"Anything\"}")).unwrap();
    assert_eq!(received, Decoded::Event(Tagged::Anything(serde_json::json!({}))));
}

/// JSON has no such numbers: serde_json writes `null`.
#[test]
fn a_number_that_json_cannot_represent_arrives_as_null() {
    assert!(there_and_back(&Normalised::Number(f64::NAN)).is_none());
    assert!(there_and_back(&Normalised::Number(f64::INFINITY)).is_none());
    assert!(matches!(there_and_back(&Normalised::Number(-0.1)), Some(Normalised::Number(number)) if number == -0.1));
}
