//! The normal form of a schema. Schemas that accept the same values for an obvious reason are equal in it, and it has no
//! annotations.

use serde_json::{Map, Value, json};

use super::text;

/// Keywords that do not restrict values.
const ANNOTATIONS: [&str; 9] =
    ["$comment", "$schema", "default", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"];

/// Brings a schema into its normal form, with all schemas in it.
pub(in crate::contract) fn normalize(schema: &Value) -> Value {
    let object = match schema {
        Value::Object(object) => object,
        Value::Bool(false) => return json!({ "not": {} }),
        _ => return json!({}),
    };
    let mut normal = Map::new();
    for (keyword, value) in object {
        if ANNOTATIONS.contains(&&**keyword) {
            continue;
        }
        let value = match keyword.as_str() {
            "properties" | "patternProperties" => match value {
                Value::Object(map) => map.iter().map(|(name, schema)| (name.clone(), normalize(schema))).collect(),
                other => other.clone(),
            },
            // Objects accept further keys anyway.
            "additionalProperties" | "unevaluatedProperties" if value == &Value::Bool(true) => json!({}),
            "additionalProperties" | "unevaluatedProperties" | "items" if value == &Value::Bool(false) => value.clone(),
            "additionalProperties" | "unevaluatedProperties" | "items" | "not" | "propertyNames" | "contains" => {
                normalize(value)
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => match value {
                Value::Array(schemas) => schemas.iter().map(normalize).collect(),
                other => other.clone(),
            },
            _ => value.clone(),
        };
        normal.insert(keyword.clone(), value);
    }
    if let Some(value) = normal.remove("const") {
        normal.insert("enum".to_owned(), json!([value]));
    }
    bounds(&mut normal);
    enum_of_branches(&mut normal);
    single_branch(&mut normal);
    nullable_branch(&mut normal);
    lists(&mut normal);
    sorted(normal)
}

/// Replaces the format of a number with bounds.
fn bounds(schema: &mut Map<String, Value>) {
    let Some(Value::String(format)) = schema.get("format").cloned() else { return };
    let is_number = match schema.get("type") {
        Some(Value::String(ty)) => ty == "integer" || ty == "number",
        Some(Value::Array(types)) => types.iter().any(|ty| ty == "integer" || ty == "number"),
        _ => false,
    };
    if !is_number {
        return;
    }
    schema.remove("format");
    if let Some(Value::Object(bounds)) = text::integer(&format) {
        for (keyword, value) in bounds {
            schema.entry(keyword).or_insert(value);
        }
    }
}

/// Turns branches that are all constants into one `enum`.
fn enum_of_branches(schema: &mut Map<String, Value>) {
    for keyword in ["oneOf", "anyOf"] {
        let Some(Value::Array(branches)) = schema.get(keyword) else { continue };
        let values = branches.iter().map(|branch| {
            let branch = branch.as_object()?;
            let values = branch.get("enum")?.as_array()?;
            (branch.len() == 1 || (branch.len() == 2 && branch.contains_key("type"))).then_some(values)
        });
        let Some(values) = values.collect::<Option<Vec<_>>>() else { continue };
        let values: Vec<_> = values.into_iter().flatten().cloned().collect();
        if !schema.contains_key("enum") && !values.is_empty() {
            schema.insert("enum".to_owned(), values.into());
            schema.remove(keyword);
        }
    }
}

/// Replaces a single branch with its keywords.
fn single_branch(schema: &mut Map<String, Value>) {
    for keyword in ["oneOf", "anyOf", "allOf"] {
        let Some(Value::Array(branches)) = schema.get(keyword) else { continue };
        let [Value::Object(branch)] = &branches[..] else { continue };
        let branch = branch.clone();
        if branch.keys().all(|keyword| !schema.contains_key(keyword) && keyword != "$ref") || schema.len() == 1 {
            schema.remove(keyword);
            schema.extend(branch);
        }
    }
}

/// Turns `anyOf [X, null]` into a type of `X`, if `X` is no reference.
fn nullable_branch(schema: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = schema.get("anyOf") else { return };
    let null = json!({ "type": "null" });
    if schema.len() != 1 || branches.len() != 2 || !branches.contains(&null) {
        return;
    }
    let Some(inner) = branches.iter().find(|branch| **branch != null).and_then(Value::as_object) else { return };
    let mut inner = inner.clone();
    if let Some(Value::Array(values)) = inner.get_mut("enum") {
        values.push(Value::Null);
    } else if let Some(ty) = inner.get("type").cloned() {
        let mut types = match ty {
            Value::Array(types) => types,
            ty => vec![ty],
        };
        types.push("null".into());
        inner.insert("type".to_owned(), types.into());
    } else {
        return;
    }
    *schema = inner;
}

/// Sorts lists whose order has no meaning, and removes lists without one.
fn lists(schema: &mut Map<String, Value>) {
    if schema.contains_key("enum") {
        schema.remove("type");
    }
    for keyword in ["required", "enum", "type", "x-aliases"] {
        if let Some(Value::Array(list)) = schema.get_mut(keyword) {
            list.sort_by_key(Value::to_string);
            list.dedup();
            match (keyword, &list[..]) {
                ("required" | "x-aliases", []) => drop(schema.remove(keyword)),
                ("type", [one]) => {
                    let one = one.clone();
                    schema.insert(keyword.to_owned(), one);
                }
                _ => {}
            }
        }
    }
    if schema.get("properties").is_some_and(|properties| properties.as_object().is_some_and(Map::is_empty)) {
        schema.remove("properties");
    }
}

/// The map with sorted keys. They are already, unless some crate enables `serde_json/preserve_order`.
pub(in crate::contract) fn sorted(map: Map<String, Value>) -> Value {
    let mut entries: Vec<_> = map.into_iter().collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    Value::Object(entries.into_iter().map(|(key, value)| (key, sort_keys(value))).collect())
}

/// The value with all keys sorted.
pub(in crate::contract) fn sort_keys(value: Value) -> Value {
    match value {
        Value::Object(map) => sorted(map),
        Value::Array(list) => list.into_iter().map(sort_keys).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_that_accept_the_same_values_are_equal_in_the_normal_form() {
        for (one, other) in [
            (
                json!({ "type": "integer", "format": "uint32", "minimum": 0 }),
                json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
            ),
            (
                json!({ "type": "integer", "format": "int64" }),
                json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX }),
            ),
            (json!({ "type": "number", "format": "double" }), json!({ "type": "number" })),
            (
                json!({ "oneOf": [{ "type": "string", "enum": ["b", "c"] }, { "type": "string", "const": "a", "description": "First." }] }),
                json!({ "type": "string", "enum": ["a", "b", "c"] }),
            ),
            (json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }), json!({ "type": ["string", "null"] })),
            (json!({ "anyOf": [{ "enum": ["a"] }, { "type": "null" }] }), json!({ "enum": [null, "a"] })),
            (
                json!({ "type": ["null", "integer"], "format": "uint8" }),
                json!({ "type": ["integer", "null"], "minimum": 0, "maximum": 255 }),
            ),
            (json!({ "allOf": [{ "$ref": "#/$defs/A" }], "title": "A" }), json!({ "$ref": "#/$defs/A" })),
            (
                json!({ "type": "object", "required": ["b", "a"] }),
                json!({ "type": "object", "required": ["a", "b"], "title": "T" }),
            ),
            (json!(true), json!({ "description": "anything" })),
        ] {
            assert_eq!(normalize(&one), normalize(&other), "{one} {other}");
        }
    }
}
