//! The differences of two schemas, by their structure.

use serde_json::{Map, Value};

use super::{
    ChangeKind,
    forms::{form_name, tags},
};
use crate::contract::{
    rules::{OPAQUE, is_opaque, references, resolve},
    schema::validate::{KEYWORDS, PART_NAME, aliases, bound, compare, is_known_pattern, is_required, join},
    witness::shape::{flat, types},
};

/// A difference, before it is judged.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    /// The places in the data that it concerns. None for a difference of the event itself.
    pub(super) paths: Vec<String>,
    pub(super) kind: ChangeKind,
    pub(super) description: String,
    /// Why it may not be decided.
    pub(super) undecided: Option<String>,
}

impl Difference {
    pub(super) fn of_event(kind: ChangeKind, description: impl Into<String>) -> Self {
        Self { paths: Vec::new(), kind, description: description.into(), undecided: None }
    }

    pub(super) fn at(path: &str, kind: ChangeKind, description: impl Into<String>) -> Self {
        Self { paths: vec![path.to_owned()], kind, description: description.into(), undecided: None }
    }

    fn undecided(mut self, reason: impl Into<String>) -> Self {
        self.undecided = Some(reason.into());
        self
    }
}

pub(super) type Object = Map<String, Value>;

/// The definitions of both contracts.
#[derive(Clone, Copy)]
pub(super) struct Definitions<'a> {
    pub(super) old: &'a Object,
    pub(super) new: &'a Object,
}

/// The differences of two schemas.
pub(super) fn schemas(old: &Value, new: &Value, defs: Definitions<'_>, path: &str) -> Vec<Difference> {
    let mut comparison = Comparison { defs, visited: Vec::new(), found: Vec::new() };
    comparison.at(old, new, path);
    comparison.found
}

struct Comparison<'a> {
    defs: Definitions<'a>,
    /// Pairs of schemas with references that have been compared: they may contain themselves.
    visited: Vec<(String, String)>,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    /// Whether two schemas have no difference. Those that are being compared count as equal.
    fn are_equal(&self, old: &Value, new: &Value) -> bool {
        let mut inner = Comparison { defs: self.defs, visited: self.visited.clone(), found: Vec::new() };
        inner.at(old, new, "");
        inner.found.is_empty()
    }

    fn push(&mut self, path: &str, kind: ChangeKind, description: impl Into<String>) {
        self.found.push(Difference::at(path, kind, description));
    }

    fn at(&mut self, old: &Value, new: &Value, path: &str) {
        if !references(old).is_empty() || !references(new).is_empty() {
            let pair = (old.to_string(), new.to_string());
            if self.visited.contains(&pair) {
                return;
            }
            self.visited.push(pair);
        }
        if is_opaque(resolve(old, self.defs.old)) || is_opaque(resolve(new, self.defs.new)) {
            if is_opaque(resolve(old, self.defs.old)) != is_opaque(resolve(new, self.defs.new)) {
                let what = Difference::at(path, ChangeKind::Opaque, "a codec hides the data on one side of the change");
                self.found.push(what.undecided("the schema of data behind a codec is not known"));
            }
            return;
        }
        let (old, new) = (flat(old, self.defs.old), flat(new, self.defs.new));
        if old == new && references(&Value::Object(old.clone())).is_empty() {
            return;
        }
        let (old, old_null) = without_null(old, self.defs.old);
        let (new, new_null) = without_null(new, self.defs.new);
        match (old_null, new_null) {
            (false, true) => self.push(path, ChangeKind::NullAllowed, "`null` is a value now"),
            (true, false) => self.push(path, ChangeKind::NullForbidden, "`null` is no value any more"),
            _ => {}
        }
        match (branches(&old), branches(&new)) {
            (None, None) => self.plain(&old, &new, path),
            (Some(old_branches), Some(new_branches)) => {
                self.branches(old_branches, new_branches, path);
                let without = |mut schema: Object| {
                    schema.remove("anyOf");
                    schema.remove("oneOf");
                    schema
                };
                self.plain(&without(old.clone()), &without(new.clone()), path);
            }
            _ => {
                let what = Difference::at(path, ChangeKind::Type, "the data has other forms than before");
                self.found.push(what.undecided("one of the schemas has several forms, and the other has one"));
            }
        }
    }

    fn plain(&mut self, old: &Object, new: &Object, path: &str) {
        self.unknown_keywords(old, new, path);
        match (values(old), values(new)) {
            (Some(old_values), Some(new_values)) => {
                for value in new_values.iter().filter(|value| !old_values.contains(value) && !value.is_null()) {
                    self.push(path, ChangeKind::ValueAdded, format!("the value {value} is new"));
                }
                for value in old_values.iter().filter(|value| !new_values.contains(value) && !value.is_null()) {
                    self.push(path, ChangeKind::ValueRemoved, format!("the value {value} is gone"));
                }
                return self.openness(old, new, path);
            }
            (Some(_), None) => {
                return self.push(path, ChangeKind::Widened, format!("{} instead of an enum", named(new)));
            }
            (None, Some(_)) => {
                return self.push(path, ChangeKind::Narrowed, format!("an enum instead of {}", named(old)));
            }
            (None, None) => {}
        }
        let (old_types, new_types) = (types(old), types(new));
        if old_types != new_types && !same_set(&old_types, &new_types) {
            let contains =
                |all: &[&str], one: &str| all.contains(&one) || (one == "integer" && all.contains(&"number"));
            let wider = old_types.iter().all(|ty| contains(&new_types, ty));
            let narrower = new_types.iter().all(|ty| contains(&old_types, ty));
            let kind = match (wider, narrower) {
                (true, false) => ChangeKind::Widened,
                (false, true) => ChangeKind::Narrowed,
                _ => ChangeKind::Type,
            };
            let what = Difference::at(path, kind, format!("{} instead of {}", named(new), named(old)));
            let is_list = |one: &Object, other: &Object| has(one, "properties") && types(other).contains(&"array");
            let is_list = is_list(old, new) || is_list(new, old);
            self.found.push(if is_list { what.undecided("a struct is also read from a list") } else { what });
            return;
        }
        self.bounds(old, new, path);
        self.object(old, new, path);
        self.array(old, new, path);
    }

    fn openness(&mut self, old: &Object, new: &Object, path: &str) {
        match (old.contains_key("x-open"), new.contains_key("x-open")) {
            (false, true) => self.push(path, ChangeKind::Widened, "unknown values of the enum are read"),
            (true, false) => self.push(path, ChangeKind::Narrowed, "unknown values of the enum are no longer read"),
            _ => {}
        }
    }

    /// A keyword that the validator does not know may decide anything.
    fn unknown_keywords(&mut self, old: &Object, new: &Object, path: &str) {
        let mut keywords: Vec<_> =
            old.keys().chain(new.keys()).filter(|key| is_undecidable(key, old) || is_undecidable(key, new)).collect();
        keywords.sort();
        keywords.dedup();
        for keyword in keywords {
            if old.get(keyword) != new.get(keyword) {
                let what = Difference::at(path, ChangeKind::Opaque, format!("`{keyword}` of the schema has changed"));
                self.found.push(what.undecided(format!("values of the keyword `{keyword}` are not compared")));
            }
        }
    }

    fn bounds(&mut self, old: &Object, new: &Object, path: &str) {
        let (mut wider, mut narrower) = (false, false);
        // Whether a larger number admits more values.
        let keywords = [
            ("minimum", false),
            ("exclusiveMinimum", false),
            ("maximum", true),
            ("exclusiveMaximum", true),
            ("minLength", false),
            ("maxLength", true),
            ("minItems", false),
            ("maxItems", true),
        ];
        for (keyword, more) in keywords {
            match (old.get(keyword), new.get(keyword)) {
                (Some(old), Some(new)) => match compare(new, old) {
                    Some(order) if order.is_ne() => {
                        let is_wider = order.is_gt() == more;
                        wider |= is_wider;
                        narrower |= !is_wider;
                    }
                    _ => {}
                },
                (Some(_), None) => wider = true,
                (None, Some(_)) => narrower = true,
                (None, None) => {}
            }
        }
        let unique = |schema: &Object| schema.get("uniqueItems") == Some(&Value::Bool(true));
        wider |= unique(old) && !unique(new);
        narrower |= unique(new) && !unique(old);
        let kind = match (wider, narrower) {
            (true, false) => ChangeKind::Widened,
            (false, true) => ChangeKind::Narrowed,
            (true, true) => ChangeKind::Type,
            (false, false) => return,
        };
        let description = format!("{} instead of {}", named(new), named(old));
        // The largest integer that every smaller one has a double of its own.
        let is_large = |schema: &Object| {
            schema.get("maximum").and_then(Value::as_f64).is_some_and(|max| max > 9_007_199_254_740_992.0)
        };
        let page = if is_large(new) && !is_large(old) { "; a page rounds numbers from 2^53 on" } else { "" };
        let what = Difference::at(path, kind, description + page);
        // JSON values of this crate have integers of 64 bits.
        let is_long =
            |schema: &Object| types(schema) == ["integer"] && !(has(schema, "minimum") && has(schema, "maximum"));
        let is_long = is_long(old) || is_long(new);
        self.found.push(if is_long { what.undecided("integers beyond 64 bits are not compared") } else { what });
    }

    fn object(&mut self, old: &Object, new: &Object, path: &str) {
        let empty = Object::new();
        let properties = |schema: &Object| {
            schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_else(|| empty.clone())
        };
        let (old_properties, new_properties) = (properties(old), properties(new));
        let mut removed: Vec<_> =
            old_properties.iter().filter(|(name, _)| !new_properties.contains_key(*name)).collect();
        let mut added: Vec<_> = new_properties.iter().filter(|(name, _)| !old_properties.contains_key(*name)).collect();
        removed.retain(|(old_name, old_schema)| {
            let by_alias = added.iter().position(|(new_name, new_schema)| {
                aliases(new_schema).any(|alias| alias == *old_name)
                    || aliases(old_schema).any(|alias| alias == *new_name)
            });
            let alike = || {
                let is_alike = |(_, new_schema): &(&String, &Value)| self.are_equal(old_schema, new_schema);
                let mut found = added.iter().enumerate().filter(|(_, added)| is_alike(added));
                let first = found.next().map(|(at, _)| at);
                first.filter(|_| found.next().is_none() && old_properties.len() == new_properties.len())
            };
            let Some(at) = by_alias.or_else(alike) else { return true };
            let (new_name, new_schema) = added.remove(at);
            let description = format!("the field `{old_name}` is called `{new_name}` now");
            self.found.push(Difference {
                paths: vec![join(path, new_name), join(path, old_name)],
                kind: ChangeKind::FieldRenamed,
                description,
                undecided: None,
            });
            for alias in aliases(old_schema).filter(|alias| alias != new_name) {
                if !aliases(new_schema).any(|new| new == alias) {
                    let how = format!("the field is no longer read as `{alias}`");
                    self.push(&join(path, new_name), ChangeKind::AliasDropped, how);
                }
            }
            self.at(old_schema, new_schema, &join(path, new_name));
            false
        });
        for (name, _) in removed {
            self.push(&join(path, name), ChangeKind::FieldRemoved, "the field is gone");
        }
        for (name, _) in added {
            let kind = if is_required(new, name) { "required" } else { "optional" };
            self.push(&join(path, name), ChangeKind::FieldAdded, format!("a new field, which is {kind}"));
        }
        for (name, old_schema) in &old_properties {
            let Some(new_schema) = new_properties.get(name) else { continue };
            let path = join(path, name);
            match (is_required(old, name), is_required(new, name)) {
                (true, false) => self.push(&path, ChangeKind::FieldOptional, "the field may be absent now"),
                (false, true) => self.push(&path, ChangeKind::FieldRequired, "the field is always present now"),
                _ => {}
            }
            for alias in aliases(new_schema).filter(|alias| !aliases(old_schema).any(|old| old == *alias)) {
                self.push(&path, ChangeKind::AliasAdded, format!("the field is also read as `{alias}`"));
            }
            for alias in aliases(old_schema).filter(|alias| !aliases(new_schema).any(|new| new == *alias)) {
                self.push(&path, ChangeKind::AliasDropped, format!("the field is no longer read as `{alias}`"));
            }
            self.at(old_schema, new_schema, &path);
        }
        self.further_keys(old, new, path);
    }

    fn further_keys(&mut self, old: &Object, new: &Object, path: &str) {
        let further = |schema: &Object| {
            schema.get("additionalProperties").or_else(|| schema.get("unevaluatedProperties")).cloned()
        };
        match (further(old), further(new)) {
            (Some(Value::Bool(false)), Some(Value::Bool(false))) | (None, None) => {}
            (Some(old), Some(new)) if old.is_object() && new.is_object() => self.at(&old, &new, &join(path, "*")),
            (old, new) => {
                let closed = |further: &Option<Value>| *further == Some(Value::Bool(false));
                match (closed(&old), closed(&new)) {
                    (false, true) => self.push(path, ChangeKind::UnknownFields, "unknown fields are denied now"),
                    (true, false) => self.push(path, ChangeKind::UnknownFields, "unknown fields are no longer denied"),
                    _ if new.is_some() => {
                        self.push(path, ChangeKind::Widened, "the object may have any further keys now");
                    }
                    _ => self.push(path, ChangeKind::Narrowed, "the object has no further keys any more"),
                }
            }
        }
        let patterns =
            |schema: &Object| schema.get("patternProperties").and_then(Value::as_object).cloned().unwrap_or_default();
        let (old, new) = (patterns(old), patterns(new));
        if old.keys().ne(new.keys()) {
            self.push(path, ChangeKind::Type, "the keys of the map have another type");
        } else {
            for ((_, old), (_, new)) in old.iter().zip(&new) {
                self.at(old, new, &join(path, "*"));
            }
        }
    }

    fn array(&mut self, old: &Object, new: &Object, path: &str) {
        let prefix = |schema: &Object| schema.get("prefixItems").and_then(Value::as_array).cloned().unwrap_or_default();
        let (old_prefix, new_prefix) = (prefix(old), prefix(new));
        for (at, (old, new)) in old_prefix.iter().zip(&new_prefix).enumerate() {
            self.at(old, new, &format!("{path}[{at}]"));
        }
        match (old.get("items"), new.get("items")) {
            (Some(old), Some(new)) if old.is_object() && new.is_object() => self.at(old, new, &format!("{path}[]")),
            (old, new) if old != new || old_prefix.len() != new_prefix.len() => {
                self.push(path, ChangeKind::Type, "the list has other items");
            }
            _ => {}
        }
    }

    /// Pairs the forms of an enum with data.
    fn branches(&mut self, old: &[Value], new: &[Value], path: &str) {
        let mut unpaired: Vec<&Value> = new.iter().collect();
        let mut gone = Vec::new();
        for old_branch in old {
            let exact = unpaired.iter().position(|new| self.are_equal(old_branch, new));
            let alike = || {
                let own = tags(old_branch, self.defs.old);
                unpaired.iter().position(|new| tags(new, self.defs.new).iter().any(|tag| own.contains(tag)))
            };
            match exact.or_else(alike) {
                Some(at) => {
                    let new_branch = unpaired.remove(at);
                    if exact.is_none() {
                        self.at(old_branch, new_branch, path);
                    }
                }
                None => gone.push(old_branch),
            }
        }
        let has_tags = |branch: &Value, defs| !tags(branch, defs).is_empty();
        for branch in gone {
            let what = Difference::at(
                path,
                ChangeKind::FormRemoved,
                format!("the form {} is gone", form_name(branch, self.defs.old)),
            );
            let decided = has_tags(branch, self.defs.old);
            self.found.push(if decided { what } else { what.undecided("forms without a tag may overlap") });
        }
        for branch in unpaired {
            let what = Difference::at(
                path,
                ChangeKind::FormAdded,
                format!("the form {} is new", form_name(branch, self.defs.new)),
            );
            let decided = has_tags(branch, self.defs.new);
            self.found.push(if decided { what } else { what.undecided("forms without a tag may overlap") });
        }
    }
}

/// Whether a keyword is outside of the subset that is compared.
pub(super) fn is_undecidable(keyword: &str, schema: &Object) -> bool {
    match keyword {
        OPAQUE | "x-aliases" => false,
        "patternProperties" => {
            let patterns = schema.get(keyword).and_then(Value::as_object);
            patterns.is_some_and(|patterns| !patterns.keys().all(|pattern| is_known_pattern(pattern)))
        }
        "not" => schema.contains_key("not"),
        "pattern" => schema.get("pattern").is_some_and(|pattern| pattern != PART_NAME),
        _ => !KEYWORDS.contains(&keyword) && schema.contains_key(keyword),
    }
}

/// The schema without `null`, and whether it had it.
fn without_null(mut schema: Object, defs: &Object) -> (Object, bool) {
    let mut had = false;
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|ty| {
            had |= ty == "null";
            ty != "null"
        });
        if let [only] = &types[..] {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && values.len() > 1
    {
        had |= values.iter().any(Value::is_null);
        values.retain(|value| !value.is_null());
    }
    for keyword in ["anyOf", "oneOf"] {
        let Some(Value::Array(branches)) = schema.get_mut(keyword) else { continue };
        let is_null = |branch: &Value| branch.get("type").is_some_and(|ty| ty == "null");
        had |= branches.iter().any(is_null);
        branches.retain(|branch| !is_null(branch));
        if let [only] = &branches[..] {
            let only = flat(only, defs);
            schema.remove(keyword);
            schema = super::super::witness::shape::and(schema, only);
            let (inner, inner_null) = without_null(schema, defs);
            return (inner, had || inner_null);
        }
    }
    (schema, had)
}

fn has(schema: &Object, keyword: &str) -> bool {
    schema.contains_key(keyword)
}

fn branches(schema: &Object) -> Option<&[Value]> {
    let branches = schema.get("oneOf").or_else(|| schema.get("anyOf"))?;
    branches.as_array().map(Vec::as_slice)
}

pub(super) fn values(schema: &Object) -> Option<&[Value]> {
    schema.get("enum").and_then(Value::as_array).map(Vec::as_slice)
}

fn same_set(one: &[&str], other: &[&str]) -> bool {
    one.len() == other.len() && one.iter().all(|ty| other.contains(ty))
}

/// A schema in words.
pub(super) fn named(schema: &Object) -> String {
    if let Some(values) = values(schema) {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
    }
    let types = types(schema);
    if types.len() > 6 {
        return "any value".to_owned();
    }
    let mut text = types.join(" or ");
    let limit = |keyword: &str| schema.get(keyword).map(Value::to_string);
    match (limit("minimum"), limit("maximum")) {
        (Some(min), Some(max)) => text += &format!(" from {min} to {max}"),
        (Some(min), None) => text += &format!(" from {min}"),
        (None, Some(max)) => text += &format!(" up to {max}"),
        (None, None) => {}
    }
    match (
        bound(schema, "minItems").or(bound(schema, "minLength")),
        bound(schema, "maxItems").or(bound(schema, "maxLength")),
    ) {
        (Some(min), Some(max)) => text += &format!(" of length {min} to {max}"),
        (Some(min), None) => text += &format!(" of length {min} or more"),
        (None, Some(max)) => text += &format!(" of length {max} or less"),
        (None, None) => {}
    }
    text
}
