//! What a schema says about its values, with references resolved and `allOf` merged.

use serde_json::{Map, Value};

use crate::contract::rules::{OPAQUE, resolve};

/// The schema as an object, with the schemas of `allOf` merged into it.
pub(in crate::contract) fn flat(schema: &Value, defs: &Map<String, Value>) -> Map<String, Value> {
    merged(schema, defs, 0)
}

fn merged(schema: &Value, defs: &Map<String, Value>, depth: usize) -> Map<String, Value> {
    let Value::Object(object) = resolve(schema, defs) else { return Map::new() };
    let mut flat = object.clone();
    if depth > 16 {
        return flat;
    }
    if flat.len() > 1
        && let Some(reference) = flat.remove("$ref")
    {
        let inner = merged(&serde_json::json!({ "$ref": reference }), defs, depth + 1);
        flat = and(flat, inner);
    }
    if let Some(Value::Array(all)) = flat.remove("allOf") {
        for schema in &all {
            flat = and(flat, merged(schema, defs, depth + 1));
        }
    }
    flat
}

/// Both schemas at once. For keywords in both the first one wins, but properties are united.
pub(in crate::contract) fn and(mut one: Map<String, Value>, other: Map<String, Value>) -> Map<String, Value> {
    for (keyword, value) in other {
        match (one.get_mut(&keyword), value) {
            (Some(Value::Object(own)), Value::Object(more)) if keyword == "properties" => {
                for (name, schema) in more {
                    own.entry(name).or_insert(schema);
                }
            }
            (Some(Value::Array(own)), Value::Array(more)) if keyword == "required" => {
                own.extend(more);
                own.sort_by_key(Value::to_string);
                own.dedup();
            }
            (Some(_), _) => {}
            (None, value) => {
                one.insert(keyword, value);
            }
        }
    }
    one
}

/// The forms that a value may have: the branches of `anyOf` and `oneOf`, each with the keywords beside them. A schema without
/// branches is its only form.
pub(in crate::contract) fn forms(schema: &Value, defs: &Map<String, Value>) -> Vec<Map<String, Value>> {
    let mut found = Vec::new();
    expand(flat(schema, defs), defs, 0, &mut found);
    found
}

fn expand(
    mut schema: Map<String, Value>,
    defs: &Map<String, Value>,
    depth: usize,
    found: &mut Vec<Map<String, Value>>,
) {
    let branches = schema.remove("oneOf").or_else(|| schema.remove("anyOf"));
    match branches {
        Some(Value::Array(branches)) if depth < 8 => {
            for branch in &branches {
                expand(and(flat(branch, defs), schema.clone()), defs, depth + 1, found);
            }
        }
        _ => found.push(schema),
    }
}

/// The types of the values of a form.
pub(in crate::contract) fn types(form: &Map<String, Value>) -> Vec<&str> {
    if let Some(types) = super::super::schema::validate::types(form) {
        return types;
    }
    if form.contains_key(OPAQUE) {
        return Vec::new();
    }
    let implied = [
        ("object", ["properties", "required", "additionalProperties", "patternProperties"]),
        ("array", ["items", "prefixItems", "minItems", "maxItems"]),
        ("string", ["minLength", "maxLength", "pattern", "format"]),
        ("number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]),
    ];
    let implied: Vec<_> = implied
        .iter()
        .filter(|(_, keywords)| keywords.iter().any(|keyword| form.contains_key(*keyword)))
        .map(|(ty, _)| *ty)
        .collect();
    if implied.is_empty() { vec!["null", "boolean", "integer", "number", "string", "array", "object"] } else { implied }
}
