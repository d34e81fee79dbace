use std::{io::Write as _, sync::Arc};

use bytes::Bytes;

use super::decoded_cache::DecodedCache;
use crate::{
    event::EventId,
    hub::{
        id::{self, IdPrefix},
        log::{EndFlags, LogEntry},
    },
};

/// The size in bytes at which a segment is closed: as much as the server puts into a frame.
pub(super) const SEGMENT_SIZE: usize = 32 << 10;

/// Consecutive events as they are on the wire, in one piece that all readers share. It never changes.
#[derive(Debug)]
pub(in crate::hub) struct Segment {
    /// The number of its first event.
    pub(in crate::hub) first: u64,
    pub(super) last: u64,
    pub(in crate::hub) bytes: Bytes,
    /// What its last event ends.
    pub(super) ends: EndFlags,
    pub(super) ids: SegmentIds,
    pub(in crate::hub) decoded: DecodedCache,
    /// It was read from a log elsewhere, and is not in a ring.
    pub(super) is_from_page: bool,
}

#[derive(Debug)]
pub(super) enum SegmentIds {
    Numbered(IdPrefix),
    /// The ids of its newest events, up to the last.
    FromLog(Box<[EventId]>),
}

/// Consecutive events in one piece: a part of a segment.
///
/// Each delivery makes one, and moves it through all layers of streams. So it is five words, and everything that its
/// events have in common is in the segment.
#[derive(Clone, Debug)]
pub(in crate::hub) struct EventSlice {
    pub(in crate::hub) segment: Arc<Segment>,
    /// The bytes of the segment that belong to the slice.
    pub(in crate::hub) start: usize,
    pub(in crate::hub) end: usize,
    /// The numbers of its first and last event.
    pub(in crate::hub) first: u64,
    pub(in crate::hub) last: u64,
}

impl Segment {
    /// The number of events.
    pub(in crate::hub) const fn len(&self) -> usize {
        // Events take bytes, so their number fits.
        (self.last - self.first + 1) as usize
    }

    /// The id of the position after an event.
    fn id(&self, n: u64) -> EventId {
        match &self.ids {
            SegmentIds::Numbered(prefix) => prefix.id(n),
            SegmentIds::FromLog(ids) => {
                let index = usize::try_from(self.last - n).ok().and_then(|back| ids.len().checked_sub(back + 1));
                // Only events that were trimmed before anybody read them have none.
                index.and_then(|index| ids.get(index)).cloned().unwrap_or_else(|| EventId::from(0_u32))
            }
        }
    }
}

impl EventSlice {
    /// The first events of a page of a log elsewhere: as many as fit into a segment, up to one that ends streams or
    /// that `is_last`. `None` if the page is empty. Their numbers are those of the page, from 1.
    pub(in crate::hub) fn of_page(page: &[LogEntry], is_last: impl Fn(&EventId) -> bool) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut count = 0;
        for entry in page {
            let LogEntry { id, block, .. } = entry;
            let ends_stream = entry.ends().ends_stream();
            let mark = if ends_stream { id::END_MARK } else { "" };
            // Writing into a vector does not fail.
            let _ = writeln!(bytes, "id: {id}{mark}");
            bytes.extend_from_slice(block.as_bytes());
            count += 1;
            if ends_stream || bytes.len() >= SEGMENT_SIZE || is_last(id) {
                break;
            }
        }
        let entries = &page[..count];
        let ends = entries.last()?.ends();
        let (first, last, end) = (1, count as u64, bytes.len());
        let ids = SegmentIds::FromLog(entries.iter().map(|entry| entry.id.clone()).collect());
        let decoded = DecodedCache::default();
        let segment = Arc::new(Segment { first, last, bytes: bytes.into(), ends, ids, decoded, is_from_page: true });
        Some(Self { segment, start: 0, end, first, last })
    }

    /// The events of a page after a position, if it is the position after one of them.
    pub(in crate::hub) fn after(&self, position: &EventId) -> Option<Self> {
        let SegmentIds::FromLog(ids) = &self.segment.ids else { return None };
        let index = ids.iter().position(|id| id == position)?;
        let first = self.segment.first + index as u64 + 1;
        // Each event ends in an empty line, and has no other.
        let start = memchr::memmem::find_iter(&self.segment.bytes, b"\n\n").nth(index)? + 2;
        let is_within = self.first <= first && first <= self.last && self.end == self.segment.bytes.len();
        is_within.then(|| Self { start, first, ..self.clone() })
    }

    /// Whether it was read from a log elsewhere and is not in the ring. Its numbers are then those of a page.
    pub(in crate::hub) fn is_from_page(&self) -> bool {
        self.segment.is_from_page
    }

    /// What its last event ends.
    pub(in crate::hub) fn ends(&self) -> EndFlags {
        if self.last == self.segment.last { self.segment.ends } else { EndFlags::default() }
    }

    /// Whether nothing may be sent after its last event.
    pub(in crate::hub) fn ends_stream(&self) -> bool {
        self.ends().ends_stream()
    }

    /// The id of its last event, as it is on the wire.
    pub(in crate::hub) fn last_id(&self) -> EventId {
        let id = self.end_position();
        if self.ends_stream() { id::with_end_mark(&id) } else { id }
    }

    /// The id of the position after it.
    pub(in crate::hub) fn end_position(&self) -> EventId {
        self.segment.id(self.last)
    }

    /// The id of the position before it. It must not be the first slice of a page.
    pub(in crate::hub) fn start_position(&self) -> EventId {
        self.segment.id(self.first - 1)
    }

    /// The number of events.
    pub(in crate::hub) const fn len(&self) -> usize {
        // Events take bytes, so their number fits.
        (self.last - self.first + 1) as usize
    }

    pub(in crate::hub) fn bytes(&self) -> &[u8] {
        &self.segment.bytes[self.start..self.end]
    }

    /// The same bytes, sharing those of the segment.
    pub(in crate::hub) fn to_bytes(&self) -> Bytes {
        self.segment.bytes.slice(self.start..self.end)
    }

    pub(in crate::hub) fn is_most_of_its_segment(&self) -> bool {
        (self.end - self.start).saturating_mul(2) >= self.segment.bytes.len()
    }
}
