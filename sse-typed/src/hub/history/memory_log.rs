use std::{any::Any, convert::Infallible, fmt, future::poll_fn, sync::Arc, task::Poll};

use super::{append::HistoryClosed, history::History, retention::Retention, waiter::HistoryWaiter};
use crate::{
    event::EventId,
    hub::log::{AppendError, Block, End, EventLog, Page},
};

/// A log in the memory of this process. A hub has one unless it is built on another log.
///
/// Its ids are `<random>-<n>`, and each log has its own random part. So a client that reconnects after a restart of
/// the process, with an id of the old process, gets a gap and never resumes at a wrong position.
pub struct MemoryLog {
    history: Arc<History>,
}

impl MemoryLog {
    /// An empty log that retains as much as `retention` says.
    #[must_use]
    pub fn new(retention: Retention) -> Self {
        Self { history: Arc::new(History::of_memory_log(retention)) }
    }

    pub(in crate::hub) const fn history(&self) -> &Arc<History> {
        &self.history
    }
}

/// With the default [`Retention`].
impl Default for MemoryLog {
    fn default() -> Self {
        Self::new(Retention::default())
    }
}

/// Every call completes at once, except `wait_after`.
impl EventLog for MemoryLog {
    type Error = Infallible;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<Infallible>> {
        self.history.append(block).map_err(|HistoryClosed(end)| AppendError::Closed(end))
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<Infallible>> {
        let last = last.map(|block| (&block.as_bytes()[..], block.is_terminal()));
        self.history.close(last, end).map_err(|HistoryClosed(end)| AppendError::Closed(end))
    }

    async fn read_after(&self, after: &str, limit: usize) -> Result<Page, Infallible> {
        Ok(self.history.page(after, limit))
    }

    async fn wait_after(&self, after: &EventId) -> Result<(), Infallible> {
        let mut waiter = HistoryWaiter::new(&self.history);
        poll_fn(|cx| if waiter.wait_at_head(after.as_str(), cx) { Poll::Pending } else { Poll::Ready(()) }).await;
        Ok(())
    }

    async fn head(&self) -> Result<EventId, Infallible> {
        Ok(self.history.head_position().id)
    }

    async fn before_last(&self, n: u64) -> Result<EventId, Infallible> {
        Ok(self.history.position_before_last(n).id)
    }

    fn as_memory_log(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (events, bytes, _) = self.history.size();
        f.debug_struct("MemoryLog").field("events", &events).field("bytes", &bytes).finish_non_exhaustive()
    }
}
