use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Ended, observer::Totals};

/// Counts streams: how many are open, how many were, why they ended, and what was sent.
///
/// Clones are the same counters. A layer is told of them by [`SseLayer::stats`](super::SseLayer::stats); several layers may
/// share one, and a stream that passes more than one of them counts once. Each number is read by itself: between two of
/// them streams may open and close.
///
/// As Prometheus' text:
///
/// ```
/// use sse_typed::server::Stats;
///
/// fn metrics(stats: &Stats) -> String {
///     let (open, opened, refused) = (stats.open(), stats.opened(), stats.refused());
///     let (events, bytes, unsendable) = (stats.events(), stats.bytes(), stats.unsendable());
///     let mut text = format!("sse_open {open}\nsse_opened_total {opened}\nsse_refused_total {refused}\n");
///     text += &format!("sse_events_total {events}\nsse_bytes_total {bytes}\nsse_unsendable_total {unsendable}\n");
///     text.extend(stats.closed().map(|(reason, n)| format!("sse_closed_total{{reason=\"{reason}\"}} {n}\n")));
///     text
/// }
///
/// assert!(metrics(&Stats::new()).ends_with("sse_closed_total{reason=\"recheck\"} 0\n"));
/// ```
#[derive(Clone, Default)]
pub struct Stats {
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    opened: AtomicU64,
    refused: AtomicU64,
    closed: [AtomicU64; Ended::NAMES.len()],
    events: AtomicU64,
    bytes: AtomicU64,
    unsendable: AtomicU64,
}

impl Stats {
    /// Counters at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many streams are open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        // The closed ones are read first: what opens and closes in between would make the difference negative.
        let closed: u64 = self.closed().map(|(_, count)| count).sum();
        self.opened().saturating_sub(closed)
    }

    /// How many streams were opened: their bodies were polled.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.counters.opened.load(Ordering::Acquire)
    }

    /// How many streams were refused, with a 503: by [`max_connections`](super::SseLayer::max_connections), or because
    /// the server was [shutting down](super::SseLayer::shutdown).
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.counters.refused.load(Ordering::Relaxed)
    }

    /// How many streams have ended, by the [name of the reason](Ended::name). Every reason is there, be it with zero.
    pub fn closed(&self) -> impl Iterator<Item = (&'static str, u64)> + use<'_> {
        Ended::NAMES.into_iter().zip(&self.counters.closed).map(|(name, count)| (name, count.load(Ordering::Acquire)))
    }

    /// How many events were handed to connections, those of open streams included, without keep-alives.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.counters.events.load(Ordering::Relaxed)
    }

    /// How many bytes were handed to connections, those of open streams included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.counters.bytes.load(Ordering::Relaxed)
    }

    /// How many events could not be sent, whether they were [replaced or skipped](super::Sse::on_unsendable) or ended their
    /// stream.
    #[must_use]
    pub fn unsendable(&self) -> u64 {
        self.counters.unsendable.load(Ordering::Relaxed)
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.counters, &other.counters)
    }

    pub(super) fn count_opened(&self) {
        self.counters.opened.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn count_refused(&self) {
        self.counters.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_closed(&self, reason: &Ended) {
        self.counters.closed[reason.index()].fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn count_unsendable(&self) {
        self.counters.unsendable.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_sent(&self, more: Totals) {
        self.counters.events.fetch_add(more.events, Ordering::Relaxed);
        self.counters.bytes.fetch_add(more.bytes, Ordering::Relaxed);
    }
}

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stats")
            .field("open", &self.open())
            .field("opened", &self.opened())
            .field("refused", &self.refused())
            .field("events", &self.events())
            .field("bytes", &self.bytes())
            .field("unsendable", &self.unsendable())
            .finish_non_exhaustive()
    }
}
