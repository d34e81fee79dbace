//! The places of a schema: where each part of it is, and where in the data.

use serde_json::{Map, Value};

use crate::contract::{rules::definition, witness::shape::flat};

/// A part of a schema.
#[derive(Clone)]
pub(super) struct Place {
    /// The definition that it is in. `None` for the data of the event.
    definition: Option<String>,
    /// Where in that schema, as a JSON pointer.
    pointer: String,
    /// Where in the data.
    steps: Vec<Step>,
    schema: Map<String, Value>,
}

#[derive(Clone)]
enum Step {
    Key(String),
    /// The first item of a list, or the first value of a map.
    First,
    Item(usize),
}

impl Place {
    pub(super) fn definition(&self) -> Option<&str> {
        self.definition.as_deref()
    }

    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Whether it is an enum of several texts. A single text is the tag of an enum with data.
    pub(super) fn is_enum(&self) -> bool {
        let values = self.enum_values();
        let is_text = |value: &Value| value.is_string() || value.is_null();
        values.len() > 1 && values.iter().all(is_text) && !self.schema.contains_key("x-open")
    }

    pub(super) fn enum_values(&self) -> &[Value] {
        self.schema.get("enum").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The properties, if it is an object that has some.
    pub(super) fn properties(&self) -> Option<&Map<String, Value>> {
        self.schema.get("properties").and_then(Value::as_object)
    }

    /// The place of a property's schema.
    pub(super) fn of_property(&self, name: &str) -> Self {
        let mut place = self.clone();
        place.pointer = property_pointer(&self.pointer, name);
        place.steps.push(Step::Key(name.to_owned()));
        place
    }

    /// The tags of its forms without data, if it is an enum with data whose forms have a common tag: each with its place, and with
    /// the tags of the other forms.
    pub(super) fn unit_tags(&self, defs: &Map<String, Value>) -> Vec<(Self, Vec<Value>)> {
        let mut found = Vec::new();
        for keyword in ["oneOf", "anyOf"] {
            let Some(Value::Array(branches)) = self.schema.get(keyword) else { continue };
            let forms: Vec<_> = branches.iter().map(|branch| flat(branch, defs)).collect();
            for (at, branch) in branches.iter().enumerate() {
                let Some(Value::Object(own)) = branch.get("properties") else { continue };
                let (1, Some((tag, _))) = (own.len(), own.iter().next()) else { continue };
                let all: Option<Vec<_>> =
                    forms.iter().map(|form| constant(form.get("properties")?.get(tag)?)).collect();
                let Some(mut others) = all else { continue };
                others.remove(at);
                let mut place = self.clone();
                place.pointer = format!("{}/{keyword}/{at}", self.pointer);
                found.push((place.of_property(tag), others));
            }
        }
        found
    }

    /// That part of a value.
    pub(super) fn find<'v>(&self, value: &'v mut Value) -> Option<&'v mut Value> {
        self.steps.iter().try_fold(value, |value, step| match (step, value) {
            (Step::Key(key), Value::Object(object)) => object.get_mut(key),
            (Step::Item(item), Value::Array(list)) => list.get_mut(*item),
            (Step::First, Value::Array(list)) => list.first_mut(),
            (Step::First, Value::Object(object)) => object.values_mut().next(),
            _ => None,
        })
    }
}

/// The only text that a schema accepts.
fn constant(schema: &Value) -> Option<Value> {
    match &schema.get("enum")?.as_array()?[..] {
        [only] if only.is_string() => Some(only.clone()),
        _ => None,
    }
}

/// All places of a schema. A definition that contains itself is entered once.
pub(super) fn places(schema: &Value, defs: &Map<String, Value>) -> Vec<Place> {
    let mut walk = Walk { defs, names: Vec::new(), steps: Vec::new(), found: Vec::new() };
    walk.at(schema, "");
    walk.found
}

struct Walk<'a> {
    defs: &'a Map<String, Value>,
    names: Vec<String>,
    steps: Vec<Step>,
    found: Vec<Place>,
}

impl Walk<'_> {
    fn at(&mut self, schema: &Value, pointer: &str) {
        if let Some(name) = definition(schema) {
            let inner = self.defs.get(name).filter(|_| !self.names.iter().any(|own| own == name)).cloned();
            if let Some(inner) = inner {
                self.names.push(name.to_owned());
                self.at(&inner, "");
                self.names.pop();
            }
            return;
        }
        let Value::Object(schema) = schema else { return };
        self.found.push(Place {
            definition: self.names.last().cloned(),
            pointer: pointer.to_owned(),
            steps: self.steps.clone(),
            schema: schema.clone(),
        });
        for (keyword, value) in schema {
            match (&**keyword, value) {
                ("properties", Value::Object(properties)) => {
                    for (name, schema) in properties {
                        self.below(schema, &property_pointer(pointer, name), Some(Step::Key(name.clone())));
                    }
                }
                ("items" | "additionalProperties", schema) => {
                    self.below(schema, &format!("{pointer}/{keyword}"), Some(Step::First));
                }
                ("prefixItems", Value::Array(schemas)) => {
                    for (at, schema) in schemas.iter().enumerate() {
                        self.below(schema, &format!("{pointer}/{keyword}/{at}"), Some(Step::Item(at)));
                    }
                }
                ("anyOf" | "oneOf" | "allOf", Value::Array(schemas)) => {
                    for (at, schema) in schemas.iter().enumerate() {
                        self.below(schema, &format!("{pointer}/{keyword}/{at}"), None);
                    }
                }
                _ => {}
            }
        }
    }

    fn below(&mut self, schema: &Value, pointer: &str, step: Option<Step>) {
        let depth = self.steps.len();
        self.steps.extend(step);
        self.at(schema, pointer);
        self.steps.truncate(depth);
    }
}

fn property_pointer(pointer: &str, name: &str) -> String {
    format!("{pointer}/properties/{}", name.replace('~', "~0").replace('/', "~1"))
}
