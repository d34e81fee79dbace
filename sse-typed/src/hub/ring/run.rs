use std::{io::Write as _, sync::Arc};

use bytes::Bytes;

use super::SEGMENT;
use crate::{
    event::EventId,
    hub::{
        decoded::Values,
        id::{self, Ends, Epoch},
        log::LogEntry,
    },
};

/// Events as they stand on the wire, in one piece that all readers share. It never changes.
#[derive(Debug)]
pub(in crate::hub) struct Segment {
    /// The numbers of its events.
    pub(in crate::hub) first: u64,
    pub(super) last: u64,
    pub(in crate::hub) bytes: Bytes,
    /// What its last event ends.
    pub(super) ends: Ends,
    pub(super) names: SegmentNames,
    /// What was read of it.
    pub(in crate::hub) values: Values,
    /// It is not of the ring, but was read for one subscription.
    pub(super) apart: bool,
}

#[derive(Debug)]
pub(super) enum SegmentNames {
    Numbered(Epoch),
    /// The ids of its newest events, up to the last.
    Given(Box<[EventId]>),
}

/// Events that lie in one piece: a part of a segment.
///
/// One is made for each delivery, and moved through every layer of streams above. So it is five words, and all that its
/// events have in common is the segment's.
#[derive(Clone, Debug)]
pub(in crate::hub) struct Run {
    pub(in crate::hub) segment: Arc<Segment>,
    /// The bytes of the segment that are the run's.
    pub(in crate::hub) start: usize,
    pub(in crate::hub) end: usize,
    /// The numbers of its events.
    pub(in crate::hub) first: u64,
    pub(in crate::hub) last: u64,
}

impl Segment {
    /// How many events there are.
    pub(in crate::hub) const fn len(&self) -> usize {
        // As many as fit into a slice of bytes.
        (self.last - self.first + 1) as usize
    }

    /// The id of the place behind an event.
    fn id(&self, n: u64) -> EventId {
        match &self.names {
            SegmentNames::Numbered(epoch) => epoch.id(n),
            SegmentNames::Given(ids) => {
                let index = usize::try_from(self.last - n).ok().and_then(|back| ids.len().checked_sub(back + 1));
                // Only events that were let go before anybody read them have none.
                index.and_then(|index| ids.get(index)).cloned().unwrap_or_else(|| EventId::from(0_u32))
            }
        }
    }
}

impl Run {
    /// The first events of a page of another log, as many as a segment of the ring has, up to one that ends streams or is
    /// the last. None of none.
    pub(in crate::hub) fn apart(page: &[LogEntry], is_last: impl Fn(&EventId) -> bool) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut count = 0;
        for entry in page {
            let LogEntry { id, block, .. } = entry;
            let ends = entry.ends();
            let mark = if ends.streams() { "!" } else { "" };
            // Writing into a vector does not fail.
            let _ = writeln!(bytes, "id: {id}{mark}");
            bytes.extend_from_slice(block.as_bytes());
            count += 1;
            if ends.streams() || bytes.len() >= SEGMENT || is_last(id) {
                break;
            }
        }
        let entries = &page[..count];
        let ends = entries.last()?.ends();
        let (first, last, end) = (1, count as u64, bytes.len());
        let names = SegmentNames::Given(entries.iter().map(|entry| entry.id.clone()).collect());
        let values = Values::default();
        let segment = Arc::new(Segment { first, last, bytes: bytes.into(), ends, names, values, apart: true });
        Some(Self { segment, start: 0, end, first, last })
    }

    /// Whether it is not of the ring, but was read for one subscription.
    pub(in crate::hub) fn is_apart(&self) -> bool {
        self.segment.apart
    }

    /// What its last event ends.
    pub(in crate::hub) fn ends(&self) -> Ends {
        if self.last == self.segment.last { self.segment.ends } else { Ends::default() }
    }

    /// Whether nothing may be sent behind its last event.
    pub(in crate::hub) fn ends_stream(&self) -> bool {
        self.ends().streams()
    }

    /// The id of its last event.
    pub(in crate::hub) fn last_id(&self) -> EventId {
        let id = self.place();
        if self.ends_stream() { id::marked(&id) } else { id }
    }

    /// The id of the place behind it.
    pub(in crate::hub) fn place(&self) -> EventId {
        self.segment.id(self.last)
    }

    /// The id of the place before it, where it is a later part of a page.
    pub(in crate::hub) fn place_before(&self) -> EventId {
        self.segment.id(self.first - 1)
    }

    /// How many events there are.
    pub(in crate::hub) const fn len(&self) -> usize {
        // As many as fit into a slice of bytes.
        (self.last - self.first + 1) as usize
    }

    pub(in crate::hub) fn bytes(&self) -> &[u8] {
        &self.segment.bytes[self.start..self.end]
    }

    /// The same, sharing the segment's.
    pub(in crate::hub) fn to_bytes(&self) -> Bytes {
        self.segment.bytes.slice(self.start..self.end)
    }

    pub(in crate::hub) fn is_most_of_its_segment(&self) -> bool {
        (self.end - self.start).saturating_mul(2) >= self.segment.bytes.len()
    }
}
