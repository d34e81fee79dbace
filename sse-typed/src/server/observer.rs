use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{Stats, limits::StreamPermit, trace};
use crate::{event::EncodeError, panics::catch_panic};

/// Why a stream ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum EndReason {
    /// The stream of events ended.
    Finished,
    /// A terminal event was sent.
    Terminal,
    /// An event could not be sent, and either it was terminal or [`Sse::on_unsendable`](super::Sse::on_unsendable) was not
    /// set. The events before it were sent.
    Failed(EncodeError),
    /// The stream of events panicked, or a closure or future of the response did. The events that were yielded before were
    /// sent, and then the event of [`Sse::on_panic`](super::Sse::on_panic), if there is one.
    Panicked,
    /// The client or the server dropped the connection or the response before the stream ended.
    Disconnected,
    /// The server shut down: see [`SseLayer::shutdown`](super::SseLayer::shutdown).
    Shutdown,
    /// The stream reached its maximum lifetime: see [`SseLayer::max_lifetime`](super::SseLayer::max_lifetime).
    Lifetime,
    /// A future of the response became ready: see [`Sse::until`](super::Sse::until).
    Until,
    /// A repeated check returned `false`: see [`Sse::recheck`](super::Sse::recheck).
    Recheck,
}

impl EndReason {
    pub(super) const NAMES: [&'static str; 9] =
        ["finished", "terminal", "failed", "panicked", "disconnected", "shutdown", "lifetime", "until", "recheck"];

    /// The reason as one lower-case word, for logs and metric labels.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        Self::NAMES[self.index()]
    }

    pub(super) const fn index(&self) -> usize {
        match self {
            Self::Finished => 0,
            Self::Terminal => 1,
            Self::Failed(_) => 2,
            Self::Panicked => 3,
            Self::Disconnected => 4,
            Self::Shutdown => 5,
            Self::Lifetime => 6,
            Self::Until => 7,
            Self::Recheck => 8,
        }
    }
}

/// A stream that was opened: the argument of [`SseLayer::on_open`](super::SseLayer::on_open).
#[derive(Debug)]
pub struct Opened {
    open: usize,
}

impl Opened {
    /// The number of open streams of the layer and its clones, including this one.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open
    }
}

/// A stream that was closed: the argument of [`SseLayer::on_close`](super::SseLayer::on_close).
#[derive(Debug)]
pub struct Closed {
    reason: EndReason,
    totals: Totals,
    duration: Duration,
    open: usize,
}

/// The events and bytes that one stream handed to its connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) events: u64,
    pub(super) bytes: u64,
}

impl Closed {
    /// Why the stream ended.
    #[must_use]
    pub const fn reason(&self) -> &EndReason {
        &self.reason
    }

    /// The number of events that were encoded for the connection, without keep-alives. After a disconnect, the last of them may
    /// not have been sent.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.totals.events
    }

    /// The number of bytes that were encoded for the connection, including keep-alives.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.totals.bytes
    }

    /// How long the stream was open.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.duration
    }

    /// The number of streams of the layer and its clones that are still open.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open
    }
}

type OnOpen = Arc<dyn Fn(&Opened) + Send + Sync>;
type OnClose = Arc<dyn Fn(&Closed) + Send + Sync>;
type OnUnsendable = Arc<dyn Fn(&EncodeError) + Send + Sync>;

/// The callbacks and counters of one layer. Clones share the count of open streams until a clone gets another `on_open` or
/// `on_close` callback.
#[derive(Clone, Default)]
pub(super) struct Observer {
    on_open: Option<OnOpen>,
    on_close: Option<OnClose>,
    on_unsendable: Option<OnUnsendable>,
    open: Arc<AtomicUsize>,
    stats: Option<Stats>,
}

impl Observer {
    pub(super) fn with_on_open(self, on_open: OnOpen) -> Self {
        Self { on_open: Some(on_open), open: Arc::default(), ..self }
    }

    pub(super) fn with_on_close(self, on_close: OnClose) -> Self {
        Self { on_close: Some(on_close), open: Arc::default(), ..self }
    }

    pub(super) fn with_on_unsendable(self, on_unsendable: OnUnsendable) -> Self {
        Self { on_unsendable: Some(on_unsendable), ..self }
    }

    pub(super) fn with_stats(self, stats: Stats) -> Self {
        Self { stats: Some(stats), ..self }
    }

    pub(super) fn is_set(&self) -> bool {
        self.on_open.is_some() || self.on_close.is_some() || self.on_unsendable.is_some() || self.stats.is_some()
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer")
            .field("on_open", &self.on_open.is_some())
            .field("on_close", &self.on_close.is_some())
            .field("on_unsendable", &self.on_unsendable.is_some())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

/// The distinct stats of the observers from index `start` on, without those of earlier observers.
fn new_stats(observers: &[Arc<Observer>], start: usize) -> impl Iterator<Item = &Stats> {
    let earlier = move |end: usize| observers[..end].iter().filter_map(|observer| observer.stats.as_ref());
    let new = (start..observers.len()).filter_map(|index| Some((index, observers[index].stats.as_ref()?)));
    new.filter(move |(index, stats)| !earlier(*index).any(|known| known.is_same(stats))).map(|(_, stats)| stats)
}

/// Counts a refused stream in the stats of the observers from index `start` on. Earlier observers have counted it.
pub(super) fn count_refused(observers: &[Arc<Observer>], start: usize) {
    new_stats(observers, start).for_each(Stats::count_refused);
}

/// One open stream, its observers and its permits. It must be closed before it is dropped.
#[derive(Debug)]
pub(super) struct ObservedStream {
    /// `None` if no layer observes or limits the stream, as for most streams.
    layers: Option<Box<StreamLayers>>,
    /// `None` once it is closed.
    opened_at: Option<Instant>,
}

#[derive(Debug)]
struct StreamLayers {
    observers: Box<[Arc<Observer>]>,
    permits: Box<[StreamPermit]>,
    /// The events that the stats contain.
    counted_events: u64,
}

impl ObservedStream {
    pub(super) fn open(observers: Vec<Arc<Observer>>, permits: Vec<StreamPermit>) -> Self {
        trace::opened();
        new_stats(&observers, 0).for_each(Stats::count_opened);
        for observer in &observers {
            let open = observer.open.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(on_open) = &observer.on_open {
                call_observer(|| on_open(&Opened { open }));
            }
        }
        let layers = (!observers.is_empty() || !permits.is_empty()).then(|| {
            Box::new(StreamLayers { observers: observers.into(), permits: permits.into(), counted_events: 0 })
        });
        Self { layers, opened_at: Some(Instant::now()) }
    }

    /// Adds the events since the last call and these bytes to the stats, unless the stream is closed.
    #[inline]
    pub(super) fn count(&mut self, events: u64, bytes: usize) {
        if let (Some(layers), Some(_)) = (&mut self.layers, self.opened_at) {
            layers.count(events, bytes);
        }
    }

    /// Reports an event that could not be sent, whether or not it ends the stream.
    pub(super) fn report_unsendable(&self, error: &EncodeError) {
        let Some(layers) = &self.layers else { return };
        layers.stats().for_each(Stats::count_unsendable);
        for on_unsendable in layers.observers.iter().filter_map(|observer| observer.on_unsendable.as_ref()) {
            call_observer(|| on_unsendable(error));
        }
    }

    /// Reports the end of the stream with its totals, and releases its permits. These bytes of it were not counted before. Only
    /// the first call has an effect.
    pub(super) fn close(&mut self, reason: EndReason, totals: Totals, bytes: usize) {
        self.count(totals.events, bytes);
        let Some(opened_at) = self.opened_at.take() else { return };
        let mut closed = Closed { reason, totals, duration: opened_at.elapsed(), open: 0 };
        trace::closed(&closed);
        let Some(layers) = &mut self.layers else { return };
        layers.stats().for_each(|stats| stats.count_closed(&closed.reason));
        for observer in &layers.observers {
            closed.open = observer.open.fetch_sub(1, Ordering::Relaxed) - 1;
            if let Some(on_close) = &observer.on_close {
                call_observer(|| on_close(&closed));
            }
        }
        layers.permits = Box::default();
    }
}

impl StreamLayers {
    fn stats(&self) -> impl Iterator<Item = &Stats> {
        new_stats(&self.observers, 0)
    }

    fn count(&mut self, events: u64, bytes: usize) {
        let increase = Totals { events: events - self.counted_events, bytes: bytes as u64 };
        self.counted_events = events;
        self.stats().for_each(|stats| stats.count_sent(increase));
    }
}

/// Calls an observer, and catches its panic: that must not end the stream, nor abort the process when the body is dropped
/// during another panic.
fn call_observer(observer: impl FnOnce()) {
    if catch_panic(observer).is_none() {
        trace::observer_panicked();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::limits::{Limits, StreamPermits};

    #[test]
    fn a_stream_that_nobody_observes_holds_its_permit_until_it_is_closed() {
        let limits = Limits { permits: Some(StreamPermits::new(1)), ..Limits::default() };
        let permits = Vec::from_iter(limits.admit(false).unwrap());
        let mut stream = ObservedStream::open(Vec::new(), permits);
        assert!(limits.admit(false).is_err());
        stream.close(EndReason::Finished, Totals::default(), 0);
        assert!(limits.admit(false).is_ok());
    }
}
