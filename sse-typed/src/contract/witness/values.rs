//! Values of a schema: the smallest one, and those at which two schemas may differ.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
};

use serde_json::{Map, Number, Value, json};

pub(in crate::contract) use super::smallest::smallest;
use super::{
    shape::{forms, types},
    smallest::{properties, smallest_array, smallest_at, smallest_object},
};
use crate::contract::{
    rules::references,
    schema::validate::{PART_NAME, aliases, as_integer, bound, join},
};

/// Values nested more deeply than this are not enumerated.
pub(in crate::contract) const MAX_DEPTH: usize = 8;

/// No more values than this are made of one schema.
const MAX_VALUES: usize = 1_000;

/// Parts of a schema that are entered before the rest gets only its smallest values.
const MAX_STEPS: usize = 4_000;

/// Changed parts are entered as deeply as this.
const MAX_CHANGED_DEPTH: usize = 24;

/// A type that contains itself is entered this often.
const MAX_ENTRIES: usize = 2;

pub(super) type Form = Map<String, Value>;

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

    pub(super) fn forms(&self) -> Vec<Form> {
        forms(self.schema, self.defs)
    }
}

/// Values of `schema`, among them those at which a value of one of the `hints` may differ from it. Not every one is valid: the
/// caller validates them.
pub(in crate::contract) fn candidates(schema: Schema<'_>, hints: &[Schema<'_>], with_aliases: bool) -> Vec<Value> {
    candidates_at(schema, hints, with_aliases, &[])
}

/// As [`candidates`], with values for all parts at these paths, however deep they are and however large the schema is.
pub(in crate::contract) fn candidates_at(
    schema: Schema<'_>,
    hints: &[Schema<'_>],
    with_aliases: bool,
    changed: &[String],
) -> Vec<Value> {
    let mut found = Vec::new();
    let candidates = Candidates { with_aliases, changed, entered: RefCell::default(), steps: Cell::new(0) };
    candidates.of(schema, hints, At { depth: 0, path: "" }, &mut found);
    found
}

/// A part of the data.
#[derive(Clone, Copy)]
struct At<'p> {
    depth: usize,
    path: &'p str,
}

struct Candidates<'a> {
    /// The paths of changed parts.
    changed: &'a [String],
    steps: Cell<usize>,
    /// Keys are also written under their aliases, as older writers did.
    with_aliases: bool,
    /// The definitions that the current one is in.
    entered: RefCell<Vec<String>>,
}

impl Candidates<'_> {
    /// Whether a part has changed, or has a part that has.
    fn leads_to_change(&self, path: &str) -> bool {
        self.changed.iter().any(|changed| changed.starts_with(path))
    }

    fn of(&self, schema: Schema<'_>, hints: &[Schema<'_>], at: At<'_>, found: &mut Vec<Value>) {
        let has_change = self.leads_to_change(at.path);
        let max_depth = if has_change { MAX_CHANGED_DEPTH } else { MAX_DEPTH };
        if at.depth > max_depth || found.len() > MAX_VALUES {
            return;
        }
        found.extend(smallest_at(schema, at.depth));
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > MAX_STEPS && !has_change {
            return;
        }
        // A list of lists of a type refers to it at each level, and only the last one enters it.
        let names = if has_change { entered(schema.schema) } else { references(schema.schema) };
        let is_deep = {
            let entered = self.entered.borrow();
            names.iter().any(|name| entered.iter().filter(|own| *own == name).count() >= MAX_ENTRIES)
        };
        if is_deep {
            return;
        }
        let before = self.entered.borrow().len();
        self.entered.borrow_mut().extend(names);
        self.forms(schema, hints, at, found);
        self.entered.borrow_mut().truncate(before);
        let mut seen = HashSet::new();
        found.retain(|value| seen.insert(value.to_string()));
    }

    fn forms(&self, schema: Schema<'_>, hints: &[Schema<'_>], at: At<'_>, found: &mut Vec<Value>) {
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
                    "array" => self.arrays(&form, schema, &hint_forms, at, found),
                    "object" => self.objects(&form, schema, &hint_forms, at, found),
                    _ => {}
                }
            }
        }
    }

    fn inner(&self, schema: Schema<'_>, hints: &[Schema<'_>], depth: usize, path: &str) -> Vec<Value> {
        let mut found = Vec::new();
        self.of(schema, hints, At { depth: depth + 1, path }, &mut found);
        found
    }

    fn arrays(
        &self,
        form: &Form,
        schema: Schema<'_>,
        hints: &[(Form, &Map<String, Value>)],
        part: At<'_>,
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
                .filter_map(|length| smallest_array(form, length, schema, part.depth)),
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
            let path = if at < prefix.len() { format!("{}[{at}]", part.path) } else { format!("{}[]", part.path) };
            for value in self.inner(Schema::new(item, schema.defs), &own, part.depth, &path) {
                let length = shortest.max(at as u64 + 1);
                if let Some(Value::Array(mut list)) = smallest_array(form, length, schema, part.depth) {
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
        part: At<'_>,
        found: &mut Vec<Value>,
    ) {
        let Some(Value::Object(base)) = smallest_object(form, schema, part.depth) else { return };
        found.push(base.clone().into());
        let mut all = base.clone();
        for (name, property) in properties(form) {
            let own = property_hints(hints, name, property);
            let own: Vec<_> = own.iter().map(|(schema, defs)| Schema::new(schema, defs)).collect();
            let path = join(part.path, name);
            if found.len() > MAX_VALUES && !self.leads_to_change(&path) {
                continue;
            }
            for value in self.inner(Schema::new(property, schema.defs), &own, part.depth, &path) {
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
        self.maps(form, schema, hints, part, &base, found);
    }

    /// Objects with keys that are not declared.
    fn maps(
        &self,
        form: &Form,
        schema: Schema<'_>,
        hints: &[(Form, &Map<String, Value>)],
        part: At<'_>,
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
            for value in self.inner(Schema::new(value, schema.defs), &own, part.depth, &join(part.path, "*")) {
                let mut object = base.clone();
                object.insert(key.clone(), value);
                found.push(object.into());
            }
        }
    }
}

/// The definitions that a schema refers to itself, or by one of its branches.
fn entered(schema: &Value) -> Vec<String> {
    let branches = ["allOf", "anyOf", "oneOf"].iter().filter_map(|keyword| schema.get(*keyword)?.as_array()).flatten();
    let all = std::iter::once(schema).chain(branches);
    all.filter_map(|schema| schema.get("$ref")?.as_str()).map(str::to_owned).collect()
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
pub(super) fn integers(form: &Form, hints: &[&Form]) -> Vec<Value> {
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

pub(super) fn numbers(form: &Form, hints: &[&Form]) -> Vec<Value> {
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

pub(super) fn texts(form: &Form, hints: &[&Form]) -> Vec<Value> {
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
