use std::{convert::Infallible, fmt, future::poll_fn, sync::Arc, task::Poll};

use super::{
    Retention,
    id::Epoch,
    log::{AppendError, Block, End, EventLog, Page},
    ring::Names,
    shared::{Closed, Shared, Waiting},
};
use crate::event::EventId;

/// A log in the memory of this process: what a hub has unless it is given another.
///
/// Its ids are `<random>-<n>`. The random part is drawn anew by each log, so a client that comes back after a restart of
/// the process, with an id of the old one, is told of a gap and never resumed at a wrong place.
pub struct MemoryLog {
    pub(super) shared: Arc<Shared>,
}

impl MemoryLog {
    /// An empty log that keeps as much as `retention` says.
    #[must_use]
    pub fn new(retention: Retention) -> Self {
        Self { shared: Arc::new(Shared::new(retention, Names::Numbered(Epoch::random()))) }
    }
}

/// With the default [`Retention`].
impl Default for MemoryLog {
    fn default() -> Self {
        Self::new(Retention::default())
    }
}

/// All is done at once, but for the waiting.
impl EventLog for MemoryLog {
    type Error = Infallible;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<Infallible>> {
        self.shared.append(block).map_err(|Closed(end)| AppendError::Closed(end))
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<Infallible>> {
        let last = last.map(|block| (&block.as_bytes()[..], block.is_terminal()));
        self.shared.close(last, end).map_err(|Closed(end)| AppendError::Closed(end))
    }

    async fn read_after(&self, after: &str, limit: usize) -> Result<Page, Infallible> {
        Ok(self.shared.page(after, limit))
    }

    async fn wait_after(&self, after: &EventId) -> Result<(), Infallible> {
        let mut waiting = Waiting::new(&self.shared);
        poll_fn(|cx| if waiting.is_at_head(after.as_str(), cx) { Poll::Pending } else { Poll::Ready(Ok(())) }).await
    }

    async fn head(&self) -> Result<EventId, Infallible> {
        Ok(self.shared.named_head().id)
    }

    async fn before_last(&self, n: u64) -> Result<EventId, Infallible> {
        Ok(self.shared.named_before_last(n).id)
    }

    fn memory(&self) -> Option<&MemoryLog> {
        Some(self)
    }
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (events, bytes, _) = self.shared.size();
        f.debug_struct("MemoryLog").field("events", &events).field("bytes", &bytes).finish_non_exhaustive()
    }
}
