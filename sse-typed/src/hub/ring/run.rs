use std::io::Write as _;

use bytes::Bytes;

use crate::{
    event::EventId,
    hub::{
        id::{self, Epoch},
        log::LogEntry,
    },
};

/// Events that lie in one piece.
#[derive(Clone, Debug)]
pub(in crate::hub) struct Run {
    /// The whole segment.
    pub(in crate::hub) segment: Bytes,
    /// The number of its first event.
    pub(in crate::hub) segment_first: u64,
    /// The bytes of the segment that are the run's.
    pub(in crate::hub) start: usize,
    pub(in crate::hub) end: usize,
    /// The numbers of its events.
    pub(in crate::hub) first: u64,
    pub(in crate::hub) last: u64,
    /// The last event is terminal.
    pub(in crate::hub) terminal: bool,
    pub(in crate::hub) last_id: RunId,
    /// It is not of the ring, but was read for one subscription.
    pub(in crate::hub) apart: bool,
}

#[derive(Clone, Debug)]
pub(in crate::hub) enum RunId {
    Numbered(Epoch),
    Given(EventId),
}

impl Run {
    /// Events of another log that are not in the ring, up to one that is terminal. None of none.
    pub(in crate::hub) fn apart(entries: &[LogEntry]) -> Option<Self> {
        let mut segment = Vec::new();
        let mut last = None;
        for entry in entries {
            let terminal = entry.block.is_terminal();
            let mark = if terminal { "!" } else { "" };
            // Writing into a vector does not fail.
            let _ = writeln!(segment, "id: {}{mark}", entry.id);
            segment.extend_from_slice(entry.block.as_bytes());
            last = Some(entry);
            if terminal {
                break;
            }
        }
        let last = last?;
        let count = entries.iter().position(|entry| entry.block.is_terminal()).map_or(entries.len(), |index| index + 1);
        Some(Self {
            end: segment.len(),
            segment: segment.into(),
            segment_first: 1,
            start: 0,
            first: 1,
            last: count as u64,
            terminal: last.block.is_terminal(),
            last_id: RunId::Given(last.id.clone()),
            apart: true,
        })
    }

    /// The id of its last event.
    pub(in crate::hub) fn last_id(&self) -> EventId {
        match &self.last_id {
            RunId::Numbered(epoch) => epoch.event_id(self.last, self.terminal),
            RunId::Given(id) if self.terminal => id::terminal(id),
            RunId::Given(id) => id.clone(),
        }
    }

    /// The part up to the event `last`, whose bytes end at `end`. It is not terminal then.
    pub(in crate::hub) fn cut(self, last: u64, end: usize, last_id: Option<EventId>) -> Self {
        let last_id = match (self.last_id, last_id) {
            (RunId::Given(_), Some(id)) => RunId::Given(id),
            (named, _) => named,
        };
        Self { last, end, terminal: false, last_id, ..self }
    }

    /// The id of the place behind it.
    pub(in crate::hub) fn place(&self) -> EventId {
        match &self.last_id {
            RunId::Numbered(epoch) => epoch.id(self.last),
            RunId::Given(id) => id.clone(),
        }
    }

    pub(in crate::hub) fn bytes(&self) -> &[u8] {
        &self.segment[self.start..self.end]
    }
}
