//! Blocks of a variant.

use serde_json::{Map, Value};

use super::{
    random::Sequence,
    values::{Schema, candidates, candidates_at, smallest},
};
use crate::contract::{
    block::Block,
    rules::{Data, EventRules, Line, Rules},
};
use crate::event::MESSAGE;

/// The number of blocks that the sequence adds.
const ENUMERATED: usize = 512;

/// How the blocks of a variant are made.
#[derive(Clone, Copy)]
pub(in crate::contract) struct Writer<'a> {
    pub(in crate::contract) rules: &'a Rules,
    pub(in crate::contract) defs: &'a Map<String, Value>,
    /// It may also write other names that are read: a history has events of older versions.
    pub(in crate::contract) writes_aliases: bool,
    /// It is only known by what its clients read: it may leave out the `event:` line where a tag replaces it, and write keys of
    /// several variants.
    pub(in crate::contract) is_foreign: bool,
    /// The paths of the parts of the data that have changed.
    pub(in crate::contract) changed: &'a [String],
}

/// The side that is to read the blocks.
#[derive(Clone, Copy)]
pub(in crate::contract) struct Reader<'a> {
    pub(in crate::contract) rules: &'a Rules,
    pub(in crate::contract) defs: &'a Map<String, Value>,
}

impl Writer<'_> {
    /// The blocks of a variant at which the reader may differ, the smallest first.
    pub(in crate::contract) fn blocks(
        self,
        event: &EventRules,
        counterpart: Option<&EventRules>,
        reader: Reader<'_>,
    ) -> Vec<Block> {
        let hints = hint_schemas(counterpart, event, reader);
        let hints: Vec<_> = hints.iter().map(|schema| Schema::new(schema, reader.defs)).collect();
        let texts = self.data(event, &hints, reader);
        let ids = self.ids(event, counterpart, reader);
        let first = texts.first().cloned().unwrap_or_else(|| "null".to_owned());
        let block = |id: &Option<String>, event_type: &str, data: &str| Block {
            id: id.clone(),
            event: event_type.to_owned(),
            retry: event.retry.map(|_| 1_000),
            data: data.to_owned(),
        };
        let first_id = ids.first().cloned().flatten();
        let mut blocks: Vec<_> = texts.iter().map(|data| block(&first_id, &event.event, data)).collect();
        blocks.extend(ids.iter().map(|id| block(id, &event.event, &first)));
        if event.retry.is_some_and(|retry| retry.optional) {
            blocks.push(Block { retry: None, ..block(&first_id, &event.event, &first) });
        }
        if self.writes_aliases {
            blocks.extend(event.aliases.iter().map(|alias| block(&first_id, alias, &first)));
        }
        if self.is_foreign && event.tag.is_some() {
            blocks.extend(texts.iter().map(|data| block(&first_id, MESSAGE, data)));
        }
        blocks
    }

    /// Further blocks, of a fixed sequence.
    pub(in crate::contract) fn further_blocks(
        self,
        event: &EventRules,
        counterpart: Option<&EventRules>,
        reader: Reader<'_>,
    ) -> Vec<Block> {
        let Data::Json(schema) = &event.data else { return Vec::new() };
        let hints = hint_schemas(counterpart, event, reader);
        let hints: Vec<_> = hints.iter().map(|schema| Schema::new(schema, reader.defs)).collect();
        let mut sequence = Sequence::new();
        let id = self.ids(event, counterpart, reader).into_iter().next().flatten();
        let values = (0..ENUMERATED).filter_map(|_| sequence.value(Schema::new(schema, self.defs), &hints));
        let mut texts: Vec<_> = values.map(|value| with_tag(&value, event)).collect();
        texts.sort_by_key(|text| (text.len(), text.clone()));
        texts.dedup();
        let block = |data: String| Block {
            id: id.clone(),
            event: event.event.clone(),
            retry: event.retry.map(|_| 1_000),
            data,
        };
        texts.into_iter().map(block).collect()
    }

    /// A block whose data is this value.
    pub(in crate::contract) fn block_of(self, event: &EventRules, value: &Value) -> Block {
        let id = event
            .id
            .as_ref()
            .and_then(|id| smallest(Schema::new(&id.schema, self.defs)).map(|value| line_of(id, &value)));
        Block { id, event: event.event.clone(), retry: event.retry.map(|_| 1_000), data: with_tag(value, event) }
    }

    fn data(self, event: &EventRules, hints: &[Schema<'_>], reader: Reader<'_>) -> Vec<String> {
        let mut texts: Vec<String> = match &event.data {
            Data::Unit => vec![with_tag(&Value::Null, event)],
            Data::Sentinel(text) => vec![text.clone()],
            Data::Json(schema) => {
                let mut values =
                    candidates_at(Schema::new(schema, self.defs), hints, self.writes_aliases, self.changed);
                let more = self.with_sibling_keys(event, reader, &values);
                values.extend(more);
                values.iter().map(|value| with_tag(value, event)).collect()
            }
            Data::Text(schema) => {
                let values = candidates(Schema::new(schema, self.defs), hints, false);
                let mut texts: Vec<_> = values.iter().map(text_of).collect();
                // A text may equal the fixed data of another variant.
                let sentinels = reader.rules.events.iter().filter_map(|event| match &event.data {
                    Data::Sentinel(text) => Some(text.clone()),
                    _ => None,
                });
                texts.extend(sentinels);
                texts
            }
        };
        let first = texts.first().cloned();
        texts.sort_by_key(|text| (Some(text) != first.as_ref(), text.len(), text.clone()));
        texts.dedup();
        texts
    }

    /// Objects that also have the keys of other variants with the same event type.
    fn with_sibling_keys(self, event: &EventRules, reader: Reader<'_>, values: &[Value]) -> Vec<Value> {
        let all = self.rules.events.iter().chain(&reader.rules.events);
        let siblings = all.filter(|other| other.types().any(|name| name == event.event));
        let mut keys: Vec<_> = siblings.filter_map(|other| other.key.as_ref()).collect();
        keys.sort();
        keys.dedup();
        let mut found = Vec::new();
        for value in values.iter().filter_map(Value::as_object).take(if keys.is_empty() { 0 } else { 16 }) {
            // The types of the keys are those of a map, or any.
            for filler in [Value::from(0), "a".into(), true.into(), Value::Array(Vec::new()), Value::Object(Map::new())]
            {
                let mut object = value.clone();
                for key in &keys {
                    object.entry(*key).or_insert_with(|| filler.clone());
                }
                found.push(object.into());
            }
        }
        found
    }

    /// The ids of a variant. `None` is no `id:` line.
    fn ids(self, event: &EventRules, counterpart: Option<&EventRules>, reader: Reader<'_>) -> Vec<Option<String>> {
        let Some(id) = &event.id else { return vec![None] };
        let hint = counterpart.and_then(|counterpart| counterpart.id.as_ref());
        let hints: Vec<_> = hint.map(|hint| Schema::new(&hint.schema, reader.defs)).into_iter().collect();
        let values = candidates(Schema::new(&id.schema, self.defs), &hints, false);
        let mut ids: Vec<_> = values.iter().map(|value| Some(line_of(id, value))).collect();
        ids.retain(|id| id.as_ref().is_none_or(|id| !id.is_empty() && !id.contains(['\r', '\n', '\0'])));
        if id.optional || ids.is_empty() {
            ids.push(None);
        }
        ids
    }
}

/// What the reader expects: the schema of the counterpart, and those of other variants with the same event type.
fn hint_schemas(counterpart: Option<&EventRules>, event: &EventRules, reader: Reader<'_>) -> Vec<Value> {
    let others = reader.rules.events.iter().filter(|other| other.types().any(|name| name == event.event));
    let all = counterpart.into_iter().chain(others);
    let schemas = all.filter_map(|event| match &event.data {
        Data::Json(schema) | Data::Text(schema) => Some(schema.clone()),
        Data::Unit | Data::Sentinel(_) => None,
    });
    schemas.collect()
}

fn with_tag(value: &Value, event: &EventRules) -> String {
    let Some(tag) = &event.tag else { return value.to_string() };
    let mut tagged = Map::from_iter([(tag.clone(), Value::from(event.event.clone()))]);
    match value {
        Value::Object(object) => {
            tagged
                .extend(object.iter().filter(|(key, _)| *key != tag).map(|(key, value)| (key.clone(), value.clone())));
        }
        Value::Null => {}
        other => return other.to_string(),
    }
    Value::Object(tagged).to_string()
}

fn line_of(line: &Line, value: &Value) -> String {
    if line.json { value.to_string() } else { text_of(value) }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
