//! The schemas of a gap. They are here because the `event` module does not depend on schemars.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use serde_json::json;

use super::validate::PART_NAME;
use crate::event::{Gap, GapReason, PartName};

impl JsonSchema for Gap {
    fn schema_name() -> Cow<'static, str> {
        "Gap".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let missed = generator.subschema_for::<Option<u64>>();
        let reason = generator.subschema_for::<GapReason>();
        let part = generator.subschema_for::<PartName>();
        let mut schema = json_schema!({
            "type": "object",
            "properties": { "missed": &missed, "reason": &reason, "part": part },
            "required": ["reason"],
        });
        if generator.contract().is_serialize() {
            schema.insert("required".to_owned(), vec!["missed", "reason"].into());
        } else {
            schema.insert(
                "properties".to_owned(),
                json!({ "missed": missed, "reason": reason, "part": generator.subschema_for::<Option<PartName>>() }),
            );
        }
        schema
    }
}

impl JsonSchema for GapReason {
    fn schema_name() -> Cow<'static, str> {
        "GapReason".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = json_schema!({ "type": "string", "enum": ["lagged", "other", "trimmed", "unknown_id"] });
        if generator.contract().is_deserialize() {
            schema.insert("x-open".to_owned(), true.into());
        }
        schema
    }
}

impl JsonSchema for PartName {
    fn schema_name() -> Cow<'static, str> {
        "PartName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PART_NAME })
    }
}
