//! The generated TypeScript and Rust select the same variant for the same event.

use std::{fs, path::Path};

use serde_json::{Value, json};
use sse_typed::{DecodeEvent, Decoded, RawEvent, RawEventRef, SseEvent, typescript::Options};
use tests::contracts;

use super::{PROGRAMS, compiled};
use crate::program::{found, script};

#[derive(SseEvent)]
#[sse(rename_all = "snake_case", ignore("ping"))]
enum Apart {
    #[sse(message)]
    Chunk(Value),
    #[sse(message, key = "error")]
    Failed(Value),
    #[sse(message, key = "warning")]
    Warned(Value),
    #[sse(message, data = "[DONE]", terminal)]
    Done,
    #[sse(rename = "keyed", key = "a")]
    A(Value),
    #[sse(rename = "keyed", key = "length")]
    B(Value),
    #[sse(data = "x")]
    Sentinel,
    Unit,
    #[sse(text, alias = "old_text")]
    Text(String),
    #[sse(alias = "old_plain")]
    Plain(Value),
    #[sse(other)]
    Other(RawEvent),
}

/// The name of the variant in TypeScript, and its data.
fn apart(event: Apart) -> (&'static str, Value) {
    match event {
        Apart::Chunk(data) => ("chunk", data),
        Apart::Failed(data) => ("failed", data),
        Apart::Warned(data) => ("warned", data),
        Apart::Done => ("done", json!("[DONE]")),
        Apart::A(data) => ("a", data),
        Apart::B(data) => ("b", data),
        Apart::Sentinel => ("sentinel", json!("x")),
        Apart::Unit => ("unit", Value::Null),
        Apart::Text(text) => ("text", json!(text)),
        Apart::Plain(data) => ("plain", data),
        Apart::Other(event) => ("other", raw(&event)),
    }
}

fn raw(event: &RawEvent) -> Value {
    json!({ "eventType": event.event_type(), "data": event.data() })
}

#[derive(SseEvent)]
#[sse(tag = "kind", ignore("inner_ping"))]
enum Inner {
    In(Value),
    #[sse(rename = "InUnit")]
    Unit,
    #[sse(rename = "InKeyed", key = "a")]
    Keyed(Value),
}

#[derive(SseEvent)]
#[sse(tag = "last", ignore("last_ping"))]
enum Last {
    #[sse(text)]
    Said(String),
    #[sse(other)]
    Other(RawEvent),
}

#[derive(SseEvent)]
#[sse(tag = "type", ignore("ping"))]
enum Tagged {
    Plain(Value),
    Unit,
    #[sse(text)]
    Text(String),
    #[sse(message, data = "[DONE]")]
    Done,
    #[sse(nested)]
    Inner(Inner),
    #[sse(nested)]
    Last(Last),
}

fn tagged(event: Tagged) -> (&'static str, Value) {
    match event {
        Tagged::Plain(data) => ("Plain", data),
        Tagged::Unit => ("Unit", Value::Null),
        Tagged::Text(text) => ("Text", json!(text)),
        Tagged::Done => ("message", json!("[DONE]")),
        Tagged::Inner(Inner::In(data)) => ("In", data),
        Tagged::Inner(Inner::Unit) => ("InUnit", Value::Null),
        Tagged::Inner(Inner::Keyed(data)) => ("InKeyed", data),
        Tagged::Last(Last::Said(text)) => ("Said", json!(text)),
        Tagged::Last(Last::Other(event)) => ("Other", raw(&event)),
    }
}

fn last(event: Last) -> (&'static str, Value) {
    match event {
        Last::Said(text) => ("Said", json!(text)),
        Last::Other(event) => ("Other", raw(&event)),
    }
}

#[test]
fn the_generated_typescript_is_current() {
    contracts::assert_current::<Apart>("apart.ts", &Options::new());
    contracts::assert_current::<Tagged>("tagged.ts", &Options::new());
    contracts::assert_current::<Last>("last.ts", &Options::new());
}

const TYPES: &[&str] = &[
    "message",
    "",
    "keyed",
    "sentinel",
    "unit",
    "text",
    "old_text",
    "plain",
    "old_plain",
    "ping",
    "new_kind",
    "chunk",
    "Plain",
    "Unit",
    "Text",
    "Done",
    "In",
    "InUnit",
    "InKeyed",
    "inner_ping",
    "last_ping",
    "Said",
    "Other",
    "toString",
    "__proto__",
];

const DATA: &[&str] = &[
    "",
    " ",
    "null",
    "7",
    "\"text\"",
    "[]",
    "[\"error\"]",
    "{}",
    "{",
    "[DONE]",
    " [DONE]",
    "x",
    "x\ny",
    "{\"error\":null}",
    "{\"warning\":1}",
    "{\"warning\":1,\"error\":2}",
    "{\"in\":{\"error\":1}}",
    "{\"a\":1}",
    "{\"length\":1}",
    "{\"length\":1,\"a\":2}",
    "{\"a\":1,\"kind\":\"InKeyed\"}",
    "{\"type\":\"Plain\",\"x\":1}",
    "{\"x\":1,\"type\":\"Plain\"}",
    "{\"type\":\"Unit\"}",
    "{\"type\":\"Text\"}",
    "{\"type\":\"In\",\"x\":1}",
    "{\"type\":\"InKeyed\",\"x\":1}",
    "{\"type\":\"InKeyed\",\"a\":1,\"kind\":\"In\"}",
    "{\"kind\":\"In\",\"x\":1}",
    "{\"kind\":\"InUnit\"}",
    "{\"kind\":\"inner_ping\"}",
    "{\"kind\":\"In\",\"type\":\"InUnit\"}",
    "{\"type\":\"ping\"}",
    "{\"type\":\"inner_ping\"}",
    "{\"type\":\"Said\"}",
    "{\"type\":\"\"}",
    "{\"type\":7}",
    "{\"type\":\"message\"}",
    "{\"type\":\"unheard\"}",
    "{\"last\":\"unheard\"}",
    "{\"last\":\"last_ping\"}",
    "{\"type\":\"toString\"}",
    "{\"__proto__\":{\"error\":1}}",
    "{\"__proto__\":{\"type\":\"Plain\"},\"constructor\":1}",
];

async fn assert_decoded_alike<E: DecodeEvent>(
    test: &str,
    contract: &str,
    shown: fn(E) -> (&'static str, Value),
    outcomes: usize,
) {
    let folder = compiled(test).await;
    let cases: Vec<_> = TYPES.iter().flat_map(|ty| DATA.iter().map(move |data| (*ty, *data))).collect();
    let file: String = cases.iter().map(|case| json!(case).to_string() + "\n").collect();
    let path = folder.with_file_name("cases.jsonl");
    fs::write(&path, file).unwrap();
    let contract = folder.join(Path::new(contract));
    let lines = script("typescript/decode.mjs", &[&contract.to_string_lossy(), &path.to_string_lossy()]).await;
    assert_eq!(lines.len(), cases.len());
    let mut seen = Vec::new();
    for ((ty, data), line) in cases.into_iter().zip(lines) {
        let read: Value = serde_json::from_str(&line).unwrap();
        let expected = match E::decode(RawEventRef::new(ty, data)) {
            Ok(Decoded::Event(event)) => json!(shown(event)),
            Ok(_) => json!("none"),
            Err(_) => json!("invalid"),
        };
        assert_eq!(read, expected, "`{ty}` with `{data}`");
        seen.push(expected.get(0).unwrap_or(&expected).clone());
    }
    seen.sort_by_key(Value::to_string);
    seen.dedup();
    // The outcomes include errors and ignored events.
    assert_eq!(seen.len(), outcomes, "the cases reach every variant: {seen:?}");
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_page_selects_the_same_variant_as_rust() {
    let name = "a_page_selects_the_same_variant_as_rust";
    if found(name, &PROGRAMS) {
        assert_decoded_alike(name, "apart.js", apart, 13).await;
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_page_selects_the_same_tag_and_nested_type_as_rust() {
    let name = "a_page_selects_the_same_tag_and_nested_type_as_rust";
    if found(name, &PROGRAMS) {
        assert_decoded_alike(name, "tagged.js", tagged, 11).await;
        assert_decoded_alike(name, "last.js", last, 3).await;
    }
}
