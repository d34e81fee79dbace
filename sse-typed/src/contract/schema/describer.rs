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
        self.generator.subschema_for::<T>().to_value()
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
        self.generator.take_definitions(true)
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.generator.definitions().keys()).finish()
    }
}
