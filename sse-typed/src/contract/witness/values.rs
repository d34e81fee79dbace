//! Values of a schema: the smallest one, and those at which two schemas may differ.

use std::{cell::RefCell, collections::HashSet};

use serde_json::{Map, Number, Value, json};

use super::shape::{forms, types};
use crate::contract::{
    rules::{OPAQUE, is_opaque, references},
    schema::validate::{PART_NAME, aliases, as_integer, bound, is_required},
};

/// Values nested more deeply than this are not enumerated.
pub(in crate::contract) const MAX_DEPTH: usize = 8;

/// No more values than this are made of one schema.
const MAX_VALUES: usize = 1_000;

/// Values nested as deeply as this are `null` where they may be.
const NULL_DEPTH: usize = 2;

/// A type that contains itself is entered this often.
const MAX_ENTRIES: usize = 2;

type Form = Map<String, Value>;

/// A schema with its definitions.
#[derive(Clone, Copy)]
pub(in crate::contract) struct Schema<'a> {
    pub(in crate::contract) schema: &'a Value,
    pub(in crate::contract) defs: &'a Map<String, Value>,
}

impl<'a> Schema<'a> {
    pub(in crate::contract) const fn new(schema: &'a Value, defs: &'a Map<String, Value>) -> Self {
        Self { schema, defs }
    }

    fn forms(&self) -> Vec<Form> {
        forms(self.schema, self.defs)
    }
}

/// The smallest value of a schema. `None` if no value is known, such as for an unknown pattern.
pub(in crate::contract) fn smallest(schema: Schema<'_>) -> Option<Value> {
    smallest_at(schema, 0)
}

fn smallest_at(schema: Schema<'_>, depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    if is_opaque(schema.schema) {
        return Some(Value::Null);
    }
    // A value other than `null` says more, but a list that contains itself must end.
    let forms = schema.forms();
    let found = forms.iter().filter_map(|form| smallest_of(form, schema, depth));
    let is_deep = depth >= NULL_DEPTH;
    found.reduce(|best, next| if best.is_null() != is_deep && (next.is_null() == is_deep) { next } else { best })
}

fn smallest_of(form: &Form, schema: Schema<'_>, depth: usize) -> Option<Value> {
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
        "array" => smallest_array(form, bound(form, "minItems").unwrap_or(0), schema, depth),
        "object" => smallest_object(form, schema, depth),
        _ => None,
    })
}

fn smallest_array(form: &Form, length: u64, schema: Schema<'_>, depth: usize) -> Option<Value> {
    let prefix = form.get("prefixItems").and_then(Value::as_array);
    let items = form.get("items");
    let any = json!({});
    let length = usize::try_from(length).ok().filter(|length| *length <= 64)?;
    let one = |at: usize| {
        let item = prefix.and_then(|prefix| prefix.get(at)).or(items).unwrap_or(&any);
        smallest_at(Schema::new(item, schema.defs), depth + 1)
    };
    (0..length).map(one).collect::<Option<Vec<_>>>().map(Value::Array)
}

fn smallest_object(form: &Form, schema: Schema<'_>, depth: usize) -> Option<Value> {
    let mut object = Map::new();
    for (name, property) in properties(form) {
        if is_required(form, name) {
            object.insert(name.clone(), smallest_at(Schema::new(property, schema.defs), depth + 1)?);
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

fn properties(form: &Form) -> impl Iterator<Item = (&String, &Value)> {
    form.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// Values of `schema`, among them those at which a value of one of the `hints` may differ from it. Not every one is valid: the
/// caller validates them.
pub(in crate::contract) fn candidates(schema: Schema<'_>, hints: &[Schema<'_>], with_aliases: bool) -> Vec<Value> {
    let mut found = Vec::new();
    Candidates { with_aliases, entered: RefCell::default() }.of(schema, hints, 0, &mut found);
    found
}

struct Candidates {
    /// Keys are also written under their aliases, as older writers did.
    with_aliases: bool,
    /// The definitions that the current one is in.
    entered: RefCell<Vec<String>>,
}

impl Candidates {
    fn of(&self, schema: Schema<'_>, hints: &[Schema<'_>], depth: usize, found: &mut Vec<Value>) {
        if depth > MAX_DEPTH || found.len() > MAX_VALUES {
            return;
        }
        found.extend(smallest_at(schema, depth));
        let names = references(schema.schema);
        let is_deep = {
            let entered = self.entered.borrow();
            names.iter().any(|name| entered.iter().filter(|own| *own == name).count() >= MAX_ENTRIES)
        };
        if is_deep {
            return;
        }
        let before = self.entered.borrow().len();
        self.entered.borrow_mut().extend(names);
        self.forms(schema, hints, depth, found);
        self.entered.borrow_mut().truncate(before);
        let mut seen = HashSet::new();
        found.retain(|value| seen.insert(value.to_string()));
    }

    fn forms(&self, schema: Schema<'_>, hints: &[Schema<'_>], depth: usize, found: &mut Vec<Value>) {
        let hint_forms: Vec<(Form, &Map<String, Value>)> =
            hints.iter().flat_map(|hint| hint.forms().into_iter().map(|form| (form, hint.defs))).collect();
        for form in schema.forms() {
            if form.is_empty() {
                // Any value: one of each type, and what the hints refuse.
                let all = json!([null, true, 0, 0.5, -1, "a", "", [], [0], ["a"], {}, { "key": 0 }]);
                found.extend(all.as_array().into_iter().flatten().cloned());
                found.extend(hints.iter().filter_map(|hint| smallest(*hint)));
                continue;
            }
            if let Some(Value::Array(values)) = form.get("enum") {
                found.extend(values.iter().cloned());
                continue;
            }
            let plain: Vec<_> = hint_forms.iter().map(|(form, _)| form).collect();
            for ty in types(&form) {
                match ty {
                    "null" => found.push(Value::Null),
                    "boolean" => found.extend([Value::from(true), Value::from(false)]),
                    "integer" => found.extend(integers(&form, &plain)),
                    "number" => found.extend(numbers(&form, &plain)),
                    "string" => found.extend(texts(&form, &plain)),
                    "array" => self.arrays(&form, schema, &hint_forms, depth, found),
                    "object" => self.objects(&form, schema, &hint_forms, depth, found),
                    _ => {}
                }
            }
        }
    }

    fn inner(&self, schema: Schema<'_>, hints: &[Schema<'_>], depth: usize) -> Vec<Value> {
        let mut found = Vec::new();
        self.of(schema, hints, depth + 1, &mut found);
        found
    }

    fn arrays(
        &self,
        form: &Form,
        schema: Schema<'_>,
        hints: &[(Form, &Map<String, Value>)],
        depth: usize,
        found: &mut Vec<Value>,
    ) {
        let lengths = |form: &Form| {
            let bounds = [bound(form, "minItems"), bound(form, "maxItems")];
            bounds
                .into_iter()
                .flatten()
                .flat_map(|length| [length.saturating_sub(1), length, length + 1])
                .collect::<Vec<_>>()
        };
        let any = json!({});
        let mut wanted = lengths(form);
        wanted.extend(hints.iter().flat_map(|(form, _)| lengths(form)));
        wanted.extend([0, 1, 2]);
        wanted.sort_unstable();
        wanted.dedup();
        found.extend(
            wanted
                .into_iter()
                .filter(|length| *length <= 32)
                .filter_map(|length| smallest_array(form, length, schema, depth)),
        );
        let prefix = form.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let shortest = bound(form, "minItems").unwrap_or(0).max(prefix.len() as u64);
        let variable = form.get("items").filter(|items| items.is_object());
        let items = prefix.iter().chain(variable.or_else(|| prefix.is_empty().then_some(&any)));
        for (at, item) in items.enumerate() {
            let at_hint = |form: &Form| {
                let in_prefix = form.get("prefixItems").and_then(|prefix| prefix.get(at));
                in_prefix.or_else(|| form.get("items")).cloned()
            };
            let own: Vec<_> = hints.iter().filter_map(|(form, defs)| Some((at_hint(form)?, *defs))).collect();
            let own: Vec<_> = own.iter().map(|(schema, defs)| Schema::new(schema, defs)).collect();
            for value in self.inner(Schema::new(item, schema.defs), &own, depth) {
                let length = shortest.max(at as u64 + 1);
                if let Some(Value::Array(mut list)) = smallest_array(form, length, schema, depth) {
                    list[at] = value;
                    found.push(list.into());
                }
            }
        }
    }

    fn objects(
        &self,
        form: &Form,
        schema: Schema<'_>,
        hints: &[(Form, &Map<String, Value>)],
        depth: usize,
        found: &mut Vec<Value>,
    ) {
        let Some(Value::Object(base)) = smallest_object(form, schema, depth) else { return };
        found.push(base.clone().into());
        let mut all = base.clone();
        for (name, property) in properties(form) {
            let own = property_hints(hints, name, property);
            let own: Vec<_> = own.iter().map(|(schema, defs)| Schema::new(schema, defs)).collect();
            for value in self.inner(Schema::new(property, schema.defs), &own, depth) {
                all.entry(name).or_insert_with(|| value.clone());
                let mut object = base.clone();
                object.insert(name.clone(), value.clone());
                if self.with_aliases {
                    for alias in aliases(property) {
                        let mut renamed = object.clone();
                        renamed.remove(name);
                        renamed.insert(alias.to_owned(), value.clone());
                        found.push(renamed.into());
                    }
                }
                found.push(object.into());
            }
        }
        found.push(all.into());
        self.maps(form, schema, hints, depth, &base, found);
    }

    /// Objects with keys that are not declared.
    fn maps(
        &self,
        form: &Form,
        schema: Schema<'_>,
        hints: &[(Form, &Map<String, Value>)],
        depth: usize,
        base: &Map<String, Value>,
        found: &mut Vec<Value>,
    ) {
        let further = form.get("additionalProperties").filter(|further| further.is_object());
        let is_any = form.keys().all(|keyword| keyword == "type");
        let any = json!({});
        let patterns = form.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        let mut keys: Vec<(String, &Value)> = Vec::new();
        for (_, value) in patterns {
            keys.extend(["7", "-7"].map(|key| (key.to_owned(), value)));
        }
        if let Some(value) = further.or_else(|| is_any.then_some(&any)) {
            let declared: Vec<&String> = properties(form).map(|(name, _)| name).collect();
            let hinted = hints.iter().flat_map(|(form, _)| properties(form)).map(|(name, _)| name);
            let hinted: Vec<_> = hinted.filter(|name| !declared.contains(name)).cloned().collect();
            keys.extend(hinted.into_iter().chain(["key".to_owned()]).map(|key| (key, value)));
        }
        for (key, value) in keys {
            let own = property_hints(hints, &key, &any);
            let own: Vec<_> = own.iter().map(|(schema, defs)| Schema::new(schema, defs)).collect();
            for value in self.inner(Schema::new(value, schema.defs), &own, depth) {
                let mut object = base.clone();
                object.insert(key.clone(), value);
                found.push(object.into());
            }
        }
    }
}

/// What the hints say about a property, under its own name or an alias.
fn property_hints<'h>(
    hints: &[(Form, &'h Map<String, Value>)],
    name: &str,
    property: &Value,
) -> Vec<(Value, &'h Map<String, Value>)> {
    let names: Vec<_> = std::iter::once(name).chain(aliases(property)).collect();
    let find = |form: &Form| {
        let mut own = properties(form);
        let found =
            own.find(|(own, schema)| names.contains(&&***own) || aliases(schema).any(|alias| names.contains(&alias)));
        let found = found.map(|(_, schema)| schema);
        let patterns = form.get("patternProperties").and_then(Value::as_object).and_then(|map| map.values().next());
        found.or_else(|| form.get("additionalProperties")).or(patterns).filter(|schema| schema.is_object()).cloned()
    };
    hints.iter().filter_map(|(form, defs)| Some((find(form)?, *defs))).collect()
}

/// Integers within the bounds: the smallest ones, the bounds, and those around the bounds of the hints.
fn integers(form: &Form, hints: &[&Form]) -> Vec<Value> {
    let limit = |keyword, exclusive, step: i128| {
        let inclusive = form.get(keyword).and_then(as_integer);
        inclusive.or_else(|| form.get(exclusive).and_then(as_integer).map(|limit| limit + step))
    };
    let min = limit("minimum", "exclusiveMinimum", 1).unwrap_or(i128::from(i64::MIN));
    let max = limit("maximum", "exclusiveMaximum", -1).unwrap_or(i128::from(u64::MAX));
    let mut wanted = vec![0, 1, -1, min, max];
    for hint in hints {
        for keyword in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
            if let Some(bound) = hint.get(keyword).and_then(as_integer) {
                wanted.extend([bound - 1, bound, bound + 1]);
            }
        }
        if let Some(Value::Array(values)) = hint.get("enum") {
            wanted.extend(values.iter().filter_map(as_integer));
        }
    }
    // A number that an enum of the hints does not have.
    wanted.push(77);
    wanted.retain(|value| (min..=max).contains(value));
    let mut seen = Vec::new();
    wanted.retain(|value| !seen.contains(value) && (seen.push(*value), true).1);
    wanted.into_iter().filter_map(integer).collect()
}

fn integer(value: i128) -> Option<Value> {
    i64::try_from(value).map(Value::from).or_else(|_| u64::try_from(value).map(Value::from)).ok()
}

fn numbers(form: &Form, hints: &[&Form]) -> Vec<Value> {
    let bound = |keyword| form.get(keyword).and_then(Value::as_f64);
    let (min, max) = (bound("minimum"), bound("maximum"));
    let middle = match (min, max) {
        (Some(min), Some(max)) => min + (max - min) / 2.0 + 0.125,
        (Some(min), None) => min + 0.5,
        (None, Some(max)) => max - 0.5,
        (None, None) => 0.5,
    };
    let mut values: Vec<_> =
        // A larger number is an error or infinite for an `f32`, as the features of serde_json say.
        [middle, -0.5, 1e30].into_iter().filter_map(Number::from_f64).map(Value::Number).collect();
    values.extend(integers(&Map::new(), hints));
    for hint in hints {
        let bounds = ["minimum", "maximum"].into_iter().filter_map(|keyword| hint.get(keyword).and_then(Value::as_f64));
        let around = bounds.flat_map(|bound| [bound - 0.5, bound, bound + 0.5]);
        values.extend(around.filter_map(Number::from_f64).map(Value::Number));
    }
    values.retain(|value| {
        let value = value.as_f64().unwrap_or_default();
        min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max)
    });
    values
}

/// A text for each format whose values are known.
const FORMATS: [(&str, &str); 9] = [
    ("date", "2026-01-31"),
    ("date-time", "2026-01-31T00:00:00Z"),
    ("duration", "PT1S"),
    ("email", "a@example.org"),
    ("ipv4", "192.0.2.1"),
    ("ipv6", "2001:db8::1"),
    ("time", "00:00:00Z"),
    ("uri", "https://example.org/"),
    ("uuid", "00000000-0000-0000-0000-000000000000"),
];

fn texts(form: &Form, hints: &[&Form]) -> Vec<Value> {
    if let Some(format) = form.get("format").and_then(Value::as_str) {
        return FORMATS.iter().filter(|(known, _)| *known == format).map(|(_, text)| Value::from(*text)).collect();
    }
    if form.get("pattern").is_some_and(|pattern| pattern == PART_NAME) {
        return ["a", "b-1"].map(Value::from).into();
    }
    if form.contains_key("pattern") {
        return Vec::new();
    }
    let min = bound(form, "minLength").unwrap_or(0);
    let max = bound(form, "maxLength").unwrap_or(u64::MAX);
    let mut values: Vec<String> = ["a", "", "unknown"].map(str::to_owned).into();
    for hint in std::iter::once(&form).chain(hints) {
        for keyword in ["minLength", "maxLength"] {
            let lengths = bound(hint, keyword).map(|length| [length.saturating_sub(1), length, length + 1]);
            let lengths = lengths.into_iter().flatten().filter(|length| *length <= 256);
            values.extend(lengths.filter_map(|length| usize::try_from(length).ok()).map(|length| "a".repeat(length)));
        }
        if let Some(Value::Array(texts)) = hint.get("enum") {
            values.extend(texts.iter().filter_map(Value::as_str).map(str::to_owned));
        }
    }
    values.retain(|text| (min..=max).contains(&(text.chars().count() as u64)));
    values.into_iter().map(Value::from).collect()
}
