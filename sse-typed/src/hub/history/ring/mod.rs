mod capacity;
mod decoded_cache;
mod ids;
mod join;
mod segment;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, mem, sync::Arc, time::Duration};

use bytes::Bytes;

use self::{
    decoded_cache::DecodedCache,
    segment::{SEGMENT_SIZE, SegmentIds},
};
pub(in crate::hub) use self::{
    ids::RingIds,
    segment::{EventSlice, Segment},
};
use super::retention::Retention;
use crate::{
    event::{EventId, Gap, GapReason},
    hub::{
        id::{self, END_MARK},
        log::{Block, EndFlags, LogEntry, Page},
    },
};

/// The newest events of a log, as they are on the wire.
///
/// Each event has a number; numbers run from 1 without a gap. A *position* is the number of the last event before it: a
/// reader at position `n` has had the events up to `n`. Bytes are kept in segments, each of which is one allocation
/// that readers share. New events are appended to `open`, after the last segment. Their first reader makes a segment of
/// them, and so does reaching [`SEGMENT_SIZE`]. So a burst of events that is not read until its end is one slice for
/// all readers. Events that were each read as soon as they were published are a segment each; the first reader that
/// replays them [joins](join) these segments.
///
/// Invariants:
///
/// - `entries` are the events `first..first + entries.len()`.
/// - Each segment holds consecutive events, and so does `open` after them, without gap or overlap. The first segment
///   may begin with trimmed events; its first retained event begins at byte `front`.
/// - `Entry::end` is relative to the start of its segment. An empty `open` begins at `first + entries.len()`.
/// - An event that ends streams is the last of its segment.
/// - `bytes` is the sum of the sizes of the retained events.
#[derive(Debug)]
pub(in crate::hub) struct Ring {
    retention: Retention,
    ids: RingIds,
    entries: VecDeque<Entry>,
    first: u64,
    front: usize,
    bytes: usize,
    segments: VecDeque<Arc<Segment>>,
    open: Vec<u8>,
    open_first: u64,
    /// No position in it was used yet.
    is_new: bool,
    /// How many numbers belong to no event.
    skipped: u64,
    /// Segments that were trimmed or joined, and may hold decoded events. The caller drops them outside of its lock,
    /// because these are user values, and there may be many.
    trimmed_segments: Vec<Arc<Segment>>,
}

/// How many bytes of events a page of a log in memory has, unless its first event alone has more.
const PAGE_SIZE: usize = 1 << 20;

#[derive(Debug)]
struct Entry {
    end: usize,
    /// The time at which it was appended, in nanoseconds of the ring's clock.
    at: u64,
}

/// An event that was appended.
pub(in crate::hub) struct PushedEvent {
    pub(in crate::hub) number: u64,
    /// Its id on the wire.
    pub(in crate::hub) id: EventId,
}

/// The result of reading after a position.
pub(in crate::hub) enum RingRead {
    Slice(EventSlice),
    Empty,
    /// Events after the position are trimmed. This is the position before the oldest retained event.
    Trimmed(u64),
}

impl Ring {
    pub(in crate::hub) fn new(retention: Retention, ids: RingIds) -> Self {
        Self {
            retention,
            ids,
            entries: VecDeque::new(),
            first: 1,
            front: 0,
            bytes: 0,
            segments: VecDeque::new(),
            open: Vec::new(),
            open_first: 1,
            is_new: true,
            skipped: 0,
            trimmed_segments: Vec::new(),
        }
    }

    /// The position after all events.
    pub(in crate::hub) fn head(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }

    /// The position before the oldest event.
    pub(in crate::hub) const fn oldest(&self) -> u64 {
        self.first - 1
    }

    pub(in crate::hub) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The number of events that were ever appended.
    pub(in crate::hub) fn total_events(&self) -> u64 {
        self.head() - self.skipped
    }

    /// How often it was [restarted](Self::rebase) after its positions were used.
    pub(in crate::hub) const fn restarts(&self) -> u64 {
        self.skipped
    }

    pub(in crate::hub) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes how much is retained from the next append on.
    pub(in crate::hub) const fn set_retention(&mut self, retention: Retention) {
        self.retention = retention;
    }

    /// How many events are retained at most.
    pub(in crate::hub) const fn max_events(&self) -> usize {
        self.retention.events
    }

    /// Lets the next [`rebase`](Self::rebase) leave all positions behind, also that of an empty ring.
    pub(in crate::hub) const fn set_used(&mut self) {
        self.is_new = false;
    }

    /// Whether events are trimmed by age, so that the time matters.
    pub(in crate::hub) const fn has_max_age(&self) -> bool {
        self.retention.age.is_some()
    }

    /// The id of a position between the oldest and the head.
    pub(in crate::hub) fn id(&self, position: u64) -> EventId {
        match &self.ids {
            RingIds::Numbered(prefix) => prefix.id(position),
            RingIds::FromLog(ids) => {
                ids.get(position.checked_sub(self.first).and_then(|index| usize::try_from(index).ok())).clone()
            }
        }
    }

    /// The position that an id names. With numbered ids it may be before the retained events.
    pub(in crate::hub) fn find(&self, id: &str) -> Option<u64> {
        match &self.ids {
            RingIds::Numbered(prefix) => prefix.parse(id).filter(|position| *position <= self.head()),
            RingIds::FromLog(ids) => ids.number(id, self.oldest()),
        }
    }

    /// Appends an event, and then trims the oldest events that exceed the limits. `id` is the id that a log
    /// elsewhere gave it.
    pub(in crate::hub) fn push(
        &mut self,
        id: Option<EventId>,
        block: &[u8],
        ends: EndFlags,
        now: Duration,
    ) -> PushedEvent {
        let n = self.head() + 1;
        let start = self.open.len();
        self.open.extend_from_slice(b"id: ");
        let id = match (&mut self.ids, id) {
            (RingIds::Numbered(prefix), _) => {
                let text = prefix.event_id_text(n, ends.ends_stream());
                self.open.extend_from_slice(text.as_bytes());
                EventId::from_short(text)
            }
            (RingIds::FromLog(ids), id) => {
                // An event without an id has the id of the position before it.
                let id = id.unwrap_or_else(|| ids.newest().clone());
                self.open.extend_from_slice(id.as_str().as_bytes());
                if ends.ends_stream() {
                    self.open.extend_from_slice(END_MARK.as_bytes());
                }
                ids.push(id.clone(), n);
                if ends.ends_stream() { id::with_end_mark(&id) } else { id }
            }
        };
        self.open.push(b'\n');
        self.open.extend_from_slice(block);
        self.entries.push_back(Entry { end: self.open.len(), at: nanos(now) });
        self.bytes += self.open.len() - start;
        if ends.ends_stream() || self.open.len() >= SEGMENT_SIZE {
            self.close_segment(ends);
        }
        self.trim(now);
        PushedEvent { number: n, id }
    }

    /// Trims all events, and restarts after a position of a log elsewhere. All earlier positions, the head among
    /// them, are then before the retained events.
    pub(in crate::hub) fn rebase(&mut self, at: EventId) {
        // A ring in which no position was used has none to tell from this one.
        let skip = u64::from(self.head() > 0 || !self.is_new);
        self.is_new = false;
        self.skipped += skip;
        self.first = self.head() + 1 + skip;
        self.entries.clear();
        self.trimmed_segments.extend(self.segments.drain(..));
        self.open.clear();
        (self.front, self.bytes, self.open_first) = (0, 0, self.first);
        self.ids = RingIds::from_log(at);
        self.shrink();
    }

    /// The events after a position, as a log returns them: at most `limit` events and [`PAGE_SIZE`] bytes, but one event
    /// whatever its size.
    pub(in crate::hub) fn entries(&mut self, mut position: u64, limit: usize) -> Vec<LogEntry> {
        let (mut entries, mut size) = (Vec::new(), 0);
        while let RingRead::Slice(slice) = self.read(position) {
            let mut start = slice.start;
            for n in slice.first..=slice.last {
                if entries.len() >= limit {
                    return entries;
                }
                let end = self.end_of(n);
                size += end - start;
                if size > PAGE_SIZE && !entries.is_empty() {
                    return entries;
                }
                let bytes = slice.segment.bytes.slice(start..end);
                // Without the line of the id.
                let line = memchr::memchr(b'\n', &bytes).map_or(0, |line| line + 1);
                let ends = if n == slice.last { slice.ends() } else { EndFlags::default() };
                let block = Block::encoded(bytes.slice(line..), ends.terminal);
                entries.push(LogEntry { id: self.id(n), block, last: ends.closes_log });
                start = end;
            }
            position = slice.last;
        }
        entries
    }

    /// Reads a page, as a log returns it, and whether it reaches the head.
    pub(in crate::hub) fn page(&mut self, after: &str, limit: usize) -> (Page, bool) {
        let oldest = self.oldest();
        let (position, gap) = match self.find(after) {
            Some(position) if position >= oldest => (position, None),
            Some(position) => (oldest, Some(Gap::new(Some(oldest - position), GapReason::Trimmed))),
            None => (oldest, Some(Gap::new(None, GapReason::UnknownId))),
        };
        let entries = self.entries(position, limit);
        let is_all = position + entries.len() as u64 == self.head();
        let page = match gap {
            None => Page::contiguous(entries),
            Some(gap) => Page::after_gap(gap, self.id(position), entries),
        };
        (page, is_all)
    }

    /// Trims what is over the limits of the retention.
    pub(in crate::hub) fn trim(&mut self, now: Duration) {
        let first = self.first;
        while self.entries.len() > self.retention.events || self.bytes > self.retention.bytes && self.entries.len() > 1
        {
            self.trim_oldest();
        }
        if let Some(age) = self.retention.age {
            while self.entries.front().is_some_and(|entry| nanos(now).saturating_sub(entry.at) > nanos(age)) {
                self.trim_oldest();
            }
        }
        if self.first > first {
            self.shrink();
        }
    }

    /// Frees memory that trimmed events have used.
    fn shrink(&mut self) {
        capacity::shrink_queue(&mut self.entries);
        capacity::shrink_queue(&mut self.segments);
        self.ids.shrink();
        if self.entries.is_empty() {
            capacity::free_buffer(&mut self.open);
        }
    }

    fn trim_oldest(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.bytes -= entry.end - self.front;
        self.front = entry.end;
        self.first += 1;
        self.ids.trim_oldest(self.first);
        let next = self.segments.get(1).map_or(self.open_first, |segment| segment.first);
        if self.segments.is_empty() {
            if self.entries.is_empty() {
                self.open.clear();
                self.open_first = self.first;
                self.front = 0;
            }
        } else if next == self.first {
            self.trimmed_segments.extend(self.segments.pop_front().filter(|segment| segment.decoded.is_filled()));
            self.front = 0;
        }
    }

    /// Segments that are no longer in the ring, for the caller to take and drop outside of its lock.
    pub(in crate::hub) const fn trimmed_segments(&mut self) -> &mut Vec<Arc<Segment>> {
        &mut self.trimmed_segments
    }

    fn close_segment(&mut self, ends: EndFlags) {
        if self.open.is_empty() {
            return;
        }
        let bytes = if self.open.len() > SEGMENT_SIZE {
            Bytes::from(mem::take(&mut self.open).into_boxed_slice())
        } else {
            // One allocation of exactly this size. The buffer keeps its capacity for the next events.
            let bytes = Bytes::copy_from_slice(&self.open);
            self.open.clear();
            capacity::shrink_buffer(&mut self.open, bytes.len());
            bytes
        };
        let (first, last) = (self.open_first, self.head());
        let ids = match &self.ids {
            RingIds::Numbered(prefix) => SegmentIds::Numbered(*prefix),
            RingIds::FromLog(ids) => {
                SegmentIds::FromLog(ids.last(usize::try_from(last + 1 - first).unwrap_or(usize::MAX)))
            }
        };
        let decoded = DecodedCache::default();
        self.segments.push_back(Arc::new(Segment { first, last, bytes, ends, ids, decoded, is_from_page: false }));
        self.open_first = last + 1;
    }

    /// The events after a position, as far as they are in one piece.
    #[inline]
    pub(in crate::hub) fn read(&mut self, position: u64) -> RingRead {
        let first = position + 1;
        if first >= self.open_first {
            if position >= self.head() {
                return RingRead::Empty;
            }
            self.close_segment(EndFlags::default());
        }
        // Most readers want all of the newest segment.
        match self.segments.back() {
            Some(newest) if newest.first == first && first > self.first => {
                let (segment, end) = (Arc::clone(newest), newest.bytes.len());
                RingRead::Slice(EventSlice { start: 0, end, first, last: segment.last, segment })
            }
            _ => self.read_within(first),
        }
    }

    /// [`read`](Self::read) for any position.
    fn read_within(&mut self, first: u64) -> RingRead {
        if first < self.first {
            return RingRead::Trimmed(self.oldest());
        }
        let index = self.segments.partition_point(|segment| segment.first <= first).saturating_sub(1);
        self.join_from(index);
        let Some(segment) = self.segments.get(index) else { return RingRead::Empty };
        let start = if first == self.first {
            self.front
        } else if first == segment.first {
            0
        } else {
            self.end_of(first - 1)
        };
        let (end, last) = (segment.bytes.len(), segment.last);
        RingRead::Slice(EventSlice { segment: Arc::clone(segment), start, end, first, last })
    }

    /// The byte of its segment at which an event ends.
    fn end_of(&self, n: u64) -> usize {
        let index = usize::try_from(n - self.first).unwrap_or(usize::MAX);
        self.entries.get(index).map_or(0, |entry| entry.end)
    }
}

/// The nanoseconds of a time. 64 bits are enough for 584 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
