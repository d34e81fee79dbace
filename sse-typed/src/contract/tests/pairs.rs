//! Pairs of enums at the edges of the table: payloads that contain themselves, deep and wide payloads, and forms of data.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_typed_derive::SseEvent;

use super::super::{Contract, Verdict, changes};

/// The worst verdicts of a change: old clients, new clients, history. The judge sees the old contract as a file.
fn verdicts(old: &Contract, new: &Contract) -> [&'static str; 3] {
    const ORDER: [&str; 5] = ["safe", "changes", "skipped", "undecided", "breaks"];
    let rank = |name: &str| ORDER.iter().position(|own| *own == name).unwrap();
    let committed: Contract = old.to_string().parse().unwrap();
    let mut worst = ["safe"; 3];
    for change in changes(&committed, new) {
        for (worst, verdict) in worst.iter_mut().zip(change.verdicts().map(Verdict::name)) {
            if rank(verdict) > rank(worst) {
                *worst = verdict;
            }
        }
    }
    worst
}

macro_rules! pairs {
    ($($name:ident: $expected:expr, { $($old:tt)* } { $($new:tt)* })*) => {$(
        #[test]
        fn $name() {
            #[allow(dead_code, reason = "the types are only described and decoded")]
            mod old {
                #[allow(unused_imports, reason = "not every pair has payloads")]
                use super::*;
                $($old)*
            }
            #[allow(dead_code, reason = "the types are only described and decoded")]
            mod new {
                #[allow(unused_imports, reason = "not every pair has payloads")]
                use super::*;
                $($new)*
            }
            let (old, new) = (Contract::of::<old::E>(), Contract::of::<new::E>());
            let shown = changes(&old, &new).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            assert_eq!(verdicts(&old, &new), $expected, "\n{shown}");
        }
    )*};
}

pairs! {
    a_value_of_a_recursive_enum_is_widened: ["breaks", "safe", "safe"],
        { #[derive(Serialize, Deserialize, JsonSchema)]
          pub(super) enum X { Lit(u8), Add(Box<Self>, Box<Self>), Mul(Box<Self>, Box<Self>), Neg(Box<Self>), If { c: Box<Self>, t: Box<Self>, e: Box<Self> } }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(X) } }
        { #[derive(Serialize, Deserialize, JsonSchema)]
          pub(super) enum X { Lit(u16), Add(Box<Self>, Box<Self>), Mul(Box<Self>, Box<Self>), Neg(Box<Self>), If { c: Box<Self>, t: Box<Self>, e: Box<Self> } }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(X) } }

    a_field_eleven_levels_deep_is_widened: ["breaks", "safe", "safe"],
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct D { a: C }
          #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct C { b: B }
          #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct B { c: Vec<Vec<Vec<M>>> }
          type M = Vec<Vec<Vec<L>>>;
          #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct L { x: u8 }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(D) } }
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct D { a: C }
          #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct C { b: B }
          #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct B { c: Vec<Vec<Vec<M>>> }
          type M = Vec<Vec<Vec<L>>>;
          #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct L { x: u16 }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(D) } }

    an_optional_number_becomes_text: ["breaks", "breaks", "breaks"],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(Option<u8>) } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(text)] A(String) } }

    a_known_form_of_an_open_enum_is_widened: ["breaks", "safe", "safe"],
        { #[derive(Serialize, Deserialize, JsonSchema)] #[serde(tag = "kind")] pub(super) enum P { X { a: u8 }, #[serde(other)] Else }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }
        { #[derive(Serialize, Deserialize, JsonSchema)] #[serde(tag = "kind")] pub(super) enum P { X { a: u16 }, #[serde(other)] Else }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }

    a_number_is_widened_beyond_64_bits: ["undecided", "safe", "safe"],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u64 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u128 } } }

    a_number_is_narrowed_to_64_bits: ["safe", "breaks", "breaks"],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: i128 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: i64 } } }

    a_struct_becomes_a_tuple_of_other_types: ["breaks", "breaks", "breaks"],
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct P { x: u8, y: u8 }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { p: P } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { p: (String, u8) } } }

    a_variant_becomes_a_tuple_of_other_types: ["breaks", "breaks", "breaks"],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u8, y: u8 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A((String, u8)) } }

    a_unit_becomes_text: ["safe", "breaks", "breaks"],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(text)] A(String) } }

    fixed_text_becomes_text: ["breaks", "breaks", "breaks"],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(data = "[DONE]")] A } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { #[sse(text)] A(String) } }

    a_form_is_added_to_an_open_enum_with_data: ["safe", "safe", "safe"],
        { #[derive(Serialize, Deserialize, JsonSchema)] #[serde(tag = "kind")] pub(super) enum P { X { a: u8 }, #[serde(other)] Else }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }
        { #[derive(Serialize, Deserialize, JsonSchema)] #[serde(tag = "kind")] pub(super) enum P { X { a: u8 }, Z { c: u8 }, #[serde(other)] Else }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }

    an_array_gets_longer: ["breaks", "breaks", "breaks"],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { p: [u8; 3] } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { p: [u8; 4] } } }

    a_field_is_written_under_another_name_than_it_is_read: ["breaks", "safe", "safe"],
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct P { x: u8 }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { p: P } } }
        { #[derive(Serialize, Deserialize, JsonSchema)] pub(super) struct P { #[serde(rename(serialize = "y"))] x: u8 }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { p: P } } }

    a_character_becomes_text: ["breaks", "safe", "safe"],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: char } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: String } } }

    zero_is_allowed: ["breaks", "safe", "safe"],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: std::num::NonZeroU32 } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: u32 } } }

    the_keys_of_a_map_get_a_sign: ["breaks", "safe", "safe"],
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: BTreeMap<u8, u8> } } }
        { #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A { x: BTreeMap<i16, u8> } } }

    the_content_of_an_adjacently_tagged_enum_is_widened: ["breaks", "safe", "safe"],
        { #[derive(Serialize, Deserialize, JsonSchema)] #[serde(tag = "t", content = "c")] pub(super) enum P { X(u8), Y { a: u8 } }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }
        { #[derive(Serialize, Deserialize, JsonSchema)] #[serde(tag = "t", content = "c")] pub(super) enum P { X(u8), Y { a: i16 } }
          #[derive(SseEvent)] #[sse(crate = "crate")] pub(super) enum E { A(P) } }
}

/// A tree of structs with ten fields each, six levels deep, whose last field is this integer.
fn wide(maximum: u64) -> Contract {
    let mut defs = serde_json::Map::new();
    for level in 0..6 {
        let inner = serde_json::json!({ "$ref": format!("#/$defs/L{}", level + 1) });
        let fields = (0..10).map(|at| (format!("f{at}"), inner.clone()));
        let fields: serde_json::Map<_, _> = fields.collect();
        defs.insert(format!("L{level}"), serde_json::json!({ "type": "object", "properties": fields }));
    }
    defs.insert("L6".to_owned(), serde_json::json!({ "type": "integer", "minimum": 0, "maximum": maximum }));
    let events = serde_json::json!([{ "event": "a", "data": { "json": { "$ref": "#/$defs/L0" } } }]);
    let file = serde_json::json!({ "contract": 1, "type": "E", "$defs": defs, "events": events });
    Contract::from_value(&file).unwrap()
}

#[test]
fn a_change_at_the_end_of_a_wide_and_deep_payload_is_found_in_bounded_time() {
    assert_eq!(verdicts(&wide(255), &wide(300)), ["breaks", "safe", "safe"]);
}

#[test]
fn an_unknown_key_of_a_line_is_reported() {
    for (line, problem) in [
        (
            serde_json::json!({ "id": { "text": null, "optionl": true } }),
            "at /events/0/id: the key `optionl` is not known",
        ),
        (
            serde_json::json!({ "retry": { "optionl": true } }),
            "at /events/0/retry: expected an object with no key but `optional`",
        ),
    ] {
        let mut event = line;
        event["event"] = "a".into();
        let file = serde_json::json!({ "contract": 1, "type": "E", "events": [event] });
        let error = Contract::from_value(&file).unwrap_err().to_string();
        assert!(error.ends_with(problem), "{error}");
    }
}
