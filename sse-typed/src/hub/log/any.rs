use std::{error::Error, fmt};

use super::{AppendError, Block, End, Erased, EventLog, Page};
use crate::{event::EventId, hub::MemoryLog};

/// A log of any kind, so that configuration can choose it: `Hub<E, AnyLog>`.
///
/// ```
/// use sse_typed::hub::{AnyLog, MemoryLog};
///
/// let log = AnyLog::new(MemoryLog::default()); // or another, by a setting
/// # drop(log);
/// ```
pub struct AnyLog(Box<dyn Erased>);

impl AnyLog {
    /// Forgets which kind of log it is.
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

    fn memory(&self) -> Option<&MemoryLog> {
        self.0.memory()
    }
}

impl fmt::Debug for AnyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyLog").finish_non_exhaustive()
    }
}

/// The error of a log of any kind.
#[derive(Debug)]
pub struct AnyLogError(Box<dyn Error + Send + Sync>);

impl AnyLogError {
    pub(in crate::hub) fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for AnyLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for AnyLogError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
