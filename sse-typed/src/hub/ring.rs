use std::{collections::VecDeque, io::Write as _, mem, time::Duration};

use bytes::Bytes;

use super::{
    Retention,
    id::{self, Epoch},
};
use crate::event::EventId;

/// The newest events of a log, as they stand on the wire.
///
/// Each event has a number; they run from 1 without a hole. A *place* is the number of the last event before it: who is at
/// place `n` has had events up to `n`. Bytes are kept in segments, each a slice of its own that is shared with readers.
/// New events gather behind the last segment, in `open`; the first reader that wants them, or a size of [`SEGMENT`], makes
/// a segment of them. So a burst that nobody has read yet leaves as one slice, for everybody.
///
/// Invariants:
///
/// - `entries` are the events `first..first + entries.len()`.
/// - Segments, and `open` behind them, hold a run of events each, without hole or overlap. The front one may begin with
///   events that were let go; its first kept event begins at byte `front`.
/// - `Entry::end` is relative to the segment's start. An empty `open` begins at `first + entries.len()`.
/// - A terminal event is the last of its segment.
/// - `bytes` is the sum of the sizes of the kept events.
#[derive(Debug)]
pub(super) struct Ring {
    retention: Retention,
    names: Names,
    entries: VecDeque<Entry>,
    first: u64,
    front: usize,
    bytes: usize,
    segments: VecDeque<Segment>,
    open: Vec<u8>,
    open_first: u64,
}

/// How events are named.
#[derive(Debug)]
pub(super) enum Names {
    /// By number.
    Numbered(Epoch),
    /// By another log: the name of the place before the first event, and those of the events.
    #[cfg_attr(not(test), expect(dead_code, reason = "the log in memory numbers its events"))]
    Given { base: EventId, ids: VecDeque<EventId> },
}

#[derive(Debug)]
struct Entry {
    end: usize,
    /// When it came, in nanoseconds of the ring's clock.
    at: u64,
}

#[derive(Debug)]
struct Segment {
    first: u64,
    bytes: Bytes,
    terminal: bool,
}

/// Events that lie in one piece.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// The whole segment.
    pub(super) segment: Bytes,
    /// The number of its first event.
    pub(super) segment_first: u64,
    /// The bytes of the segment that are the run's.
    pub(super) start: usize,
    pub(super) end: usize,
    /// The numbers of its events.
    pub(super) first: u64,
    pub(super) last: u64,
    /// The last event is terminal.
    pub(super) terminal: bool,
    pub(super) last_id: RunId,
}

#[derive(Clone, Debug)]
pub(super) enum RunId {
    Numbered(Epoch),
    Given(EventId),
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
            Names::Given { base, ids } => {
                let index = place.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
                index.and_then(|index| ids.get(index)).unwrap_or(base).clone()
            }
        }
    }

    /// The id of an event, as it stands on the wire.
    pub(super) fn event_id(&self, n: u64, terminal: bool) -> EventId {
        match &self.names {
            Names::Numbered(epoch) => epoch.event_id(n, terminal),
            Names::Given { .. } if terminal => id::terminal(&self.id(n)),
            Names::Given { .. } => self.id(n),
        }
    }

    /// The place that an id names. It may be before the history, where names are numbers.
    pub(super) fn find(&self, id: &str) -> Option<u64> {
        match &self.names {
            Names::Numbered(epoch) => epoch.parse(id).filter(|place| *place <= self.head()),
            Names::Given { base, ids } => {
                // Clients come back from places near the head.
                let index = ids.iter().rposition(|known| known.as_str() == id);
                index.map(|index| self.first + index as u64).or_else(|| (base.as_str() == id).then(|| self.oldest()))
            }
        }
    }

    /// Appends an event, and lets go what is too much then. `id` is the name that another log gave it.
    pub(super) fn push(&mut self, id: Option<EventId>, block: &[u8], terminal: bool, now: Duration) -> u64 {
        let n = self.head() + 1;
        let start = self.open.len();
        let mark = if terminal { "!" } else { "" };
        // Writing into a vector does not fail.
        let _ = match (&mut self.names, id) {
            (Names::Numbered(epoch), _) => writeln!(self.open, "id: {epoch}{n}{mark}"),
            (Names::Given { ids, .. }, Some(id)) => {
                let written = writeln!(self.open, "id: {id}{mark}");
                ids.push_back(id);
                written
            }
            (Names::Given { base, ids }, None) => {
                ids.push_back(base.clone());
                Ok(())
            }
        };
        self.open.extend_from_slice(block);
        self.entries.push_back(Entry { end: self.open.len(), at: nanos(now) });
        self.bytes += self.open.len() - start;
        if terminal || self.open.len() >= SEGMENT {
            self.close_segment(terminal);
        }
        self.trim(now);
        n
    }

    /// Lets go what is too much or too old.
    pub(super) fn trim(&mut self, now: Duration) {
        while self.entries.len() > self.retention.events || self.bytes > self.retention.bytes && self.entries.len() > 1
        {
            self.let_go();
        }
        if let Some(age) = self.retention.age {
            while self.entries.front().is_some_and(|entry| nanos(now).saturating_sub(entry.at) > nanos(age)) {
                self.let_go();
            }
        }
    }

    fn let_go(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.bytes -= entry.end - self.front;
        self.front = entry.end;
        self.first += 1;
        if let Names::Given { base, ids } = &mut self.names
            && let Some(id) = ids.pop_front()
        {
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
            self.segments.pop_front();
            self.front = 0;
        }
    }

    fn close_segment(&mut self, terminal: bool) {
        if self.open.is_empty() {
            return;
        }
        let bytes = if self.open.len() > SEGMENT {
            Bytes::from(mem::take(&mut self.open).into_boxed_slice())
        } else {
            // One allocation of just this size; the room stays for the next.
            let bytes = Bytes::copy_from_slice(&self.open);
            self.open.clear();
            bytes
        };
        self.segments.push_back(Segment { first: self.open_first, bytes, terminal });
        self.open_first = self.head() + 1;
    }

    /// The events behind a place, as far as they lie in one piece.
    pub(super) fn read(&mut self, place: u64) -> Read {
        let first = place + 1;
        if first < self.first {
            return Read::Behind(self.oldest());
        }
        if place >= self.head() {
            return Read::Nothing;
        }
        if first >= self.open_first {
            self.close_segment(false);
        }
        // Most readers are at the end.
        let index = match self.segments.back() {
            Some(last) if last.first <= first => self.segments.len() - 1,
            _ => self.segments.partition_point(|segment| segment.first <= first).saturating_sub(1),
        };
        let Some(segment) = self.segments.get(index) else { return Read::Nothing };
        let last = self.segments.get(index + 1).map_or(self.open_first, |next| next.first) - 1;
        let start = if first == self.first {
            self.front
        } else if first == segment.first {
            0
        } else {
            self.end_of(place)
        };
        Read::Run(Run {
            segment: segment.bytes.clone(),
            segment_first: segment.first,
            start,
            end: segment.bytes.len(),
            first,
            last,
            terminal: segment.terminal,
            last_id: match &self.names {
                Names::Numbered(epoch) => RunId::Numbered(*epoch),
                Names::Given { .. } => RunId::Given(self.id(last)),
            },
        })
    }

    fn end_of(&self, n: u64) -> usize {
        let index = usize::try_from(n - self.first).unwrap_or(usize::MAX);
        self.entries.get(index).map_or(0, |entry| entry.end)
    }

    /// The number of the oldest event whose bytes are held.
    pub(super) fn oldest_segment(&self) -> u64 {
        self.segments.front().map_or(self.open_first, |segment| segment.first)
    }
}

/// Enough for 584 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Run {
    /// The id of its last event.
    pub(super) fn last_id(&self) -> EventId {
        match &self.last_id {
            RunId::Numbered(epoch) => epoch.event_id(self.last, self.terminal),
            RunId::Given(id) if self.terminal => id::terminal(id),
            RunId::Given(id) => id.clone(),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.segment[self.start..self.end]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCK: &[u8] = b"data: 1\n\n";

    fn ring(retention: Retention) -> Ring {
        Ring::new(retention, Names::Numbered(Epoch::random()))
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push { size: usize, terminal: bool },
        Read { place: u64 },
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let size = prop_oneof![9 => 0..200_usize, 1 => SEGMENT - 40..SEGMENT * 2];
        let step = prop_oneof![
            4 => (size, prop::bool::weighted(0.1)).prop_map(|(size, terminal)| Step::Push { size, terminal }),
            3 => (0..80_u64).prop_map(|place| Step::Read { place }),
            1 => (0..5_u64).prop_map(Step::Wait),
        ];
        prop::collection::vec(step, 0..120)
    }

    fn retention() -> impl Strategy<Value = Retention> {
        (1..40_usize, 0..SEGMENT * 3, prop::option::of(0..20_u64)).prop_map(|(events, bytes, age)| {
            let retention = Retention::events(events).bytes(bytes);
            age.map_or(retention, |age| retention.age(Duration::from_secs(age)))
        })
    }

    proptest! {
        /// The same as a list of all that was ever published, of which the newest are kept.
        #[test]
        fn a_ring_is_the_end_of_a_list(retention in retention(), steps in steps()) {
            let mut ring = ring(retention);
            let mut list: Vec<(Vec<u8>, bool, Duration)> = Vec::new();
            let mut kept = 0;
            let mut now = Duration::ZERO;
            for step in steps {
                match step {
                    Step::Wait(seconds) => now += Duration::from_secs(seconds),
                    Step::Push { size, terminal } => {
                        let block = [b"data: ".to_vec(), vec![b'x'; size], b"\n\n".to_vec()].concat();
                        let n = ring.push(None, &block, terminal, now);
                        let id = ring.event_id(n, terminal);
                        list.push(([format!("id: {id}\n").into_bytes(), block].concat(), terminal, now));
                        prop_assert_eq!(n, list.len() as u64);
                    }
                    Step::Read { place } => {
                        ring.trim(now);
                        let place = place.min(list.len() as u64);
                        let index = usize::try_from(place).unwrap();
                        match ring.read(place) {
                            Read::Nothing => prop_assert_eq!(index, list.len()),
                            Read::Behind(oldest) => {
                                prop_assert_eq!(oldest, ring.oldest());
                                prop_assert!(place < oldest);
                            }
                            Read::Run(run) => {
                                prop_assert_eq!(run.first, place + 1);
                                let last = usize::try_from(run.last).unwrap();
                                let expected: Vec<u8> =
                                    list[index..last].iter().flat_map(|(bytes, ..)| bytes.clone()).collect();
                                prop_assert!(run.bytes() == expected);
                                prop_assert_eq!(run.terminal, list[last - 1].1);
                                prop_assert!(!list[index..last - 1].iter().any(|(_, terminal, _)| *terminal));
                                prop_assert_eq!(run.last_id(), ring.event_id(run.last, run.terminal));
                            }
                        }
                    }
                }
                // What is kept is what the retention says, of the list as it is now.
                ring.trim(now);
                while kept < list.len() {
                    let bytes: usize = list[kept..].iter().map(|(bytes, ..)| bytes.len()).sum();
                    let over = list.len() - kept > retention.events || bytes > retention.bytes && list.len() - kept > 1;
                    let old = retention.age.is_some_and(|age| now - list[kept].2 > age);
                    if !over && !old {
                        break;
                    }
                    kept += 1;
                }
                let bytes: usize = list[kept..].iter().map(|(bytes, ..)| bytes.len()).sum();
                prop_assert_eq!((ring.len(), ring.bytes()), (list.len() - kept, bytes));
                prop_assert_eq!((ring.oldest(), ring.head()), (kept as u64, list.len() as u64));
                // One piece at each end may hold more than is kept.
                let held = ring.open.len() + ring.segments.iter().map(|segment| segment.bytes.len()).sum::<usize>();
                prop_assert!(held <= bytes + SEGMENT * 4, "{held} of {bytes}");
            }
        }
    }

    #[test]
    fn a_burst_that_nobody_has_read_is_one_slice_and_everybodys() {
        let mut ring = ring(Retention::default());
        for _ in 0..16 {
            ring.push(None, BLOCK, false, Duration::ZERO);
        }
        let (Read::Run(one), Read::Run(other), Read::Run(late)) = (ring.read(0), ring.read(0), ring.read(10)) else {
            panic!("there is something to read");
        };
        assert_eq!((one.first, one.last), (1, 16));
        assert_eq!(one.segment.as_ptr(), other.segment.as_ptr());
        assert_eq!((late.first, late.last, late.segment.as_ptr()), (11, 16, one.segment.as_ptr()));
    }

    #[test]
    fn names_that_another_log_gives_lead_back_to_their_places() {
        let base = EventId::new("base").unwrap();
        let mut ring = Ring::new(Retention::events(2), Names::Given { base, ids: VecDeque::new() });
        assert_eq!((ring.find("base"), ring.id(0).as_str().to_owned()), (Some(0), "base".to_owned()));
        for name in ["a", "b", "c"] {
            ring.push(Some(EventId::new(name).unwrap()), BLOCK, name == "c", Duration::ZERO);
        }
        assert_eq!(ring.find("base"), None);
        assert_eq!([ring.find("a"), ring.find("b"), ring.find("c")], [Some(1), Some(2), Some(3)]);
        assert_eq!((ring.id(1).as_str(), ring.id(3).as_str()), ("a", "c"));
        let Read::Run(run) = ring.read(1) else { panic!("there is something to read") };
        assert_eq!(run.bytes(), b"id: b\ndata: 1\n\nid: c!\ndata: 1\n\n");
        assert_eq!(run.last_id().as_str(), "c!");
    }
}
