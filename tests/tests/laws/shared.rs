//! Variants with the same event type, which are told apart by their data.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sse_typed::{Encoded, SseEvent, event::EncodeErrorKind};

use crate::{
    hostile::{map, text, word},
    round_trip::{RoundTrip, cases, round_trips},
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Shared {
    #[sse(message)]
    Chunk(BTreeMap<String, Option<String>>),
    #[sse(message, key = "error")]
    Failed(BTreeMap<String, Option<String>>),
    #[sse(message, key = "warning")]
    Warned {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warning: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// Keys that are always written, even as `null`.
    #[sse(message, key = "note")]
    Noted {
        error: Option<String>,
        note: Option<String>,
        hint: Option<String>,
    },
    #[sse(message, key = "hint")]
    Hinted {
        hint: Option<String>,
    },
    #[sse(message, data = "[DONE]")]
    Done,
    #[sse(rename = "word", data = "\"")]
    Quote,
    #[sse(rename = "word", data = "")]
    Nothing,
    Word(Option<String>),
    #[sse(rename = "object", data = "null")]
    Empty,
    Object {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
    },
}

impl RoundTrip for Shared {
    fn into_received(self) -> Self {
        self
    }

    /// An event that another variant would take is refused.
    fn may_fail(&self) -> bool {
        match self {
            Self::Chunk(map) => selecting(|key| has(map, key)).is_some(),
            Self::Failed(map) => selecting(|key| has(map, key)) != Some("error"),
            Self::Warned { warning, error } => warning.is_none() || error.is_some(),
            Self::Noted { error, note, hint } => {
                let has = |key: &str| match key {
                    "error" => Some(error.is_some()),
                    "note" => Some(note.is_some()),
                    "hint" => Some(hint.is_some()),
                    _ => None,
                };
                selecting(has) != Some("note")
            }
            _ => false,
        }
    }
}

/// Whether a key has a value other than `null`, if the key is present.
fn has(map: &BTreeMap<String, Option<String>>, key: &str) -> Option<bool> {
    map.get(key).map(Option::is_some)
}

/// The key that selects a variant, as documented in `derive.md`.
fn selecting(has: impl Fn(&str) -> Option<bool>) -> Option<&'static str> {
    let keys = ["error", "warning", "note", "hint"];
    let first = |wanted| keys.into_iter().find(|key| has(key) == Some(wanted));
    first(true).or_else(|| first(false))
}

/// Strings and `null` under keys that tell variants apart, and under others.
fn keyed() -> impl Strategy<Value = BTreeMap<String, Option<String>>> {
    let under = |key| prop::option::of(prop::option::of(text()).prop_map(move |text| (String::from(key), text)));
    (map(), under("error"), under("warning"), under("note"), under("hint")).prop_map(
        |(map, error, warning, note, hint)| {
            let others = map.into_iter().map(|(key, value)| (key, Some(value)));
            others.chain([error, warning, note, hint].into_iter().flatten()).collect()
        },
    )
}

fn shared() -> impl Strategy<Value = Shared> {
    prop_oneof![
        keyed().prop_map(Shared::Chunk),
        keyed().prop_map(Shared::Failed),
        (prop::option::of(text()), prop::option::of(text()))
            .prop_map(|(warning, error)| Shared::Warned { warning, error }),
        [(); 3].map(|()| prop::option::of(text())).prop_map(|[error, note, hint]| Shared::Noted { error, note, hint }),
        prop::option::of(text()).prop_map(|hint| Shared::Hinted { hint }),
        Just(Shared::Done),
        Just(Shared::Quote),
        Just(Shared::Nothing),
        prop::option::of(prop_oneof![text(), word()]).prop_map(Shared::Word),
        Just(Shared::Empty),
        text().prop_map(|name| Shared::Object { name }),
    ]
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn encoding_fails_without_a_byte_or_decoding_returns_the_same_variant(event in shared()) {
        round_trips(&event)?;
    }
}

#[test]
fn an_encode_error_names_the_key() {
    let map = |key: &str| BTreeMap::from([(key.to_owned(), Some(String::new()))]);
    for (event, cause) in [
        (Shared::Chunk(map("warning")), "the data has the key `warning`, which selects another variant"),
        (Shared::Failed(map("warning")), "the data lacks the key `error` of this variant"),
        (
            Shared::Warned { warning: Some(String::new()), error: Some(String::new()) },
            "the key `error`, which selects another",
        ),
        (
            Shared::Noted { error: None, note: None, hint: None },
            "the data has the key `error`, which selects another variant",
        ),
    ] {
        let error = Encoded::new(&event).unwrap_err();
        assert_eq!((error.kind(), error.event_type()), (EncodeErrorKind::Data, "message"));
        assert!(error.to_string().contains(cause), "{error}");
    }
}
