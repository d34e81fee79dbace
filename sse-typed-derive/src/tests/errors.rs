//! Every error: its words, and the token it stands at.

use super::{BOTH, DECODE, ENCODE, accepted, refused};

#[test]
fn an_unknown_attribute_is_answered_with_the_known_ones() {
    refused(
        "enum E {\n    #[sse(renam = \"x\", terminal)]\n    A,\n}",
        BOTH,
        &[
            "2:11 renam: unknown attribute `renam` (did you mean `rename`?): a variant takes `rename`, `alias`, `message`, `text`, `with`, `data`, `key`, \
           `other`, `nested`, `terminal`, `error`, `gap`, `skip`, `as`",
        ],
    );
    refused(
        "#[sse(renameall = \"x\")]\nenum E { A }",
        BOTH,
        &[
            "1:7 renameall: unknown attribute `renameall` (did you mean `rename_all`?): an enum takes `rename_all`, `rename_all_fields`, `prefix`, `tag`, \
           `ignore`, `allow_reserved`, `crate`, `bound`",
        ],
    );
    refused(
        "enum E { A { #[sse(ident(u8), default = 3)] a: u8 } }",
        BOTH,
        &[
            "1:20 ident: unknown attribute `ident`: a field takes `as`, `id`, `retry`",
            "1:31 default: unknown attribute `default`: a field takes `as`, `id`, `retry`",
        ],
    );
}

#[test]
fn an_attribute_in_the_wrong_place_is_told_where_it_belongs() {
    refused(
        "#[sse(terminal)]\nenum E {\n    #[sse(tag = \"x\")]\n    A,\n}",
        BOTH,
        &[
            "1:7 terminal: `terminal` belongs on a variant or a struct, not on an enum",
            "3:11 tag: `tag` belongs on an enum or a struct, not on a variant",
        ],
    );
    refused("#[sse(other)]\nstruct S(u8);", BOTH, &["1:7 other: `other` belongs on a variant, not on a struct"]);
}

#[test]
fn an_attribute_of_the_wrong_form_is_told_the_right_one() {
    refused(
        "#[sse(ignore = \"x\", allow_reserved = true, bound(to = \"T\"))]\nenum E {\n    #[sse(rename, alias(\"b\"), message())]\n    A,\n}",
        BOTH,
        &[
            "1:7 ignore: expected `ignore(\"..\", ..)`",
            "1:21 allow_reserved: expected `allow_reserved`",
            "1:50 to: expected `serialize = \"..\"` or `deserialize = \"..\"`",
            "3:11 rename: expected `rename = \"..\"`",
            "3:19 alias: expected `alias = \"..\"`",
            "3:31 message: expected `message`",
        ],
    );
    refused(
        "#[sse(rename = 3)]\nstruct E { #[sse(id(xml))] a: u8 }",
        BOTH,
        &["1:16 3: expected a string: `rename = \"..\"`", "2:18 id: expected `id` or `id(json)`"],
    );
    refused(
        "#[sse(rename_all = \"snake\")]\nenum E { A }",
        BOTH,
        &[
            "1:20 \"snake\": unknown case `snake`: expected \"lowercase\", \"UPPERCASE\", \"PascalCase\", \"camelCase\", \
         \"snake_case\", \"SCREAMING_SNAKE_CASE\", \"kebab-case\" or \"SCREAMING-KEBAB-CASE\"",
        ],
    );
}

#[test]
fn an_attribute_that_is_given_twice_is_told_so() {
    refused(
        "enum E {\n    #[sse(rename = \"a\")]\n    #[sse(rename = \"b\")]\n    A,\n}",
        BOTH,
        &["3:11 rename: `rename` is given twice: remove one"],
    );
    accepted("#[sse(ignore(\"a\"), ignore(\"b\"))] enum E { #[sse(alias = \"c\", alias = \"d\")] A }", BOTH);
}

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
        &[
            "1:24 \"A\": `A` has the event type `A` already: remove the alias",
            "1:30 A: `A` is first the event type of this one",
        ],
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
            "6:35 \"d\\r\\0\": the event type `d\\r\\0` has a NUL, which cannot stand in an `event:` line: remove it",
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
fn an_event_has_one_piece_of_data() {
    refused(
        "enum E {\n    A(u8, u16),\n    B(),\n}",
        BOTH,
        &[
            "2:6 (u8, u16): an event has one piece of data, and `A` has 2: name the fields, `A { .. }`, or hold one struct",
            "3:6 (): an event has one piece of data, and `B` has 0: name the fields, `B { .. }`, or hold one struct",
        ],
    );
    refused(
        "union U { a: u8 }",
        BOTH,
        &["1:1 union: a union cannot be an event: its bytes do not say what it holds; derive on an enum or a struct"],
    );
    accepted("enum E { #[sse(skip)] A(u8, u16) }", BOTH);
}

#[test]
fn forms_of_data_ask_for_the_fields_they_need() {
    refused(
        "enum E {\n    #[sse(text)]\n    A,\n    #[sse(text)]\n    B { a: u8, b: u8, #[sse(id)] c: u8 },\n    #[sse(other)]\n    C,\n    #[sse(with = \"m\")]\n    D { a: u8 },\n    #[sse(nested)]\n    F {},\n}",
        BOTH,
        &[
            "2:11 text: `text` needs data: write `A(Payload)`",
            "4:11 text: `text` needs exactly one field besides id and retry, and `B` has 2",
            "6:11 other: `other` needs data: write `C(RawEvent)`",
            "8:11 with: `with` needs a single unnamed field: write `D(Payload)`",
            "10:11 nested: `nested` needs a single unnamed field: write `F(Payload)`",
        ],
    );
}

#[test]
fn attributes_that_contradict_each_other_are_refused() {
    refused(
        "enum E {\n    #[sse(text, with = \"m\")]\n    A(u8),\n    #[sse(message, rename = \"x\")]\n    B,\n    #[sse(skip, other)]\n    C(R),\n    #[sse(nested, terminal)]\n    D(N),\n}",
        BOTH,
        &[
            "2:17 with: `with` cannot stand beside `text`: remove one",
            "4:11 message: `message` cannot stand beside `rename`: remove one",
            "6:17 other: `other` cannot stand beside `skip`: remove one",
            "8:19 terminal: `terminal` cannot stand beside `nested`: remove one",
        ],
    );
}

#[test]
fn there_is_one_catch_all_one_gap_and_one_id() {
    refused(
        "enum E {\n    #[sse(other)]\n    A(R),\n    #[sse(other)]\n    B(R),\n    #[sse(gap)]\n    C,\n    #[sse(gap)]\n    D,\n    F { #[sse(id)] a: u8, #[sse(id)] b: u8, #[sse(retry)] c: D, #[sse(retry)] d: D, #[sse(id, retry)] e: D },\n}",
        BOTH,
        &[
            "10:33 id: an event has one id: only one field can be `#[sse(id)]`",
            "10:71 retry: an event has one reconnection time: only one field can be `#[sse(retry)]`",
            "10:95 retry: `retry` cannot stand beside `id`: remove one",
            "10:91 id: an event has one id: only one field can be `#[sse(id)]`",
            "8:11 gap: lost history is told by one event, and `C` is it already: only one variant can be `gap`",
            "4:11 other: unknown event types go to one variant, and `A` is it already: only one variant can be `other`",
        ],
    );
}

#[test]
fn a_gap_has_the_fields_of_a_gap() {
    refused(
        "enum E {\n    #[sse(gap)]\n    G { missed: Option<u64>, why: String, #[sse(id)] id: u8 },\n}",
        BOTH,
        &[
            "2:11 gap: a gap is told by the hub, which gives it its id: remove the `id` and `retry` fields",
            "3:30 why: a gap has the fields `missed: Option<u64>` and `reason: GapReason`, or holds a `Gap`, or nothing",
        ],
    );
}

#[test]
fn id_and_retry_stand_on_named_fields() {
    refused(
        "enum E { A(#[sse(id)] u8) }",
        BOTH,
        &["1:18 id: `id` and `retry` stand on named fields: write `A { .. }` with a name for each"],
    );
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

#[test]
fn a_field_with_the_name_of_the_tag_is_refused() {
    refused(
        "#[sse(tag = \"type\")]\nenum E {\n    A { r#type: u8 },\n    B { #[serde(rename = \"type\")] kind: u8, #[sse(id)] id: u8 },\n    #[serde(rename_all = \"lowercase\")]\n    C { r#type: u8 },\n    D { #[serde(skip)] r#type: u8 },\n}",
        BOTH,
        &[
            "3:9 r#type: this field is `type` in JSON, as is the tag: rename it with `#[serde(rename = \"..\")]`, or choose \
             another tag",
            "4:35 kind: this field is `type` in JSON, as is the tag: rename it with `#[serde(rename = \"..\")]`, or choose \
             another tag",
            "6:9 r#type: this field is `type` in JSON, as is the tag: rename it with `#[serde(rename = \"..\")]`, or choose \
             another tag",
        ],
    );
    refused(
        "#[sse(tag = \"t\")]\nstruct S(u8);",
        BOTH,
        &["1:13 \"t\": `tag` on a struct needs named fields, beside which the tag can stand"],
    );
}

#[test]
fn a_type_that_is_received_cannot_borrow() {
    let input = "enum E<'a> { A(&'a str) }";
    refused(
        input,
        BOTH,
        &[
            "1:8 'a: a received event cannot borrow its data: derive `EncodeEvent` if the type is only sent, or own the data",
        ],
    );
    refused(
        input,
        DECODE,
        &[
            "1:8 'a: a received event cannot borrow its data: own the data, or derive `EncodeEvent` on a type that is only sent",
        ],
    );
    accepted(input, ENCODE);
}

#[test]
fn a_nested_payload_that_depends_on_a_type_parameter_is_refused() {
    refused(
        "enum E<T> {\n    #[sse(nested)]\n    A(T),\n    #[sse(nested)]\n    B(Topic<T>),\n    #[sse(nested)]\n    C(Other),\n}",
        BOTH,
        &[
            "3:7 T: the event types of a type parameter are not known here: `nested` needs a type without parameters of its own",
            "5:7 Topic<T>: the event types of a type parameter are not known here: `nested` needs a type without parameters of \
             its own",
        ],
    );
}

#[test]
fn serde_s_attributes_that_would_change_the_data_are_refused() {
    refused(
        "#[serde(tag = \"t\", content = \"c\")]\nenum E {\n    #[serde(with = \"m\")]\n    A(u8),\n    #[serde(untagged)]\n    B(u8),\n    #[serde(rename(serialize = \"x\", deserialize = \"y\"))]\n    C,\n    #[serde(other)]\n    D(u8),\n}",
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
        let errors = super::errors(&format!("#[serde({attr})]\nenum E {{ A }}"), BOTH);
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
fn what_is_no_rust_is_refused_at_its_text() {
    refused(
        "#[sse(crate = \"1x\", bound = \"T\")]\nenum E { #[sse(with = \"a b\")] A(u8), #[sse(as = \"<\", text)] B(u8), #[sse(as = \"u8\")] C }",
        BOTH,
        &[
            "1:29 \"T\": this is no where clause such as `\"T: Trait\"`: expected `:`",
            "2:23 \"a b\": expected `with = \"module\"`",
            "2:49 \"<\": expected `as = \"Type\"`",
            "2:74 as: `as` names the type that stands on the wire, and this event has no data of a type",
            "1:15 \"1x\": expected `crate = \"path\"`",
        ],
    );
}

#[test]
fn errors_of_all_kinds_are_reported_at_once() {
    let errors = super::errors(
        "#[sse(renam_all = \"x\")] enum E { #[sse(rename = \"\")] A(u8, u8), #[sse(other)] B, C { #[sse(idd)] c: u8 }, Error, error }",
        BOTH,
    );
    assert_eq!(errors.len(), 6, "{}", errors.join("\n"));
}

#[test]
fn a_context_that_is_dropped_unread_panics() {
    let dropped = std::panic::catch_unwind(|| drop(crate::ctxt::Ctxt::new()));
    assert!(dropped.is_err());
}

#[test]
fn with_an_error_all_impls_are_there_all_the_same() {
    let tokens = crate::expand(syn::parse_str("#[sse(nonsense, crate = \"my::sse\")] enum E { A }").unwrap(), BOTH);
    let file = prettyplease::unparse(&syn::parse2(tokens).unwrap());
    for implemented in ["EventKind", "EncodeEvent", "HubEvent", "GapEvent", "DecodeEvent"] {
        assert!(file.contains(&format!("impl my::sse::__private::{implemented} for E")), "{file}");
    }
}
