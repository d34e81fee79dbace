use std::{any::Any, fmt};

use super::{
    block::Block,
    end::{AppendError, End},
    erased::{AnyLogError, ErasedLog},
    event_log::EventLog,
    page::Page,
    wakes::Wakes,
};
use crate::event::EventId;

/// A log of any type, so that configuration can choose it: `Hub<E, AnyLog>`.
///
/// ```
/// use sse_typed::hub::{AnyLog, MemoryLog};
///
/// let log = AnyLog::new(MemoryLog::default()); // or another one, depending on configuration
/// # drop(log);
/// ```
pub struct AnyLog(Box<dyn ErasedLog>);

impl AnyLog {
    /// Erases the type of a log.
    #[must_use]
    pub fn new(log: impl EventLog) -> Self {
        Self(Box::new(log))
    }
}

impl EventLog for AnyLog {
    type Error = AnyLogError;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<AnyLogError>> {
        self.0.append(block).await
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<AnyLogError>> {
        self.0.close(last, end).await
    }

    async fn read_after(&self, after: &str, limit: usize) -> Result<Page, AnyLogError> {
        self.0.read_after(after, limit).await
    }

    async fn wait_after(&self, after: &EventId) -> Result<(), AnyLogError> {
        self.0.wait_after(after).await
    }

    async fn head(&self) -> Result<EventId, AnyLogError> {
        self.0.head().await
    }

    async fn before_last(&self, n: u64) -> Result<EventId, AnyLogError> {
        self.0.before_last(n).await
    }

    fn wakes(&self) -> Option<(&Wakes, &str)> {
        self.0.wakes()
    }

    fn as_memory_log(&self) -> Option<&dyn Any> {
        self.0.as_memory_log()
    }
}

impl fmt::Debug for AnyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyLog").finish_non_exhaustive()
    }
}
