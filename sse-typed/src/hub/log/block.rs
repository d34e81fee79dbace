use std::fmt;

use bytes::Bytes;

/// One event as it is kept by a log: its wire bytes, without an id, and whether it is terminal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Block {
    bytes: Bytes,
    terminal: bool,
}

impl Block {
    /// What a log has kept.
    ///
    /// ```
    /// use sse_typed::hub::Block;
    ///
    /// assert!(Block::new("event: tick\ndata: 1\n\n", false).is_ok());
    /// assert!(Block::new("data: 1\n\ndata: 2\n\n", false).is_err());
    /// assert!(Block::new("id: 7\ndata: 1\n\n", false).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidBlock`] when it is not one event as a hub has encoded it: so what was changed in the log cannot forge
    /// events or ids.
    pub fn new(bytes: impl Into<Bytes>, terminal: bool) -> Result<Self, InvalidBlock> {
        let bytes = bytes.into();
        let Some(lines) = bytes.strip_suffix(b"\n\n") else {
            return Err(InvalidBlock("does not end in an empty line"));
        };
        if memchr::memchr2(b'\r', 0, lines).is_some() {
            return Err(InvalidBlock("has a carriage return or NUL"));
        }
        for line in lines.split(|byte| *byte == b'\n') {
            match line.split(|byte| *byte == b':').next() {
                Some(b"id") => return Err(InvalidBlock("has an id")),
                Some(b"") if line.is_empty() => return Err(InvalidBlock("has an empty line within")),
                _ => {}
            }
        }
        Ok(Self { bytes, terminal })
    }

    /// What our encoder has written.
    pub(in crate::hub) const fn encoded(bytes: Bytes, terminal: bool) -> Self {
        Self { bytes, terminal }
    }

    /// The event's lines, and the empty one behind them.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether the event ends the streams that send it.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("bytes", &self.bytes).field("terminal", &self.terminal).finish()
    }
}

/// Bytes that are not one event: see [`Block::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidBlock(&'static str);

impl fmt::Display for InvalidBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an event of a hub: it {}", self.0)
    }
}

impl std::error::Error for InvalidBlock {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_forge_an_event_or_an_id_is_no_block() {
        for bytes in ["", "\n", "\n\n", "data: 1", "data: 1\n", "data: 1\r\n\n", "data: a\n\n\n", "id\ndata: 1\n\n"] {
            assert!(Block::new(bytes, false).is_err(), "{bytes:?}");
        }
        for bytes in ["data: \n\n", "event: a\ndata: id: 7\ndata: \n\n", "retry: 7\nidea: x\ndata: 1\n\n"] {
            assert!(Block::new(bytes, true).unwrap().is_terminal(), "{bytes:?}");
        }
    }
}
