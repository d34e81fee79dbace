//! The fields of variants, and the type as a whole.

use crate::tests::{BOTH, DECODE, ENCODE, accepted, refused};

#[test]
fn an_event_has_one_piece_of_data() {
    refused(
        "enum E {\n    A(u8, u16),\n    B(),\n}",
        BOTH,
        &[
            "2:6 (u8, u16): an event has one piece of data, and `A` has 2: name the fields, `A { .. }`, or hold one struct",
            "3:6 (): an event without data is a unit: write `B`",
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
fn there_is_one_catch_all_one_gap_and_one_id() {
    refused(
        "enum E {\n    #[sse(other)]\n    A(RawEvent),\n    #[sse(other)]\n    B(RawEvent),\n    #[sse(gap)]\n    C,\n    #[sse(gap)]\n    D,\n    F { #[sse(id)] a: u8, #[sse(id)] b: u8, #[sse(retry)] c: D, #[sse(retry)] d: D, #[sse(id, retry)] e: D },\n}",
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
            "3:30 why: a gap has the fields `missed: Option<u64>`, `reason: GapReason` and `part: Option<PartName>`, or holds a `Gap`, or nothing",
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
fn a_payload_that_is_json_text_already_is_refused_beside_a_tag_both_ways() {
    let of = |place: &str, ty: &str, variant: &str| {
        format!(
            "{place} {ty}: the tag `type` stands in the JSON object, and a `RawValue` is text that nothing is put into or taken \
             out of: hold a `HashMap<String, Box<RawValue>>`, or name the field, `{variant} {{ .. }}`"
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
fn a_payload_that_is_visibly_no_object_is_refused_beside_a_tag() {
    refused(
        "#[sse(tag = \"type\")]\nenum E<'a> {\n    A(u8),\n    B(std::string::String),\n    C(Vec<P>),\n    D(Option<P>),\n    F(&'a [u8]),\n    G([P; 3]),\n    H((P, P)),\n    I(Box<str>),\n    J(Cow<'a, str>),\n}",
        ENCODE,
        &[
            "3:7 u8: the tag `type` stands in a JSON object, and this type is never one: name the field, `A { .. }`, or hold a struct",
            "4:7 std::string::String: the tag `type` stands in a JSON object, and this type is never one: name the field, `B { .. }`, or hold a struct",
            "5:7 Vec<P>: the tag `type` stands in a JSON object, and this type is never one: name the field, `C { .. }`, or hold a struct",
            "6:7 Option<P>: the tag `type` stands in a JSON object, and this type is never one: name the field, `D { .. }`, or hold a struct",
            "7:7 &'a [u8]: the tag `type` stands in a JSON object, and this type is never one: name the field, `F { .. }`, or hold a struct",
            "8:7 [P; 3]: the tag `type` stands in a JSON object, and this type is never one: name the field, `G { .. }`, or hold a struct",
            "9:7 (P, P): the tag `type` stands in a JSON object, and this type is never one: name the field, `H { .. }`, or hold a struct",
            "10:7 Box<str>: the tag `type` stands in a JSON object, and this type is never one: name the field, `I { .. }`, or hold a struct",
            "11:7 Cow<'a, str>: the tag `type` stands in a JSON object, and this type is never one: name the field, `J { .. }`, or hold a struct",
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
fn a_key_that_is_the_tag_is_refused() {
    refused(
        "#[sse(tag = \"type\")]\nenum E { A { a: u8 }, #[sse(rename = \"A\", key = \"type\")] B(P) }",
        BOTH,
        &["2:49 \"type\": the tag is in the data of every variant, so this key tells none apart: choose another"],
    );
}

#[test]
fn an_empty_tag_or_key_is_refused() {
    refused(
        "#[sse(tag = \"\")]\nenum E { #[sse(key = \"\")] A(P) }",
        BOTH,
        &[
            "2:22 \"\": an empty key is almost surely a slip: name the one that this variant's data has",
            "1:13 \"\": an empty tag is almost surely a slip: name the key that says the event type",
        ],
    );
}

#[test]
fn nested_is_another_event_type() {
    refused(
        "enum E {\n    A,\n    #[sse(nested)]\n    B(Box<E>),\n    #[sse(nested)]\n    C(E),\n}",
        BOTH,
        &[
            "4:7 Box<E>: the event types of `E` cannot be among themselves: `nested` holds another event type",
            "6:7 E: the event types of `E` cannot be among themselves: `nested` holds another event type",
        ],
    );
    accepted("enum E { A, #[sse(nested)] B(other::E) }", BOTH);
}

#[test]
fn other_is_an_untyped_event() {
    refused(
        "enum E { #[sse(other)] A(String) }",
        BOTH,
        &["1:26 String: `other` holds an untyped event: write `A(RawEvent)`"],
    );
    accepted("enum E { #[sse(other)] A(sse_typed::RawEvent) }", BOTH);
}
