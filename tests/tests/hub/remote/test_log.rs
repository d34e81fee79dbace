//! A log in memory that a test changes in one respect.

use std::{convert::Infallible, future::Future};

use sse_typed::{
    EventId,
    hub::{AppendError, Block, End, EventLog, MemoryLog, Page},
};

/// How a [`TestLog`] differs from a log in memory. What a test does not define is forwarded to the log.
pub(crate) trait Behavior: Send + Sync + 'static {
    fn log(&self) -> &MemoryLog;

    fn read_after(&self, after: &str, limit: usize) -> impl Future<Output = Page> + Send {
        async move { infallible(self.log().read_after(after, limit).await) }
    }

    fn wait_after(&self, after: &EventId) -> impl Future<Output = ()> + Send {
        async move { infallible(self.log().wait_after(after).await) }
    }

    fn head(&self) -> impl Future<Output = EventId> + Send {
        async move { infallible(self.log().head().await) }
    }
}

/// To a hub it is a log elsewhere.
#[derive(Clone, Default)]
pub(crate) struct TestLog<B>(pub(crate) B);

impl<B: Behavior> EventLog for TestLog<B> {
    type Error = Infallible;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<Infallible>> {
        self.0.log().append(block).await
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<Infallible>> {
        self.0.log().close(last, end).await
    }

    async fn read_after(&self, after: &str, limit: usize) -> Result<Page, Infallible> {
        Ok(self.0.read_after(after, limit).await)
    }

    async fn wait_after(&self, after: &EventId) -> Result<(), Infallible> {
        self.0.wait_after(after).await;
        Ok(())
    }

    async fn head(&self) -> Result<EventId, Infallible> {
        Ok(self.0.head().await)
    }

    async fn before_last(&self, n: u64) -> Result<EventId, Infallible> {
        self.0.log().before_last(n).await
    }
}

pub(crate) fn infallible<T>(result: Result<T, Infallible>) -> T {
    result.unwrap_or_else(|never| match never {})
}
