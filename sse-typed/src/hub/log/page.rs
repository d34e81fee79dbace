use super::{
    block::Block,
    end::{End, EndFlags},
};
use crate::event::{EventId, Gap};

/// An event of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// Its id.
    pub id: EventId,
    /// The event.
    pub block: Block,
    /// Whether [`close`](super::EventLog::close) stored it. Nothing follows the last event of a close, and streams end
    /// after it as after a terminal event.
    pub last: bool,
}

impl LogEntry {
    /// An event with the id that the log gave it.
    #[must_use]
    pub const fn new(id: EventId, block: Block) -> Self {
        Self { id, block, last: false }
    }

    /// The event that a log was closed with.
    #[must_use]
    pub const fn last(id: EventId, block: Block) -> Self {
        Self { id, block, last: true }
    }

    /// What the event ends.
    pub(in crate::hub) const fn ends(&self) -> EndFlags {
        EndFlags { terminal: self.block.is_terminal(), closes_log: self.last }
    }
}

/// The answer to a read of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Consecutive events.
    pub entries: Vec<LogEntry>,
    /// Set when the events do not follow the position of the request.
    pub gap: Option<PageGap>,
    /// Set when the log is closed and nothing follows these events.
    pub closed: Option<End>,
    /// The position to continue from, if it is not that of the last event. A log sets it when it has skipped records
    /// that are no events.
    pub through: Option<EventId>,
}

/// A gap between the position after which a log was read and the first event of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageGap {
    /// What is known about the gap.
    pub gap: Gap,
    /// The position after the gap, which is right before the first event of the page. A read from it is contiguous for
    /// as long as that event is retained.
    pub resume: EventId,
}

impl Page {
    /// The events right after the position of the request.
    #[must_use]
    pub const fn contiguous(entries: Vec<LogEntry>) -> Self {
        Self { entries, gap: None, closed: None, through: None }
    }

    /// The oldest retained events, which do not follow the position of the request. `resume` is the position before the
    /// first of them, or the head when there are none.
    #[must_use]
    pub const fn after_gap(gap: Gap, resume: EventId, entries: Vec<LogEntry>) -> Self {
        Self { entries, gap: Some(PageGap { gap, resume }), closed: None, through: None }
    }

    /// Sets [`closed`](Self::closed): the log is closed, and nothing follows these events.
    #[must_use]
    pub const fn closed(mut self, end: End) -> Self {
        self.closed = Some(end);
        self
    }

    /// Sets [`through`](Self::through): the position to continue from after this page.
    #[must_use]
    pub fn through(mut self, position: EventId) -> Self {
        self.through = Some(position);
        self
    }

    /// The position to continue from. `asked` is the position from which this page was read.
    #[must_use]
    pub fn next_position(&self, asked: &EventId) -> EventId {
        let behind_gap = self.gap.as_ref().map(|gap| &gap.resume);
        let behind_events = self.entries.last().map(|entry| &entry.id);
        self.through.as_ref().or(behind_events).or(behind_gap).unwrap_or(asked).clone()
    }
}
