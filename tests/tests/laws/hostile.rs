//! Generators of hostile values.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use serde_json::Value;
use sse_typed::{EventId, RawEvent};

/// Any text, usually one with a meaning on the wire or in a type of these tests.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "\r", "\n", "\r\n", "\n\n", "\0", "\u{2028}", "\u{85}", " ", "\t", "\u{FEFF}", ":", "data: x", "id: 1",
        "event: y", "retry: 1", "é", "🦀", "a", "{", "}", "\"", "\\", ",",
    ]);
    prop_oneof![
        4 => prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat()),
        1 => word(),
        1 => json(),
        1 => ".*",
    ]
}

/// A name, key or sentinel of these tests.
pub(crate) fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "message", "type", "error", "warning", "unit", "tick", "fields", "noise", "own", "outer", "word", "[DONE]",
        "null", "0", "",
    ])
    .prop_map(str::to_owned)
}

/// JSON that may be the data of another event.
fn json() -> impl Strategy<Value = String> {
    (word(), word()).prop_map(|(key, value)| serde_json::json!({ key: value }).to_string())
}

pub(crate) fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(text(), 0..3)
}

pub(crate) fn map() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(prop_oneof![text(), word()], text(), 0..4)
}

/// Any JSON without floats, whose round trip depends on serde_json.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

pub(crate) fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        4 => (0..3_u64, 0..1_000_000_000_u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
        1 => Just(Duration::MAX),
        1 => Just(Duration::ZERO),
    ]
}

pub(crate) fn event_id() -> impl Strategy<Value = EventId> {
    text().prop_filter_map("an id that can travel", |id| EventId::new(id).ok())
}

pub(crate) fn raw_event() -> impl Strategy<Value = RawEvent> {
    let event_type = prop_oneof![text(), word()];
    (event_type, text(), prop::option::of(event_id()), prop::option::of(duration())).prop_map(
        |(event_type, data, id, retry)| {
            let mut event = RawEvent::new(event_type, data);
            if let Some(id) = id {
                event = event.with_id(id);
            }
            if let Some(retry) = retry {
                event = event.with_retry(retry);
            }
            event
        },
    )
}
