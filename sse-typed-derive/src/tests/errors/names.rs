//! Event types, and what tells variants of one event type apart.

use crate::tests::{BOTH, DECODE, ENCODE, accepted, refused};

#[test]
fn two_variants_with_one_event_type_are_shown_both() {
    refused(
        "enum E {\n    #[sse(rename = \"x\")]\n    A,\n    B(u8),\n    #[sse(alias = \"x\")]\n    C,\n}",
        BOTH,
        &[
            "5:19 \"x\": `A` and `C` both have the event type `x`: rename one with `#[sse(rename = \"..\")]`, or tell them apart \
             by `#[sse(data = \"..\")]` or `#[sse(key = \"..\")]`",
            "2:20 \"x\": `x` is first the event type of this one",
        ],
    );
    refused(
        "#[sse(rename_all = \"lowercase\")]\nenum E { Ab, AB }",
        ENCODE,
        &[
            "2:14 AB: `Ab` and `AB` both have the event type `ab`: rename one with `#[sse(rename = \"..\")]`, or tell them apart \
             by `#[sse(data = \"..\")]` or `#[sse(key = \"..\")]`",
            "2:10 Ab: `ab` is first the event type of this one",
        ],
    );
    refused(
        "enum E { #[sse(alias = \"A\")] A }",
        BOTH,
        &["1:24 \"A\": `A` has the event type `A` already: remove the alias"],
    );
    accepted("enum E { A, #[sse(skip, rename = \"A\")] B }", BOTH);
}

#[test]
fn sentinels_and_keys_tell_variants_of_one_event_type_apart() {
    accepted(
        "enum E { #[sse(message)] A(V), #[sse(message, data = \"[DONE]\")] B, #[sse(message, data = \"x\")] C, \
         #[sse(message, key = \"error\")] D { error: V } }",
        BOTH,
    );
    refused(
        "enum E {\n    #[sse(message, data = \"x\")]\n    A,\n    #[sse(message, data = \"x\")]\n    B,\n}",
        BOTH,
        &[
            "4:11 message: `A` and `B` both have the event type `message` and are told apart by the same text: change one",
            "2:11 message: `message` is first the event type of this one",
        ],
    );
    refused(
        "enum E {\n    #[sse(message, text)]\n    A(String),\n    #[sse(message, data = \"x\")]\n    B,\n}",
        BOTH,
        &[
            "4:11 message: `A` takes any text under the event type `message`, so no `data` can be told from it: `text` needs an \
             event type of its own",
            "2:11 message: `message` is first the event type of this one",
        ],
    );
    refused(
        "enum E {\n    #[sse(message, data = \"17\")]\n    A,\n    #[sse(message)]\n    B(u8),\n    #[sse(rename = \"x\")]\n    C,\n    #[sse(rename = \"x\", data = \"null\")]\n    D,\n}",
        BOTH,
        &[
            "4:11 message: `B` could have the data `17` too, so it does not tell `A` apart: choose data that is no JSON",
            "2:11 message: `message` is first the event type of this one",
            "8:20 \"x\": `C` could have the data `null` too, so it does not tell `D` apart: choose data that is no JSON",
            "6:20 \"x\": `x` is first the event type of this one",
        ],
    );
    refused(
        "enum E {\n    #[sse(message)]\n    A { error: Option<u8> },\n    #[sse(message, key = \"error\")]\n    B { error: u8 },\n    #[sse(message, key = \"eror\")]\n    C { error: u8 },\n    #[sse(message, key = \"x\")]\n    D { #[serde(flatten)] rest: Rest },\n}",
        BOTH,
        &[
            "6:26 \"eror\": no field of `C` is `eror` in JSON: name the key after one",
            "4:11 message: `A` has a field `error` too, so that key does not tell `B` apart: choose one that `A` has not",
            "2:11 message: `message` is first the event type of this one",
        ],
    );
    accepted("enum E { #[sse(message, data = \"17\")] A, #[sse(message)] B { c: u8 } }", BOTH);
    refused(
        "enum E { #[sse(data = \"x\")] A(u8), #[sse(key = \"x\")] B, #[sse(data = \"a\\rb\")] C }",
        BOTH,
        &[
            "1:23 \"x\": `data` is all that the event says: make `A` a unit variant",
            "1:48 \"x\": `key` looks into the data, and a unit variant has none: give it a payload",
            "1:70 \"a\\rb\": a carriage return arrives as a line feed, so this data would never be matched: use `\\n`",
        ],
    );
}

#[test]
fn a_name_that_cannot_travel_is_refused_at_its_token() {
    refused(
        "enum E {\n    #[sse(rename = \"\")]\n    A,\n    #[sse(rename = \" b\")]\n    B,\n    #[sse(rename = \"c\\n\", alias = \"d\\r\\0\")]\n    C,\n}",
        BOTH,
        &[
            "2:20 \"\": an empty event type is no event type: clients read it as `message`; `#[sse(message)]` sends an event \
             without one",
            "4:20 \" b\": the event type ` b` begins with a space, which is almost surely a slip: remove it",
            "6:20 \"c\\n\": the event type `c\\n` has a line feed, which cannot stand in an `event:` line: remove it",
            "6:35 \"d\\r\\0\": the event type `d\\r\\0` has a carriage return, which cannot stand in an `event:` line: remove it",
            "6:35 \"d\\r\\0\": the event type `d\\r\\0` has a NUL, which the standard permits, but where many programs end a text: remove it",
        ],
    );
    refused(
        "#[sse(prefix = \" x.\", ignore(\"\"))]\nenum E { A }",
        BOTH,
        &[
            "1:16 \" x.\": the event type ` x.A` begins with a space, which is almost surely a slip: remove it",
            "1:30 \"\": an empty event type is no event type: clients read it as `message`; `#[sse(message)]` sends an event \
             without one",
        ],
    );
}

#[test]
fn the_names_of_a_browser_s_own_events_are_refused_where_they_are_sent() {
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
fn an_ignored_type_is_no_variant_s() {
    refused(
        "#[sse(ignore(\"a\", \"x\", \"a\"))]\nenum E { #[sse(rename = \"x\")] X }",
        BOTH,
        &[
            "1:19 \"x\": `x` is the event type of `X`, so it is not ignored: remove it here",
            "1:24 \"a\": `a` is ignored already: remove it",
        ],
    );
}
