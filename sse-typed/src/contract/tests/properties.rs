//! Laws over random contracts and random changes.

use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::super::{
    Change, ChangeKind, Contract, Verdict,
    block::Block,
    changes,
    interpret::{Interpreter, Reading},
    rules::Data,
    schema::{normal::normalize, validate::As},
};

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (-2_i64..3, 3_i64..300).prop_map(|(min, max)| json!({ "type": "integer", "minimum": min, "maximum": max })),
        Just(json!({ "type": "integer", "format": "uint64" })),
        Just(json!({ "type": "number" })),
        Just(json!({ "type": "string" })),
        Just(json!({ "type": "boolean" })),
        Just(json!({ "type": ["string", "null"] })),
        prop::collection::btree_set(select(vec!["p", "q", "r"]), 1..4).prop_map(|values| json!({ "enum": values })),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let fields = prop::collection::btree_map(select(vec!["a", "b", "c"]), (inner.clone(), any::<bool>()), 1..4);
        prop_oneof![
            inner.clone().prop_map(|items| json!({ "type": "array", "items": items })),
            inner.clone().prop_map(|values| json!({ "type": "object", "additionalProperties": values })),
            inner.prop_map(|inner| json!({ "anyOf": [inner, { "type": "null" }] })),
            (fields, any::<bool>()).prop_map(|(fields, closed)| {
                let required: Vec<_> =
                    fields.iter().filter(|(_, (_, required))| *required).map(|(name, _)| *name).collect();
                let properties: Map<_, _> =
                    fields.iter().map(|(name, (schema, _))| ((*name).to_owned(), schema.clone())).collect();
                let mut object = json!({ "type": "object", "properties": properties, "required": required });
                if closed {
                    object["additionalProperties"] = false.into();
                }
                object
            }),
        ]
    })
}

fn event(name: &'static str) -> impl Strategy<Value = Value> {
    let data = prop_oneof![
        4 => schema().prop_map(|schema| json!({ "json": normalize(&schema) })),
        1 => Just(json!({ "text": { "type": "string" } })),
        1 => Just(Value::Null),
    ];
    (data, any::<bool>(), prop::option::of(any::<bool>())).prop_map(move |(data, terminal, id)| {
        let mut event = json!({ "event": name });
        if !data.is_null() {
            event["data"] = data;
        }
        if terminal {
            event["terminal"] = true.into();
        }
        if let Some(optional) = id {
            event["id"] = json!({ "text": { "type": "string" } });
            if optional {
                event["id"]["optional"] = true.into();
            }
        }
        event
    })
}

fn contract_of(events: &[Value]) -> Contract {
    Contract::from_value(&json!({ "contract": 1, "type": "E", "events": events })).unwrap()
}

fn events() -> impl Strategy<Value = Vec<Value>> {
    let three = (prop::option::of(event("a")), prop::option::of(event("b")), prop::option::of(event("c")));
    three.prop_map(|(a, b, c)| a.into_iter().chain(b).chain(c).collect())
}

/// A contract, and one in which single events are other ones.
fn pair() -> impl Strategy<Value = (Contract, Contract)> {
    (events(), events(), any::<[bool; 3]>()).prop_map(|(old, other, keep)| {
        let kept = old.iter().zip(keep).filter(|(_, keep)| *keep).map(|(event, _)| event.clone());
        let mut new: Vec<_> = kept.collect();
        for event in other {
            if !new.iter().any(|own| own["event"] == event["event"]) {
                new.push(event);
            }
        }
        (contract_of(&old), contract_of(&new))
    })
}

/// A value of a schema, made without the code that finds witnesses.
fn value(schema: &Value, random: &mut impl FnMut(usize) -> usize) -> Value {
    if let Some(Value::Array(values)) = schema.get("enum") {
        return values[random(values.len())].clone();
    }
    if let Some(Value::Array(branches)) = schema.get("anyOf") {
        return value(&branches[random(branches.len())], random);
    }
    let ty = match &schema["type"] {
        Value::Array(types) => types[random(types.len())].as_str().unwrap(),
        ty => ty.as_str().unwrap(),
    };
    match ty {
        "null" => Value::Null,
        "boolean" => (random(2) == 0).into(),
        "integer" => {
            let (min, max) = (schema["minimum"].as_i64().unwrap_or(0), schema["maximum"].as_i64().unwrap_or(i64::MAX));
            [min, max, min + i64::try_from(random(7)).unwrap().min(max - min)][random(3)].into()
        }
        "number" => [json!(0.5), json!(-7), json!(1e12)][random(3)].clone(),
        "string" => ["", "p", "q", "zz"][random(4)].into(),
        "array" => (0..random(3)).map(|_| value(&schema["items"], random)).collect(),
        _ => {
            let mut object = Map::new();
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let required = schema["required"].as_array().is_some_and(|all| all.iter().any(|own| own == name));
                if required || random(2) == 0 {
                    object.insert(name.clone(), value(property, random));
                }
            }
            if let Some(further) = schema.get("additionalProperties").filter(|further| further.is_object()) {
                for key in &["a", "b", "z"][..random(4)] {
                    object.insert((*key).to_owned(), value(further, random));
                }
            }
            object.into()
        }
    }
}

fn blocks(contract: &Contract, seed: u64) -> Vec<Block> {
    let mut state = seed | 1;
    let mut random = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 40).unwrap() % bound.max(1)
    };
    let written = contract.to_value();
    let mut blocks = Vec::new();
    for event in written["events"].as_array().unwrap() {
        for _ in 0..24 {
            let data = match &event["data"] {
                Value::Null => "null".to_owned(),
                data if data["json"].is_object() => value(&data["json"], &mut random).to_string(),
                _ => ["", "a", "7", "null"][random(4)].to_owned(),
            };
            let has_id = event["id"].is_object() && (event["id"]["optional"] != true || random(2) == 0);
            let id = has_id.then(|| "x".to_owned());
            blocks.push(Block { id, event: event["event"].as_str().unwrap().to_owned(), retry: None, data });
        }
    }
    blocks
}

/// Whether a block that the writer writes is misread.
fn is_misread(block: &Block, writer: &Contract, reader: &Contract) -> bool {
    let (writes, reads) = (writer.writer().unwrap(), reader.reader().unwrap());
    let written = Interpreter::new(writes, &writer.defs, As::Writer).read(block);
    let Reading::Event(written) = written else { return false };
    let written = &writes.events[written];
    match Interpreter::new(reads, &reader.defs, As::Reader).read(block) {
        Reading::Event(read) => {
            let read = &reads.events[read];
            let is_misunderstood = match (&written.data, &read.data) {
                (Data::Json(_), Data::Text(_)) => block.data.starts_with(['"', '[', '{']) || block.data == "null",
                (Data::Unit, Data::Text(_)) => true,
                (Data::Text(_), Data::Json(_)) => block.data == "null",
                _ => false,
            };
            read.is_terminal() != written.is_terminal() || is_misunderstood
        }
        Reading::Unknown => written.is_terminal(),
        _ => true,
    }
}

fn verdicts(changes: &[Change]) -> Vec<(String, String, Vec<&'static str>)> {
    let mut verdicts: Vec<_> = changes
        .iter()
        .map(|change| {
            let names = change.verdicts().into_iter().map(Verdict::name).collect();
            (change.subject(), change.description.clone(), names)
        })
        .collect();
    verdicts.sort();
    verdicts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn a_contract_does_not_differ_from_itself(events in events()) {
        let contract = contract_of(&events);
        prop_assert_eq!(changes(&contract, &contract).len(), 0);
        let read: Contract = contract.to_string().parse().unwrap();
        prop_assert_eq!(read, contract);
    }

    #[test]
    fn every_break_has_a_witness_that_is_misread((old, new) in pair()) {
        for change in changes(&old, &new) {
            for (verdict, (writer, reader)) in change.verdicts().into_iter().zip([(&new, &old), (&old, &new)]) {
                if let Verdict::Breaks(witness) = verdict {
                    // A renamed event is skipped.
                    let is_skipped = change.kind == ChangeKind::EventRenamed
                        && Interpreter::new(reader.reader().unwrap(), &reader.defs, As::Reader).read(&witness.block) == Reading::Unknown;
                    prop_assert!(is_skipped || is_misread(&witness.block, writer, reader), "{}", change);
                }
            }
        }
    }

    #[test]
    fn an_event_that_is_misread_is_no_safe_change((old, new) in pair(), seed in any::<u64>()) {
        let found = changes(&old, &new);
        for (at, (writer, reader)) in [(&new, &old), (&old, &new)].into_iter().enumerate() {
            for block in blocks(writer, seed).iter().filter(|block| is_misread(block, writer, reader)) {
                let is_told = found.iter().any(|change| {
                    let is_renamed = change.kind == ChangeKind::EventRenamed && change.description.contains(&format!("`{}`", block.event));
                    let of_event = is_renamed || change.event.as_deref() == Some(&*block.event);
                    of_event && matches!(change.verdicts()[at], Verdict::Breaks(_) | Verdict::Undecided { .. })
                });
                // A contract that does not read its own events is no change.
                prop_assert!(is_told || is_misread(block, writer, writer), "{}: {}\n{:#}\n{:#}", at, block, old, new);
            }
        }
    }

    #[test]
    fn the_order_of_events_does_not_matter((old, new) in pair()) {
        let reversed = |contract: &Contract| {
            let mut value = contract.to_value();
            value["events"].as_array_mut().unwrap().reverse();
            Contract::from_value(&value).unwrap()
        };
        prop_assert_eq!(verdicts(&changes(&old, &new)), verdicts(&changes(&reversed(&old), &reversed(&new))));
    }
}
