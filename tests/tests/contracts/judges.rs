//! A second judge of witnesses.

use serde_json::{Value, json};
use sse_typed::contract::{Contract, Verdict, changes};

fn contract_of(schema: &Value) -> Contract {
    let events = json!([{ "event": "a", "data": { "json": schema } }]);
    let defs = json!({
        "List": { "type": "object", "properties": { "v": { "type": "integer", "minimum": 0 }, "next": { "anyOf": [{ "$ref": "#/$defs/List" }, { "type": "null" }] } }, "required": ["v"] },
        "Text": { "type": "string" },
    });
    Contract::from_value(&json!({ "$defs": defs, "contract": 1, "events": events, "type": "E" })).unwrap()
}

fn is_valid(schema: &Value, data: &str) -> bool {
    let mut root = schema.clone();
    root["$defs"] = contract_of(schema).to_value()["$defs"].clone();
    let validator = jsonschema::draft202012::options().build(&root).unwrap();
    validator.is_valid(&serde_json::from_str(data).unwrap())
}

#[test]
fn jsonschema_agrees_with_every_witness() {
    let schemas = [
        json!({ "type": "integer", "minimum": 0, "maximum": 255 }),
        json!({ "type": "integer", "minimum": -5 }),
        json!({ "type": "number" }),
        json!({ "type": ["integer", "null"], "minimum": 0 }),
        json!({ "type": "string" }),
        json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        json!({ "enum": ["p", "q"] }),
        json!({ "enum": ["p"] }),
        json!({ "type": "boolean" }),
        json!({ "$ref": "#/$defs/List" }),
        json!({ "$ref": "#/$defs/Text" }),
        json!({ "type": "array", "items": { "type": "integer" } }),
        json!({ "type": "array", "items": { "$ref": "#/$defs/List" }, "maxItems": 3 }),
        json!({ "type": "array", "prefixItems": [{ "type": "integer" }, { "type": "string" }], "minItems": 2, "maxItems": 2 }),
        json!({ "type": "object", "properties": { "x": { "type": "integer" } }, "required": ["x"] }),
        json!({ "type": "object", "properties": { "x": { "type": "integer" }, "y": { "type": "string" } }, "required": ["y"] }),
        json!({ "type": "object", "properties": { "x": { "type": "number" } }, "additionalProperties": false }),
        json!({ "type": "object", "additionalProperties": { "type": "integer" } }),
        json!({ "type": "object", "patternProperties": { r"^\d+$": { "type": "string" } }, "additionalProperties": false }),
        json!({ "oneOf": [
            { "type": "object", "properties": { "k": { "enum": ["a"] }, "r": { "type": "number" } }, "required": ["k", "r"] },
            { "type": "object", "properties": { "k": { "enum": ["b"] } }, "required": ["k"] },
        ] }),
    ];
    let (mut judged, mut pairs) = (0, 0);
    for old in &schemas {
        for new in &schemas {
            pairs += 1;
            let found = changes(&contract_of(old), &contract_of(new));
            assert_eq!(found.is_empty(), old == new || (is_text(old) && is_text(new)), "{old} {new}");
            for change in &found {
                for (verdict, (writer, reader)) in change.verdicts().into_iter().zip([(new, old), (old, new)]) {
                    if let Verdict::Breaks(witness) = verdict {
                        judged += 1;
                        let data = witness.block.data();
                        assert!(is_valid(writer, data), "{data} is not written by {writer}");
                        assert!(!is_valid(reader, data), "{data} is read by {reader}");
                    }
                }
            }
        }
    }
    assert!(judged > pairs, "{judged} witnesses of {pairs} pairs");
}

fn is_text(schema: &Value) -> bool {
    *schema == json!({ "type": "string" }) || *schema == json!({ "$ref": "#/$defs/Text" })
}
