//! The rules by which events are written or read: one side of a contract.

use serde_json::{Map, Value, json};

/// The schema of data that a codec hides.
pub(super) const OPAQUE: &str = "x-opaque";

/// One side of a contract. Nested event types are flattened.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rules {
    /// The JSON key that repeats the event type.
    pub(super) tag: Option<String>,
    /// The tags of nested types, in the order in which they are consulted.
    pub(super) nested_tags: Vec<String>,
    pub(super) ignored: Vec<String>,
    pub(super) other: Option<Other>,
    /// In the order of declaration.
    pub(super) events: Vec<EventRules>,
}

/// The data of a variant that takes undeclared event types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    Raw,
    Unit,
}

/// A variant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EventRules {
    /// `message` for an event without an event type.
    pub(super) event: String,
    /// Tells variants with the same event type apart.
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) data: Data,
    pub(super) key: Option<String>,
    /// The tag that is in its data.
    pub(super) tag: Option<String>,
    pub(super) id: Option<Line>,
    pub(super) retry: Option<Retry>,
    /// Sorted: `error`, `gap`, `terminal`, and other words for terminal events.
    pub(super) marks: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Unit,
    /// JSON of this schema.
    Json(Value),
    /// Text. The schema is that of the JSON string or number that it represents.
    Text(Value),
    Sentinel(String),
}

/// The `id:` line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) json: bool,
    pub(super) optional: bool,
    pub(super) schema: Value,
}

/// The `retry:` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retry {
    pub(super) optional: bool,
}

/// The mark of a terminal event.
pub(super) const TERMINAL: &str = "terminal";

/// All marks of a contract.
pub(super) const MARKS: [&str; 6] = ["error", "failed", "gap", "lost", "stopped", TERMINAL];

impl EventRules {
    pub(super) fn is_terminal(&self) -> bool {
        self.marks.iter().any(|mark| mark == TERMINAL)
    }

    /// The event types that are read as this variant.
    pub(super) fn types(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.event).chain(self.aliases.iter().map(|alias| &**alias))
    }
}

impl Rules {
    /// A name for a variant in messages: its event type, and its own name if other variants have the same event type.
    pub(super) fn label(&self, event: &EventRules) -> String {
        let shared = self.events.iter().filter(|other| other.types().any(|name| name == event.event)).count() > 1;
        if shared { format!("{} ({})", event.event, event.name) } else { event.event.clone() }
    }
}

pub(super) fn opaque() -> Value {
    json!({ OPAQUE: true })
}

pub(super) fn is_opaque(schema: &Value) -> bool {
    schema.get(OPAQUE).is_some()
}

/// The definition that a reference names.
pub(super) fn resolve<'a>(schema: &'a Value, defs: &'a Map<String, Value>) -> &'a Value {
    let mut schema = schema;
    // References that refer to each other in a circle, which no generator writes, end here.
    for _ in 0..32 {
        match definition(schema).and_then(|name| defs.get(name)) {
            Some(definition) => schema = definition,
            None => return schema,
        }
    }
    schema
}

/// The name that a schema refers to, if it is nothing but a reference.
pub(super) fn definition(schema: &Value) -> Option<&str> {
    let object = schema.as_object()?;
    let reference = object.get("$ref")?.as_str()?;
    reference.strip_prefix("#/$defs/").filter(|_| object.len() == 1)
}

impl Rules {
    /// All schemas.
    pub(super) fn schemas(&self) -> impl Iterator<Item = &Value> {
        self.events.iter().flat_map(|event| {
            let data = match &event.data {
                Data::Json(schema) | Data::Text(schema) => Some(schema),
                Data::Unit | Data::Sentinel(_) => None,
            };
            data.into_iter().chain(event.id.as_ref().map(|id| &id.schema))
        })
    }

    pub(super) fn schemas_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.events.iter_mut().flat_map(|event| {
            let data = match &mut event.data {
                Data::Json(schema) | Data::Text(schema) => Some(schema),
                Data::Unit | Data::Sentinel(_) => None,
            };
            data.into_iter().chain(event.id.as_mut().map(|id| &mut id.schema))
        })
    }
}

/// The names of the definitions that a schema refers to.
pub(super) fn references(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![schema];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(object) => {
                if let Some(name) =
                    object.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"))
                {
                    found.push(name.to_owned());
                }
                pending.extend(object.values());
            }
            Value::Array(list) => pending.extend(list),
            _ => {}
        }
    }
    found
}
