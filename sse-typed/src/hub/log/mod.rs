//! Where a hub's history is kept.

mod any;
mod block;
mod closing;
mod erased;

use std::{error::Error, future::Future};

pub(super) use self::erased::Erased;
pub use self::{
    any::{AnyLog, AnyLogError},
    block::{Block, InvalidBlock},
    closing::{AppendError, End},
};
use super::{MemoryLog, id::Ends};
use crate::event::{EventId, Gap};

/// Keeps the history of a hub, gives ids, and may be shared by many processes.
///
/// A hub appends to it, and follows it: what it reads goes to its subscriptions, whichever process has published it. So
/// the order of events is the log's. [`MemoryLog`] is the one that a hub has by itself.
///
/// # What a log promises
///
/// - Appended events have one order, for all who read.
/// - An id names a place: the one right behind its event. There is one before the first event too, which [`head`](Self::head)
///   gives of an empty log. A place stays what it is, whatever is appended or let go.
/// - Ids do not end in `!`: hubs mark those of terminal events so.
/// - A read from a place is either contiguous, with nothing missing behind the place, or says that it is a gap. It is
///   a gap when events behind the place were let go, and when the log does not know the place. What is asked for may
///   come from a client, and be any text.
/// - Closing is the log's: it stores the last event and the end in one step, the first close wins, and nothing is appended
///   after it. The end is told by a [page](Page::closed), to all who read, for as long as the log is there.
///
/// The feature `testing` has a suite that a log can be held against: `sse_typed::testing::event_log`.
///
/// # Cancel safety
///
/// Reading and waiting change nothing. An append or a close whose future is dropped has happened, or not.
///
/// # Failure
///
/// An append or a close that fails is the publisher's error. All other calls are retried with back-off until they succeed. A
/// panic is treated like an error.
pub trait EventLog: Send + Sync + 'static {
    /// What can go wrong.
    type Error: Error + Send + Sync + 'static;

    /// Appends an event behind all others, and returns its id.
    ///
    /// # Errors
    ///
    /// [`AppendError`] tells whether the event was stored.
    fn append(&self, block: &Block) -> impl Future<Output = Result<EventId, AppendError<Self::Error>>> + Send;

    /// Closes the log for all who append, behind a last event if there is one. Returns the place behind all events, which is
    /// the id of the last event if there is one.
    ///
    /// The last event and the end are one record: a crash leaves both or neither. Of two closes the first wins.
    ///
    /// # Errors
    ///
    /// [`AppendError`] tells whether the log was closed. [`Closed`](AppendError::Closed) names the end that it already has.
    fn close(
        &self,
        last: Option<&Block>,
        end: End,
    ) -> impl Future<Output = Result<EventId, AppendError<Self::Error>>> + Send;

    /// The events behind the place that `after` names: the next of them, at most `limit`. It may return fewer, to bound a
    /// page by bytes; a page without events means that there is nothing behind the place yet.
    fn read_after(&self, after: &str, limit: usize) -> impl Future<Output = Result<Page, Self::Error>> + Send;

    /// Waits until there may be an event behind this place, or the log may be closed, and never misses either. It may return
    /// too early; a log that does so again and again is asked less often, and its events come later for it.
    fn wait_after(&self, after: &EventId) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The place behind all events.
    fn head(&self) -> impl Future<Output = Result<EventId, Self::Error>> + Send;

    /// The place before the newest `n` events, as far as they are kept.
    fn before_last(&self, n: u64) -> impl Future<Output = Result<EventId, Self::Error>> + Send;

    /// The log in memory, if it is one: a hub reads that directly.
    #[doc(hidden)]
    fn memory(&self) -> Option<&MemoryLog> {
        None
    }
}

/// An event of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// Its id.
    pub id: EventId,
    /// The event.
    pub block: Block,
    /// It was stored by [`close`](EventLog::close): nothing follows it, and streams end behind it as behind a terminal event.
    pub last: bool,
}

impl LogEntry {
    /// An event with the id that the log gave it.
    #[must_use]
    pub const fn new(id: EventId, block: Block) -> Self {
        Self { id, block, last: false }
    }

    /// What it ends.
    pub(in crate::hub) const fn ends(&self) -> Ends {
        Ends { terminal: self.block.is_terminal(), log: self.last }
    }

    /// The event that a log was closed with.
    #[must_use]
    pub const fn last(id: EventId, block: Block) -> Self {
        Self { id, block, last: true }
    }
}

/// What was read from a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Events in their order, without a hole.
    pub entries: Vec<LogEntry>,
    /// Set when they do not follow the place that was asked for.
    pub gap: Option<PageGap>,
    /// Set when the log is closed and nothing follows these events.
    pub closed: Option<End>,
    /// The place to read on from, if it is not that of the last event: behind records of the log that are no events.
    pub through: Option<EventId>,
}

/// A hole between the place that was asked for and the events that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageGap {
    /// What is known of it.
    pub gap: Gap,
    /// The place behind the hole, which is that right before the first event of the page. A read from it is contiguous, as
    /// long as that event is kept.
    pub resume: EventId,
}

impl Page {
    /// The events right behind the place that was asked for.
    #[must_use]
    pub const fn contiguous(entries: Vec<LogEntry>) -> Self {
        Self { entries, gap: None, closed: None, through: None }
    }

    /// The oldest events that are kept, which do not follow the place that was asked for. `resume` is the place before
    /// the first of them, or the head when there is none.
    #[must_use]
    pub const fn after_gap(gap: Gap, resume: EventId, entries: Vec<LogEntry>) -> Self {
        Self { entries, gap: Some(PageGap { gap, resume }), closed: None, through: None }
    }

    /// The same page, behind whose events the log has ended.
    #[must_use]
    pub const fn closed(mut self, end: End) -> Self {
        self.closed = Some(end);
        self
    }

    /// The same page, to be read on from this place.
    #[must_use]
    pub fn through(mut self, place: EventId) -> Self {
        self.through = Some(place);
        self
    }

    /// The place to read on from, with `asked` as the place that this page was read from.
    #[must_use]
    pub fn next_place(&self, asked: &EventId) -> EventId {
        let behind_gap = self.gap.as_ref().map(|gap| &gap.resume);
        let behind_events = self.entries.last().map(|entry| &entry.id);
        self.through.as_ref().or(behind_events).or(behind_gap).unwrap_or(asked).clone()
    }
}
