//! Enums: names, data, selectors, ids and reconnection times.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sse_typed::{
    DecodeEvent, Decoded, EncodeEvent, Encoded, Event, EventKind, Gap, GapEvent, HubEvent, RawEvent, RawEventRef,
    SseEvent,
    event::{DecodeErrorKind, EncodeErrorKind, GapReason, PartName},
};

use super::{both_ways, event, failure, raw, read, wire};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Position {
    lat: f64,
    lon: f64,
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum RideEvent {
    DriverAssigned {
        driver: String,
        eta_s: u32,
    },
    Position(Position),
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Completed,
}

#[test]
fn an_enum_is_on_the_wire_as_documented() {
    both_ways(
        &RideEvent::DriverAssigned { driver: "Lan".to_owned(), eta_s: 240 },
        "event: driver_assigned\ndata: {\"driver\":\"Lan\",\"eta_s\":240}\n\n",
    );
    both_ways(
        &RideEvent::Position(Position { lat: 1.5, lon: 2.0 }),
        "event: position\ndata: {\"lat\":1.5,\"lon\":2.0}\n\n",
    );
    both_ways(
        &RideEvent::from_gap(Gap::new(Some(17), GapReason::Trimmed)),
        "event: missed\ndata: {\"missed\":17,\"reason\":\"trimmed\"}\n\n",
    );
    both_ways(&RideEvent::Completed, "event: completed\ndata: null\n\n");
    assert_eq!(RideEvent::EVENT_TYPES, ["driver_assigned", "position", "missed", "completed"]);
    assert!(RideEvent::Completed.is_terminal());
    assert!(!RideEvent::from_gap(Gap::new(None, GapReason::Lagged)).is_terminal());
    assert_eq!(RideEvent::Completed.event_type(), "completed");
}

#[test]
fn an_undeclared_event_type_is_unknown_and_empty_data_is_ignored() {
    assert_eq!(read::<RideEvent>("event: cancelled\ndata: {}\n\n").unwrap(), Decoded::Unknown);
    assert_eq!(read::<RideEvent>("data: {}\n\n").unwrap(), Decoded::Unknown);
    assert_eq!(read::<RideEvent>("id: 7\nevent: position\ndata:\n\n").unwrap(), Decoded::Ignored);
    assert_eq!(read::<RideEvent>("event: driver_assigned\ndata:\n\n").unwrap(), Decoded::Ignored);
}

#[test]
fn a_unit_variant_takes_any_data() {
    for data in ["null", "undefined", "", "{\"a\":1}", "[1"] {
        assert_eq!(event::<RideEvent>(&format!("event: completed\ndata: {data}\n\n")), RideEvent::Completed);
    }
}

#[test]
fn data_that_cannot_be_decoded_is_an_error_with_event_type_path_and_cause() {
    assert_eq!(
        failure::<RideEvent>("event: driver_assigned\ndata: {\"driver\":\"Lan\",\"eta_s\":-1}\n\n"),
        "event `driver_assigned` has bad JSON data at `eta_s`: invalid value: integer `-1`, expected u32 at line 1 column 26"
    );
    assert_eq!(
        failure::<RideEvent>("event: position\ndata: {\"lat\":1.5}\n\n"),
        "event `position` has bad JSON data: missing field `lon` at line 1 column 11"
    );
    let error = read::<RideEvent>("event: position\ndata: {\"lat\":1.5,\"lon\":2} x\n\n").unwrap_err();
    assert_eq!((error.kind(), error.path()), (DecodeErrorKind::Json, None));
    assert!(error.to_string().contains("trailing characters"), "{error}");
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case", prefix = "response.")]
enum Named {
    Created,
    #[sse(rename = "output.text-delta")]
    TextDelta,
    #[sse(alias = "finished", alias = "response.finished")]
    Done,
    #[sse(message)]
    Plain(u8),
    r#Type,
}

#[test]
fn event_types_have_case_and_prefix_unless_renamed() {
    both_ways(&Named::Created, "event: response.created\ndata: null\n\n");
    both_ways(&Named::TextDelta, "event: output.text-delta\ndata: null\n\n");
    both_ways(&Named::Done, "event: response.done\ndata: null\n\n");
    both_ways(&Named::r#Type, "event: response.type\ndata: null\n\n");
    assert_eq!(event::<Named>("event: finished\ndata:\n\n"), Named::Done);
    assert_eq!(event::<Named>("event: response.finished\ndata:\n\n"), Named::Done);
    assert_eq!(
        Named::EVENT_TYPES,
        [
            "response.created",
            "output.text-delta",
            "response.done",
            "finished",
            "response.finished",
            "message",
            "response.type"
        ]
    );
}

#[test]
fn message_is_sent_without_an_event_line_and_received_with_and_without_one() {
    both_ways(&Named::Plain(3), "data: 3\n\n");
    assert_eq!(event::<Named>("event: message\ndata: 3\n\n"), Named::Plain(3));
    assert_eq!(Named::Plain(3).event_type(), "message");
}

#[test]
fn a_variant_named_message_has_no_event_line() {
    #[derive(Debug, PartialEq, SseEvent)]
    #[sse(rename_all = "lowercase")]
    enum Chat {
        Message(String),
    }
    both_ways(&Chat::Message("hi".to_owned()), "data: \"hi\"\n\n");
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Text {
    #[sse(text)]
    Html(String),
    #[sse(text)]
    Deleted(u64),
    #[sse(text)]
    Log {
        #[sse(id)]
        seq: u64,
        line: String,
        #[sse(retry)]
        wait: Option<Duration>,
    },
}

#[test]
fn text_is_not_json_and_keeps_its_lines() {
    both_ways(&Text::Html("<p>\n  hi\n</p>".to_owned()), "event: html\ndata: <p>\ndata:   hi\ndata: </p>\n\n");
    both_ways(&Text::Html(String::new()), "event: html\ndata: \n\n");
    both_ways(&Text::Deleted(108_914), "event: deleted\ndata: 108914\n\n");
    both_ways(
        &Text::Log { seq: 4, line: "started".to_owned(), wait: Some(Duration::from_millis(1500)) },
        "id: 4\nretry: 1500\nevent: log\ndata: started\n\n",
    );
    assert_eq!(event::<Text>("event: html\ndata: a\r\ndata: b\n\n"), Text::Html("a\nb".to_owned()));
    assert_eq!(
        failure::<Text>("event: deleted\ndata: \"108914\"\n\n"),
        "event `deleted` has bad data: invalid digit found in string"
    );
}

#[test]
fn text_cannot_forge_a_field_or_an_event() {
    let forged = "x\r\rdata: no\n\nevent: completed";
    let written = wire(&Text::Html(forged.to_owned()));
    assert_eq!(raw(&written).data(), "x\n\ndata: no\n\nevent: completed");
    assert_eq!(event::<Text>(&written), Text::Html("x\n\ndata: no\n\nevent: completed".to_owned()));
}

#[derive(Debug, PartialEq, SseEvent)]
enum Beside {
    Reading {
        value: f64,
        #[sse(id)]
        seq: u64,
        #[sse(retry)]
        retry: Duration,
    },
    Maybe {
        #[sse(id)]
        cursor: Option<String>,
        #[sse(retry)]
        retry: Option<Duration>,
        note: String,
    },
    OnlyId {
        #[sse(id)]
        id: u64,
    },
}

#[test]
fn id_and_retry_are_not_in_the_json() {
    both_ways(
        &Beside::Reading { value: 0.5, seq: 9, retry: Duration::from_secs(2) },
        "id: 9\nretry: 2000\nevent: Reading\ndata: {\"value\":0.5}\n\n",
    );
    both_ways(
        &Beside::Maybe { cursor: Some("a/b".to_owned()), retry: None, note: "n".to_owned() },
        "id: a/b\nevent: Maybe\ndata: {\"note\":\"n\"}\n\n",
    );
    both_ways(
        &Beside::Maybe { cursor: None, retry: None, note: String::new() },
        "event: Maybe\ndata: {\"note\":\"\"}\n\n",
    );
    both_ways(&Beside::OnlyId { id: 1 }, "id: 1\nevent: OnlyId\ndata: {}\n\n");
}

#[test]
fn a_missing_or_malformed_required_id_is_an_error() {
    let missing = read::<Beside>("event: OnlyId\ndata: {}\n\n").unwrap_err();
    assert_eq!(missing.kind(), DecodeErrorKind::Id);
    assert!(missing.to_string().contains("no `id:` line"), "{missing}");
    assert_eq!(read::<Beside>("id\nevent: OnlyId\ndata: {}\n\n").unwrap_err().kind(), DecodeErrorKind::Id);
    assert_eq!(read::<Beside>("id: x\nevent: OnlyId\ndata: {}\n\n").unwrap_err().kind(), DecodeErrorKind::Id);
    let no_retry = failure::<Beside>("id: 1\nevent: Reading\ndata: {\"value\":1}\n\n");
    assert!(no_retry.contains("no `retry:` line"), "{no_retry}");
}

#[test]
fn an_invalid_id_is_an_error_and_the_id_of_the_envelope_takes_precedence() {
    let bad = Beside::Maybe { cursor: Some("a\nb".to_owned()), retry: None, note: String::new() };
    assert_eq!(Encoded::new(&bad).unwrap_err().kind(), EncodeErrorKind::Id);
    let enveloped = Event::new(Beside::OnlyId { id: 1 }).id(2_u64);
    assert_eq!(Encoded::new(&enveloped).unwrap().as_bytes(), "id: 2\nevent: OnlyId\ndata: {}\n\n");
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case", allow_reserved, ignore("ping", "keep-alive"))]
enum Proxy {
    Known(u8),
    #[sse(error)]
    Error {
        code: u16,
    },
    #[sse(skip)]
    Internal(Untravelled),
    #[sse(other)]
    Other(RawEvent),
}

/// Neither `Serialize` nor `Deserialize`.
#[derive(Debug, PartialEq)]
struct Untravelled;

#[test]
fn other_keeps_event_type_data_and_id_and_sends_them_unchanged() {
    let text = "id: 17\nevent: new_kind\ndata: not {json\ndata: two lines\n\n";
    let other = event::<Proxy>(text);
    assert_eq!(other.event_type(), "new_kind");
    both_ways(&other, text);
    both_ways(&Proxy::Other(RawEvent::new("", "plain")), "data: plain\n\n");
}

#[test]
fn other_does_not_send_an_event_that_another_variant_would_take() {
    for declared in ["known", "error", "ping"] {
        let error = Encoded::new(&Proxy::Other(RawEvent::new(declared, "1"))).unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::EventType, "{declared}");
        assert!(error.to_string().contains(&format!("`{declared}` is a declared event type")), "{error}");
    }
}

#[test]
fn ignored_types_are_ignored_and_skipped_variants_are_never_on_the_wire() {
    assert_eq!(read::<Proxy>("event: ping\ndata: x\n\n").unwrap(), Decoded::Ignored);
    assert_eq!(read::<Proxy>("event: keep-alive\ndata:\n\n").unwrap(), Decoded::Ignored);
    assert_eq!(wire(&Proxy::Internal(Untravelled)), "");
    assert_eq!(event::<Proxy>("event: internal\ndata: 1\n\n"), Proxy::Other(RawEvent::new("internal", "1")));
    assert_eq!(Proxy::EVENT_TYPES, ["known", "error"]);
}

#[test]
fn a_variant_marked_error_is_an_error() {
    let error = Proxy::Error { code: 529 };
    both_ways(&error, "event: error\ndata: {\"code\":529}\n\n");
    assert!(error.is_error() && !Proxy::Known(1).is_error() && !error.is_terminal());
}

#[derive(Debug, PartialEq, SseEvent)]
enum Gaps {
    #[sse(gap, rename = "gap")]
    Gap { missed: Option<u64>, reason: GapReason },
}

#[derive(Debug, PartialEq, SseEvent)]
enum UnitGap {
    #[sse(gap)]
    Gap,
}

#[derive(Debug, PartialEq, SseEvent)]
enum PartGap {
    #[sse(gap)]
    Gap { part: Option<PartName> },
}

#[derive(Debug, PartialEq, SseEvent)]
enum WholeGap {
    #[sse(gap)]
    Gap(Gap),
}

#[test]
fn a_gap_variant_gets_the_fields_it_declares() {
    let gap = Gap::new(None, GapReason::UnknownId);
    assert_eq!(Gaps::from_gap(gap), Gaps::Gap { missed: None, reason: GapReason::UnknownId });
    assert_eq!(UnitGap::from_gap(gap), UnitGap::Gap);
    assert_eq!(PartGap::from_gap(gap), PartGap::Gap { part: None });
}

#[test]
fn a_gap_of_a_merged_stream_names_its_part() {
    let chat = PartName::new("chat").unwrap();
    let gap = Gap::new(Some(1), GapReason::Trimmed).in_part(chat);
    both_ways(&PartGap::from_gap(gap), "event: Gap\ndata: {\"part\":\"chat\"}\n\n");
    both_ways(
        &WholeGap::from_gap(gap),
        "event: Gap\ndata: {\"missed\":1,\"reason\":\"trimmed\",\"part\":\"chat\"}\n\n",
    );
    // On a stream of one hub there is no such key.
    both_ways(
        &WholeGap::from_gap(Gap::new(None, GapReason::Lagged)),
        "event: Gap\ndata: {\"missed\":null,\"reason\":\"lagged\"}\n\n",
    );
}

#[derive(Debug, PartialEq, SseEvent)]
enum Generic<T, U: Clone, const N: usize>
where
    T: PartialOrd,
{
    One(T),
    Named {
        list: Vec<Option<U>>,
        array: std::marker::PhantomData<[T; N]>,
    },
    Recursive {
        inner: std::marker::PhantomData<Box<Self>>,
    },
    #[sse(text)]
    Text(T),
}

#[test]
fn generic_types_have_the_bounds_that_serde_infers() {
    type Event = Generic<u8, String, 3>;
    both_ways(&Event::One(1), "event: One\ndata: 1\n\n");
    both_ways(&Event::Text(1), "event: Text\ndata: 1\n\n");
    both_ways(
        &Event::Named { list: vec![Some("a".to_owned()), None], array: std::marker::PhantomData },
        "event: Named\ndata: {\"list\":[\"a\",null],\"array\":null}\n\n",
    );
    both_ways(&Event::Recursive { inner: std::marker::PhantomData }, "event: Recursive\ndata: {\"inner\":null}\n\n");
}

#[derive(sse_typed::EncodeEvent)]
enum Borrowed<'a, T: ?Sized> {
    Line {
        text: &'a str,
        more: &'a T,
    },
    Slice(&'a [u8]),
    #[sse(text)]
    Raw(&'a str),
}

#[test]
fn a_type_that_is_only_sent_may_borrow() {
    assert_eq!(
        wire(&Borrowed::Line { text: "a", more: "b" }),
        "event: Line\ndata: {\"text\":\"a\",\"more\":\"b\"}\n\n"
    );
    assert_eq!(wire(&Borrowed::<str>::Slice(&[1, 2])), "event: Slice\ndata: [1,2]\n\n");
    assert_eq!(wire(&Borrowed::<str>::Raw("x")), "event: Raw\ndata: x\n\n");
}

#[derive(Debug, PartialEq, sse_typed::DecodeEvent)]
enum Received {
    #[sse(rename = "error", error, terminal)]
    Failed(String),
    #[sse(rename = "open")]
    Opened,
}

#[test]
fn a_type_that_is_only_received_may_use_reserved_event_types() {
    let failed = event::<Received>("event: error\ndata: \"x\"\n\n");
    assert_eq!(failed, Received::Failed("x".to_owned()));
    assert!(failed.is_error() && failed.is_terminal());
    assert_eq!(event::<Received>("event: open\ndata:\n\n"), Received::Opened);
}

#[test]
fn a_type_without_an_id_field_can_be_published_on_a_hub() {
    fn hub<E: HubEvent>() {}
    hub::<RideEvent>();
    hub::<Proxy>();
    hub::<Generic<u8, String, 1>>();
    hub::<Borrowed<'_, str>>();
    hub::<Unsent>();
}

/// Its id is never on the wire.
#[derive(SseEvent)]
enum Unsent {
    #[sse(skip)]
    #[expect(dead_code, reason = "only the type counts")]
    Never {
        #[sse(id)]
        id: u64,
    },
}

#[derive(Debug, PartialEq, SseEvent)]
enum Never {}

#[test]
fn an_enum_without_variants_has_no_events() {
    assert_eq!(Never::decode(RawEventRef::new("a", "b")).unwrap(), Decoded::Unknown);
    fn is_event<E: EncodeEvent>() {}
    is_event::<Never>();
}

#[derive(Debug, PartialEq, SseEvent)]
enum Configured {
    #[cfg(not(any()))]
    Here {
        a: u8,
        #[cfg(any())]
        b: Absent,
    },
    #[cfg(any())]
    Gone(Absent),
}

#[test]
fn cfg_applies_to_variants_and_fields() {
    both_ways(&Configured::Here { a: 1 }, "event: Here\ndata: {\"a\":1}\n\n");
    assert_eq!(Configured::EVENT_TYPES, ["Here"]);
}

/// Names, types and literals come from macro variables, in invisible groups.
macro_rules! declare {
    ($name:ident, $prefix:literal, $renamed:literal, $payload:ty, $param:ident) => {
        #[derive(Debug, PartialEq, SseEvent)]
        #[sse(prefix = $prefix, ignore($renamed, "other"))]
        enum $name<$param> {
            Payload($payload),
            #[sse(rename = "given")]
            Named {
                #[sse(id)]
                id: Option<$payload>,
                generic: $param,
            },
            #[sse(text)]
            Text($param),
        }
    };
}

declare!(Declared, "p.", "ping", u64, T);

#[test]
fn an_enum_may_be_declared_by_a_macro() {
    both_ways(&Declared::<u8>::Payload(1), "event: p.Payload\ndata: 1\n\n");
    both_ways(&Declared::Named { id: Some(2), generic: 3_u8 }, "id: 2\nevent: given\ndata: {\"generic\":3}\n\n");
    both_ways(&Declared::Text(4_u8), "event: p.Text\ndata: 4\n\n");
    assert_eq!(read::<Declared<u8>>("event: ping\ndata:\n\n").unwrap(), Decoded::Ignored);
}

macro_rules! optional {
    ($optional:ty, $associated:ty) => {
        #[derive(Debug, PartialEq, SseEvent)]
        struct Optional<T: Iterator> {
            #[sse(id)]
            id: $optional,
            item: $associated,
        }
    };
}

optional!(Option<u64>, T::Item);

#[test]
fn types_from_macro_variables_are_recognized() {
    both_ways(&Optional::<std::ops::Range<u8>> { id: None, item: 3 }, "event: Optional\ndata: {\"item\":3}\n\n");
}
