//! The events that a client has received, compared with those that were published.

use std::collections::BTreeSet;

use crate::publisher::Published;

/// The state of one client.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// The number of the newest event. `None` before the first, because a client starts live.
    last: Option<u64>,
    /// A gap was received, and no event since.
    in_gap: bool,
    /// Numbers that were passed over, as ranges without their ends.
    skipped: Vec<(u64, u64)>,
    /// Events whose publishing got no answer, and that may still be received.
    awaited: BTreeSet<u64>,
    /// Events that were received after a newer one.
    late: BTreeSet<u64>,
    pub(crate) has_ended: bool,
    /// What the client does, for the report.
    pub(crate) state: &'static str,
    pub(crate) errors: Vec<String>,
    pub(crate) counts: Counts,
    pub(crate) reconnects: u64,
}

/// Numbers of events and gaps, of one client or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) received: u64,
    pub(crate) gaps: u64,
    /// Stored events that a gap reports.
    pub(crate) reported: u64,
    /// Gaps that report no lost event.
    pub(crate) needless: u64,
    /// Stored events that were not received, and that no gap reports.
    pub(crate) missing: u64,
    pub(crate) duplicates: u64,
    pub(crate) out_of_order: u64,
}

impl Received {
    pub(crate) fn event(&mut self, number: u64, published: &Published) {
        self.counts.received += 1;
        let Some(last) = self.last else {
            self.in_gap = false;
            self.last = Some(number);
            return;
        };
        if number <= last {
            return self.late_event(number);
        }
        self.skip(last, number, published);
        self.last = Some(number);
    }

    fn late_event(&mut self, number: u64) {
        let is_skipped = self.skipped.iter().any(|(after, before)| (after + 1..*before).contains(&number));
        if !is_skipped || !self.late.insert(number) {
            self.counts.duplicates += 1;
        } else if !self.awaited.contains(&number) {
            // One that got no answer may be stored after its successors. Any other is too late.
            self.counts.out_of_order += 1;
        }
    }

    pub(crate) const fn gap(&mut self) {
        self.counts.gaps += 1;
        self.in_gap = true;
    }

    /// The terminal event was received.
    pub(crate) fn end(&mut self, published: &Published) {
        self.has_ended = true;
        // A client that has received nothing since its live start has missed nothing.
        if let Some(last) = self.last {
            self.skip(last, published.last + 1, published);
        }
    }

    /// The number of the newest event.
    pub(crate) const fn last(&self) -> Option<u64> {
        self.last
    }

    pub(crate) fn error(&mut self, message: String) {
        self.errors.push(message);
    }

    /// Counts the events after one and before another as lost.
    fn skip(&mut self, after: u64, before: u64, published: &Published) {
        let in_gap = std::mem::take(&mut self.in_gap);
        if before <= after + 1 {
            self.counts.needless += u64::from(in_gap);
            return;
        }
        let unknown = published.unknown.range(after + 1..before);
        self.awaited.extend(unknown.clone());
        let stored = before - after - 1 - unknown.count() as u64;
        let count = if in_gap { &mut self.counts.reported } else { &mut self.counts.missing };
        *count += stored;
        self.skipped.push((after, before));
    }
}

impl Counts {
    pub(crate) const fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.gaps += other.gaps;
        self.reported += other.reported;
        self.needless += other.needless;
        self.missing += other.missing;
        self.duplicates += other.duplicates;
        self.out_of_order += other.out_of_order;
    }

    pub(crate) const fn are_kept(&self) -> bool {
        self.missing == 0 && self.duplicates == 0 && self.out_of_order == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(last: u64, unknown: &[u64]) -> Published {
        Published { last, unknown: unknown.iter().copied().collect(), refused: 0 }
    }

    #[test]
    fn an_event_that_is_passed_over_without_a_gap_is_missing() {
        let (mut received, published) = (Received::default(), published(10, &[4]));
        for number in [2, 3, 6] {
            received.event(number, &published);
        }
        // 4 got no answer, so that it need not be stored.
        assert_eq!(received.counts, Counts { received: 3, missing: 1, ..Counts::default() });
        received.end(&published);
        assert_eq!(received.counts.missing, 5);
    }

    #[test]
    fn a_gap_reports_the_events_before_the_next_one_alone() {
        let (mut received, published) = (Received::default(), published(10, &[]));
        received.event(1, &published);
        received.gap();
        received.event(4, &published);
        received.event(6, &published);
        assert_eq!(received.counts, Counts { received: 3, gaps: 1, reported: 2, missing: 1, ..Counts::default() });
        received.gap();
        received.event(7, &published);
        assert_eq!(received.counts.needless, 1);
    }

    #[test]
    fn an_event_that_comes_twice_is_no_event_that_comes_late() {
        let (mut received, published) = (Received::default(), published(10, &[3]));
        for number in [1, 2, 5, 4, 2, 3, 3] {
            received.event(number, &published);
        }
        assert_eq!((received.counts.out_of_order, received.counts.duplicates), (1, 2));
    }
}
