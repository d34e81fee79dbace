use std::{error::Error, fmt};

/// Why a [`MemoryStore`](super::MemoryStore) has refused a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryStoreError(pub(super) ErrorKind);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ErrorKind {
    InvalidKey(&'static str),
    SecondWriter,
}

impl MemoryStoreError {
    /// The key is empty, longer than 512 bytes, or has a NUL.
    #[must_use]
    pub const fn is_invalid_key(&self) -> bool {
        matches!(self.0, ErrorKind::InvalidKey(_))
    }

    /// Another log has appended to the key, or it was removed, and the log was opened as the
    /// [sole writer](super::LogOptions::sole_writer).
    #[must_use]
    pub const fn is_second_writer(&self) -> bool {
        matches!(self.0, ErrorKind::SecondWriter)
    }
}

impl fmt::Display for MemoryStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ErrorKind::InvalidKey(fault) => write!(f, "invalid key: {fault}"),
            ErrorKind::SecondWriter => f.write_str("another writer has changed a key that has a sole writer"),
        }
    }
}

impl Error for MemoryStoreError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_of_one_kind() {
        let invalid = MemoryStoreError(ErrorKind::InvalidKey("it is empty"));
        assert!(invalid.is_invalid_key() && !invalid.is_second_writer());
        assert_eq!(invalid.to_string(), "invalid key: it is empty");
        let second = MemoryStoreError(ErrorKind::SecondWriter);
        assert!(second.is_second_writer() && !second.is_invalid_key());
        assert_eq!(second.to_string(), "another writer has changed a key that has a sole writer");
    }
}
