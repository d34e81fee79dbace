//! What tells the forms of an enum with data apart.

use serde_json::Value;

use super::compare::{Object, named, values};
use crate::contract::{schema::validate::is_required, witness::shape::flat};

/// What tells a form from the others: constants of its fields, or the single key of an externally tagged one.
pub(super) fn tags(branch: &Value, defs: &Object) -> Vec<(String, String)> {
    let form = flat(branch, defs);
    if let Some([only]) = values(&form) {
        return vec![(String::new(), only.to_string())];
    }
    let Some(Value::Object(properties)) = form.get("properties") else { return Vec::new() };
    let constants = properties.iter().filter_map(|(name, schema)| match values(&flat(schema, defs)) {
        Some([only]) => Some((name.clone(), only.to_string())),
        _ => None,
    });
    let mut tags: Vec<_> = constants.collect();
    if tags.is_empty()
        && let (1, Some(name)) = (properties.len(), properties.keys().next())
        && is_required(&form, name)
        && form.get("additionalProperties") == Some(&Value::Bool(false))
    {
        tags.push((String::new(), name.clone()));
    }
    tags
}

pub(super) fn form_name(branch: &Value, defs: &Object) -> String {
    match &tags(branch, defs)[..] {
        [(name, value), ..] if name.is_empty() => format!("`{}`", value.trim_matches('"')),
        [(name, value), ..] => format!("`{name}` {value}"),
        [] => named(&flat(branch, defs)),
    }
}
