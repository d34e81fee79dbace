//! The schemas of a contract as components of a document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::contract::{
    Contract,
    rules::{Data, EventRules, Rules, is_opaque, references},
    schema::normal::sort_keys,
};

/// Where the components of both kinds of document are.
const SCHEMAS: &str = "#/components/schemas/";

/// The names in a document of the definitions that the written events refer to.
pub(super) struct ComponentNames(BTreeMap<String, String>);

impl ComponentNames {
    pub(super) fn new(contract: &Contract, rules: &Rules) -> Self {
        let mut used = BTreeSet::new();
        let mut pending: Vec<String> = rules.schemas().flat_map(references).collect();
        while let Some(name) = pending.pop() {
            if let Some(schema) = contract.defs.get(&name)
                && used.insert(name)
            {
                pending.extend(references(schema));
            }
        }
        let mut names = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for name in used {
            let own = unique(&sanitized(&name), |name| taken.contains(name));
            taken.insert(own.clone());
            names.insert(name, own);
        }
        Self(names)
    }

    /// The definitions by their names in the document.
    pub(super) fn schemas(&self, contract: &Contract) -> Map<String, Value> {
        let found = self.0.iter().filter_map(|(name, own)| Some((own, contract.defs.get(name)?)));
        found.map(|(own, schema)| (own.clone(), self.component(schema))).collect()
    }

    /// A schema without the keywords of a contract, and with references to components.
    pub(super) fn component(&self, schema: &Value) -> Value {
        match schema {
            _ if is_opaque(schema) => json!({}),
            Value::Object(object) => {
                let kept = object.iter().filter(|(keyword, _)| !["x-open", "x-aliases"].contains(&&***keyword));
                let entries = kept.map(|(keyword, value)| {
                    let value = match (&**keyword, value) {
                        ("$ref", Value::String(path)) => self.reference(path).into(),
                        // Its keys are those of the data, and may have the name of any keyword.
                        ("properties" | "patternProperties", Value::Object(map)) => {
                            map.iter().map(|(key, schema)| (key.clone(), self.component(schema))).collect()
                        }
                        ("enum", _) => value.clone(),
                        _ => self.component(value),
                    };
                    (keyword.clone(), value)
                });
                Value::Object(entries.collect())
            }
            Value::Array(list) => list.iter().map(|schema| self.component(schema)).collect(),
            other => other.clone(),
        }
    }

    fn reference(&self, path: &str) -> String {
        let own = path.strip_prefix("#/$defs/").and_then(|name| self.0.get(name));
        own.map_or_else(|| path.to_owned(), |name| SCHEMAS.to_owned() + name)
    }

    /// The schema of an event's JSON, with its tag.
    pub(super) fn json_schema(&self, event: &EventRules) -> Option<Value> {
        let schema = match &event.data {
            Data::Json(schema) => self.component(schema),
            Data::Unit if event.tag.is_some() => json!({ "type": "object" }),
            Data::Unit => json!({ "type": "null" }),
            Data::Text(_) | Data::Sentinel(_) => return None,
        };
        let Some(tag) = &event.tag else { return Some(schema) };
        let tagged = json!({ "type": "object", "properties": { tag: { "const": event.event } }, "required": [tag] });
        Some(if schema == json!({ "type": "object" }) { tagged } else { json!({ "allOf": [tagged, schema] }) })
    }
}

/// A name that both specifications accept.
pub(super) fn sanitized(name: &str) -> String {
    name.chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' })
        .collect()
}

/// The name, with a number if it is taken.
pub(super) fn unique(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut numbered = (2_u64..).map(|number| format!("{name}{number}"));
    let free = if is_taken(name) { numbered.find(|name| !is_taken(name)) } else { None };
    free.unwrap_or_else(|| name.to_owned())
}

/// Adds components to a document. Equal ones are shared; one whose name is taken by another gets a number. Returns the new names.
pub(super) fn add(document: &mut Value, own: Map<String, Value>) -> Vec<(String, String)> {
    let taken = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
    let mut renamed: Vec<(String, String)> = Vec::new();
    // One that refers to a component with a new name is another one than the equal one that is there.
    while let Some((name, _)) = own.iter().find(|(name, schema)| {
        let is_renamed = renamed.iter().any(|(old, _)| old == *name);
        !is_renamed && taken.get(*name).is_some_and(|other| *other != with_names(schema, &renamed))
    }) {
        let free = unique(name, |name| {
            taken.contains_key(name) || own.contains_key(name) || renamed.iter().any(|(_, new)| new == name)
        });
        renamed.push((name.clone(), free));
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
