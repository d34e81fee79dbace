//! Errors of `#[serde(..)]` attributes.

use crate::tests::{BOTH, accepted, refused};

#[test]
fn serde_attributes_that_would_change_the_data_are_refused() {
    refused(
        "#[serde(tag = \"t\", content = \"c\")]\nenum E {\n    #[serde(with = \"m\")]\n    A(P),\n    #[serde(untagged)]\n    B(P),\n    #[serde(rename(serialize = \"x\", deserialize = \"y\"))]\n    C,\n    #[serde(other)]\n    D(P),\n}",
        BOTH,
        &[
            "1:20 content: `#[serde(content)]` cannot be used on an event: the data of an event is not put under a key: remove it; `#[sse(tag = \"..\")]` repeats the event type in the data",
            "3:13 with: `#[serde(with)]` cannot be used on an event: for a codec on a variant, use `#[sse(with = \"module\")]`",
            "5:13 untagged: `#[serde(untagged)]` cannot be used on an event: the event type tells variants apart: use `#[sse(other)]` for unknown event types, and `#[sse(key = \"..\")]` for variants with the same event type",
            "7:13 rename(serialize = \"x\", deserialize = \"y\"): an event type is the same for sending and receiving: use `#[sse(rename = \"..\")]`, and `#[sse(alias = \"..\")]` for another one that is received",
            "9:13 other: `#[serde(other)]` needs a unit variant: to keep the data, use `#[sse(other)]` on `Other(RawEvent)`",
        ],
    );
    for (attr, word) in [
        ("untagged", "untagged"),
        ("from = \"X\"", "from"),
        ("try_from = \"X\"", "try_from"),
        ("into = \"X\"", "into"),
        ("remote = \"X\"", "remote"),
    ] {
        let errors = crate::tests::errors(&format!("#[serde({attr})]\nenum E {{ A }}"), BOTH);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(
            errors[0].starts_with(&format!("1:9 {word}: `#[serde({word})]` cannot be used on an event")),
            "{errors:?}"
        );
        assert!(errors[0].contains("#[sse("), "{errors:?}");
    }
    refused(
        "#[serde(rename_all(serialize = \"lowercase\"))]\nenum E { A }",
        BOTH,
        &[
            "1:9 rename_all(serialize = \"lowercase\"): an event type is the same for sending and receiving: set one case with \
         `#[sse(rename_all = \"..\")]`",
        ],
    );
}

#[test]
fn serde_attributes_without_effect_are_refused() {
    refused(
        "#[serde(default, expecting = \"x\", transparent)]\nenum E {\n    A {\n        #[sse(id)]\n        #[serde(default, rename = \"q\")]\n        id: u64,\n        #[sse(retry)]\n        #[serde(nonsense)]\n        retry: D,\n        #[sse(id)]\n        #[serde(skip)]\n        twice: u8,\n    },\n    #[sse(text)]\n    B(#[serde(with = \"m\")] String),\n    #[sse(other)]\n    C(#[serde(flatten)] RawEvent),\n}",
        BOTH,
        &[
            "1:9 default: `#[serde(default)]` cannot be used on an event: an enum has no fields that could be missing: write `#[serde(default)]` on a field",
            "1:35 transparent: `#[serde(transparent)]` cannot be used on an event: the data of `Variant(Payload)` is that of the payload already: remove it",
            "10:15 id: an event has one id: only one field can be `#[sse(id)]`",
            "5:17 default: this field is not in the JSON, so `#[serde(default)]` has no effect: remove it",
            "5:26 rename: this field is not in the JSON, so `#[serde(rename)]` has no effect: remove it",
            "8:17 nonsense: this field is not in the JSON, so `#[serde(nonsense)]` has no effect: remove it",
            "15:15 with: this field is not in the JSON, so `#[serde(with)]` has no effect: remove it",
            "17:15 flatten: this field is not in the JSON, so `#[serde(flatten)]` has no effect: remove it",
        ],
    );
    accepted(
        "#[serde(expecting = \"x\")] enum E { A { #[sse(id)] #[serde(skip)] id: u64 }, #[sse(skip)] B(#[serde(with = \"m\")] u8) }",
        BOTH,
    );
    refused(
        "#[serde(rename_all_fields(serialize = \"snake\", deserialize = \"kebab\"))]\nenum E {\n    #[serde(rename_all = \"nope\")]\n    A,\n    #[serde(rename_all = \"nope\")]\n    B(u8),\n}",
        BOTH,
        &[
            "1:62 \"kebab\": unknown case `kebab`: expected \"lowercase\", \"UPPERCASE\", \"PascalCase\", \"camelCase\", \"snake_case\", \"SCREAMING_SNAKE_CASE\", \"kebab-case\" or \"SCREAMING-KEBAB-CASE\"",
            "1:39 \"snake\": unknown case `snake`: expected \"lowercase\", \"UPPERCASE\", \"PascalCase\", \"camelCase\", \"snake_case\", \"SCREAMING_SNAKE_CASE\", \"kebab-case\" or \"SCREAMING-KEBAB-CASE\"",
            "3:26 \"nope\": unknown case `nope`: expected \"lowercase\", \"UPPERCASE\", \"PascalCase\", \"camelCase\", \"snake_case\", \"SCREAMING_SNAKE_CASE\", \"kebab-case\" or \"SCREAMING-KEBAB-CASE\"",
            "5:26 \"nope\": unknown case `nope`: expected \"lowercase\", \"UPPERCASE\", \"PascalCase\", \"camelCase\", \"snake_case\", \"SCREAMING_SNAKE_CASE\", \"kebab-case\" or \"SCREAMING-KEBAB-CASE\"",
        ],
    );
    refused(
        "#[serde(transparent)]\nstruct S;",
        BOTH,
        &["1:9 transparent: `transparent` needs a struct with a single unnamed field: write `struct Name(Payload);`"],
    );
}
