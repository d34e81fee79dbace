//! Schemas of values that are plain text on the wire, by the name of their Rust type.

use serde_json::{Value, json};

use crate::contract::rules::opaque;

/// The schema of a type's text. Opaque for types whose text is not known.
pub(in crate::contract) fn schema(type_name: &str) -> Value {
    let name = type_name.rsplit("::").next().unwrap_or(type_name);
    if let Some(bounds) = integer(type_name) {
        return bounds;
    }
    match type_name {
        "f32" | "f64" => json!({ "type": "number" }),
        "bool" => json!({ "type": "boolean" }),
        "char" => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        "&str" | "str" | "alloc::boxed::Box<str>" | "alloc::borrow::Cow<str>" | "alloc::sync::Arc<str>" => {
            json!({ "type": "string" })
        }
        _ if name == "String" && type_name.starts_with("alloc::") => json!({ "type": "string" }),
        _ => opaque(),
    }
}

/// The bounds of an integer type, by its Rust name or its JSON Schema format.
pub(in crate::contract) fn integer(name: &str) -> Option<Value> {
    Some(match name {
        "u8" | "uint8" => json!({ "type": "integer", "minimum": 0, "maximum": u8::MAX }),
        "u16" | "uint16" => json!({ "type": "integer", "minimum": 0, "maximum": u16::MAX }),
        "u32" | "uint32" => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        "u64" | "usize" | "uint64" | "uint" => json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
        "u128" | "uint128" => json!({ "type": "integer", "minimum": 0 }),
        "i8" | "int8" => json!({ "type": "integer", "minimum": i8::MIN, "maximum": i8::MAX }),
        "i16" | "int16" => json!({ "type": "integer", "minimum": i16::MIN, "maximum": i16::MAX }),
        "i32" | "int32" => json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX }),
        "i64" | "isize" | "int64" | "int" => json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX }),
        "i128" | "int128" => json!({ "type": "integer" }),
        _ => return None,
    })
}

/// The values that a text may represent: itself, and the number or boolean that it is the text of.
pub(in crate::contract) fn values(text: &str) -> Vec<Value> {
    let mut values = vec![Value::from(text)];
    let number = text.strip_prefix('+').unwrap_or(text);
    if let Ok(value @ (Value::Number(_) | Value::Bool(_))) = serde_json::from_str(number)
        && !number.starts_with(char::is_whitespace)
        && !number.ends_with(char::is_whitespace)
    {
        values.push(value);
    } else if let Ok(number) = text.parse::<f64>() {
        // Rust parses more floats than JSON has, such as `.5` and `inf`.
        values.push(serde_json::Number::from_f64(number).map_or(Value::from(0.5), Value::Number));
    }
    values
}
