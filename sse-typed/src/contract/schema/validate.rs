//! Decides whether a value is valid. It knows the keywords that schemars writes, and numbers as serde reads them: `1.0` is no
//! integer.

use std::fmt;

use serde_json::{Map, Value};

use crate::contract::rules::{OPAQUE, resolve};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::contract) enum As {
    /// A writer writes no other keys than those that its schema declares.
    Writer,
    /// A reader skips unknown keys, and takes duplicates in a set.
    Reader,
}

/// The reason why a value is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::contract) struct Violation {
    /// Where in the data, such as `driver.name` or `stops[].at`. Empty for the data itself.
    pub(in crate::contract) path: String,
    pub(in crate::contract) problem: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.path, self.problem) }
    }
}

/// The keywords that the validator knows.
pub(in crate::contract) const KEYWORDS: [&str; 24] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "properties",
    "required",
    "type",
    "unevaluatedProperties",
    "uniqueItems",
    "x-open",
];

/// The patterns of the keys of maps with integer keys.
const DIGITS: &str = r"^\d+$";
const SIGNED_DIGITS: &str = r"^-?\d+$";

/// The pattern of the name of a part of a merged stream.
pub(in crate::contract) const PART_NAME: &str = "^[a-z0-9_-]{1,16}$";

/// References nested more deeply than this are not followed.
const MAX_DEPTH: usize = 128;

pub(in crate::contract) struct Validator<'a> {
    pub(in crate::contract) defs: &'a Map<String, Value>,
    pub(in crate::contract) side: As,
}

impl Validator<'_> {
    pub(in crate::contract) fn check(&self, schema: &Value, value: &Value) -> Result<(), Violation> {
        self.at(schema, value, "", false, 0)
    }

    /// `open` is set within branches, whose siblings may declare further keys.
    fn at(&self, schema: &Value, value: &Value, path: &str, open: bool, depth: usize) -> Result<(), Violation> {
        let violation = |problem: String| Err(Violation { path: path.to_owned(), problem });
        let resolved = resolve(schema, self.defs);
        let Value::Object(schema) = resolved else { return Ok(()) };
        if depth > MAX_DEPTH || schema.contains_key(OPAQUE) {
            return Ok(());
        }
        if let Some(reference) = schema.get("$ref").filter(|_| schema.len() > 1) {
            let reference = serde_json::json!({ "$ref": reference });
            self.at(&reference, value, path, true, depth + 1)?;
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            let is_open = self.side == As::Reader && value.is_string() && is_open_to(schema, value);
            if !is_open && !values.iter().any(|allowed| equal(allowed, value)) {
                return violation(not_in(values, value));
            }
        }
        if self.side == As::Reader && self.is_struct_as_list(schema, value, depth) {
            return Ok(());
        }
        if let Some(types) = types(schema)
            && !types.iter().any(|ty| is_type(ty, value))
        {
            return violation(format!("expected {}, found {}", types.join(" or "), name_of(value)));
        }
        if let Some(not) = schema.get("not")
            && self.at(not, value, path, true, depth + 1).is_ok()
        {
            return violation(format!("{} is not allowed", shown(value)));
        }
        let branching = ["anyOf", "oneOf", "allOf"].iter().any(|keyword| schema.contains_key(*keyword));
        match value {
            Value::Number(_) => number(schema, value).map_or(Ok(()), violation)?,
            Value::String(text) => {
                let length = text.chars().count() as u64;
                if bound(schema, "minLength").is_some_and(|min| length < min)
                    || bound(schema, "maxLength").is_some_and(|max| length > max)
                {
                    return violation(format!("the text {} has the wrong length", shown(value)));
                }
                if schema.get("pattern").is_some_and(|pattern| pattern == PART_NAME) && !is_part_name(text) {
                    return violation(format!("{} is not the name of a part", shown(value)));
                }
            }
            Value::Array(items) => self.array(schema, items, path, depth)?,
            Value::Object(object) => self.object(schema, object, path, open || branching, depth)?,
            Value::Null | Value::Bool(_) => {}
        }
        if let Some(Value::Array(all)) = schema.get("allOf") {
            for schema in all {
                self.at(schema, value, path, true, depth + 1)?;
            }
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(Value::Array(branches)) = schema.get(keyword) {
                let inner_open = open || schema.len() > 1;
                self.branches(branches, value, path, inner_open, depth)?;
            }
        }
        Ok(())
    }

    /// serde also reads a struct from a list of its fields. Their order is not known here: each item must be the value of some field.
    fn is_struct_as_list(&self, schema: &Map<String, Value>, value: &Value, depth: usize) -> bool {
        let (Some(Value::Object(properties)), Value::Array(items)) = (schema.get("properties"), value) else {
            return false;
        };
        let required = schema.get("required").and_then(Value::as_array).map_or(0, Vec::len);
        let is_field =
            |item: &Value| properties.values().any(|property| self.at(property, item, "", false, depth + 1).is_ok());
        (required..=properties.len()).contains(&items.len()) && items.iter().all(is_field)
    }

    /// One branch must accept the value. The error is that of the branch that fails deepest in the value, which is the one that
    /// was meant.
    fn branches(
        &self,
        branches: &[Value],
        value: &Value,
        path: &str,
        open: bool,
        depth: usize,
    ) -> Result<(), Violation> {
        let mut closest: Option<Violation> = None;
        for branch in branches {
            match self.at(branch, value, path, open, depth + 1) {
                Ok(()) => return Ok(()),
                Err(violation) => {
                    // The constant that tells a branch from the others is not what is wrong within it.
                    let is_tag =
                        violation.problem.starts_with("expected one") || violation.problem.starts_with("expected `");
                    let deeper = closest.as_ref().is_none_or(|closest| violation.path.len() > closest.path.len());
                    if deeper && (!is_tag || closest.is_none()) {
                        closest = Some(violation);
                    }
                }
            }
        }
        let problem = || format!("{} matches none of the forms", shown(value));
        match closest {
            Some(closest) if closest.path.len() > path.len() => Err(closest),
            Some(closest) if branches.len() == 1 => Err(closest),
            _ => Err(Violation { path: path.to_owned(), problem: problem() }),
        }
    }

    fn array(&self, schema: &Map<String, Value>, items: &[Value], path: &str, depth: usize) -> Result<(), Violation> {
        let violation = |problem: String| Err(Violation { path: path.to_owned(), problem });
        let length = items.len() as u64;
        if bound(schema, "minItems").is_some_and(|min| length < min)
            || bound(schema, "maxItems").is_some_and(|max| length > max)
        {
            return violation(format!("a list of {length} items has the wrong length"));
        }
        let duplicate = || items.iter().enumerate().any(|(at, item)| items[..at].contains(item));
        if self.side == As::Writer && schema.get("uniqueItems") == Some(&Value::Bool(true)) && duplicate() {
            return violation("the items of a set are unique".to_owned());
        }
        let prefix = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (at, (schema, item)) in prefix.iter().zip(items).enumerate() {
            self.at(schema, item, &format!("{path}[{at}]"), false, depth + 1)?;
        }
        match schema.get("items") {
            Some(Value::Bool(false)) if items.len() > prefix.len() => {
                return violation(format!("a list of {length} items has the wrong length"));
            }
            Some(rest) => {
                for item in items.iter().skip(prefix.len()) {
                    self.at(rest, item, &format!("{path}[]"), false, depth + 1)?;
                }
            }
            None => {}
        }
        Ok(())
    }

    fn object(
        &self,
        schema: &Map<String, Value>,
        object: &Map<String, Value>,
        path: &str,
        open: bool,
        depth: usize,
    ) -> Result<(), Violation> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut known = Vec::new();
        for (name, property) in properties.into_iter().flatten() {
            known.push(&**name);
            let mut present = object.get(name);
            for alias in aliases(property) {
                known.push(alias);
                if self.side == As::Reader {
                    present = present.or_else(|| object.get(alias));
                }
            }
            if let Some(value) = present {
                self.at(property, value, &join(path, name), false, depth + 1)?;
            } else if is_required(schema, name) {
                return Err(Violation { path: join(path, name), problem: format!("missing field `{name}`") });
            }
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !known.contains(&name) && !object.contains_key(name) {
                return Err(Violation { path: join(path, name), problem: format!("missing field `{name}`") });
            }
        }
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        for (name, value) in object.iter().filter(|(name, _)| !known.contains(&&***name)) {
            let pattern = patterns.and_then(|patterns| patterns.iter().find(|(pattern, _)| matches(pattern, name)));
            if let Some((_, schema)) = pattern {
                self.at(schema, value, &join(path, "*"), false, depth + 1)?;
                continue;
            }
            let further = schema.get("additionalProperties").or_else(|| schema.get("unevaluatedProperties"));
            let closed = match further {
                Some(Value::Bool(false)) => {
                    // A branch declares the key.
                    !schema.contains_key("unevaluatedProperties") || !open
                }
                None => self.side == As::Writer && properties.is_some() && !open,
                Some(further) => {
                    self.at(further, value, &join(path, "*"), false, depth + 1)?;
                    false
                }
            };
            if closed {
                let problem = format!("unknown field `{}`", name.escape_debug());
                return Err(Violation { path: join(path, name), problem });
            }
        }
        Ok(())
    }
}

/// The other names of a property.
pub(in crate::contract) fn aliases(property: &Value) -> impl Iterator<Item = &str> {
    property.get("x-aliases").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

pub(in crate::contract) fn is_required(schema: &Map<String, Value>, name: &str) -> bool {
    schema.get("required").and_then(Value::as_array).is_some_and(|required| required.iter().any(|own| own == name))
}

/// Whether an enum reads a text that it does not have. A tag of an enum with data does not read those of the other forms.
fn is_open_to(schema: &Map<String, Value>, text: &Value) -> bool {
    match schema.get("x-open") {
        None => false,
        Some(Value::Array(others)) => !others.contains(text),
        Some(_) => true,
    }
}

/// The types of a schema. `None` if it does not restrict them.
pub(in crate::contract) fn types(schema: &Map<String, Value>) -> Option<Vec<&str>> {
    match schema.get("type")? {
        Value::String(one) => Some(vec![one]),
        Value::Array(types) => Some(types.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

pub(in crate::contract) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Whether a key matches a pattern of the subset.
pub(in crate::contract) fn matches(pattern: &str, name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match pattern {
        DIGITS => digits(name),
        SIGNED_DIGITS => digits(name.strip_prefix('-').unwrap_or(name)),
        _ => true,
    }
}

fn is_part_name(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// Whether a pattern of keys is in the subset.
pub(in crate::contract) fn is_known_pattern(pattern: &str) -> bool {
    pattern == DIGITS || pattern == SIGNED_DIGITS
}

pub(in crate::contract) fn bound(schema: &Map<String, Value>, keyword: &str) -> Option<u64> {
    schema.get(keyword).and_then(Value::as_u64)
}

fn is_type(ty: &str, value: &Value) -> bool {
    match ty {
        "integer" => value.is_i64() || value.is_u64(),
        _ => ty == name_of(value) || (ty == "number" && value.is_number()),
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn number(schema: &Map<String, Value>, value: &Value) -> Option<String> {
    let outside = |keyword: &str, wrong: fn(std::cmp::Ordering) -> bool| {
        schema.get(keyword).is_some_and(|bound| compare(value, bound).is_some_and(wrong))
    };
    let wrong = outside("minimum", std::cmp::Ordering::is_lt)
        || outside("maximum", std::cmp::Ordering::is_gt)
        || outside("exclusiveMinimum", std::cmp::Ordering::is_le)
        || outside("exclusiveMaximum", std::cmp::Ordering::is_ge);
    wrong.then(|| format!("{value} is out of range"))
}

/// Compares numbers, exactly if both are integers.
pub(in crate::contract) fn compare(one: &Value, other: &Value) -> Option<std::cmp::Ordering> {
    match (as_integer(one), as_integer(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

pub(in crate::contract) fn as_integer(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

fn equal(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && compare(one, other) == Some(std::cmp::Ordering::Equal))
}

fn not_in(values: &[Value], value: &Value) -> String {
    let allowed: Vec<_> = values.iter().map(|value| format!("`{}`", plain(value))).collect();
    let one = if values.len() == 1 { "" } else { "one of " };
    format!("expected {one}{}, found `{}`", allowed.join(", "), plain(value))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| shown(value), str::to_owned)
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}
