use std::{any::Any, error::Error, fmt, future::Future, pin::Pin};

use super::{
    block::Block,
    end::{AppendError, End},
    event_log::EventLog,
    page::Page,
    wakes::Wakes,
};
use crate::event::EventId;

/// The answer of a log, whatever its type.
pub(in crate::hub) type BoxFuture<'a, T, E = AnyLogError> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// [`EventLog`] for trait objects.
pub(in crate::hub) trait ErasedLog: Send + Sync + 'static {
    fn append<'a>(&'a self, block: &'a Block) -> BoxFuture<'a, EventId, AppendError<AnyLogError>>;
    fn close<'a>(&'a self, last: Option<&'a Block>, end: End) -> BoxFuture<'a, EventId, AppendError<AnyLogError>>;
    fn read_after<'a>(&'a self, after: &'a str, limit: usize) -> BoxFuture<'a, Page>;
    fn wait_after<'a>(&'a self, after: &'a EventId) -> BoxFuture<'a, ()>;
    fn head(&self) -> BoxFuture<'_, EventId>;
    fn before_last(&self, n: u64) -> BoxFuture<'_, EventId>;
    fn wakes(&self) -> Option<(&Wakes, &str)>;
    fn as_memory_log(&self) -> Option<&dyn Any>;
}

impl<L: EventLog> ErasedLog for L {
    fn append<'a>(&'a self, block: &'a Block) -> BoxFuture<'a, EventId, AppendError<AnyLogError>> {
        Box::pin(async { EventLog::append(self, block).await.map_err(|error| error.map(AnyLogError::new)) })
    }

    fn close<'a>(&'a self, last: Option<&'a Block>, end: End) -> BoxFuture<'a, EventId, AppendError<AnyLogError>> {
        Box::pin(async move { EventLog::close(self, last, end).await.map_err(|error| error.map(AnyLogError::new)) })
    }

    fn read_after<'a>(&'a self, after: &'a str, limit: usize) -> BoxFuture<'a, Page> {
        Box::pin(async move { EventLog::read_after(self, after, limit).await.map_err(AnyLogError::new) })
    }

    fn wait_after<'a>(&'a self, after: &'a EventId) -> BoxFuture<'a, ()> {
        Box::pin(async { EventLog::wait_after(self, after).await.map_err(AnyLogError::new) })
    }

    fn head(&self) -> BoxFuture<'_, EventId> {
        Box::pin(async { EventLog::head(self).await.map_err(AnyLogError::new) })
    }

    fn before_last(&self, n: u64) -> BoxFuture<'_, EventId> {
        Box::pin(async move { EventLog::before_last(self, n).await.map_err(AnyLogError::new) })
    }

    fn wakes(&self) -> Option<(&Wakes, &str)> {
        EventLog::wakes(self)
    }

    fn as_memory_log(&self) -> Option<&dyn Any> {
        EventLog::as_memory_log(self)
    }
}

/// The error of a log of any type.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erased_error_has_the_text_and_the_source_of_the_error() {
        let error = AnyLogError::new(AppendError::Failed(fmt::Error));
        assert_eq!(error.to_string(), "the log failed and stored nothing");
        assert!(error.source().is_some_and(|source| source.is::<fmt::Error>()));
        assert!(AnyLogError::new(fmt::Error).source().is_none());
    }
}
