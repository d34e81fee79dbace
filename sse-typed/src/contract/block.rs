use std::fmt;

use crate::event::{MESSAGE, RawEventRef};

/// An event as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    pub(super) id: Option<String>,
    pub(super) event: String,
    pub(super) retry: Option<u64>,
    pub(super) data: String,
}

impl Block {
    /// The event type; `message` without an `event:` line.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event
    }

    /// The data.
    #[must_use]
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The event as a decoder takes it.
    #[must_use]
    pub fn as_raw_ref(&self) -> RawEventRef<'_> {
        RawEventRef::new(&self.event, &self.data)
            .with_id(self.id.as_deref())
            .with_retry(self.retry.map(std::time::Duration::from_millis))
    }
}

/// The lines of the block, without the empty line after them.
impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = &self.id {
            writeln!(f, "id: {id}")?;
        }
        if self.event != MESSAGE {
            writeln!(f, "event: {}", self.event)?;
        }
        if let Some(retry) = self.retry {
            writeln!(f, "retry: {retry}")?;
        }
        let mut lines = self.data.split('\n');
        write!(f, "data: {}", lines.next().unwrap_or_default())?;
        for line in lines {
            write!(f, "\ndata: {line}")?;
        }
        Ok(())
    }
}
