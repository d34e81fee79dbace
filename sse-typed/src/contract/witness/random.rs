//! A fixed sequence of further values, for a change at which no difference was found.

use serde_json::{Map, Value};

use super::{
    shape::{forms, types},
    values::{MAX_DEPTH, Schema, candidates, smallest},
};
use crate::contract::schema::validate::{bound, is_required};

/// A generator of numbers whose sequence is fixed.
pub(in crate::contract) struct Sequence {
    state: u64,
    /// The parts of the current value.
    parts: usize,
    /// The parts of all values.
    total: usize,
}

/// After values with this many parts together, there are no more.
const MAX_TOTAL: usize = 20_000;

/// A value with more parts than this is given up.
const MAX_PARTS: usize = 400;

impl Sequence {
    pub(in crate::contract) const fn new() -> Self {
        Self { state: 0x9e37_79b9_7f4a_7c15, parts: 0, total: 0 }
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).unwrap_or(0) % bound.max(1)
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> Option<&'l T> {
        list.get(self.below(list.len()))
    }

    const fn is_spent(&self) -> bool {
        self.parts > MAX_PARTS || self.total > MAX_TOTAL
    }

    /// A value of a schema. `None` if it is too large, or after too many parts.
    pub(in crate::contract) fn value(&mut self, schema: Schema<'_>, hints: &[Schema<'_>]) -> Option<Value> {
        self.parts = 0;
        self.at(schema, hints, 0)
    }

    fn at(&mut self, schema: Schema<'_>, hints: &[Schema<'_>], depth: usize) -> Option<Value> {
        self.parts += 1;
        self.total += 1;
        if self.is_spent() {
            return None;
        }
        if depth > MAX_DEPTH {
            return smallest(schema);
        }
        let forms = forms(schema.schema, schema.defs);
        let form = self.pick(&forms)?.clone();
        let types = types(&form);
        match *self.pick(&types)? {
            _ if form.contains_key("enum") => None,
            "object" => self.object(&form, schema, hints, depth),
            "array" => self.array(&form, schema, hints, depth),
            _ => None,
        }
        .or_else(|| {
            if self.is_spent() {
                return None;
            }
            let own = candidates(schema, hints, false);
            self.pick(&own).cloned()
        })
    }

    fn object(
        &mut self,
        form: &Map<String, Value>,
        schema: Schema<'_>,
        hints: &[Schema<'_>],
        depth: usize,
    ) -> Option<Value> {
        let mut object = Map::new();
        for (name, property) in form.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if is_required(form, name) || self.below(2) == 0 {
                object.insert(name.clone(), self.below_hints(property, schema, hints, name, depth)?);
            }
        }
        if let Some(further) = form.get("additionalProperties").filter(|further| further.is_object()) {
            for key in ["a", "b"].into_iter().take(self.below(3)) {
                object.entry(key).or_insert(self.below_hints(further, schema, hints, key, depth)?);
            }
        }
        if form.contains_key("patternProperties") || !form.contains_key("properties") && object.is_empty() {
            return None;
        }
        Some(object.into())
    }

    /// A value of a property, guided by the schemas of the hints for the same property.
    fn below_hints(
        &mut self,
        property: &Value,
        schema: Schema<'_>,
        hints: &[Schema<'_>],
        name: &str,
        depth: usize,
    ) -> Option<Value> {
        let own: Vec<_> = hints
            .iter()
            .flat_map(|hint| forms(hint.schema, hint.defs).into_iter().map(|form| (form, hint.defs)))
            .filter_map(|(form, defs)| {
                let own = form.get("properties").and_then(|properties| properties.get(name));
                Some((own.or_else(|| form.get("additionalProperties"))?.clone(), defs))
            })
            .collect();
        let own: Vec<_> = own.iter().map(|(schema, defs)| Schema::new(schema, defs)).collect();
        self.at(Schema::new(property, schema.defs), &own, depth + 1)
    }

    fn array(
        &mut self,
        form: &Map<String, Value>,
        schema: Schema<'_>,
        hints: &[Schema<'_>],
        depth: usize,
    ) -> Option<Value> {
        let items = form.get("items").filter(|items| items.is_object())?;
        if form.contains_key("prefixItems") {
            return None;
        }
        let min = bound(form, "minItems").unwrap_or(0);
        let max = bound(form, "maxItems").unwrap_or(3).min(min + 3);
        let length = usize::try_from(min).ok()? + self.below(usize::try_from(max - min.min(max)).ok()? + 1);
        let own: Vec<_> = hints
            .iter()
            .flat_map(|hint| forms(hint.schema, hint.defs).into_iter().map(|form| (form, hint.defs)))
            .filter_map(|(form, defs)| Some((form.get("items")?.clone(), defs)))
            .collect();
        let own: Vec<_> = own.iter().map(|(schema, defs)| Schema::new(schema, defs)).collect();
        (0..length)
            .map(|_| self.at(Schema::new(items, schema.defs), &own, depth + 1))
            .collect::<Option<Vec<_>>>()
            .map(Value::Array)
    }
}
