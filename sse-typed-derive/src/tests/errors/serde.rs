//! serde's attributes.

use crate::tests::{BOTH, accepted, refused};

#[test]
fn serde_s_attributes_that_would_change_the_data_are_refused() {
    refused(
        "#[serde(tag = \"t\", content = \"c\")]\nenum E {\n    #[serde(with = \"m\")]\n    A(P),\n    #[serde(untagged)]\n    B(P),\n    #[serde(rename(serialize = \"x\", deserialize = \"y\"))]\n    C,\n    #[serde(other)]\n    D(P),\n}",
        BOTH,
        &[
            "1:20 content: `#[serde(content)]` cannot be kept on an event: an event's data stands alone, not under a key: use \
             `#[sse(tag = \"..\")]` to repeat the event type in it",
            "3:13 with: `#[serde(with)]` cannot be kept on an event: a variant's own codec is written as `#[sse(with = \
             \"module\")]`",
            "5:13 untagged: `#[serde(untagged)]` cannot be kept on an event: the event type tells variants apart: `#[sse(other)]` \
             takes unknown ones, and `#[sse(key = \"..\")]` tells variants of one event type apart",
            "7:13 rename(serialize = \"x\", deserialize = \"y\"): an event type is the same on both sides: use `#[sse(rename = \
             \"..\")]`, and `#[sse(alias = \"..\")]` for a second one that is read",
            "9:13 other: `#[serde(other)]` needs a unit variant: `#[sse(other)]` on `Other(RawEvent)` keeps the data",
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
        assert!(errors[0].starts_with(&format!("1:9 {word}: `#[serde({word})]` cannot be kept")), "{errors:?}");
        assert!(errors[0].contains("#[sse("), "{errors:?}");
    }
    refused(
        "#[serde(rename_all(serialize = \"lowercase\"))]\nenum E { A }",
        BOTH,
        &["1:9 rename_all(serialize = \"lowercase\"): an event type is the same on both sides: say which one with \
         `#[sse(rename_all = \"..\")]`"],
    );
}

#[test]
fn serde_s_attributes_that_would_be_overlooked_are_refused() {
    refused(
        "#[serde(default, expecting = \"x\", transparent)]\nenum E {\n    A {\n        #[sse(id)]\n        #[serde(default, rename = \"q\")]\n        id: u64,\n        #[sse(retry)]\n        #[serde(nonsense)]\n        retry: D,\n        #[sse(id)]\n        #[serde(skip)]\n        twice: u8,\n    },\n    #[sse(text)]\n    B(#[serde(with = \"m\")] String),\n    #[sse(other)]\n    C(#[serde(flatten)] RawEvent),\n}",
        BOTH,
        &[
            "1:9 default: `#[serde(default)]` cannot be kept on an event: a variant has no missing fields to take from it: write `#[serde(default)]` on a field",
            "1:35 transparent: `#[serde(transparent)]` cannot be kept on an event: the data of `Variant(Payload)` is the payload's: remove it",
            "10:15 id: an event has one id: only one field can be `#[sse(id)]`",
            "5:17 default: this field is not in the JSON, and serde does not see it: remove `#[serde(default)]`",
            "5:26 rename: this field is not in the JSON, and serde does not see it: remove `#[serde(rename)]`",
            "8:17 nonsense: this field is not in the JSON, and serde does not see it: remove `#[serde(nonsense)]`",
            "15:15 with: this field is not in the JSON, and serde does not see it: remove `#[serde(with)]`",
            "17:15 flatten: this field is not in the JSON, and serde does not see it: remove `#[serde(flatten)]`",
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
        &["1:9 transparent: a struct that is its only field on the wire is a newtype: write `struct Name(Payload);`"],
    );
}
