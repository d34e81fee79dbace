mod join;
mod room;
mod run;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

use self::run::SegmentNames;
pub(super) use self::run::{Run, Segment};
use super::{
    Retention,
    decoded::Values,
    id::{self, Ends, Epoch},
    log::{Block, LogEntry},
};
use crate::event::EventId;

/// The newest events of a log, as they stand on the wire.
///
/// Each event has a number; they run from 1 without a hole. A *place* is the number of the last event before it: who is at
/// place `n` has had events up to `n`. Bytes are kept in segments, each a slice of its own that is shared with readers.
/// New events gather behind the last segment, in `open`; the first reader that wants them, or a size of [`SEGMENT`], makes
/// a segment of them. So a burst that nobody has read yet leaves as one slice, for everybody. Events that were each taken
/// live are a segment each; the first reader that comes to them later [joins](join) them.
///
/// Invariants:
///
/// - `entries` are the events `first..first + entries.len()`.
/// - Segments, and `open` behind them, hold a run of events each, without hole or overlap. The front one may begin with
///   events that were let go; its first kept event begins at byte `front`.
/// - `Entry::end` is relative to the segment's start. An empty `open` begins at `first + entries.len()`.
/// - An event that ends streams is the last of its segment.
/// - `bytes` is the sum of the sizes of the kept events.
#[derive(Debug)]
pub(super) struct Ring {
    retention: Retention,
    names: Names,
    entries: VecDeque<Entry>,
    first: u64,
    front: usize,
    bytes: usize,
    segments: VecDeque<Arc<Segment>>,
    open: Vec<u8>,
    open_first: u64,
    /// Nobody was in it yet.
    is_new: bool,
    /// How many numbers were given to no event.
    skipped: u64,
    /// What was let go and holds values: they are user's, and to be dropped where no lock is held.
    gone: Vec<Arc<Segment>>,
}

/// How events are named.
#[derive(Debug)]
pub(super) enum Names {
    /// By number.
    Numbered(Epoch),
    /// By another log: the name of the place before the first event, and those of the events, with their numbers.
    Given { base: EventId, ids: VecDeque<EventId>, numbers: HashMap<EventId, u64> },
}

#[derive(Debug)]
struct Entry {
    end: usize,
    /// When it came, in nanoseconds of the ring's clock.
    at: u64,
}

/// An event that was appended.
pub(super) struct Pushed {
    pub(super) number: u64,
    /// As it stands on the wire.
    pub(super) id: EventId,
}

/// What lies behind a place.
pub(super) enum Read {
    Run(Run),
    Nothing,
    /// The place is before the history; this is the first place that is not.
    Behind(u64),
}

/// The size from which on a segment is closed, in bytes: as much as the server puts into a frame.
const SEGMENT: usize = 32 << 10;

impl Names {
    /// Names by another log, from this place on.
    pub(super) fn given(base: EventId) -> Self {
        Self::Given { base, ids: VecDeque::new(), numbers: HashMap::new() }
    }
}

impl Ring {
    pub(super) fn new(retention: Retention, names: Names) -> Self {
        Self {
            retention,
            names,
            entries: VecDeque::new(),
            first: 1,
            front: 0,
            bytes: 0,
            segments: VecDeque::new(),
            open: Vec::new(),
            open_first: 1,
            is_new: true,
            skipped: 0,
            gone: Vec::new(),
        }
    }

    /// The place behind all events.
    pub(super) fn head(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }

    /// The place before the oldest event.
    pub(super) const fn oldest(&self) -> u64 {
        self.first - 1
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many events there ever were.
    pub(super) fn pushed(&self) -> u64 {
        self.head() - self.skipped
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the clock matters.
    pub(super) const fn ages(&self) -> bool {
        self.retention.age.is_some()
    }

    /// The name of a place between the oldest and the head.
    pub(super) fn id(&self, place: u64) -> EventId {
        match &self.names {
            Names::Numbered(epoch) => epoch.id(place),
            Names::Given { base, ids, .. } => {
                let index = place.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
                index.and_then(|index| ids.get(index)).unwrap_or(base).clone()
            }
        }
    }

    /// The place that an id names. It may be before the history, where names are numbers.
    pub(super) fn find(&self, id: &str) -> Option<u64> {
        match &self.names {
            Names::Numbered(epoch) => epoch.parse(id).filter(|place| *place <= self.head()),
            Names::Given { base, numbers, .. } => {
                numbers.get(id).copied().or_else(|| (base.as_str() == id).then(|| self.oldest()))
            }
        }
    }

    /// Appends an event, and lets go what is too much then. `id` is the name that another log gave it.
    pub(super) fn push(&mut self, id: Option<EventId>, block: &[u8], ends: Ends, now: Duration) -> Pushed {
        let n = self.head() + 1;
        let start = self.open.len();
        self.open.extend_from_slice(b"id: ");
        let id = match (&mut self.names, id) {
            (Names::Numbered(epoch), _) => {
                let text = epoch.event_text(n, ends);
                self.open.extend_from_slice(text.as_bytes());
                EventId::from_short(text)
            }
            (Names::Given { base, ids, numbers }, id) => {
                // Without a name of its own it has that of the place before.
                let id = id.unwrap_or_else(|| ids.back().unwrap_or(base).clone());
                self.open.extend_from_slice(id.as_str().as_bytes());
                if ends.streams() {
                    self.open.extend_from_slice(id::TERMINAL.as_bytes());
                }
                numbers.insert(id.clone(), n);
                ids.push_back(id.clone());
                if ends.streams() { id::marked(&id) } else { id }
            }
        };
        self.open.push(b'\n');
        self.open.extend_from_slice(block);
        self.entries.push_back(Entry { end: self.open.len(), at: nanos(now) });
        self.bytes += self.open.len() - start;
        if ends.streams() || self.open.len() >= SEGMENT {
            self.close_segment(ends);
        }
        self.trim(now);
        Pushed { number: n, id }
    }

    /// Lets go everything, and begins anew behind a place of another log. All places before it are behind the history,
    /// those at the head too.
    pub(super) fn rebase(&mut self, at: EventId) {
        // A ring that nobody was in has no place to tell from this one.
        let skip = u64::from(self.head() > 0 || !self.is_new);
        self.is_new = false;
        self.skipped += skip;
        self.first = self.head() + 1 + skip;
        self.entries.clear();
        self.gone.extend(self.segments.drain(..));
        self.open.clear();
        (self.front, self.bytes, self.open_first) = (0, 0, self.first);
        self.names = Names::given(at);
        self.give_room_back();
    }

    /// The events behind a place, as a log keeps them.
    pub(super) fn entries(&mut self, mut place: u64, limit: usize) -> Vec<LogEntry> {
        let mut entries = Vec::new();
        while let Read::Run(run) = self.read(place) {
            let mut start = run.start;
            for n in run.first..=run.last {
                if entries.len() >= limit {
                    return entries;
                }
                let end = self.end_of(n);
                // Behind the line with the id.
                let bytes = run.segment.bytes.slice(start..end);
                let line = memchr::memchr(b'\n', &bytes).map_or(0, |line| line + 1);
                let ends = if n == run.last { run.ends() } else { Ends::default() };
                let block = Block::encoded(bytes.slice(line..), ends.terminal);
                entries.push(LogEntry { id: self.id(n), block, last: ends.log });
                start = end;
            }
            place = run.last;
        }
        entries
    }

    /// Lets go what is too much or too old.
    pub(super) fn trim(&mut self, now: Duration) {
        let first = self.first;
        while self.entries.len() > self.retention.events || self.bytes > self.retention.bytes && self.entries.len() > 1
        {
            self.let_go();
        }
        if let Some(age) = self.retention.age {
            while self.entries.front().is_some_and(|entry| nanos(now).saturating_sub(entry.at) > nanos(age)) {
                self.let_go();
            }
        }
        if self.first > first {
            self.give_room_back();
        }
    }

    /// Gives back the room of what is no longer there.
    fn give_room_back(&mut self) {
        room::shrink_queue(&mut self.entries);
        room::shrink_queue(&mut self.segments);
        if let Names::Given { ids, numbers, .. } = &mut self.names {
            room::shrink_queue(ids);
            room::shrink_map(numbers);
        }
        if self.entries.is_empty() {
            room::free_buffer(&mut self.open);
        }
    }

    fn let_go(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.bytes -= entry.end - self.front;
        self.front = entry.end;
        self.first += 1;
        if let Names::Given { base, ids, numbers } = &mut self.names
            && let Some(id) = ids.pop_front()
        {
            // A later event may have the same name, by a log that does not keep what it promises.
            if numbers.get(&id).is_some_and(|n| *n < self.first) {
                numbers.remove(&id);
            }
            *base = id;
        }
        let next = self.segments.get(1).map_or(self.open_first, |segment| segment.first);
        if self.segments.is_empty() {
            if self.entries.is_empty() {
                self.open.clear();
                self.open_first = self.first;
                self.front = 0;
            }
        } else if next == self.first {
            self.gone.extend(self.segments.pop_front().filter(|segment| segment.values.are_there()));
            self.front = 0;
        }
    }

    /// What was let go and is to be dropped where no lock is held.
    pub(super) const fn gone(&mut self) -> &mut Vec<Arc<Segment>> {
        &mut self.gone
    }

    fn close_segment(&mut self, ends: Ends) {
        if self.open.is_empty() {
            return;
        }
        let bytes = if self.open.len() > SEGMENT {
            Bytes::from(mem::take(&mut self.open).into_boxed_slice())
        } else {
            // One allocation of just this size; the room stays for the next.
            let bytes = Bytes::copy_from_slice(&self.open);
            self.open.clear();
            room::shrink_buffer(&mut self.open, bytes.len());
            bytes
        };
        let (first, last) = (self.open_first, self.head());
        let names = match &self.names {
            Names::Numbered(epoch) => SegmentNames::Numbered(*epoch),
            Names::Given { ids, .. } => {
                let count = usize::try_from(last + 1 - first).unwrap_or(usize::MAX).min(ids.len());
                SegmentNames::Given(ids.range(ids.len() - count..).cloned().collect())
            }
        };
        let values = Values::default();
        self.segments.push_back(Arc::new(Segment { first, last, bytes, ends, names, values, apart: false }));
        self.open_first = last + 1;
    }

    /// The events behind a place, as far as they lie in one piece.
    #[inline]
    pub(super) fn read(&mut self, place: u64) -> Read {
        let first = place + 1;
        if first >= self.open_first {
            if place >= self.head() {
                return Read::Nothing;
            }
            self.close_segment(Ends::default());
        }
        // Most readers are at the end, and of the same mind.
        match self.segments.back() {
            Some(newest) if newest.first == first && first > self.first => {
                let (segment, end) = (Arc::clone(newest), newest.bytes.len());
                Read::Run(Run { start: 0, end, first, last: segment.last, segment })
            }
            _ => self.read_within(first),
        }
    }

    /// The same, of any place.
    fn read_within(&mut self, first: u64) -> Read {
        if first < self.first {
            return Read::Behind(self.oldest());
        }
        let index = self.segments.partition_point(|segment| segment.first <= first).saturating_sub(1);
        self.join_from(index);
        let Some(segment) = self.segments.get(index) else { return Read::Nothing };
        let start = if first == self.first {
            self.front
        } else if first == segment.first {
            0
        } else {
            self.end_of(first - 1)
        };
        Read::Run(Run { segment: Arc::clone(segment), start, end: segment.bytes.len(), first, last: segment.last })
    }

    fn end_of(&self, n: u64) -> usize {
        let index = usize::try_from(n - self.first).unwrap_or(usize::MAX);
        self.entries.get(index).map_or(0, |entry| entry.end)
    }
}

/// Enough for 584 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
