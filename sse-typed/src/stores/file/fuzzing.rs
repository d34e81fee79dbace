//! Entry points for fuzzing. Only `--cfg fuzzing` compiles this module.

use super::{
    position::Position,
    record::{Record, Row},
    runs::Record as RunRow,
};

/// Reads the bytes as each kind of record. Those that are read are written as they were.
pub fn file_records(bytes: &[u8]) {
    if let Ok(record) = Record::decode(bytes) {
        assert_eq!(record.encode(), bytes, "{record:?}");
        if let Ok(block) = record.block() {
            assert_eq!(block.is_terminal(), record.terminal);
        }
    }
    if let Ok(row) = Row::decode(bytes) {
        assert!(bytes.starts_with(&row.encode()), "{row:?}");
        assert!(row.len() <= row.head, "{row:?}");
        row.expires();
    }
    if let Ok(run) = RunRow::decode(bytes) {
        assert_eq!(run.encode(), bytes, "{run:?}");
    }
}

/// Parses the text as a position. A position has one spelling.
pub fn file_position(id: &str) {
    if let Some(position) = Position::parse(id) {
        assert_eq!(position.id().as_str(), id);
    }
}
