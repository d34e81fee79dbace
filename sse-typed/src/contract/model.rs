use std::{collections::BTreeSet, fmt, str::FromStr};

use serde_json::{Map, Value};

use super::{
    build,
    file::{self, ContractError},
    program::Program,
    rules::{Rules, references},
    schema::Schemas,
};
use crate::codec::{
    DecodeEvent, EncodeEvent,
    describe::{DescribeEvent, Side},
};

/// The contract of an event type: what it writes, and what it reads.
///
/// It is a value that is serialized to stable JSON: events in the order of declaration, sorted keys, no defaults. Doc comments and
/// the names of Rust types in payloads are no part of it. `Display` writes the text of a committed file, and `FromStr` reads it.
///
#[cfg_attr(feature = "derive", doc = "```")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// use sse_typed::{SseEvent, contract::Contract};
///
/// #[derive(SseEvent)]
/// #[sse(rename_all = "snake_case")]
/// enum Job {
///     Progress { done: u8 },
///     #[sse(terminal)]
///     Finished,
/// }
///
/// let text = Contract::of::<Job>().to_string();
/// assert!(text.contains(r#""event": "progress""#));
/// let committed: Contract = text.parse()?;
/// assert_eq!(committed.to_string(), text);
/// # Ok::<(), sse_typed::contract::ContractError>(())
/// ```
#[derive(Clone)]
pub struct Contract {
    pub(super) type_name: String,
    pub(super) defs: Map<String, Value>,
    pub(super) written: Option<Rules>,
    pub(super) read: Option<Rules>,
    /// The code of the type, which is not serialized.
    pub(super) program: Program,
}

impl Contract {
    /// The contract of a type that is sent and received.
    #[must_use]
    pub fn of<E: EncodeEvent + DecodeEvent + DescribeEvent<Schemas>>() -> Self {
        Self::described::<E>(&[Side::Written, Side::Read], Program::both::<E>())
    }

    /// The contract of a type that is only sent. It is judged by its schemas alone.
    #[must_use]
    pub fn sent<E: EncodeEvent + DescribeEvent<Schemas>>() -> Self {
        Self::described::<E>(&[Side::Written], Program::default())
    }

    /// The contract of a type that is only received, such as the events of another service.
    #[must_use]
    pub fn received<E: DecodeEvent + DescribeEvent<Schemas>>() -> Self {
        Self::described::<E>(&[Side::Read], Program::received::<E>())
    }

    fn described<E: DescribeEvent<Schemas>>(sides: &[Side], program: Program) -> Self {
        let mut this = Self { type_name: String::new(), defs: Map::new(), written: None, read: None, program };
        for &side in sides {
            let mut schemas = Schemas::new(side);
            let Some(events) = E::describe(&mut schemas, side) else { continue };
            events.name.clone_into(&mut this.type_name);
            let (rules, defs) = build::rules(&events, schemas.into_definitions());
            match side {
                Side::Written => (this.written, this.defs) = (Some(rules), defs),
                Side::Read => this.add_read(rules, defs),
            }
        }
        this.calibrate();
        this.remove_unused_definitions();
        this
    }

    /// Adds the side that is read. Its definitions that differ from the written ones get other names.
    fn add_read(&mut self, mut rules: Rules, defs: Map<String, Value>) {
        let mut different: BTreeSet<String> = BTreeSet::new();
        loop {
            let before = different.len();
            for (name, schema) in &defs {
                let changed = self.defs.get(name).is_some_and(|written| written != schema);
                let refers = references(schema).iter().any(|name| different.contains(name));
                if (changed || refers) && self.defs.contains_key(name) {
                    different.insert(name.clone());
                }
            }
            if different.len() == before {
                break;
            }
        }
        let renamed = |name: &str| different.contains(name).then(|| format!("{name}.read"));
        // A definition that only the read side has may refer to a renamed one.
        for (name, schema) in defs {
            let own = renamed(&name).unwrap_or(name);
            self.defs.insert(own, with_references(&schema, &renamed));
        }
        for schema in rules.schemas_mut() {
            *schema = with_references(schema, &renamed);
        }
        self.read = Some(rules);
    }

    fn remove_unused_definitions(&mut self) {
        let mut used = BTreeSet::new();
        let sides = self.written.iter().chain(&self.read);
        let mut pending: Vec<String> = sides.flat_map(Rules::schemas).flat_map(references).collect();
        while let Some(name) = pending.pop() {
            if let Some(schema) = self.defs.get(&name)
                && used.insert(name)
            {
                pending.extend(references(schema));
            }
        }
        self.defs = std::mem::take(&mut self.defs).into_iter().filter(|(name, _)| used.contains(name)).collect();
    }

    /// The name of the Rust type.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The contract as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        file::write(self)
    }

    /// Reads a contract from JSON.
    ///
    /// # Errors
    ///
    /// [`ContractError`] if the JSON is no contract, or has the number of another format.
    pub fn from_value(value: &Value) -> Result<Self, ContractError> {
        file::read(value)
    }

    /// The parts that are not judged, because a codec hides their type, or because their schema has a keyword that is not compared:
    /// each with its event, its place and the reason. A change within such a part is not found.
    #[must_use]
    pub fn not_judged(&self) -> Vec<String> {
        super::changes::not_judged(self)
    }

    /// The rules of its events as a writer. The events of a type that is only received are written as it reads them.
    pub(super) fn writer(&self) -> Option<&Rules> {
        self.written.as_ref().or(self.read.as_ref())
    }

    /// The rules of its events as a reader.
    pub(super) fn reader(&self) -> Option<&Rules> {
        self.read.as_ref().or(self.written.as_ref())
    }
}

/// The schema with other names of definitions.
fn with_references(schema: &Value, renamed: &impl Fn(&str) -> Option<String>) -> Value {
    match schema {
        Value::Object(object) => {
            let entries = object.iter().map(|(key, value)| {
                let name = value.as_str().and_then(|path| path.strip_prefix("#/$defs/"));
                match name.filter(|_| key == "$ref").and_then(renamed) {
                    Some(name) => (key.clone(), Value::from(format!("#/$defs/{name}"))),
                    None => (key.clone(), with_references(value, renamed)),
                }
            });
            Value::Object(entries.collect())
        }
        Value::Array(list) => list.iter().map(|value| with_references(value, renamed)).collect(),
        other => other.clone(),
    }
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract")
            .field("type", &self.type_name)
            .field("written", &self.written.is_some())
            .field("read", &self.read.is_some())
            .finish_non_exhaustive()
    }
}

/// The text of a committed file: indented JSON with a line end after it.
impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#}", self.to_value())
    }
}

impl FromStr for Contract {
    type Err = ContractError;

    fn from_str(text: &str) -> Result<Self, ContractError> {
        let value = serde_json::from_str(text).map_err(|error| ContractError::new("", error.to_string()))?;
        Self::from_value(&value)
    }
}

impl serde::Serialize for Contract {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Contract {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_value(&value).map_err(serde::de::Error::custom)
    }
}

/// Contracts are equal if their JSON is. The code of the type is not compared.
impl PartialEq for Contract {
    fn eq(&self, other: &Self) -> bool {
        self.to_value() == other.to_value()
    }
}
