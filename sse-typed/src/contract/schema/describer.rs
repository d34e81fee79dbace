use std::fmt;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};

use crate::codec::describe::{DescribeType, Describer, Side};

/// Collects the JSON Schema of an event type's payloads for one side of a [`Contract`](crate::contract::Contract). It appears only
/// in bounds, as in `DescribeEvent<Schemas>`.
///
/// It describes types that implement `schemars::JsonSchema`.
pub struct Schemas {
    generator: SchemaGenerator,
}

impl Describer for Schemas {
    type Type = Value;
}

#[diagnostic::do_not_recommend]
impl<T: JsonSchema + ?Sized> DescribeType<T> for Schemas {
    fn describe_type(&mut self) -> Value {
        with_plain_names(self.generator.subschema_for::<T>().to_value())
    }
}

impl Schemas {
    pub(in crate::contract) fn new(side: Side) -> Self {
        let settings = SchemaSettings::draft2020_12();
        let settings = match side {
            Side::Written => settings.for_serialize(),
            Side::Read => settings.for_deserialize(),
        };
        Self { generator: settings.into_generator() }
    }

    /// The definitions that the described types refer to.
    pub(in crate::contract) fn into_definitions(mut self) -> Map<String, Value> {
        let definitions = self.generator.take_definitions(true);
        definitions.into_iter().map(|(name, schema)| (name, with_plain_names(schema))).collect()
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.generator.definitions().keys()).finish()
    }
}

/// The schema with the names of definitions as they are. In a reference of schemars the name is part of a JSON pointer in a URL.
fn with_plain_names(schema: Value) -> Value {
    match schema {
        Value::Object(object) => {
            let entries = object.into_iter().map(|(key, value)| {
                let value = match &value {
                    Value::String(path) if key == "$ref" => plain_name(path).map_or(value, Value::from),
                    _ => with_plain_names(value),
                };
                (key, value)
            });
            Value::Object(entries.collect())
        }
        Value::Array(list) => list.into_iter().map(with_plain_names).collect(),
        other => other,
    }
}

fn plain_name(path: &str) -> Option<String> {
    let name = path.strip_prefix("#/$defs/")?;
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => char::from(*high).to_digit(16).zip(char::from(*low).to_digit(16)),
            _ => None,
        };
        match escaped.and_then(|(high, low)| u8::try_from(high << 4 | low).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    let name = String::from_utf8(bytes).ok()?.replace("~1", "/").replace("~0", "~");
    Some(format!("#/$defs/{name}"))
}
