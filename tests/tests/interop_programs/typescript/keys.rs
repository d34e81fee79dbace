//! Variants of one event type that are selected by keys. Rust and TypeScript are tested with the same table.

use std::{collections::BTreeMap, fs};

use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use serde_json::{Value, json};
use sse_typed::{
    DecodeEvent as _, Decoded, Encoded, EventKind as _, RawEventRef, SseEvent, event::DecodeErrorKind,
    typescript::Options,
};
use tests::contracts;
use ts_rs::TS;

use super::{PROGRAMS, compiled};
use crate::program::{found, script};

#[derive(SseEvent)]
enum Keys {
    #[sse(message, key = "result", alias = "aliased")]
    Answer(Value),
    #[sse(message, key = "error")]
    Failure(Value),
    #[sse(message, key = "method")]
    Call(Value),
    #[sse(rename = "chunk", key = "error")]
    Broken(Value),
    #[sse(rename = "chunk", key = "warning")]
    Warning(Value),
    #[sse(rename = "chunk")]
    Chunk(Value),
    #[sse(rename = "unit", key = "some", alias = "aliased")]
    Something(Value),
    #[sse(rename = "unit")]
    Nothing,
    #[sse(rename = "odd", key = "__proto__")]
    Prototype(Value),
    #[sse(rename = "odd", key = "constructor")]
    Constructor(Value),
    #[sse(rename = "odd", key = "toString")]
    ToString(Value),
    #[sse(rename = "odd", key = "a \"key\"")]
    Quoted(Value),
    #[sse(rename = "unread", key = "some")]
    Unread(Unread),
    #[sse(rename = "unread")]
    Keyless,
}

/// Any JSON, including strings that are no valid Unicode.
#[derive(Serialize, TS)]
struct Unread(#[ts(type = "unknown")] ());

impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(()))
    }
}

impl Keys {
    fn name(&self) -> &'static str {
        match self {
            Self::Answer(_) => "Answer",
            Self::Failure(_) => "Failure",
            Self::Call(_) => "Call",
            Self::Broken(_) => "Broken",
            Self::Warning(_) => "Warning",
            Self::Chunk(_) => "Chunk",
            Self::Something(_) => "Something",
            Self::Nothing => "Nothing",
            Self::Prototype(_) => "Prototype",
            Self::Constructor(_) => "Constructor",
            Self::ToString(_) => "ToString",
            Self::Quoted(_) => "Quoted",
            Self::Unread(_) => "Unread",
            Self::Keyless => "Keyless",
        }
    }

    /// All variants with this payload.
    fn all(data: &Value) -> Vec<Self> {
        let variants = [
            Self::Answer,
            Self::Failure,
            Self::Call,
            Self::Broken,
            Self::Warning,
            Self::Chunk,
            Self::Something,
            Self::Prototype,
            Self::Constructor,
            Self::ToString,
            Self::Quoted,
        ];
        variants.map(|variant| variant(data.clone())).into()
    }
}

#[derive(Deserialize)]
struct Case {
    data: String,
    /// The variant, or `None` for an error.
    read: Option<String>,
}

/// The cases of each event type.
fn table() -> BTreeMap<String, Vec<Case>> {
    serde_json::from_str(include_str!("../../../keys.json")).unwrap()
}

#[test]
fn the_generated_typescript_is_current() {
    contracts::assert_current::<Keys>("keys.ts", &Options::new());
}

#[test]
fn data_is_decoded_as_the_variant_that_its_keys_select() {
    for (event_type, cases) in table() {
        for Case { data, read } in cases {
            let decoded = match Keys::decode(RawEventRef::new(&event_type, &data)) {
                Ok(Decoded::Event(event)) => Some(event.name().to_owned()),
                Ok(_) => Some("none".to_owned()),
                Err(_) => None,
            };
            assert_eq!(decoded, read, "`{event_type}` with `{data}`");
        }
    }
}

#[test]
fn the_error_of_data_without_a_key_has_the_right_kind() {
    for (data, kind) in [
        ("{\"result\":1", DecodeErrorKind::Json),
        (" {\"id\":1,}", DecodeErrorKind::Json),
        ("{} {\"result\":1}", DecodeErrorKind::Json),
        ("{}", DecodeErrorKind::Data),
        ("null", DecodeErrorKind::Data),
        ("[DONE", DecodeErrorKind::Data),
    ] {
        let error = Keys::decode(RawEventRef::new("message", data)).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), kind, "`{data}`: {error}");
    }
}

#[test]
fn data_is_encoded_only_as_the_variant_that_it_is_decoded_as() {
    for (event_type, cases) in table() {
        for Case { data, read } in cases {
            let Ok(value) = serde_json::from_str(&data) else { continue };
            for event in Keys::all(&value).into_iter().filter(|event| event.event_type() == event_type) {
                let written = Encoded::new(&event).is_ok();
                assert_eq!(written, read.as_deref() == Some(event.name()), "`{data}` as `{}`", event.name());
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_page_decodes_data_as_the_variant_that_its_keys_select() {
    let name = "a_page_decodes_data_as_the_variant_that_its_keys_select";
    if !found(name, &PROGRAMS) {
        return;
    }
    let folder = compiled(name).await;
    let table = table();
    let cases: Vec<_> = table.iter().flat_map(|(ty, cases)| cases.iter().map(move |case| (ty, case))).collect();
    let path = folder.with_file_name("cases.jsonl");
    let lines: String = cases.iter().map(|(ty, case)| json!([ty, case.data]).to_string() + "\n").collect();
    fs::write(&path, lines).unwrap();
    let contract = folder.join("keys.js");
    let lines = script("typescript/decode.mjs", &[&contract.to_string_lossy(), &path.to_string_lossy()]).await;
    assert_eq!(lines.len(), cases.len());
    for ((ty, Case { data, read }), line) in cases.into_iter().zip(lines) {
        // A name with the data, whose strings may be no valid Unicode, or only a name.
        let variant = serde_json::from_str(&line).map(|(variant, _): (String, IgnoredAny)| variant);
        let outcome = variant.or_else(|_| serde_json::from_str(&line)).unwrap();
        assert_eq!(outcome, read.as_deref().unwrap_or("invalid"), "`{ty}` with `{data}`");
    }
}
