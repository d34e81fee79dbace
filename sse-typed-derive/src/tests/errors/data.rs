//! The fields of variants, and the type as a whole.

use crate::tests::{BOTH, DECODE, ENCODE, accepted, refused};

#[test]
fn a_variant_with_several_unnamed_fields_is_refused() {
    refused(
        "enum E {\n    A(u8, u16),\n    B(),\n}",
        BOTH,
        &[
            "2:6 (u8, u16): the data of an event is one JSON value, and `A` has 2 fields: name the fields, `A { .. }`, or hold one struct",
            "3:6 (): an event without data is a unit variant: write `B`",
        ],
    );
    refused(
        "union U { a: u8 }",
        BOTH,
        &["1:1 union: a union cannot be an event, because its active field is not known: use an enum or a struct"],
    );
    accepted("enum E { #[sse(skip)] A(u8, u16) }", BOTH);
}

#[test]
fn a_data_format_without_the_fields_it_needs_is_refused() {
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
fn a_second_catch_all_gap_or_id_is_refused() {
    refused(
        "enum E {\n    #[sse(other)]\n    A(RawEvent),\n    #[sse(other)]\n    B(RawEvent),\n    #[sse(gap)]\n    C,\n    #[sse(gap)]\n    D,\n    F { #[sse(id)] a: u8, #[sse(id)] b: u8, #[sse(retry)] c: D, #[sse(retry)] d: D, #[sse(id, retry)] e: D },\n}",
        BOTH,
        &[
            "10:33 id: an event has one id: only one field can be `#[sse(id)]`",
            "10:71 retry: an event has one reconnection time: only one field can be `#[sse(retry)]`",
            "10:95 retry: `retry` and `id` contradict each other: remove one",
            "10:91 id: an event has one id: only one field can be `#[sse(id)]`",
            "8:11 gap: one event reports lost history, and `C` is already `gap`: remove one",
            "4:11 other: one variant takes unknown event types, and `A` is already `other`: remove one",
        ],
    );
}

#[test]
fn a_gap_variant_with_other_fields_than_a_gap_is_refused() {
    refused(
        "enum E {\n    #[sse(gap)]\n    G { missed: Option<u64>, why: String, #[sse(id)] id: u8 },\n}",
        BOTH,
        &[
            "2:11 gap: a hub creates the gap event and its id: remove the `id` and `retry` fields",
            "3:30 why: a `gap` variant has only the fields `missed: Option<u64>`, `reason: GapReason` and `part: Option<PartName>`; or it holds a `Gap`, or nothing",
        ],
    );
}

#[test]
fn id_and_retry_on_unnamed_fields_are_refused() {
    refused("enum E { A(#[sse(id)] u8) }", BOTH, &["1:18 id: `id` and `retry` need named fields: write `A { .. }`"]);
}

#[test]
fn a_field_named_like_the_tag_is_refused() {
    refused(
        "#[sse(tag = \"type\")]\nenum E {\n    A { r#type: u8 },\n    B { #[serde(rename = \"type\")] kind: u8, #[sse(id)] id: u8 },\n    #[serde(rename_all = \"lowercase\")]\n    C { r#type: u8 },\n    D { #[serde(skip)] r#type: u8 },\n}",
        BOTH,
        &[
            "3:9 r#type: this field has the same JSON name as the tag, `type`: rename it with `#[serde(rename = \"..\")]`, or choose another tag",
            "4:35 kind: this field has the same JSON name as the tag, `type`: rename it with `#[serde(rename = \"..\")]`, or choose another tag",
            "6:9 r#type: this field has the same JSON name as the tag, `type`: rename it with `#[serde(rename = \"..\")]`, or choose another tag",
        ],
    );
    refused(
        "#[sse(tag = \"t\")]\nstruct S(u8);",
        BOTH,
        &["1:13 \"t\": `tag` on a struct needs named fields, because the tag becomes one of them"],
    );
}

#[test]
fn a_lifetime_on_a_received_type_is_refused() {
    let input = "enum E<'a> { A(&'a str) }";
    refused(
        input,
        BOTH,
        &[
            "1:8 'a: a received event must own its data: use an owned type, or derive `EncodeEvent` alone if the type is only sent",
        ],
    );
    refused(
        input,
        DECODE,
        &[
            "1:8 'a: a received event must own its data: use an owned type, or derive `EncodeEvent` instead if the type is only sent",
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
            "3:7 T: the event types of a type parameter are not known at the derive: use a payload that does not depend on a type parameter",
            "5:7 Topic<T>: the event types of a type parameter are not known at the derive: use a payload that does not depend on a type parameter",
        ],
    );
}

#[test]
fn a_raw_value_with_a_tag_is_refused_for_sending_and_receiving() {
    let of = |place: &str, ty: &str, variant: &str| {
        format!(
            "{place} {ty}: the tag `type` is inside the JSON object, and a `RawValue` is copied without changes: \
             hold a `HashMap<String, Box<RawValue>>`, or name the field, `{variant} {{ .. }}`"
        )
    };
    let source = "#[sse(tag = \"type\")]\nenum E {\n    A(Box<RawValue>),\n    B(std::sync::Arc<serde_json::value::RawValue>),\n}";
    let errors = [of("3:7", "Box<RawValue>", "A"), of("4:7", "std::sync::Arc<serde_json::value::RawValue>", "B")];
    let errors = errors.each_ref().map(String::as_str);
    refused(source, BOTH, &errors);
    refused(source, ENCODE, &errors);
    refused(source, DECODE, &errors);
    accepted(
        "#[sse(tag = \"type\")]\nenum E {\n    A { raw: Box<RawValue> },\n    B(HashMap<String, Box<RawValue>>),\n    \
         #[sse(skip)] C(Box<RawValue>),\n    D(#[serde(with = \"own\")] Box<RawValue>),\n}",
        BOTH,
    );
    accepted("enum E {\n    A(Box<RawValue>),\n}", BOTH);
}

#[test]
fn a_payload_that_is_visibly_not_an_object_is_refused_with_a_tag() {
    refused(
        "#[sse(tag = \"type\")]\nenum E<'a> {\n    A(u8),\n    B(std::string::String),\n    C(Vec<P>),\n    D(Option<P>),\n    F(&'a [u8]),\n    G([P; 3]),\n    H((P, P)),\n    I(Box<str>),\n    J(Cow<'a, str>),\n}",
        ENCODE,
        &[
            "3:7 u8: the tag `type` needs a JSON object, and this type is never one: name the field, `A { .. }`, or hold a struct",
            "4:7 std::string::String: the tag `type` needs a JSON object, and this type is never one: name the field, `B { .. }`, or hold a struct",
            "5:7 Vec<P>: the tag `type` needs a JSON object, and this type is never one: name the field, `C { .. }`, or hold a struct",
            "6:7 Option<P>: the tag `type` needs a JSON object, and this type is never one: name the field, `D { .. }`, or hold a struct",
            "7:7 &'a [u8]: the tag `type` needs a JSON object, and this type is never one: name the field, `F { .. }`, or hold a struct",
            "8:7 [P; 3]: the tag `type` needs a JSON object, and this type is never one: name the field, `G { .. }`, or hold a struct",
            "9:7 (P, P): the tag `type` needs a JSON object, and this type is never one: name the field, `H { .. }`, or hold a struct",
            "10:7 Box<str>: the tag `type` needs a JSON object, and this type is never one: name the field, `I { .. }`, or hold a struct",
            "11:7 Cow<'a, str>: the tag `type` needs a JSON object, and this type is never one: name the field, `J { .. }`, or hold a struct",
        ],
    );
    accepted(
        "#[sse(tag = \"type\")] enum E { A(P), B(Box<P>), C(()), D(BTreeMap<String, u8>), F(#[serde(with = \"m\")] u8), #[sse(text)] G(u8), #[sse(skip)] H(u8) }",
        BOTH,
    );
    accepted("#[sse(tag = \"type\")] enum E { A(u8) }", DECODE);
    accepted("enum E { A(u8) }", BOTH);
}

#[test]
fn a_key_equal_to_the_tag_is_refused() {
    refused(
        "#[sse(tag = \"type\")]\nenum E { A { a: u8 }, #[sse(rename = \"A\", key = \"type\")] B(P) }",
        BOTH,
        &[
            "2:49 \"type\": the data of every variant has the tag, so this key does not tell variants apart: choose another key",
        ],
    );
}

#[test]
fn an_empty_tag_or_key_is_refused() {
    refused(
        "#[sse(tag = \"\")]\nenum E { #[sse(key = \"\")] A(P) }",
        BOTH,
        &[
            "2:22 \"\": the key is empty, which is almost always a typo: write a key of this variant's data",
            "1:13 \"\": the tag is empty, which is almost always a typo: write the key that repeats the event type",
        ],
    );
}

#[test]
fn a_type_nested_in_itself_is_refused() {
    refused(
        "enum E {\n    A,\n    #[sse(nested)]\n    B(Box<E>),\n    #[sse(nested)]\n    C(E),\n}",
        BOTH,
        &[
            "4:7 Box<E>: `E` cannot be nested in itself: use another event type as the payload",
            "6:7 E: `E` cannot be nested in itself: use another event type as the payload",
        ],
    );
    accepted("enum E { A, #[sse(nested)] B(other::E) }", BOTH);
}

#[test]
fn other_with_a_type_other_than_raw_event_is_refused() {
    refused(
        "enum E { #[sse(other)] A(String) }",
        BOTH,
        &["1:26 String: `other` holds an untyped event: write `A(RawEvent)`"],
    );
    accepted("enum E { #[sse(other)] A(sse_typed::RawEvent) }", BOTH);
}
