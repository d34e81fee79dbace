//! Sentinels, keys, `with` modules, nested types, and ids in JSON.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_typed::{
    DecodeEvent, Decoded, EncodeEvent, Encoded, EventKind, HubEvent, RawEvent, SseEvent,
    event::{DecodeErrorKind, EncodeErrorKind},
};

use super::{both_ways, event, failure, read, wire};

#[derive(Debug, PartialEq, SseEvent)]
enum Completion {
    #[sse(message)]
    Chunk(BTreeMap<String, Value>),
    #[sse(message, key = "error", error)]
    Failed { error: Failure },
    #[sse(message, data = "[DONE]", terminal)]
    Done,
    #[sse(rename = "done", data = "[DONE]")]
    ThreadDone,
    #[sse(rename = "done", data = "[ABORTED]\n2")]
    ThreadAborted,
    #[sse(rename = "keyed", key = "a")]
    A { a: u8 },
    #[sse(rename = "keyed", key = "b")]
    B { b: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Failure {
    message: String,
}

#[test]
fn a_sentinel_is_matched_by_event_type_and_data() {
    both_ways(&Completion::Done, "data: [DONE]\n\n");
    both_ways(&Completion::ThreadDone, "event: done\ndata: [DONE]\n\n");
    both_ways(&Completion::ThreadAborted, "event: done\ndata: [ABORTED]\ndata: 2\n\n");
    assert!(Completion::Done.is_terminal() && !Completion::ThreadDone.is_terminal());
    assert_eq!(
        failure::<Completion>("event: done\ndata: [done]\n\n"),
        "event `done` has bad data: expected `[DONE]` or `[ABORTED]\n2`"
    );
    assert_eq!(Completion::EVENT_TYPES, ["message", "done", "keyed"]);
}

#[test]
fn a_key_is_matched_by_the_outermost_object() {
    both_ways(
        &Completion::Failed { error: Failure { message: "no".to_owned() } },
        "data: {\"error\":{\"message\":\"no\"}}\n\n",
    );
    let chunk = Completion::Chunk([("choices".to_owned(), serde_json::json!([{ "error": 1 }]))].into());
    both_ways(&chunk, "data: {\"choices\":[{\"error\":1}]}\n\n");
    assert!(failure::<Completion>("data: {\"error\":{}}\n\n").contains("at `error`: missing field `message`"));
    both_ways(&Completion::B { b: 1 }, "event: keyed\ndata: {\"b\":1}\n\n");
    assert_eq!(
        failure::<Completion>("event: keyed\ndata: {\"c\":1}\n\n"),
        "event `keyed` has bad data: expected an object with the key `a` or an object with the key `b`"
    );
    for no_data in ["id: 1\ndata:\n\n", "id: 1\nevent: keyed\ndata:\n\n"] {
        assert_eq!(read::<Completion>(no_data).unwrap(), Decoded::Ignored);
    }
    assert!(read::<Completion>("event: done\ndata:\n\n").is_err(), "a sentinel is no JSON");
}

/// Line-structured data: `selector #feed`, `mode inner`, `elements <div>..</div>`.
mod patch {
    use std::{error::Error, fmt};

    #[derive(Debug, PartialEq)]
    pub(super) struct Patch {
        pub(super) selector: String,
        pub(super) elements: Vec<String>,
    }

    #[derive(Debug)]
    pub(super) struct BadLine(String);

    impl fmt::Display for BadLine {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "no line of a patch: `{}`", self.0)
        }
    }

    impl Error for BadLine {}

    pub(super) fn encode(patch: &Patch) -> Result<String, &'static str> {
        if patch.selector.is_empty() {
            return Err("a patch needs a selector");
        }
        let elements = patch.elements.iter().map(|line| format!("\nelements {line}"));
        Ok(format!("selector {}", patch.selector) + &elements.collect::<String>())
    }

    pub(super) fn decode(data: &str) -> Result<Patch, BadLine> {
        let mut patch = Patch { selector: String::new(), elements: Vec::new() };
        for line in data.lines() {
            match line.split_once(' ') {
                Some(("selector", selector)) => patch.selector = selector.to_owned(),
                Some(("elements", element)) => patch.elements.push(element.to_owned()),
                _ => return Err(BadLine(line.to_owned())),
            }
        }
        Ok(patch)
    }
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "kebab-case")]
enum Datastar {
    #[sse(with = "patch", as = "String")]
    PatchElements(patch::Patch),
    #[sse(with = "self::patch")]
    #[sse(terminal)]
    LastPatch(patch::Patch),
}

#[test]
fn a_with_module_writes_and_reads_the_data() {
    let patch = patch::Patch { selector: "#feed".to_owned(), elements: vec!["<div>".to_owned(), "</div>".to_owned()] };
    both_ways(
        &Datastar::PatchElements(patch),
        "event: patch-elements\ndata: selector #feed\ndata: elements <div>\ndata: elements </div>\n\n",
    );
    assert_eq!(
        failure::<Datastar>("event: last-patch\ndata: x\n\n"),
        "event `last-patch` has bad data: no line of a patch: `x`"
    );
    let nothing = Datastar::LastPatch(patch::Patch { selector: String::new(), elements: Vec::new() });
    let error = Encoded::new(&nothing).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::Data);
    assert!(error.to_string().contains("`last-patch`") && error.to_string().contains("needs a selector"), "{error}");
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(prefix = "ride.", rename_all = "snake_case")]
enum Ride {
    Started(u8),
    #[sse(terminal)]
    Ended,
    #[sse(error)]
    Failed,
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type")]
enum Chat {
    #[sse(rename = "chat.line", alias = "chat.text")]
    Line { text: String },
}

#[derive(Debug, PartialEq, SseEvent)]
enum Feed {
    #[sse(nested)]
    Ride(Ride),
    Hello,
    #[sse(nested)]
    Chat(Box<Chat>),
    #[sse(other)]
    Other(RawEvent),
}

#[test]
fn nested_types_share_one_stream() {
    both_ways(&Feed::Ride(Ride::Started(3)), "event: ride.started\ndata: 3\n\n");
    both_ways(&Feed::Hello, "event: Hello\ndata: null\n\n");
    both_ways(
        &Feed::Chat(Box::new(Chat::Line { text: "x".to_owned() })),
        "event: chat.line\ndata: {\"type\":\"chat.line\",\"text\":\"x\"}\n\n",
    );
    assert_eq!(
        event::<Feed>("event: chat.text\ndata: {\"text\":\"x\"}\n\n"),
        Feed::Chat(Box::new(Chat::Line { text: "x".to_owned() }))
    );
    assert_eq!(Feed::EVENT_TYPES, ["Hello", "ride.started", "ride.ended", "ride.failed", "chat.line", "chat.text"]);
    assert!(failure::<Feed>("event: ride.started\ndata: x\n\n").contains("`ride.started`"));
    assert_eq!(read::<Feed>("event: ride.started\ndata:\n\n").unwrap(), Decoded::Ignored);
}

#[test]
fn nested_events_have_the_properties_of_their_own_type() {
    assert_eq!(Feed::Ride(Ride::Ended).event_type(), "ride.ended");
    assert!(Feed::Ride(Ride::Ended).is_terminal() && !Feed::Ride(Ride::Ended).is_error());
    assert!(Feed::Ride(Ride::Failed).is_error() && !Feed::Hello.is_error());
    let declared = Feed::Other(RawEvent::new("ride.ended", ""));
    assert_eq!(Encoded::new(&declared).unwrap_err().kind(), EncodeErrorKind::EventType);
    fn hub<E: HubEvent>() {}
    hub::<Feed>();
}

#[derive(EncodeEvent)]
enum Sent<'a> {
    #[sse(nested)]
    Ride(&'a Ride),
    #[sse(nested)]
    Borrowed(Borrowed<'a>),
}

#[derive(EncodeEvent)]
struct Borrowed<'a>(&'a str);

#[test]
fn nested_types_that_are_only_sent_may_borrow() {
    assert_eq!(wire(&Sent::Ride(&Ride::Ended)), "event: ride.ended\ndata: null\n\n");
    assert_eq!(wire(&Sent::Borrowed(Borrowed("x"))), "event: Borrowed\ndata: \"x\"\n\n");
}

#[derive(sse_typed::EncodeEvent)]
enum OfAnyType {
    #[sse(nested)]
    Any(Box<dyn EncodeEvent + Send + Sync>),
}

#[test]
fn a_type_that_is_only_sent_may_nest_any_sent_type() {
    let event = OfAnyType::Any(Box::new(RawEvent::new("tick", "1")));
    assert_eq!(Encoded::new(&event).unwrap().as_bytes(), "event: tick\ndata: 1\n\n");
}

#[derive(Debug, PartialEq, SseEvent)]
enum Outer {
    #[sse(nested)]
    Feed(Feed),
}

#[test]
fn nested_types_may_have_nested_types() {
    both_ways(&Outer::Feed(Feed::Ride(Ride::Ended)), "event: ride.ended\ndata: null\n\n");
    assert_eq!(Outer::EVENT_TYPES, Feed::EVENT_TYPES);
}

#[test]
fn an_undeclared_event_type_goes_to_the_first_nested_type_that_takes_it() {
    both_ways(&Outer::Feed(Feed::Other(RawEvent::new("x", "y"))), "event: x\ndata: y\n\n");
    assert_eq!(event::<Tags>("data: {\"type\":\"chat.text\",\"text\":\"x\"}\n\n"), tags("x"));
    assert_eq!(read::<Tags>("event: x\ndata: y\n\n").unwrap(), Decoded::Unknown);
    assert_eq!(read::<Tags>("event: own\ndata: y\n\n").unwrap(), Decoded::Ignored);
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(ignore("own"))]
enum Tags {
    #[sse(nested)]
    Ride(Ride),
    #[sse(nested)]
    Chat(Chat),
}

fn tags(text: &str) -> Tags {
    Tags::Chat(Chat::Line { text: text.to_owned() })
}

#[derive(Debug, PartialEq, SseEvent)]
enum TwoCatchAlls {
    #[sse(nested)]
    Inner(Inner),
    Outer,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, PartialEq, SseEvent)]
enum Inner {
    Known,
    #[sse(skip)]
    Skipped,
    #[sse(other)]
    Other(RawEvent),
}

#[derive(Debug, PartialEq, SseEvent)]
enum OneCatchAll {
    #[sse(nested)]
    Inner(Inner),
    Outer,
}

#[test]
fn a_nested_catch_all_does_not_send_an_event_that_another_variant_would_take() {
    let other = |event_type: &str| Inner::Other(RawEvent::new(event_type, ""));
    for refused in ["Outer", "x"] {
        let error = Encoded::new(&TwoCatchAlls::Inner(other(refused))).unwrap_err();
        assert_eq!((error.kind(), error.event_type()), (EncodeErrorKind::EventType, refused));
    }
    assert!(Encoded::new(&OneCatchAll::Inner(other("Outer"))).is_err());
    both_ways(&OneCatchAll::Inner(other("x")), "event: x\ndata: \n\n");
    both_ways(&TwoCatchAlls::Inner(Inner::Known), "event: Known\ndata: null\n\n");
    assert_eq!(wire(&TwoCatchAlls::Inner(Inner::Skipped)), "");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Offset {
    topic: String,
    offset: u64,
}

#[derive(Debug, PartialEq, SseEvent)]
enum Change {
    #[sse(message)]
    Edit {
        #[sse(id(json))]
        at: Vec<Offset>,
        title: String,
    },
    #[sse(text)]
    Note {
        #[sse(id(json))]
        at: Option<Vec<Offset>>,
        note: String,
    },
}

#[test]
fn an_id_may_be_json() {
    both_ways(
        &Change::Edit {
            at: vec![Offset { topic: "eqiad.mediawiki.recentchange".to_owned(), offset: 7 }],
            title: "x".to_owned(),
        },
        "id: [{\"topic\":\"eqiad.mediawiki.recentchange\",\"offset\":7}]\ndata: {\"title\":\"x\"}\n\n",
    );
    // DEL has no escape in JSON, and an id cannot contain it.
    both_ways(
        &Change::Edit { at: vec![Offset { topic: "\u{7f}".to_owned(), offset: 7 }], title: "x".to_owned() },
        "id: [{\"topic\":\"\\u007f\",\"offset\":7}]\ndata: {\"title\":\"x\"}\n\n",
    );
    both_ways(&Change::Note { at: None, note: "n".to_owned() }, "event: Note\ndata: n\n\n");
    both_ways(&Change::Note { at: Some(Vec::new()), note: "n".to_owned() }, "id: []\nevent: Note\ndata: n\n\n");
    for wire in ["id: [{}]\ndata: {\"title\":\"x\"}\n\n", "data: {\"title\":\"x\"}\n\n"] {
        assert_eq!(read::<Change>(wire).unwrap_err().kind(), DecodeErrorKind::Id, "{wire}");
    }
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(bound(serialize = "T: Display", deserialize = "T: FromStr<Err = std::num::ParseIntError>"))]
enum Bounded<T> {
    #[sse(text)]
    Text(T),
    #[sse(with = "decimal")]
    Own(T),
}

mod decimal {
    use super::{Display, FromStr};

    pub(super) fn encode<T: Display>(value: &T) -> Result<String, std::fmt::Error> {
        Ok(format!("= {value}"))
    }

    pub(super) fn decode<T: FromStr<Err = std::num::ParseIntError>>(data: &str) -> Result<T, std::num::ParseIntError> {
        data.trim_start_matches("= ").parse()
    }
}

#[test]
fn given_bounds_replace_the_inferred_ones() {
    both_ways(&Bounded::Text(3_i64), "event: Text\ndata: 3\n\n");
    both_ways(&Bounded::Own(3_i64), "event: Own\ndata: = 3\n\n");
}

mod reexported {
    pub(super) mod inner {
        pub(crate) use sse_typed as sse;
    }
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(crate = "reexported::inner::sse", tag = "kind")]
enum Elsewhere {
    Named {
        a: u8,
    },
    #[sse(text)]
    Text(String),
}

#[test]
fn the_crate_may_be_found_under_another_path() {
    both_ways(&Elsewhere::Named { a: 1 }, "event: Named\ndata: {\"kind\":\"Named\",\"a\":1}\n\n");
    both_ways(&Elsewhere::Text("t".to_owned()), "event: Text\ndata: t\n\n");
}
