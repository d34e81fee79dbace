use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{EndReason, observer::Totals};

/// Counters of streams: how many are open, were opened, refused and closed, and how many events and bytes were sent.
///
/// Clones share the same counters. [`SseLayer::stats`](super::SseLayer::stats) makes a layer count in them. Several layers may
/// share one `Stats`; a stream that passes more than one of these layers counts once. Each getter reads its counter
/// separately, so streams may open and close between two calls.
///
/// An example for Prometheus' text format:
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
    closed: [AtomicU64; EndReason::NAMES.len()],
    events: AtomicU64,
    bytes: AtomicU64,
    unsendable: AtomicU64,
}

impl Stats {
    /// Creates counters at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of streams that are open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        // The closed streams are read first: otherwise one that opens and closes in between makes the difference negative.
        let closed: u64 = self.closed().map(|(_, count)| count).sum();
        self.opened().saturating_sub(closed)
    }

    /// The number of streams that were opened. A stream is opened when its body is first polled.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.counters.opened.load(Ordering::Acquire)
    }

    /// The number of streams that were refused with a 503, by [`max_streams`](super::SseLayer::max_streams), or because
    /// the server was [shutting down](super::SseLayer::shutdown).
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.counters.refused.load(Ordering::Relaxed)
    }

    /// The number of streams that were closed, by the [name of the reason](EndReason::name). All reasons are listed, also
    /// those with zero.
    pub fn closed(&self) -> impl Iterator<Item = (&'static str, u64)> + use<'_> {
        EndReason::NAMES
            .into_iter()
            .zip(&self.counters.closed)
            .map(|(name, count)| (name, count.load(Ordering::Acquire)))
    }

    /// The number of events that were handed to connections, including those of open streams, without keep-alives.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.counters.events.load(Ordering::Relaxed)
    }

    /// The number of bytes that were handed to connections, including those of open streams and keep-alives.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.counters.bytes.load(Ordering::Relaxed)
    }

    /// The number of events that could not be sent, whether they were
    /// [replaced or skipped](super::Sse::on_unsendable) or ended their stream.
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

    pub(super) fn count_closed(&self, reason: &EndReason) {
        self.counters.closed[reason.index()].fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn count_unsendable(&self) {
        self.counters.unsendable.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_sent(&self, increase: Totals) {
        self.counters.events.fetch_add(increase.events, Ordering::Relaxed);
        self.counters.bytes.fetch_add(increase.bytes, Ordering::Relaxed);
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
