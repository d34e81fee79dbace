//! `failed`, `stopped` and `lost`.

use crate::tests::{BOTH, DECODE, ENCODE, accepted, refused};

#[test]
fn the_ends_of_a_run_in_all_their_forms_are_accepted() {
    for failed in ["Failed { reason: String }", "Failed", "Failed {}"] {
        accepted(
            &format!(
                "enum E {{ A(u8), #[sse(terminal, failed)] {failed}, #[sse(terminal, stopped)] Stopped, #[sse(lost, terminal)] Lost {{}} }}"
            ),
            BOTH,
        );
    }
    accepted(
        "#[sse(tag = \"type\")] enum E<T> { #[sse(terminal, failed, error)] F { #[serde(rename = \"errorText\")] reason: T } }",
        BOTH,
    );
    accepted("enum E { #[sse(terminal, failed, text)] F { reason: String } }", BOTH);
    accepted(
        "enum E { A(u8), #[sse(rename = \"A\", key = \"reason\", terminal, failed)] F { reason: String } }",
        DECODE,
    );
    accepted("enum E<'a> { #[sse(terminal, failed)] F { reason: Cow<'a, str> } }", ENCODE);
    accepted(
        "enum E { #[sse(message)] A { a: u8 }, #[sse(message, data = \"[STOPPED]\", terminal, stopped)] S }",
        BOTH,
    );
}

#[test]
fn an_end_that_is_not_terminal_is_refused() {
    refused(
        "enum E {\n    #[sse(failed)]\n    F { reason: String },\n    #[sse(stopped)]\n    S,\n    #[sse(lost, error)]\n    L,\n}",
        BOTH,
        &[
            "2:11 failed: nothing follows the event that reports the end of a run: write `#[sse(terminal, failed)]`",
            "4:11 stopped: nothing follows the event that reports the end of a run: write `#[sse(terminal, stopped)]`",
            "6:11 lost: nothing follows the event that reports the end of a run: write `#[sse(terminal, lost)]`",
        ],
    );
}

#[test]
fn a_second_event_for_one_end_is_refused() {
    refused(
        "enum E {\n    #[sse(terminal, failed)]\n    A,\n    #[sse(terminal, failed)]\n    B,\n    #[sse(terminal, stopped)]\n    C,\n    #[sse(terminal, stopped)]\n    D,\n    #[sse(terminal, lost)]\n    F,\n    #[sse(terminal, lost)]\n    G,\n}",
        BOTH,
        &[
            "4:21 failed: one event reports this end of a run, and `A` is already `failed`: remove one",
            "8:21 stopped: one event reports this end of a run, and `C` is already `stopped`: remove one",
            "12:21 lost: one event reports this end of a run, and `F` is already `lost`: remove one",
        ],
    );
}

#[test]
fn other_data_than_a_reason_is_refused() {
    refused(
        "enum E {\n    #[sse(terminal, failed)]\n    F { reason: String, code: u8 },\n    #[sse(terminal, stopped)]\n    S { reason: String },\n    #[sse(terminal, lost)]\n    L(u8),\n}",
        BOTH,
        &[
            "3:25 code: a `failed` variant has only the field `reason`, or nothing: write `F { reason: String }`",
            "5:9 reason: a `stopped` variant has no data: write `S`",
            "7:7 u8: a `lost` variant has no data: write `L`",
        ],
    );
    for (attributes, ty) in [("", "String"), (", text", "String"), (", with = \"m\"", "Row")] {
        let input = format!("enum E {{\n    #[sse(terminal, failed{attributes})]\n    F({ty}),\n}}");
        let error = format!(
            "3:7 {ty}: a `failed` variant has only the field `reason`, or nothing: write `F {{ reason: String }}`"
        );
        refused(&input, BOTH, &[&error]);
    }
    refused(
        "enum E {\n    #[sse(terminal, failed)]\n    F { reason: String, #[sse(retry)] retry: Option<Duration> },\n}",
        BOTH,
        &[
            "2:21 failed: the event that reports the end of a run is made by the library, and a hub assigns its id: remove the `id` and `retry` fields",
        ],
    );
}

#[test]
fn an_end_that_is_also_something_else_is_refused() {
    refused(
        "enum E {\n    #[sse(terminal, failed, stopped)]\n    A,\n    #[sse(terminal, stopped, lost)]\n    B,\n    #[sse(terminal, lost, gap)]\n    C,\n    #[sse(terminal, lost, skip)]\n    D,\n}",
        BOTH,
        &[
            "2:29 stopped: `stopped` and `failed` contradict each other: remove one",
            "4:30 lost: `lost` and `stopped` contradict each other: remove one",
            "6:27 gap: `gap` and `lost` contradict each other: remove one",
            "8:27 skip: `skip` and `lost` contradict each other: remove one",
            "8:21 lost: one event reports this end of a run, and `C` is already `lost`: remove one",
        ],
    );
    refused(
        "#[derive(Serialize)]\n#[serde(tag = \"type\")]\nenum E {\n    A {},\n    #[serde(other)]\n    #[sse(terminal, lost)]\n    B,\n}",
        BOTH,
        &["5:13 other: `other` and `lost` contradict each other: remove one"],
    );
    refused(
        "enum E {\n    #[sse(terminal, failed, other)]\n    A(RawEvent),\n    #[sse(stopped, nested)]\n    B(P),\n}",
        BOTH,
        &[
            "2:29 other: `other` and `failed` contradict each other: remove one",
            "4:20 nested: `nested` and `stopped` contradict each other: remove one",
        ],
    );
}

#[test]
fn an_end_that_is_never_sent_is_refused() {
    refused(
        "#[derive(Serialize)]\nenum E {\n    #[sse(terminal, stopped)]\n    #[serde(skip_serializing)]\n    S,\n    #[sse(terminal, lost)]\n    #[serde(skip)]\n    L,\n}",
        BOTH,
        &[
            "4:13 skip_serializing: a `stopped` event is sent when a run ends: remove this attribute",
            "7:13 skip: a `lost` event is sent when a run ends: remove this attribute",
        ],
    );
}

#[test]
fn an_end_in_a_type_with_ids_of_its_own_is_refused() {
    let input = "enum E {\n    A { #[sse(id)] id: u64 },\n    #[sse(terminal, lost)]\n    L,\n}";
    refused(
        input,
        BOTH,
        &["3:21 lost: the events of a run have the ids of its hub: remove `lost`, or the `id` field of `A`"],
    );
    accepted(input, DECODE);
}

#[test]
fn an_end_on_a_struct_or_a_field_is_refused() {
    refused("#[sse(failed)]\nstruct S;", BOTH, &["1:7 failed: `failed` belongs on a variant, not on a struct"]);
}
