//! Builds the rules of one side from a description.

use serde_json::{Map, Value, json};

use super::{
    rules::{self, Data, EventRules, Line, Other, Retry, Rules, opaque},
    schema::{normal::normalize, text},
};
use crate::codec::describe;

/// The rules of a description, with nested types flattened, and the normalized definitions.
pub(super) fn rules(events: &describe::Events<Value>, defs: Map<String, Value>) -> (Rules, Map<String, Value>) {
    let defs = defs.into_iter().map(|(name, schema)| (name, normalize(&schema))).collect();
    let mut rules = Rules { tag: events.tag.map(str::to_owned), ..Rules::default() };
    add(&mut rules, events, &defs, true);
    forget_names(&mut rules.events);
    (rules, defs)
}

/// Drops the names of variants that are the only ones with their event type. The names of Rust are no part of a contract.
fn forget_names(events: &mut [EventRules]) {
    for at in 0..events.len() {
        let is_shared = events
            .iter()
            .enumerate()
            .any(|(other, event)| other != at && events[at].types().any(|name| event.types().any(|own| own == name)));
        if !is_shared {
            events[at].name = events[at].event.clone();
        }
    }
}

/// Adds an event type. Nested types follow the variants in whose place they are declared.
fn add(rules: &mut Rules, events: &describe::Events<Value>, defs: &Map<String, Value>, outermost: bool) {
    // A catch-all takes everything that an earlier one leaves.
    let reachable = rules.other.is_none();
    for variant in &events.variants {
        match &variant.data {
            describe::Data::Nested(_) => {}
            describe::Data::Raw => take_unknown(rules, variant, Other::Raw),
            _ => {
                rules.events.push(event(variant, events, defs));
                take_unknown(rules, variant, Other::Unit);
            }
        }
    }
    if reachable || outermost {
        rules.ignored.extend(events.ignored.iter().map(|&name| name.to_owned()));
        if let (Some(tag), false) = (events.tag, outermost)
            && rules.tag.as_deref() != Some(tag)
            && !rules.nested_tags.iter().any(|own| own == tag)
        {
            rules.nested_tags.push(tag.to_owned());
        }
    }
    for variant in &events.variants {
        if let describe::Data::Nested(nested) = &variant.data {
            add(rules, nested, defs, false);
        }
    }
}

fn take_unknown(rules: &mut Rules, variant: &describe::Variant<Value>, form: Other) {
    if variant.other && rules.other.is_none() {
        rules.other = Some(form);
    }
}

fn event(
    variant: &describe::Variant<Value>,
    events: &describe::Events<Value>,
    defs: &Map<String, Value>,
) -> EventRules {
    let run_end = variant.run_end.map(|end| match end {
        describe::RunEnd::Failed => "failed",
        describe::RunEnd::Lost => "lost",
        describe::RunEnd::Stopped => "stopped",
    });
    let flags = [("error", variant.error), ("gap", variant.gap), (rules::TERMINAL, variant.terminal)];
    let mut marks: Vec<_> =
        flags.into_iter().filter(|(_, given)| *given).map(|(mark, _)| mark).chain(run_end).collect();
    marks.sort_unstable();
    let data = match &variant.data {
        describe::Data::Json(Some(schema)) => Data::Json(normalize(schema)),
        describe::Data::Json(None) => Data::Json(opaque()),
        describe::Data::Object(fields) => Data::Json(object(fields, events.deny_unknown_fields, defs)),
        describe::Data::Text(Some(schema)) => Data::Text(normalize(schema)),
        describe::Data::Text(None) => Data::Text(variant.text_type.map_or_else(opaque, text::schema)),
        describe::Data::Sentinel(sentinel) => Data::Sentinel((*sentinel).to_owned()),
        describe::Data::Unit | describe::Data::Raw | describe::Data::Nested(_) => Data::Unit,
    };
    let tagged = matches!(data, Data::Json(_) | Data::Unit);
    EventRules {
        event: variant.event_type.to_owned(),
        name: variant.name.to_owned(),
        aliases: variant.aliases.iter().map(|&alias| alias.to_owned()).collect(),
        key: variant.key.map(str::to_owned),
        tag: events.tag.filter(|_| tagged).map(str::to_owned),
        id: variant.id.as_ref().map(|id| Line {
            json: id.json,
            optional: id.optional,
            schema: text::schema(id.type_name),
        }),
        retry: variant.retry.as_ref().map(|retry| Retry { optional: retry.optional }),
        marks: marks.into_iter().map(str::to_owned).collect(),
        data,
    }
}

/// The schema of an object of fields.
fn object(fields: &[describe::Field<Value>], closed: bool, defs: &Map<String, Value>) -> Value {
    let mut object = Map::from_iter([("type".to_owned(), json!("object"))]);
    let (mut properties, mut required, mut all) = (Map::new(), Vec::new(), Vec::new());
    for field in fields {
        let mut schema = field.ty.as_ref().map_or_else(opaque, normalize);
        if field.flatten {
            if field.optional {
                schema = json!({ "anyOf": [schema, {}] });
            }
            match mergeable(&schema, defs) {
                Some(inner) if !inner.contains_key("additionalProperties") || all.is_empty() => {
                    merge(&mut object, &mut properties, &mut required, &inner);
                }
                _ => all.push(schema),
            }
            continue;
        }
        if !field.aliases.is_empty()
            && let Some(schema) = schema.as_object_mut()
        {
            schema.insert("x-aliases".to_owned(), field.aliases.into());
        }
        properties.insert(field.name.to_owned(), schema);
        if !field.optional {
            required.push(Value::from(field.name));
        }
    }
    if closed {
        let keyword = if all.is_empty() { "additionalProperties" } else { "unevaluatedProperties" };
        object.entry(keyword).or_insert(Value::Bool(false));
    }
    for (keyword, value) in [("required", Value::from(required)), ("allOf", all.into())] {
        if value != json!([]) {
            object.insert(keyword.to_owned(), value);
        }
    }
    object.insert("properties".to_owned(), properties.into());
    let normal = normalize(&object.into());
    match normal {
        // A struct without fields is still an object with declared keys.
        Value::Object(mut normal)
            if !normal.contains_key("properties") && !normal.contains_key("additionalProperties") =>
        {
            normal.insert("properties".to_owned(), json!({}));
            Value::Object(normal)
        }
        normal => normal,
    }
}

/// The flattened object, if it has nothing but keys.
fn mergeable(schema: &Value, defs: &Map<String, Value>) -> Option<Map<String, Value>> {
    let object = rules::resolve(schema, defs).as_object()?;
    let plain = ["type", "properties", "required", "additionalProperties"];
    let is_plain =
        object.keys().all(|keyword| plain.contains(&&**keyword)) && object.get("type") == Some(&json!("object"));
    is_plain.then(|| object.clone())
}

fn merge(
    object: &mut Map<String, Value>,
    properties: &mut Map<String, Value>,
    required: &mut Vec<Value>,
    inner: &Map<String, Value>,
) {
    for (keyword, value) in inner {
        match (&**keyword, value) {
            ("properties", Value::Object(inner)) => properties.extend(inner.clone()),
            ("required", Value::Array(inner)) => required.extend(inner.iter().cloned()),
            // The outer type decides whether further keys are denied.
            ("additionalProperties", Value::Object(_)) => {
                object.insert(keyword.clone(), value.clone());
            }
            _ => {}
        }
    }
}
