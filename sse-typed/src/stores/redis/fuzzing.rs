//! Entry points for fuzzing. Only `--cfg fuzzing` compiles this module.

use redis::Value;

use super::{position::Position, record::records};

/// Reads an entry of a stream with these fields.
pub fn redis_record(id: &str, fields: &[(&[u8], &[u8])]) {
    let bulk = |bytes: &[u8]| Value::BulkString(bytes.to_vec());
    let fields = fields.iter().flat_map(|(name, value)| [bulk(name), bulk(value)]).collect();
    let entry = Value::Array(vec![bulk(id.as_bytes()), Value::Array(fields)]);
    // A newer format is an error.
    if let Ok(records) = records(Value::Array(vec![entry])) {
        assert_eq!(records.len(), 1);
    }
}

/// Parses the text as a position. A position has one spelling.
pub fn redis_position(id: &str) {
    if let Some(position) = Position::parse(id) {
        assert_eq!(position.to_string(), id);
    }
}
