//! Joins small segments of old events, so that a replay reads them as large slices.

use std::sync::Arc;

use super::{
    Ring,
    decoded_cache::DecodedCache,
    ids::RingIds,
    segment::{SEGMENT_SIZE, Segment, SegmentIds},
};

impl Ring {
    /// Joins the segments from `index` on, if they are small, up to the size of a segment.
    ///
    /// Each byte is copied into a segment at least twice as large as its own, so it is copied a few times at most,
    /// whatever the order in which positions are read. The newest segment stays as it is, because live readers read it.
    /// Decoded events of the old segments are dropped; the next reader that needs them decodes them again.
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
            // The oldest may begin with trimmed events.
            let skipped = if index + number == 0 { self.front } else { 0 };
            let start = bytes.len();
            bytes.extend_from_slice(&segment.bytes[skipped..]);
            let kept = index_of(segment.first.max(self.first), self.first)..index_of(segment.last, self.first) + 1;
            for entry in self.entries.range_mut(kept) {
                entry.end = entry.end - skipped + start;
            }
        }
        let ids = match &self.ids {
            RingIds::Numbered(prefix) => SegmentIds::Numbered(*prefix),
            RingIds::FromLog(ids) => {
                SegmentIds::FromLog(ids.range(index_of(first, self.first)..index_of(last, self.first) + 1))
            }
        };
        if index == 0 {
            self.front = 0;
        }
        let decoded = DecodedCache::default();
        let segment = Segment { first, last, bytes: bytes.into(), ends, ids, decoded, is_from_page: false };
        // There may be many, and their decoded events are user values.
        self.trimmed_segments.extend(self.segments.drain(index + 1..index + joined));
        if let Some(old) = self.segments.get_mut(index) {
            self.trimmed_segments.push(std::mem::replace(old, Arc::new(segment)));
        }
    }

    /// The number of segments from `index` on that are to be joined.
    fn joinable(&self, index: usize) -> usize {
        let older = self.segments.len().saturating_sub(1);
        let Some(first) = self.segments.get(index).filter(|_| index < older) else { return 0 };
        if first.ends.ends_stream() {
            return 0;
        }
        let own = first.bytes.len();
        let (mut len, mut count) = (own, 1);
        for next in self.segments.range(index + 1..older) {
            // A copied byte is then in a segment at least twice as large as its own.
            if next.bytes.len() > len || len + next.bytes.len() > SEGMENT_SIZE {
                break;
            }
            len += next.bytes.len();
            count += 1;
            if next.ends.ends_stream() {
                break;
            }
        }
        if len - own >= own { count } else { 0 }
    }
}

/// The index of an event among the entries.
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
            history::{Retention, ring::RingRead},
            log::EndFlags,
        },
    };

    /// A ring whose events were each read as soon as they were appended.
    fn read_live(ids: RingIds, count: u64, size: usize, terminal: impl Fn(u64) -> bool) -> Ring {
        let from_log = matches!(ids, RingIds::FromLog { .. });
        let mut ring = Ring::new(Retention::events(10_000), ids);
        for n in 1..=count {
            let id = from_log.then(|| EventId::new(format!("event {n}")).unwrap());
            let block = format!("data: {n}{}\n\n", "x".repeat(size));
            ring.push(id, block.as_bytes(), EndFlags::terminal(terminal(n)), Duration::ZERO);
            assert!(matches!(ring.read(n - 1), RingRead::Slice(_)));
        }
        ring
    }

    /// All slices from a position on: the numbers of their first and last events, and their text.
    fn replay(ring: &mut Ring, mut position: u64) -> Vec<(u64, u64, String)> {
        let mut slices = Vec::new();
        while let RingRead::Slice(slice) = ring.read(position) {
            let id = slice.last_id();
            let text = String::from_utf8(slice.bytes().to_vec()).unwrap();
            assert!(text.contains(&format!("id: {id}\n")), "{id}");
            slices.push((slice.first, slice.last, text));
            position = slice.last;
        }
        slices
    }

    fn all_ids() -> [RingIds; 2] {
        [RingIds::numbered(), RingIds::from_log(EventId::from(0_u32))]
    }

    #[test]
    fn events_that_were_read_live_are_replayed_in_large_slices() {
        for ids in all_ids() {
            let mut ring = read_live(ids, 5_000, 20, |_| false);
            let slices = replay(&mut ring, 0);
            assert!(slices.len() < 12, "{}", slices.len());
            assert!(slices.iter().all(|(.., text)| text.len() <= SEGMENT_SIZE));
            let all: String = slices.into_iter().map(|(.., text)| text).collect();
            for n in 1..=5_000 {
                assert!(all.contains(&format!("data: {n}x")), "{n}");
            }
            // And from any position, whatever the segments are now.
            for position in [1, 2, 17, 999, 4_998, 4_999] {
                let text: String = replay(&mut ring, position).into_iter().map(|(.., text)| text).collect();
                assert!(all.ends_with(&text), "{position}");
                assert!(
                    text.contains(&format!("data: {}x", position + 1)) && !text.contains(&format!("data: {position}x"))
                );
            }
        }
    }

    #[test]
    fn an_event_that_ends_streams_stays_the_last_of_its_slice() {
        for ids in all_ids() {
            let mut ring = read_live(ids, 1_000, 20, |n| n % 100 == 0);
            for (first, last, text) in replay(&mut ring, 0) {
                assert!(first.div_ceil(100) == last.div_ceil(100), "{first} to {last}");
                assert_eq!(text.contains("!\n"), last % 100 == 0);
            }
        }
    }

    #[test]
    fn joining_copies_each_byte_a_few_times_for_a_reader_of_the_oldest_events() {
        let mut ring = read_live(RingIds::numbered(), 1, 20, |_| false);
        let mut copied = 0;
        for n in 2..=2_000_u64 {
            let block = format!("data: {n}{}\n\n", "x".repeat(20));
            ring.push(None, block.as_bytes(), EndFlags::default(), Duration::ZERO);
            assert!(matches!(ring.read(n - 1), RingRead::Slice(_)));
            // A reader of the oldest events, after each event.
            let before = ring.trimmed_segments.len();
            ring.join_from(0);
            copied += ring.trimmed_segments[before..].iter().map(|segment| segment.bytes.len()).sum::<usize>();
        }
        assert!(copied < 16 * ring.bytes(), "{copied} of {}", ring.bytes());
    }

    #[test]
    fn trimmed_events_of_a_joined_segment_are_not_read() {
        let mut ring = read_live(RingIds::numbered(), 1_000, 20, |_| false);
        replay(&mut ring, 0);
        ring.retention = Retention::events(500);
        ring.trim(Duration::ZERO);
        assert!(matches!(ring.read(0), RingRead::Trimmed(500)));
        let all: String = replay(&mut ring, 500).into_iter().map(|(.., text)| text).collect();
        assert!(all.contains("data: 501x") && !all.contains("data: 500x") && all.contains("data: 1000x"));
        assert_eq!(all.len(), ring.bytes());
        // And the rest of the segment can be joined with the next one.
        ring.retention = Retention::events(300);
        ring.trim(Duration::ZERO);
        ring.join_from(0);
        let rest: String = replay(&mut ring, 700).into_iter().map(|(.., text)| text).collect();
        assert!(all.ends_with(&rest));
        assert_eq!(rest.len(), ring.bytes());
    }

    #[test]
    fn joining_copies_each_byte_a_few_times_for_readers_of_ever_older_positions() {
        for ids in all_ids() {
            let mut ring = read_live(ids, 1_000, 2, |_| false);
            let mut copied = 0;
            for position in (0..999).rev() {
                let before = ring.trimmed_segments.len();
                assert!(matches!(ring.read(position), RingRead::Slice(_)));
                copied += ring.trimmed_segments[before..].iter().map(|segment| segment.bytes.len()).sum::<usize>();
            }
            assert!(copied < 16 * ring.bytes(), "{copied} of {}", ring.bytes());
        }
    }
}
