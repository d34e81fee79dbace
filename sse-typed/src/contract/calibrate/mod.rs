//! Asks the decoder of a type what its schema does not say: which enums read unknown values, and the aliases of a payload's fields.

mod places;

use serde_json::{Map, Value, json};

use self::places::{Place, places};
use super::{
    Contract,
    block::Block,
    program::Outcome,
    rules::{Data, Rules},
    schema::validate::aliases,
    witness::{
        blocks::Writer,
        values::{Schema, candidates, smallest},
    },
};
use crate::__private::fields;

/// A text that no enum of a user has.
const UNKNOWN: &str = "x-sse-typed-unknown";

/// The number of values that are tried for each event.
const TRIED: usize = 256;

impl Contract {
    /// Marks the enums that the decoder reads with an unknown value, such as those with `#[serde(other)]`, as `x-open`, and adds
    /// the aliases of fields in payloads as `x-aliases`.
    pub(super) fn calibrate(&mut self) {
        let Some(read) = self.read.clone() else { return };
        for at in 0..read.events.len() {
            let Data::Json(schema) = &read.events[at].data else { continue };
            let values = self.readable_values(&read, at, schema);
            let names = self.names_of_fields(&read, at, &values);
            for place in places(schema, &self.defs) {
                if place.is_enum() && self.reads_unknown_value(&read, at, &place, &values) {
                    self.set(at, &place, "x-open", true.into());
                }
                for (tag, others) in place.unit_tags(&self.defs) {
                    if self.reads_unknown_tag(&read, at, &tag, &values) {
                        self.set(at, &tag, "x-open", others.into());
                        break;
                    }
                }
                for (property, found) in self.aliases(&read, at, &place, &values, &names) {
                    self.set(at, &place.of_property(&property), "x-aliases", found);
                }
            }
        }
    }

    /// Values that the decoder reads.
    fn readable_values(&self, read: &Rules, at: usize, schema: &Value) -> Vec<Value> {
        let mut values = candidates(Schema::new(schema, &self.defs), &[], false);
        values.retain(|value| self.reads(read, at, value));
        values.truncate(TRIED);
        values
    }

    fn block(&self, read: &Rules, at: usize, value: &Value) -> Block {
        let writer = Writer { rules: read, defs: &self.defs, writes_aliases: false, is_foreign: false, changed: &[] };
        writer.block_of(&read.events[at], value)
    }

    fn reads(&self, read: &Rules, at: usize, value: &Value) -> bool {
        matches!(self.program.decode(&self.block(read, at, value)), Some(Ok(Outcome::Event { .. })))
    }

    /// Whether the decoder reads a value that is unknown to an enum, in an event that it reads otherwise.
    fn reads_unknown_value(&self, read: &Rules, at: usize, place: &Place, values: &[Value]) -> bool {
        values.iter().any(|value| {
            let mut value = value.clone();
            match place.find(&mut value) {
                Some(found) if place.enum_values().contains(found) => *found = UNKNOWN.into(),
                _ => return false,
            }
            self.reads(read, at, &value)
        })
    }

    /// Whether the decoder reads an unknown tag in place of each one.
    fn reads_unknown_tag(&self, read: &Rules, at: usize, tag: &Place, values: &[Value]) -> bool {
        let unknown = values.iter().filter_map(|value| {
            let mut value = value.clone();
            *tag.find(&mut value).filter(|found| found.is_string())? = UNKNOWN.into();
            Some(value)
        });
        let unknown: Vec<_> = unknown.collect();
        !unknown.is_empty() && unknown.iter().all(|value| self.reads(read, at, value))
    }

    /// The names of all fields in the data of an event, with their aliases.
    fn names_of_fields(&self, read: &Rules, at: usize, values: &[Value]) -> Vec<&'static str> {
        fields::collect(|| {
            for value in values {
                // An error after the data makes the decoder read it a second time, and then it records the names.
                let mut block = self.block(read, at, value);
                block.data.push_str(" x");
                let _ = self.program.decode(&block);
            }
        })
    }

    /// The aliases of an object's properties.
    fn aliases(&self, read: &Rules, at: usize, place: &Place, values: &[Value], names: &[&str]) -> Map<String, Value> {
        let mut found = Map::new();
        let Some(properties) = place.properties() else { return found };
        let unknown = |name: &&str| {
            !properties.contains_key(*name)
                && !properties.values().any(|property| aliases(property).any(|alias| alias == *name))
        };
        let has_place = |value: &&Value| place.find(&mut (**value).clone()).is_some_and(|found| found.is_object());
        let Some(base) = values.iter().find(has_place) else { return found };
        let with = |change: &dyn Fn(&mut Map<String, Value>)| {
            let mut value = base.clone();
            if let Some(Value::Object(object)) = place.find(&mut value) {
                change(object);
            }
            self.reads(read, at, &value)
        };
        // A key that no field has is skipped, with any value.
        let is_read = |name: &&str| !with(&|object| drop(object.insert((*name).to_owned(), json!({ UNKNOWN: [] }))));
        for name in names.iter().copied().filter(unknown).filter(is_read) {
            let is_alias = |property: &String, schema: &Value| {
                let Some(value) = smallest(Schema::new(schema, &self.defs)) else { return false };
                let own = with(&|object| drop(object.insert(property.clone(), value.clone())));
                let both = with(&|object| {
                    object.insert(property.clone(), value.clone());
                    object.insert(name.to_owned(), value.clone());
                });
                let alias = with(&|object| {
                    object.remove(property);
                    object.insert(name.to_owned(), value.clone());
                });
                // Both at once are a field that is given twice.
                own && !both && alias
            };
            if let Some((property, _)) = properties.iter().find(|(property, schema)| is_alias(property, schema)) {
                let list = found.entry(property.clone()).or_insert_with(|| json!([]));
                if let Some(list) = list.as_array_mut() {
                    list.push(name.into());
                }
            }
        }
        found
    }

    /// Sets a keyword of the schema at a place.
    fn set(&mut self, at: usize, place: &Place, keyword: &str, value: Value) {
        // A history of older versions has the aliases too.
        let written = place.definition().and_then(|name| name.strip_suffix(".read")).filter(|_| keyword == "x-aliases");
        let written = written.and_then(|name| self.defs.get_mut(name)?.pointer_mut(place.pointer()));
        if let Some(Value::Object(schema)) = written {
            schema.insert(keyword.to_owned(), value.clone());
        }
        let root = match place.definition() {
            Some(name) => self.defs.get_mut(name),
            None => match self.read.as_mut().map(|read| &mut read.events[at].data) {
                Some(Data::Json(schema)) => Some(schema),
                _ => None,
            },
        };
        let schema = root.and_then(|schema| schema.pointer_mut(place.pointer()));
        if let Some(Value::Object(schema)) = schema {
            schema.insert(keyword.to_owned(), value);
        }
    }
}
