//! Variants that share an event type, and are told apart by their data.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sse_typed::{Encoded, SseEvent, event::EncodeErrorKind};

use crate::{
    hostile::{map, text, word},
    law::{Lawful, cases, holds},
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Shared {
    #[sse(message)]
    Chunk(BTreeMap<String, String>),
    #[sse(message, key = "error")]
    Failed(BTreeMap<String, String>),
    #[sse(message, key = "warning")]
    Warned {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warning: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
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

impl Lawful for Shared {
    fn arrives(self) -> Self {
        self
    }

    /// What another variant would take is refused.
    fn may_fail(&self) -> bool {
        match self {
            Self::Chunk(map) => map.contains_key("error") || map.contains_key("warning"),
            Self::Failed(map) => !map.contains_key("error"),
            Self::Warned { warning, error } => warning.is_none() || error.is_some(),
            _ => false,
        }
    }
}

/// Texts under keys that tell variants apart, among others.
fn keyed() -> impl Strategy<Value = BTreeMap<String, String>> {
    (map(), any::<bool>(), any::<bool>(), text()).prop_map(|(mut map, error, warning, text)| {
        if error {
            map.insert("error".to_owned(), text.clone());
        }
        if warning {
            map.insert("warning".to_owned(), text);
        }
        map
    })
}

fn shared() -> impl Strategy<Value = Shared> {
    prop_oneof![
        keyed().prop_map(Shared::Chunk),
        keyed().prop_map(Shared::Failed),
        (prop::option::of(text()), prop::option::of(text()))
            .prop_map(|(warning, error)| Shared::Warned { warning, error }),
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
    fn an_event_fails_without_a_byte_or_comes_back_as_the_variant_it_was(event in shared()) {
        holds(&event)?;
    }
}

#[test]
fn a_refusal_names_the_key() {
    let map = |key: &str| BTreeMap::from([(key.to_owned(), String::new())]);
    for (event, cause) in [
        (Shared::Chunk(map("warning")), "the data has a key `warning`, by which another variant is known"),
        (Shared::Failed(map("warning")), "the data has no key `error`, by which this variant is known"),
        (
            Shared::Warned { warning: Some(String::new()), error: Some(String::new()) },
            "a key `error`, by which another",
        ),
    ] {
        let error = Encoded::new(&event).unwrap_err();
        assert_eq!((error.kind(), error.event_type()), (EncodeErrorKind::Data, "message"));
        assert!(error.to_string().contains(cause), "{error}");
    }
}
