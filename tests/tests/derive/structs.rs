//! Structs as event types.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sse_typed::{DecodeEvent, Decoded, EventKind, SseEvent};

use super::{both_ways, event, failure, read, wire};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename = "tick", alias = "tock")]
struct Tick {
    n: u32,
    #[sse(id)]
    seq: u64,
    #[sse(retry)]
    retry: Option<Duration>,
}

#[test]
fn a_struct_is_one_event_type() {
    both_ways(&Tick { n: 1, seq: 2, retry: None }, "id: 2\nevent: tick\ndata: {\"n\":1}\n\n");
    assert_eq!(
        event::<Tick>("id: 2\nretry: 5\nevent: tock\ndata: {\"n\":1}\n\n"),
        Tick { n: 1, seq: 2, retry: Some(Duration::from_millis(5)) }
    );
    assert_eq!(read::<Tick>("event: tack\ndata: {}\n\n").unwrap(), Decoded::Unknown);
    assert_eq!(Tick::EVENT_TYPES, ["tick", "tock"]);
    assert!(failure::<Tick>("id: 2\nevent: tick\ndata: {\"n\":\"x\"}\n\n").contains("at `n`"));
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(message)]
struct Chunk(Vec<u8>);

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename = "done", data = "[DONE]", terminal)]
struct Done;

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename = "endpoint", text)]
struct Endpoint(String);

#[derive(Debug, PartialEq, SseEvent)]
struct Ping;

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "kebab-case", prefix = "x.", error)]
struct TooLate {
    #[serde(rename = "why")]
    reason: String,
}

#[test]
fn structs_of_every_shape_are_events() {
    both_ways(&Chunk(vec![1, 2]), "data: [1,2]\n\n");
    both_ways(&Done, "event: done\ndata: [DONE]\n\n");
    assert!(Done.is_terminal());
    assert_eq!(failure::<Done>("event: done\ndata: no\n\n"), "event `done` has bad data: expected `[DONE]`");
    both_ways(&Endpoint("/messages?session=1".to_owned()), "event: endpoint\ndata: /messages?session=1\n\n");
    both_ways(&Ping, "event: Ping\ndata: null\n\n");
    both_ways(&TooLate { reason: "r".to_owned() }, "event: x.too-late\ndata: {\"why\":\"r\"}\n\n");
    assert!(TooLate { reason: String::new() }.is_error());
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename = "delta")]
struct Delta<T> {
    value: T,
}

#[test]
fn a_tagged_struct_has_its_event_type_in_the_json() {
    both_ways(&Delta { value: 1_u8 }, "event: delta\ndata: {\"type\":\"delta\",\"value\":1}\n\n");
    assert_eq!(event::<Delta<u8>>("data: {\"value\":1,\"type\":\"delta\"}\n\n"), Delta { value: 1 });
    assert_eq!(read::<Delta<u8>>("data: {\"value\":1}\n\n").unwrap(), Decoded::Unknown);
}

#[derive(Debug, PartialEq, Serialize, Deserialize, SseEvent)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Settings {
    max_size: u32,
    #[serde(skip)]
    #[sse(id)]
    revision: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_size: 7, revision: 9 }
    }
}

#[test]
fn serde_attributes_of_a_struct_apply_to_its_data() {
    both_ways(&Settings { max_size: 1, revision: 2 }, "id: 2\nevent: Settings\ndata: {\"maxSize\":1}\n\n");
    assert_eq!(event::<Settings>("id: 3\nevent: Settings\ndata: {}\n\n"), Settings { max_size: 7, revision: 3 });
    assert!(failure::<Settings>("id: 3\nevent: Settings\ndata: {\"x\":1}\n\n").contains("unknown field `x`"));
    assert_eq!(wire(&Settings::default()), "id: 9\nevent: Settings\ndata: {\"maxSize\":7}\n\n");
}
