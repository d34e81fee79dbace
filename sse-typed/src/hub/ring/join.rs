//! Joining small segments of old events, so that a replay reads them as large slices.

use std::sync::Arc;

use super::{Ring, SEGMENT, Segment, SegmentNames};
use crate::hub::{decoded::Values, ring::Names};

impl Ring {
    /// Joins the segments from `index` on, if they are small, up to the size of a segment.
    ///
    /// Each byte that is copied comes into a segment at least twice as large as its own, so it is copied a few times at most,
    /// however readers come. The newest
    /// segment stays as it is: that is where those who are live read. What was decoded of the old segments is
    /// decoded anew when it is next asked for.
    pub(super) fn join_from(&mut self, index: usize) {
        let joined = self.joinable(index);
        if joined < 2 {
            return;
        }
        let segments = self.segments.range(index..index + joined);
        let first = segments.clone().next().map_or(0, |segment| segment.first).max(self.first);
        let (last, ends) = segments.clone().next_back().map_or((0, Default::default()), |last| (last.last, last.ends));
        let mut bytes = Vec::with_capacity(segments.clone().map(|segment| segment.bytes.len()).sum());
        for (number, segment) in segments.clone().enumerate() {
            // The oldest may begin with events that were let go.
            let skipped = if index + number == 0 { self.front } else { 0 };
            let start = bytes.len();
            bytes.extend_from_slice(&segment.bytes[skipped..]);
            let kept = index_of(segment.first.max(self.first), self.first)..index_of(segment.last, self.first) + 1;
            for entry in self.entries.range_mut(kept) {
                entry.end = entry.end - skipped + start;
            }
        }
        let names = match &self.names {
            Names::Numbered(epoch) => SegmentNames::Numbered(*epoch),
            Names::Given { ids, .. } => {
                let kept = index_of(first, self.first)..index_of(last, self.first) + 1;
                SegmentNames::Given(ids.range(kept).cloned().collect())
            }
        };
        if index == 0 {
            self.front = 0;
        }
        let values = Values::default();
        let segment = Segment { first, last, bytes: bytes.into(), ends, names, values, apart: false };
        // There are many, and what was decoded of them is user's.
        self.gone.extend(self.segments.drain(index + 1..index + joined));
        if let Some(old) = self.segments.get_mut(index) {
            self.gone.push(std::mem::replace(old, Arc::new(segment)));
        }
    }

    /// How many segments from `index` on are to be joined.
    fn joinable(&self, index: usize) -> usize {
        let older = self.segments.len().saturating_sub(1);
        let Some(first) = self.segments.get(index).filter(|_| index < older) else { return 0 };
        if first.ends.streams() {
            return 0;
        }
        let own = first.bytes.len();
        let (mut len, mut count) = (own, 1);
        for next in self.segments.range(index + 1..older) {
            // Each byte that is copied comes into a segment at least twice as large as its own.
            if next.bytes.len() > len || len + next.bytes.len() > SEGMENT {
                break;
            }
            len += next.bytes.len();
            count += 1;
            if next.ends.streams() {
                break;
            }
        }
        if len - own >= own { count } else { 0 }
    }
}

/// The place of an event among the entries.
fn index_of(n: u64, first: u64) -> usize {
    usize::try_from(n - first).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        event::EventId,
        hub::{
            Retention,
            id::{Ends, Epoch},
            ring::Read,
        },
    };

    /// A ring whose events were each taken live.
    fn taken_live(names: Names, count: u64, size: usize, terminal: impl Fn(u64) -> bool) -> Ring {
        let given = matches!(names, Names::Given { .. });
        let mut ring = Ring::new(Retention::events(10_000), names);
        for n in 1..=count {
            let id = given.then(|| EventId::new(format!("event {n}")).unwrap());
            let block = format!("data: {n}{}\n\n", "x".repeat(size));
            ring.push(id, block.as_bytes(), Ends::of(terminal(n)), Duration::ZERO);
            assert!(matches!(ring.read(n - 1), Read::Run(_)));
        }
        ring
    }

    /// All slices from a place on: their first and last events, and their text.
    fn replay(ring: &mut Ring, mut place: u64) -> Vec<(u64, u64, String)> {
        let mut slices = Vec::new();
        while let Read::Run(run) = ring.read(place) {
            let id = run.last_id();
            let text = String::from_utf8(run.bytes().to_vec()).unwrap();
            assert!(text.contains(&format!("id: {id}\n")), "{id}");
            slices.push((run.first, run.last, text));
            place = run.last;
        }
        slices
    }

    fn names() -> [Names; 2] {
        [Names::Numbered(Epoch::random()), Names::given(EventId::from(0_u32))]
    }

    #[test]
    fn events_that_were_taken_live_are_replayed_in_large_slices() {
        for names in names() {
            let mut ring = taken_live(names, 5_000, 20, |_| false);
            let slices = replay(&mut ring, 0);
            assert!(slices.len() < 12, "{}", slices.len());
            assert!(slices.iter().all(|(.., text)| text.len() <= SEGMENT));
            let all: String = slices.into_iter().map(|(.., text)| text).collect();
            for n in 1..=5_000 {
                assert!(all.contains(&format!("data: {n}x")), "{n}");
            }
            // And from any place, however the segments lie now.
            for place in [1, 2, 17, 999, 4_998, 4_999] {
                let text: String = replay(&mut ring, place).into_iter().map(|(.., text)| text).collect();
                assert!(all.ends_with(&text), "{place}");
                assert!(text.contains(&format!("data: {}x", place + 1)) && !text.contains(&format!("data: {place}x")));
            }
        }
    }

    #[test]
    fn an_event_that_ends_streams_stays_the_last_of_its_slice() {
        for names in names() {
            let mut ring = taken_live(names, 1_000, 20, |n| n % 100 == 0);
            for (first, last, text) in replay(&mut ring, 0) {
                assert!(first.div_ceil(100) == last.div_ceil(100), "{first} to {last}");
                assert_eq!(text.contains("!\n"), last % 100 == 0);
            }
        }
    }

    #[test]
    fn joining_copies_each_byte_a_few_times_however_readers_come() {
        let mut ring = taken_live(Names::Numbered(Epoch::random()), 1, 20, |_| false);
        let mut copied = 0;
        for n in 2..=2_000_u64 {
            let block = format!("data: {n}{}\n\n", "x".repeat(20));
            ring.push(None, block.as_bytes(), Ends::default(), Duration::ZERO);
            assert!(matches!(ring.read(n - 1), Read::Run(_)));
            // One who is always at the front of it all.
            let before = ring.gone.len();
            ring.join_from(0);
            copied += ring.gone[before..].iter().map(|segment| segment.bytes.len()).sum::<usize>();
        }
        assert!(copied < 16 * ring.bytes(), "{copied} of {}", ring.bytes());
    }

    #[test]
    fn what_is_let_go_of_a_joined_segment_is_not_read_any_more() {
        let mut ring = taken_live(Names::Numbered(Epoch::random()), 1_000, 20, |_| false);
        replay(&mut ring, 0);
        ring.retention = Retention::events(500);
        ring.trim(Duration::ZERO);
        assert!(matches!(ring.read(0), Read::Behind(500)));
        let all: String = replay(&mut ring, 500).into_iter().map(|(.., text)| text).collect();
        assert!(all.contains("data: 501x") && !all.contains("data: 500x") && all.contains("data: 1000x"));
        assert_eq!(all.len(), ring.bytes());
        // And the rest of it can be joined with what follows.
        ring.retention = Retention::events(300);
        ring.trim(Duration::ZERO);
        ring.join_from(0);
        let rest: String = replay(&mut ring, 700).into_iter().map(|(.., text)| text).collect();
        assert!(all.ends_with(&rest));
        assert_eq!(rest.len(), ring.bytes());
    }

    #[test]
    fn readers_who_come_from_ever_older_places_copy_each_byte_a_few_times() {
        for names in names() {
            let mut ring = taken_live(names, 1_000, 2, |_| false);
            let mut copied = 0;
            for place in (0..999).rev() {
                let before = ring.gone.len();
                assert!(matches!(ring.read(place), Read::Run(_)));
                copied += ring.gone[before..].iter().map(|segment| segment.bytes.len()).sum::<usize>();
            }
            assert!(copied < 16 * ring.bytes(), "{copied} of {}", ring.bytes());
        }
    }
}
