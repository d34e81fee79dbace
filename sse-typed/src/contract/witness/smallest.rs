//! The smallest value of a schema.

use serde_json::{Map, Value, json};

use super::{
    shape::{and, flat, forms, types},
    values::{Form, Schema, integers, numbers, texts},
};
use crate::contract::{
    rules::{OPAQUE, is_opaque},
    schema::validate::{bound, is_required},
};

/// Values nested as deeply as this are `null` where they may be.
const NULL_DEPTH: usize = 2;

/// Values nested more deeply than this are not found.
const MAX_DEPTH: usize = 48;

/// A value with more parts than this is not found.
const MAX_PARTS: usize = 2_000;

/// The smallest value of a schema. `None` if no value is known, such as for an unknown pattern.
pub(in crate::contract) fn smallest(schema: Schema<'_>) -> Option<Value> {
    smallest_at(schema, 0)
}

pub(super) fn smallest_at(schema: Schema<'_>, depth: usize) -> Option<Value> {
    Search::default().at(schema, depth)
}

pub(super) fn smallest_array(form: &Form, length: u64, schema: Schema<'_>, depth: usize) -> Option<Value> {
    Search::default().array(form, length, schema.defs, depth)
}

pub(super) fn smallest_object(form: &Form, schema: Schema<'_>, depth: usize) -> Option<Value> {
    Search::default().object(form, schema.defs, depth)
}

pub(super) fn properties(form: &Form) -> impl Iterator<Item = (&String, &Value)> {
    form.get("properties").and_then(Value::as_object).into_iter().flatten()
}

#[derive(Default)]
struct Search {
    /// The definitions that the current part is in. The smallest value of a definition does not contain another value of it.
    entered: Vec<String>,
    parts: usize,
}

impl Search {
    fn at(&mut self, schema: Schema<'_>, depth: usize) -> Option<Value> {
        self.parts += 1;
        if depth > MAX_DEPTH || self.parts > MAX_PARTS {
            return None;
        }
        if is_opaque(schema.schema) {
            return Some(Value::Null);
        }
        self.enter(schema.schema, |search| {
            let mut form = flat(schema.schema, schema.defs);
            let Some(Value::Array(branches)) = form.remove("oneOf").or_else(|| form.remove("anyOf")) else {
                return search.of_form(&form, schema.defs, depth);
            };
            // A value other than `null` says more, but a list that contains itself must end.
            let is_deep = depth >= NULL_DEPTH;
            let mut fallback = None;
            for branch in &branches {
                let found = search.enter(branch, |search| {
                    let branch = Value::Object(and(flat(branch, schema.defs), form.clone()));
                    forms(&branch, schema.defs).iter().find_map(|form| search.of_form(form, schema.defs, depth))
                });
                match found {
                    Some(value) if value.is_null() == is_deep => return Some(value),
                    found => fallback = fallback.or(found),
                }
            }
            fallback
        })
    }

    /// Enters the definition that a schema refers to. `None` if the current part is in it.
    fn enter(&mut self, schema: &Value, find: impl FnOnce(&mut Self) -> Option<Value>) -> Option<Value> {
        let Some(name) = schema.get("$ref").and_then(Value::as_str) else { return find(self) };
        if self.entered.iter().any(|entered| entered == name) {
            return None;
        }
        self.entered.push(name.to_owned());
        let found = find(self);
        self.entered.pop();
        found
    }

    fn of_form(&mut self, form: &Form, defs: &Map<String, Value>, depth: usize) -> Option<Value> {
        if let Some(Value::Array(values)) = form.get("enum") {
            return values.iter().find(|value| !value.is_null()).or(values.first()).cloned();
        }
        if form.contains_key(OPAQUE) {
            return Some(Value::Null);
        }
        let mut types = types(form);
        types.sort_by_key(|ty| (*ty == "null") == (depth < NULL_DEPTH));
        types.into_iter().find_map(|ty| match ty {
            "null" => Some(Value::Null),
            "boolean" => Some(false.into()),
            "integer" => integers(form, &[]).into_iter().next(),
            "number" => numbers(form, &[]).into_iter().next(),
            "string" => texts(form, &[]).into_iter().next(),
            "array" => self.array(form, bound(form, "minItems").unwrap_or(0), defs, depth),
            "object" => self.object(form, defs, depth),
            _ => None,
        })
    }

    fn array(&mut self, form: &Form, length: u64, defs: &Map<String, Value>, depth: usize) -> Option<Value> {
        let prefix = form.get("prefixItems").and_then(Value::as_array);
        let items = form.get("items");
        let any = json!({});
        let length = usize::try_from(length).ok().filter(|length| *length <= 64)?;
        let one = |at: usize| {
            let item = prefix.and_then(|prefix| prefix.get(at)).or(items).unwrap_or(&any);
            self.at(Schema::new(item, defs), depth + 1)
        };
        (0..length).map(one).collect::<Option<Vec<_>>>().map(Value::Array)
    }

    fn object(&mut self, form: &Form, defs: &Map<String, Value>, depth: usize) -> Option<Value> {
        let mut object = Map::new();
        for (name, property) in properties(form) {
            if is_required(form, name) {
                object.insert(name.clone(), self.at(Schema::new(property, defs), depth + 1)?);
            }
        }
        let required = form.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for name in required {
            if !object.contains_key(name) {
                object.insert(name.to_owned(), Value::Null);
            }
        }
        Some(object.into())
    }
}
