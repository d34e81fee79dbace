//! The schemas of a contract as components of a document.

use serde_json::{Map, Value, json};

use crate::contract::{
    Contract,
    rules::{Data, EventRules, Rules, is_opaque, references},
    schema::normal::sort_keys,
};

/// Where the components of both kinds of document are.
const SCHEMAS: &str = "#/components/schemas/";

/// A schema without the keywords of a contract, and with references to components.
pub(super) fn component(schema: &Value) -> Value {
    match schema {
        _ if is_opaque(schema) => json!({}),
        Value::Object(object) => {
            let kept = object.iter().filter(|(keyword, _)| !["x-open", "x-aliases"].contains(&&***keyword));
            let entries = kept.map(|(keyword, value)| match (&**keyword, value) {
                ("$ref", Value::String(path)) => {
                    let name = path
                        .strip_prefix("#/$defs/")
                        .map_or_else(|| path.clone(), |name| SCHEMAS.to_owned() + &sanitized(name));
                    (keyword.clone(), Value::from(name))
                }
                ("enum", _) => (keyword.clone(), value.clone()),
                (_, value) => (keyword.clone(), component(value)),
            });
            Value::Object(entries.collect())
        }
        Value::Array(list) => list.iter().map(component).collect(),
        other => other.clone(),
    }
}

/// A name that both specifications accept.
pub(super) fn sanitized(name: &str) -> String {
    let name = name.strip_suffix(".read").unwrap_or(name);
    name.chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' })
        .collect()
}

/// The schemas that the written events refer to, by name.
pub(super) fn schemas(contract: &Contract, rules: &Rules) -> Map<String, Value> {
    let mut used = Map::new();
    let mut pending: Vec<String> = rules.schemas().flat_map(references).collect();
    while let Some(name) = pending.pop() {
        if let Some(schema) = contract.defs.get(&name)
            && !used.contains_key(&sanitized(&name))
        {
            used.insert(sanitized(&name), component(schema));
            pending.extend(references(schema));
        }
    }
    used
}

/// The schema of an event's JSON, with its tag.
pub(super) fn json_schema(event: &EventRules) -> Option<Value> {
    let schema = match &event.data {
        Data::Json(schema) => component(schema),
        Data::Unit if event.tag.is_some() => json!({ "type": "object" }),
        Data::Unit => json!({ "type": "null" }),
        Data::Text(_) | Data::Sentinel(_) => return None,
    };
    let Some(tag) = &event.tag else { return Some(schema) };
    let tagged = json!({ "type": "object", "properties": { tag: { "const": event.event } }, "required": [tag] });
    Some(if schema == json!({ "type": "object" }) { tagged } else { json!({ "allOf": [tagged, schema] }) })
}

/// A name for a variant in a document.
pub(super) fn variant_name(rules: &Rules, event: &EventRules) -> String {
    let is_shared = rules.events.iter().filter(|other| other.event == event.event).count() > 1;
    sanitized(if is_shared { &event.name } else { &event.event })
}

/// Adds components to a document. Equal ones are shared; one whose name is taken by another gets a number. Returns the new names.
pub(super) fn add(document: &mut Value, own: Map<String, Value>) -> Vec<(String, String)> {
    let taken = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
    let mut renamed: Vec<(String, String)> = Vec::new();
    for (name, schema) in &own {
        if taken.get(name).is_some_and(|other| other != schema) {
            let mut names = (2_u64..).map(|number| format!("{name}{number}"));
            let free = names.find(|name| !taken.contains_key(name) && !own.contains_key(name));
            renamed.extend(free.map(|free| (name.clone(), free)));
        }
    }
    for (name, schema) in own {
        let name = new_name(&name, &renamed);
        document["components"]["schemas"][name] = sort_keys(with_names(&schema, &renamed));
    }
    renamed
}

/// The value with the new names of components.
pub(super) fn with_names(value: &Value, renamed: &[(String, String)]) -> Value {
    match value {
        Value::Object(object) => {
            let entries =
                object.iter().map(|(key, value)| match value.as_str().and_then(|path| path.strip_prefix(SCHEMAS)) {
                    Some(name) if key == "$ref" => {
                        (key.clone(), Value::from(SCHEMAS.to_owned() + &new_name(name, renamed)))
                    }
                    _ => (key.clone(), with_names(value, renamed)),
                });
            Value::Object(entries.collect())
        }
        Value::Array(list) => list.iter().map(|value| with_names(value, renamed)).collect(),
        other => other.clone(),
    }
}

pub(super) fn new_name(name: &str, renamed: &[(String, String)]) -> String {
    renamed.iter().find(|(old, _)| old == name).map_or_else(|| name.to_owned(), |(_, new)| new.clone())
}
