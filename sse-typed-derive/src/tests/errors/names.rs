//! Event types, and what tells variants of one event type apart.

use crate::tests::{BOTH, DECODE, ENCODE, accepted, refused};

#[test]
fn two_variants_with_the_same_event_type_are_both_reported() {
    refused(
        "enum E {\n    #[sse(rename = \"x\")]\n    A,\n    B(u8),\n    #[sse(alias = \"x\")]\n    C,\n}",
        BOTH,
        &[
            "5:19 \"x\": `A` and `C` both have the event type `x`: rename one with `#[sse(rename = \"..\")]`, or tell them apart \
             by `#[sse(data = \"..\")]` or `#[sse(key = \"..\")]`",
            "2:20 \"x\": `x` is already the event type of this variant",
        ],
    );
    refused(
        "#[sse(rename_all = \"lowercase\")]\nenum E { Ab, AB }",
        ENCODE,
        &[
            "2:14 AB: `Ab` and `AB` both have the event type `ab`: rename one with `#[sse(rename = \"..\")]`, or tell them apart \
             by `#[sse(data = \"..\")]` or `#[sse(key = \"..\")]`",
            "2:10 Ab: `ab` is already the event type of this variant",
        ],
    );
    refused(
        "enum E { #[sse(alias = \"A\")] A }",
        BOTH,
        &["1:24 \"A\": `A` already has the event type `A`: remove the alias"],
    );
    accepted("enum E { A, #[sse(skip, rename = \"A\")] B }", BOTH);
}

#[test]
fn sentinels_and_keys_that_do_not_tell_variants_apart_are_refused() {
    accepted(
        "enum E { #[sse(message)] A(V), #[sse(message, data = \"[DONE]\")] B, #[sse(message, data = \"x\")] C, \
         #[sse(message, key = \"error\")] D { error: V } }",
        BOTH,
    );
    refused(
        "enum E {\n    #[sse(message, data = \"x\")]\n    A,\n    #[sse(message, data = \"x\")]\n    B,\n}",
        BOTH,
        &[
            "4:11 message: `A` and `B` both have the event type `message` and the same `data` or `key`: change one",
            "2:11 message: `message` is already the event type of this variant",
        ],
    );
    refused(
        "enum E {\n    #[sse(message, text)]\n    A(String),\n    #[sse(message, data = \"x\")]\n    B,\n}",
        BOTH,
        &[
            "4:11 message: `A` accepts any text with the event type `message`, so `data` cannot tell another variant from it: give the `text` variant an event type of its own",
            "2:11 message: `message` is already the event type of this variant",
        ],
    );
    refused(
        "enum E {\n    #[sse(message, data = \"17\")]\n    A,\n    #[sse(message)]\n    B(u8),\n    #[sse(rename = \"x\")]\n    C,\n    #[sse(rename = \"x\", data = \"null\")]\n    D,\n}",
        BOTH,
        &[
            "4:11 message: the data `17` may also be data of `B`, so it does not identify `A`: choose data that is not JSON",
            "2:11 message: `message` is already the event type of this variant",
            "8:20 \"x\": the data `null` may also be data of `C`, so it does not identify `D`: choose data that is not JSON",
            "6:20 \"x\": `x` is already the event type of this variant",
        ],
    );
    refused(
        "enum E {\n    #[sse(message)]\n    A { error: Option<u8> },\n    #[sse(message, key = \"error\")]\n    B { error: u8 },\n    #[sse(message, key = \"eror\")]\n    C { error: u8 },\n    #[sse(message, key = \"x\")]\n    D { #[serde(flatten)] rest: Rest },\n}",
        BOTH,
        &[
            "6:26 \"eror\": `C` has no field that is `eror` in JSON: use the JSON name of one of its fields",
            "4:11 message: `A` also has a field `error`, so the key does not identify `B`: choose a key that `A` does not have",
            "2:11 message: `message` is already the event type of this variant",
        ],
    );
    accepted("enum E { #[sse(message, data = \"17\")] A, #[sse(message)] B { c: u8 } }", BOTH);
    refused(
        "enum E { #[sse(data = \"x\")] A(u8), #[sse(key = \"x\")] B, #[sse(data = \"a\\rb\")] C }",
        BOTH,
        &[
            "1:23 \"x\": `data` is the complete data of the event: make `A` a unit variant",
            "1:48 \"x\": `key` names a key of the data, and a unit variant has no data: add a payload, or use `data = \"..\"`",
            "1:70 \"a\\rb\": a carriage return arrives as a line feed, so this data would never match: use `\\n`",
        ],
    );
}

#[test]
fn an_invalid_event_type_is_refused_at_its_token() {
    refused(
        "enum E {\n    #[sse(rename = \"\")]\n    A,\n    #[sse(rename = \" b\")]\n    B,\n    #[sse(rename = \"c\\n\", alias = \"d\\r\\0\")]\n    C,\n}",
        BOTH,
        &[
            "2:20 \"\": an event type cannot be empty, because clients read it as `message`: to send an event without an event type, use `#[sse(message)]`",
            "4:20 \" b\": the event type ` b` begins with a space, which is almost always a typo: remove it",
            "6:20 \"c\\n\": the event type `c\\n` has a line feed, which would end the `event:` line: remove it",
            "6:35 \"d\\r\\0\": the event type `d\\r\\0` has a carriage return, which would end the `event:` line: remove it",
            "6:35 \"d\\r\\0\": the event type `d\\r\\0` has a NUL, at which many programs end a string although the standard permits it: remove it",
        ],
    );
    refused(
        "#[sse(prefix = \" x.\", ignore(\"\"))]\nenum E { A }",
        BOTH,
        &[
            "1:16 \" x.\": the event type ` x.A` begins with a space, which is almost always a typo: remove it",
            "1:30 \"\": an event type cannot be empty, because clients read it as `message`: to send an event without an event type, use `#[sse(message)]`",
        ],
    );
}

#[test]
fn event_types_that_a_browser_reserves_are_refused_on_a_sent_type() {
    let input = "#[sse(rename_all = \"lowercase\")]\nenum E {\n    Error,\n    #[sse(rename = \"open\")]\n    A,\n}";
    let expected = [
        "3:5 Error: a browser's `EventSource` fires events of its own under the name `error`: choose another with \
         `#[sse(rename = \"..\")]`, or permit it with `#[sse(allow_reserved)]` on the type if no browser reads it",
        "4:20 \"open\": a browser's `EventSource` fires events of its own under the name `open`: choose another with \
         `#[sse(rename = \"..\")]`, or permit it with `#[sse(allow_reserved)]` on the type if no browser reads it",
    ];
    refused(input, BOTH, &expected);
    refused(input, ENCODE, &expected);
    accepted(input, DECODE);
    accepted(&input.replace("rename_all", "allow_reserved, rename_all"), BOTH);
}

#[test]
fn an_ignored_event_type_that_a_variant_declares_is_refused() {
    refused(
        "#[sse(ignore(\"a\", \"x\", \"a\"))]\nenum E { #[sse(rename = \"x\")] X }",
        BOTH,
        &[
            "1:19 \"x\": `x` is the event type of `X`, so it is not ignored: remove it here",
            "1:24 \"a\": `a` is already ignored: remove it",
        ],
    );
}
