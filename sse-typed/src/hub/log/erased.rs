use std::{future::Future, pin::Pin};

use super::{AnyLogError, AppendError, Block, End, EventLog, Page};
use crate::{event::EventId, hub::MemoryLog};

type Answer<'a, T, E = AnyLogError> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// [`EventLog`] for trait objects.
pub(in crate::hub) trait Erased: Send + Sync + 'static {
    fn append<'a>(&'a self, block: &'a Block) -> Answer<'a, EventId, AppendError<AnyLogError>>;
    fn close<'a>(&'a self, last: Option<&'a Block>, end: End) -> Answer<'a, EventId, AppendError<AnyLogError>>;
    fn read_after<'a>(&'a self, after: &'a str, limit: usize) -> Answer<'a, Page>;
    fn wait_after<'a>(&'a self, after: &'a EventId) -> Answer<'a, ()>;
    fn head(&self) -> Answer<'_, EventId>;
    fn before_last(&self, n: u64) -> Answer<'_, EventId>;
    fn memory(&self) -> Option<&MemoryLog>;
}

impl<L: EventLog> Erased for L {
    fn append<'a>(&'a self, block: &'a Block) -> Answer<'a, EventId, AppendError<AnyLogError>> {
        Box::pin(async { EventLog::append(self, block).await.map_err(|error| error.map(AnyLogError::new)) })
    }

    fn close<'a>(&'a self, last: Option<&'a Block>, end: End) -> Answer<'a, EventId, AppendError<AnyLogError>> {
        Box::pin(async move { EventLog::close(self, last, end).await.map_err(|error| error.map(AnyLogError::new)) })
    }

    fn read_after<'a>(&'a self, after: &'a str, limit: usize) -> Answer<'a, Page> {
        Box::pin(async move { EventLog::read_after(self, after, limit).await.map_err(AnyLogError::new) })
    }

    fn wait_after<'a>(&'a self, after: &'a EventId) -> Answer<'a, ()> {
        Box::pin(async { EventLog::wait_after(self, after).await.map_err(AnyLogError::new) })
    }

    fn head(&self) -> Answer<'_, EventId> {
        Box::pin(async { EventLog::head(self).await.map_err(AnyLogError::new) })
    }

    fn before_last(&self, n: u64) -> Answer<'_, EventId> {
        Box::pin(async move { EventLog::before_last(self, n).await.map_err(AnyLogError::new) })
    }

    fn memory(&self) -> Option<&MemoryLog> {
        EventLog::memory(self)
    }
}
