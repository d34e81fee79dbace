//! The verdict of each kind of change. A row has two Rust enums. The judge sees the old one's JSON only, as it would be committed.
//! Then the old decoder must misread the witness, or read 256 events of the new type.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{
    Contract, Verdict,
    block::Block,
    changes,
    program::{Outcome, Program},
    witness::blocks::{Reader, Writer},
};
use crate::codec::{DecodeEvent, EncodeEvent};

/// The verdicts on the clients of before, the clients of today, and the history.
type Row = [&'static str; 3];

fn rank(verdict: &Verdict) -> usize {
    ["safe", "changes", "skipped", "undecided", "breaks"].iter().position(|name| *name == verdict.name()).unwrap()
}

/// The worst verdict of each reader.
fn worst(old: &Contract, new: &Contract) -> [Verdict; 3] {
    let mut worst = [Verdict::Safe, Verdict::Safe, Verdict::Safe];
    for change in changes(old, new) {
        for (worst, verdict) in worst.iter_mut().zip(change.verdicts()) {
            if rank(verdict) > rank(worst) {
                *worst = verdict.clone();
            }
        }
    }
    worst
}

/// Events that a type writes.
fn events_of(writer: &Contract, program: &Program, reader: &Contract) -> Vec<Block> {
    let (rules, reads) = (writer.writer().unwrap(), reader.reader().unwrap());
    let make = Writer { rules, defs: &writer.defs, writes_aliases: false, is_foreign: false, changed: &[] };
    let reader = Reader { rules: reads, defs: &reader.defs };
    let all = rules.events.iter().flat_map(|event| {
        let mut blocks = make.blocks(event, None, reader);
        blocks.extend(make.further_blocks(event, None, reader));
        blocks.into_iter().filter_map(|block| program.encode_again(&block)).take(256).collect::<Vec<_>>()
    });
    all.collect()
}

/// Whether a type reads a block as an event that ends its stream exactly if the writer's does.
fn reads(reader: &Program, writer: &Program, block: &Block) -> bool {
    match (reader.decode(block).unwrap(), writer.decode(block).unwrap()) {
        (Ok(Outcome::Event { terminal, .. }), Ok(Outcome::Event { terminal: expected, .. })) => terminal == expected,
        (Ok(outcome), Ok(expected)) => outcome == expected,
        _ => false,
    }
}

fn check<Old, New>(expected: Row, is_silent: bool)
where
    Old: EncodeEvent + DecodeEvent + crate::codec::describe::DescribeEvent<super::super::Schemas>,
    New: EncodeEvent + DecodeEvent + crate::codec::describe::DescribeEvent<super::super::Schemas>,
{
    let (old, new) = (Contract::of::<Old>(), Contract::of::<New>());
    let committed: Contract = old.to_string().parse().unwrap();
    assert_eq!(committed.to_string(), old.to_string());
    let found = worst(&committed, &new);
    let shown = || changes(&committed, &new).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let names: Vec<_> = found.iter().map(Verdict::name).collect();
    assert_eq!(names, expected, "\n{}", shown());
    let readers = [(&old.program, &new), (&new.program, &old), (&new.program, &old)];
    for (at, (verdict, (reader, writer))) in found.iter().zip(readers).enumerate() {
        match verdict {
            Verdict::Breaks(witness) => {
                let misreads = !reads(reader, &writer.program, &witness.block);
                assert!(misreads || is_silent, "{at}: {} is read\n{}", witness.block, shown());
            }
            Verdict::Safe | Verdict::Changes(_) => {
                let target = if at == 0 { &old } else { &new };
                for block in events_of(writer, &writer.program, target) {
                    assert!(reads(reader, &writer.program, &block), "{at}: {block} is misread\n{}", shown());
                }
            }
            _ => {}
        }
    }
}

macro_rules! rows {
    ($($name:ident $([$silent:ident])?: $expected:expr, { $($old:tt)* } { $($new:tt)* })*) => {$(
        #[test]
        fn $name() {
            #[allow(dead_code, reason = "the types are only described and decoded")]
            mod old {
                #[allow(unused_imports, reason = "not every row has payloads")]
                use super::*;
                $($old)*
            }
            #[allow(dead_code, reason = "the types are only described and decoded")]
            mod new {
                #[allow(unused_imports, reason = "not every row has payloads")]
                use super::*;
                $($new)*
            }
            check::<old::E, new::E>($expected, false $(|| stringify!($silent) == "silent")?);
        }
    )*};
}

const BREAKS: &str = "breaks";
const SAFE: &str = "safe";
const SKIPPED: &str = "skipped";
const CHANGES: &str = "changes";

use sse_typed_derive::SseEvent;

rows! {
    a_type_is_added: [SKIPPED, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8), B(u8) } }

    a_terminal_type_is_added: [BREAKS, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8), #[sse(terminal)] End } }

    a_type_is_removed: [SAFE, SKIPPED, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8), B(bool) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8) } }

    a_type_is_renamed: [BREAKS, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { B { x: u8 } } }

    a_type_is_renamed_with_an_alias_of_the_old_name: [BREAKS, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(alias = "A")] B { x: u8 } } }

    a_type_is_renamed_to_what_clients_already_know: [SAFE, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(alias = "B")] A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(alias = "A")] B { x: u8 } } }

    an_alias_is_added: [SAFE, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(alias = "B")] A(u8) } }

    an_alias_is_dropped: [SAFE, SAFE, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(alias = "B")] A(u8) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8) } }

    a_terminal_mark_is_added: [BREAKS, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(terminal)] A(u8) } }

    a_terminal_mark_is_dropped: [BREAKS, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(terminal)] A(u8) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8) } }

    an_error_mark_is_added: [CHANGES, CHANGES, CHANGES],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(error)] A(u8) } }

    a_gap_mark_is_dropped: [CHANGES, CHANGES, CHANGES],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(gap)] A } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A } }

    a_required_field_is_added: [SAFE, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8, y: u8 } } }

    a_field_is_added_and_unknown_ones_are_denied: [BREAKS, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] #[serde(deny_unknown_fields)] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] #[serde(deny_unknown_fields)] pub(super) enum E { A { x: u8, y: u8 } } }

    an_optional_field_is_added: [SAFE, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8, y: Option<u8> } } }

    a_field_with_a_default_is_added: [SAFE, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8, #[serde(default)] y: u8 } } }

    a_field_is_removed: [BREAKS, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8, y: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }

    a_field_with_a_default_is_removed: [CHANGES, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8, #[serde(default)] y: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }

    a_field_is_removed_and_unknown_ones_are_denied: [CHANGES, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] #[serde(deny_unknown_fields)] pub(super) enum E { A { x: u8, #[serde(default)] y: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] #[serde(deny_unknown_fields)] pub(super) enum E { A { x: u8 } } }

    a_field_is_renamed: [BREAKS, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { y: u8 } } }

    a_field_is_renamed_with_an_alias_of_the_old_name: [BREAKS, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { #[serde(alias = "x")] y: u8 } } }

    a_field_is_renamed_to_what_clients_already_know: [SAFE, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { #[serde(alias = "y")] x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { #[serde(alias = "x")] y: u8 } } }

    a_field_of_a_payload_is_renamed_to_what_clients_already_know: [SAFE, SAFE, SAFE],
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct P { #[serde(alias = "y")] x: u8, at: Option<Box<Self>> }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P), B { p: Vec<P> } } }
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct P { #[serde(alias = "x")] y: u8, at: Option<Box<Self>> }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P), B { p: Vec<P> } } }

    a_field_of_a_payload_loses_an_alias: [SAFE, SAFE, BREAKS],
        { #[derive(Serialize, Deserialize, JsonSchema)] #[serde(deny_unknown_fields)] pub(super) struct P { #[serde(alias = "y")] x: u8, o: u8 }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }
        { #[derive(Serialize, Deserialize, JsonSchema)] #[serde(deny_unknown_fields)] pub(super) struct P { x: u8, o: u8 }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }

    the_range_of_a_number_is_narrowed: [SAFE, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u16 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }

    the_range_of_a_number_is_widened: [BREAKS, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u32 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u64 } } }

    an_integer_becomes_a_number: [BREAKS, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(f64) } }

    a_field_gets_another_type: [BREAKS, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: String } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: Vec<String> } } }

    an_enum_value_is_added: [BREAKS, SAFE, SAFE],
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) enum V { P }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { v: V } } }
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) enum V { P, Q }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { v: V } } }

    an_enum_value_is_added_to_an_open_enum: [SAFE, SAFE, SAFE],
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) enum V { P, #[serde(other)] Else }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { v: V } } }
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) enum V { P, Q, #[serde(other)] Else }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { v: V } } }

    an_enum_value_is_removed: [SAFE, BREAKS, BREAKS],
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) enum V { P, Q, R }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { v: V } } }
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) enum V { P, R }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { v: V } } }

    null_is_allowed: [BREAKS, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: Option<u8> } } }

    null_is_forbidden: [SAFE, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: Option<u8> } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }

    a_field_may_be_left_out_that_has_no_default: [BREAKS, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: String } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E {
            A { #[serde(skip_serializing_if = "String::is_empty", default)] x: String } } }

    a_field_may_be_left_out_that_has_a_default: [SAFE, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: Option<u8> } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E {
            A { #[serde(skip_serializing_if = "Option::is_none")] x: Option<u8> } } }

    a_unit_becomes_an_object: [SAFE, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }

    an_object_becomes_a_unit: [BREAKS, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A } }

    text_becomes_json [silent]: [BREAKS, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(text)] A(String) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(String) } }

    json_becomes_text [silent]: [BREAKS, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(String) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(text)] A(String) } }

    a_tag_is_added: [SAFE, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate", tag = "type")] pub(super) enum E { A { x: u8 } } }

    a_tag_is_added_and_unknown_fields_are_denied: [BREAKS, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] #[serde(deny_unknown_fields)] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate", tag = "type")] #[serde(deny_unknown_fields)] pub(super) enum E { A { x: u8 } } }

    a_tag_is_renamed: [SAFE, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate", tag = "kind")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate", tag = "type")] pub(super) enum E { A { x: u8 } } }

    a_sentinel_is_changed: [BREAKS, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E {
            #[sse(message)] A { x: u8 }, #[sse(message, data = "[DONE]", terminal)] Done } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E {
            #[sse(message)] A { x: u8 }, #[sse(message, data = "[END]", terminal)] Done } }

    a_key_is_changed: [BREAKS, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E {
            #[sse(message)] A { x: u8 }, #[sse(message, key = "error")] Failed { error: String } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E {
            #[sse(message)] A { x: u8 }, #[sse(message, key = "problem")] Failed { problem: String } } }

    variants_of_one_type_change_their_order [silent]: [BREAKS, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E {
            #[sse(message, key = "p")] A(std::collections::BTreeMap<String, u8>), #[sse(message, key = "q")] B(std::collections::BTreeMap<String, u8>) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E {
            #[sse(message, key = "q")] B(std::collections::BTreeMap<String, u8>), #[sse(message, key = "p")] A(std::collections::BTreeMap<String, u8>) } }

    a_required_id_is_added: [SAFE, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { #[sse(id)] id: u64, x: u8 } } }

    the_type_of_an_id_changes: [BREAKS, SAFE, SAFE],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { #[sse(id)] id: u64 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { #[sse(id)] id: String } } }

    a_required_retry_is_added: [SAFE, BREAKS, BREAKS],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { #[sse(retry)] retry: std::time::Duration, x: u8 } } }

    a_payload_changes_deep_inside: [BREAKS, SAFE, SAFE],
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct P { at: Vec<Option<Q>> }
          #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct Q { v: u8 }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct P { at: Vec<Option<Q>> }
          #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct Q { v: i16 }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }

    a_form_is_added_to_an_enum_with_data: [BREAKS, SAFE, SAFE],
        { #[derive(Serialize, Deserialize, JsonSchema)] #[serde(tag = "kind")] pub(super) enum P { X { a: u8 }, Y { b: u8 } }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }
        { #[derive(Serialize, Deserialize, JsonSchema)] #[serde(tag = "kind")] pub(super) enum P { X { a: u8 }, Y { b: u8 }, Z { c: u8 } }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }
}

macro_rules! unchanged {
    ($($name:ident: { $($old:tt)* } { $($new:tt)* })*) => {$(
        #[test]
        fn $name() {
            #[allow(dead_code, reason = "the types are only described")]
            mod old {
                #[allow(unused_imports, reason = "not every row has payloads")]
                use super::*;
                $($old)*
            }
            #[allow(dead_code, reason = "the types are only described")]
            mod new {
                #[allow(unused_imports, reason = "not every row has payloads")]
                use super::*;
                $($new)*
            }
            let committed: Contract = Contract::of::<old::E>().to_string().parse().unwrap();
            let found = changes(&committed, &Contract::of::<new::E>());
            assert!(found.is_empty(), "{}", found[0]);
        }
    )*};
}

unchanged! {
    variants_that_move_into_a_nested_enum_are_no_change:
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(u8), B { x: u8 }, #[sse(terminal)] C } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum F { B { x: u8 } }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(terminal)] C, #[sse(nested)] F(F), A(u8) } }

    docs_and_names_of_rust_are_no_change:
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) enum V { P, Q }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { v: V, x: u8 } } }
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) enum W { Q, /** Documented. */ P }
          /// Documented.
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { /** Documented. */ #[sse(rename = "A")] Z { x: u8, /** Documented. */ v: W } } }

    fields_that_move_into_a_payload_are_no_change:
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8, y: Option<String> } } }
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct P { y: Option<String>, x: u8 }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }

    flattened_fields_are_no_change:
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8, y: bool } } }
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct P { y: bool }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8, #[serde(flatten)] p: P } } }
}
