//! Property tests of encoding: it fails without writing a byte, or decoding returns the encoded event.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use proptest::prelude::*;
use serde::Serialize;

use super::{Decoder, EncodeEvent, Encoded, Encoder, EventItem, EventKind, EventWriter, Item};
use crate::event::{EncodeError, EncodeErrorKind, Event, EventId, RawEvent, RawEventRef};

/// Text that tries to forge fields and events.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "\r",
        "\n",
        "\r\n",
        "\n\n",
        "\0",
        "\u{2028}",
        "\u{85}",
        " ",
        "  ",
        "\t",
        "\u{FEFF}",
        ":",
        "data: forged",
        "id: 1",
        "event: x",
        "retry: 1",
        "é",
        "🦀",
        "a",
        "message",
        "{",
        "\"",
        "\\",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn lf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// All events in encoded bytes, and the last event ID after them.
fn decode(bytes: &[u8]) -> (Vec<RawEvent>, String) {
    let mut decoder = Decoder::new().comments(true);
    decoder.feed(bytes.to_vec());
    let mut events = Vec::new();
    while let Some(item) = decoder.next_item() {
        match item.expect("a small event") {
            Item::Event(event) => events.push(event.to_raw_event()),
            item => panic!("an item that was not written: {item:?}"),
        }
    }
    (events, decoder.last_event_id().to_owned())
}

/// An event whose implementation checks nothing.
#[derive(Debug)]
struct Careless {
    event_type: String,
    id: Option<String>,
    retry: Option<Duration>,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Text(String),
    Json(String),
    RawJson(String),
    Nothing,
}

impl EventKind for Careless {
    fn event_type(&self) -> &str {
        &self.event_type
    }
}

impl EncodeEvent for Careless {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        event.event_type(&self.event_type)?;
        match &self.data {
            Data::Text(text) => event.text(text)?,
            Data::Json(text) => event.json(text)?,
            Data::RawJson(json) => event.json(&serde_json::value::RawValue::from_string(json.clone()).unwrap())?,
            Data::Nothing => {}
        }
        if let Some(retry) = self.retry {
            event.retry(retry);
        }
        match &self.id {
            Some(id) => event.id(id),
            None => Ok(()),
        }
    }
}

fn careless() -> impl Strategy<Value = Careless> {
    let data = prop_oneof![
        hostile().prop_map(Data::Text),
        hostile().prop_map(Data::Json),
        Just(Data::RawJson("{\r\n  \"a\": 1,\r\"b\": [\n2]\n}".to_owned())),
        Just(Data::Nothing),
    ];
    let retry = prop::option::of((0..3_u64, 0..2_000_000_000_u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos)));
    (hostile(), prop::option::of(hostile()), retry, data).prop_map(|(event_type, id, retry, data)| Careless {
        event_type,
        id,
        retry,
        data,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn encoding_fails_without_a_byte_or_decoding_returns_the_event(events in prop::collection::vec(careless(), 1..5)) {
        let mut encoder = Encoder::new();
        let mut expected = Vec::new();
        let mut last_event_id = String::new();
        for event in &events {
            let before = encoder.len();
            if let Err(error) = encoder.encode(event) {
                prop_assert_eq!(encoder.len(), before, "not one byte");
                let bad_type = event.event_type.contains(['\r', '\n']);
                let bad_id = event.id.as_deref().is_some_and(|id| EventId::new(id).is_err());
                prop_assert!(match error.kind() {
                    EncodeErrorKind::EventType => bad_type,
                    EncodeErrorKind::Id => bad_id,
                    EncodeErrorKind::Data => false,
                }, "{}", error);
                continue;
            }
            let data = match &event.data {
                Data::Text(text) => lf(text),
                Data::Json(text) => serde_json::to_string(text).unwrap(),
                Data::RawJson(json) => lf(json),
                Data::Nothing => String::new(),
            };
            expected.push((
                if event.event_type.is_empty() { "message" } else { &*event.event_type },
                data,
                event.id.as_deref(),
                event.retry.map(|retry| Duration::from_millis(u64::try_from(retry.as_nanos().div_ceil(1_000_000)).unwrap())),
            ));
            if let Some(id) = &event.id {
                last_event_id.clone_from(id);
            }
        }
        prop_assert_eq!(encoder.events(), expected.len() as u64);
        let (decoded, id) = decode(&encoder.take());
        let decoded: Vec<_> =
            decoded.iter().map(|event| (event.event_type(), event.data().to_owned(), event.id(), event.retry())).collect();
        prop_assert_eq!(decoded, expected);
        prop_assert_eq!(id, last_event_id);
    }

    #[test]
    fn a_received_event_is_sent_with_the_same_meaning(input in hostile(), more in hostile()) {
        let wire = format!("data: {input}\nevent:{more}\nid:{more}\nretry: 12\ndata:{input}\n\n");
        let events = decode_any(wire.as_bytes());
        let mut encoder = Encoder::new();
        for event in &events {
            encoder.encode(event).unwrap();
        }
        let (again, _) = decode(&encoder.take());
        prop_assert_eq!(&again, &events);
    }

    #[test]
    fn a_comment_stays_a_comment(text in hostile()) {
        let mut encoder = Encoder::new();
        encoder.comment(&text);
        let mut decoder = Decoder::new().comments(true);
        decoder.feed(encoder.take());
        let mut lines = Vec::new();
        while let Some(Ok(item)) = decoder.next_item() {
            let Item::Comment(line) = item else { panic!("an event out of a comment") };
            lines.push(line.to_owned());
        }
        prop_assert_eq!(lines.join("\n"), lf(&text));
        prop_assert_eq!((decoder.last_event_id(), decoder.reconnection_time()), ("", None));
    }
}

/// Like [`decode`], for bytes that may contain comments.
fn decode_any(bytes: &[u8]) -> Vec<RawEvent> {
    let mut decoder = Decoder::new();
    decoder.feed(bytes.to_vec());
    let mut events = Vec::new();
    while let Some(item) = decoder.next_item() {
        if let Ok(Item::Event(event)) = item {
            events.push(event.to_raw_event());
        }
    }
    events
}

fn text(item: &impl EventItem) -> String {
    String::from_utf8(Encoded::new(item).unwrap().as_bytes().to_vec()).unwrap()
}

#[test]
fn id_and_retry_of_the_envelope_take_precedence() {
    let event = Careless {
        event_type: "a".to_owned(),
        id: Some("inner".to_owned()),
        retry: Some(Duration::from_secs(9)),
        data: Data::Nothing,
    };
    let outer = Event::new(event).id(EventId::new("outer").unwrap()).retry(Duration::from_micros(1));
    assert_eq!(text(&outer), "id: outer\nretry: 1\nevent: a\ndata: \n\n");
}

#[test]
fn an_event_without_data_gets_a_data_line_and_one_without_fields_is_not_sent() {
    struct Says(Option<&'static str>);

    impl EventKind for Says {
        fn event_type(&self) -> &str {
            self.0.unwrap_or("")
        }
    }

    impl EncodeEvent for Says {
        fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
            self.0.map_or(Ok(()), |name| event.event_type(name))
        }
    }

    assert_eq!(text(&Says(Some("a"))), "event: a\ndata: \n\n");
    assert_eq!(text(&Says(Some("message"))), "data: \n\n");
    assert_eq!(text(&Event::new(Says(None)).id(1_u64).retry(Duration::ZERO)), "");
}

#[test]
fn an_id_that_is_not_one_line_is_refused_from_every_source() {
    for id in ["1\nevent: forged\ndata: owned\n\nid: 2", "a\rb", "a\0"] {
        let forged = RawEventRef::new("a", "b").with_id(Some(id)).to_raw_event();
        assert_eq!(Encoded::new(&forged).unwrap_err().kind(), EncodeErrorKind::Id, "{id:?}");
    }
    // An id that was received is accepted, even if it could not be used to resume.
    let relayed = RawEventRef::new("a", "b").with_id(Some(" \u{1}")).to_raw_event();
    assert_eq!(text(&relayed), "id:  \u{1}\nevent: a\ndata: b\n\n");
}

#[test]
fn an_implementation_that_continues_after_an_error_has_a_clean_block() {
    struct Stubborn;

    impl EventKind for Stubborn {
        fn event_type(&self) -> &'static str {
            "stubborn"
        }
    }

    impl EncodeEvent for Stubborn {
        fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
            event.event_type("two\nlines").unwrap_err();
            event.id("1\nevent: forged\ndata: owned\n\n").unwrap_err();
            event.json(&Breaks).unwrap_err();
            event.text(Breaks).unwrap_err();
            event.id(2)?;
            event.text("n/a")
        }
    }

    assert_eq!(text(&Stubborn), "id: 2\ndata: n/a\n\n");
}

#[test]
fn the_buffer_of_a_huge_event_is_freed() {
    let mut encoder = Encoder::new();
    encoder.encode(&RawEvent::new("huge", "x".repeat(4 << 20))).unwrap();
    assert!(encoder.take().len() > 4 << 20);
    assert!(encoder.capacity() <= 2 << 10);
    // Many events as well.
    for _ in 0..1_000 {
        encoder.encode(&RawEvent::new("many", "x".repeat(100))).unwrap();
    }
    encoder.take();
    assert!(encoder.capacity() <= 2 << 10);
}

#[cfg(feature = "server")]
#[test]
fn rolled_back_bytes_are_discarded_even_if_shared() {
    let encoded = Encoded::new(&RawEvent::new("one", "1")).unwrap();
    let one = encoded.as_bytes();
    let mut encoder = Encoder::new();
    encoder.encode(&encoded).unwrap();
    encoder.roll_back(one.len(), 1);
    assert_eq!((encoder.len(), encoder.events()), (one.len(), 1), "of nothing else");
    encoder.encode(&encoded).unwrap();
    encoder.roll_back(one.len(), 1);
    assert_eq!((encoder.take(), encoder.events()), (one.clone(), 1));
    encoder.encode(&encoded).unwrap();
    encoder.roll_back(0, 1);
    assert!(encoder.take().is_empty());
    assert_eq!(encoder.events(), 1);
}

#[test]
fn a_single_encoded_event_is_not_copied() {
    let encoded = Encoded::new(&RawEvent::new("one", "1")).unwrap();
    let bytes = encoded.as_bytes();
    let mut encoder = Encoder::new();
    encoder.encode(&encoded).unwrap();
    assert_eq!((encoder.len(), encoder.events()), (bytes.len(), 1));
    assert_eq!(encoder.take().as_ptr(), bytes.as_ptr());
    assert!(encoder.is_empty());
    // With other events it is copied.
    encoder.encode(&encoded).unwrap();
    encoder.encode(&encoded).unwrap();
    encoder.encode(&RawEvent::new("two\nlines", "")).unwrap_err();
    encoder.comment("c");
    encoder.encode(&encoded).unwrap();
    encoder.encode(&RawEvent::new("", "2")).unwrap();
    assert_eq!((encoder.len(), encoder.events()), (bytes.len() * 3 + ": c\n\ndata: 2\n\n".len(), 5));
    let one = "event: one\ndata: 1\n\n";
    assert_eq!(encoder.take(), format!("{one}{one}: c\n\n{one}data: 2\n\n"));
    // An event that writes nothing does not change the one before it.
    encoder.encode(&encoded).unwrap();
    encoder.encode(&RawEvent::new("two\nlines", "")).unwrap_err();
    assert_eq!(encoder.take(), one);
    encoder.encode(&encoded).unwrap();
    encoder.retry(Duration::from_millis(7));
    assert_eq!(encoder.take(), format!("{one}retry: 7\n\n"));
}

#[test]
fn an_empty_line_of_a_comment_has_no_space() {
    let mut encoder = Encoder::new();
    encoder.comment("");
    encoder.comment("a\r\n\nb\r");
    assert_eq!(encoder.take(), ":\n\n: a\n:\n: b\n:\n\n");
}

#[test]
fn an_enormous_retry_saturates() {
    let event = Event::new(RawEvent::new("", "x")).retry(Duration::MAX);
    assert_eq!(text(&event), format!("retry: {}\ndata: x\n\n", u64::MAX));
}

#[test]
fn an_error_names_the_event_the_failed_part_and_the_cause() {
    let error = Encoded::new(&RawEvent::new("two\nlines", "")).unwrap_err();
    assert_eq!(
        error.to_string(),
        r"event `two\nlines` cannot be sent because of its event type: it has a line end at byte 3, which would end the `event:` line"
    );
    assert_eq!((error.kind(), error.event_type()), (EncodeErrorKind::EventType, "two\nlines"));
    for (id, cause) in [
        ("a\n", "it has a line end at byte 1, which would end the `id:` line"),
        ("\0", "it has a NUL at byte 0, and clients ignore an `id:` line with a NUL"),
    ] {
        let event = RawEventRef::new("", "").with_id(Some(id)).to_raw_event();
        let error = Encoded::new(&event).unwrap_err().to_string();
        assert_eq!(error, format!("event `message` cannot be sent because of its id: {cause}"));
    }
}

/// Data whose serialization fails half way.
struct Breaks;

impl Serialize for Breaks {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq([Some(1), None].iter().map(|number| Fussy(*number)))
    }
}

struct Fussy(Option<u8>);

impl Serialize for Fussy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(number) => serializer.serialize_u8(number),
            None => Err(serde::ser::Error::custom("the second one is missing")),
        }
    }
}

impl fmt::Display for Breaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half of ")?;
        Err(fmt::Error)
    }
}

struct BreaksAs(bool);

impl EventKind for BreaksAs {
    fn event_type(&self) -> &'static str {
        "breaks"
    }
}

impl EncodeEvent for BreaksAs {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        event.event_type("breaks")?;
        if self.0 { event.json(&Breaks) } else { event.text(Breaks) }
    }
}

#[test]
fn a_serialization_that_fails_half_way_leaves_no_bytes() {
    let mut encoder = Encoder::new();
    encoder.encode(&RawEvent::new("before", "1")).unwrap();
    for json in [true, false] {
        let error = encoder.encode(&Event::new(BreaksAs(json)).id(1_u64)).unwrap_err();
        assert_eq!((error.kind(), error.event_type()), (EncodeErrorKind::Data, "breaks"));
    }
    encoder.encode(&RawEvent::new("after", "2")).unwrap();
    assert_eq!(encoder.take(), "event: before\ndata: 1\n\nevent: after\ndata: 2\n\n");
}

/// Panics after half of its data was written.
struct Panics;

impl EventKind for Panics {
    fn event_type(&self) -> &str {
        "panics"
    }
}

impl EncodeEvent for Panics {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        event.event_type("panics")?;
        event.text(format_args!("half of it{Bomb}"))
    }
}

struct Bomb;

impl fmt::Display for Bomb {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a display that panics")
    }
}

#[test]
fn a_serialization_that_panics_half_way_leaves_no_bytes() {
    let mut encoder = Encoder::new();
    encoder.encode(&RawEvent::new("before", "1")).unwrap();
    let encode = AssertUnwindSafe(|| encoder.encode(&Event::new(Panics).id(1_u64)));
    assert!(catch_unwind(encode).is_err());
    encoder.encode(&RawEvent::new("after", "2")).unwrap();
    assert_eq!(
        (encoder.events(), &encoder.take()[..]),
        (2, &b"event: before\ndata: 1\n\nevent: after\ndata: 2\n\n"[..])
    );
}
