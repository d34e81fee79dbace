use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{Stats, trace};
use crate::{event::EncodeError, panics::caught};

/// Why a stream is over.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ended {
    /// The stream of events had no more.
    Finished,
    /// A terminal event was sent.
    Terminal,
    /// An event could not be sent, and either it was terminal or [nothing stands in for
    /// it](super::Sse::on_unsendable). All before it were sent.
    Failed(EncodeError),
    /// The stream of events panicked, or what the response runs beside it. All that it had yielded before was sent, and the
    /// event of [`Sse::on_panic`](super::Sse::on_panic).
    Panicked,
    /// The client, or the server, gave the response up before its end.
    Disconnected,
    /// The server shut down: see [`SseLayer::shutdown`](super::SseLayer::shutdown).
    Shutdown,
    /// It had lasted as long as a stream may: see [`SseLayer::max_lifetime`](super::SseLayer::max_lifetime).
    Lifetime,
    /// A future of the response was ready: see [`Sse::until`](super::Sse::until).
    Until,
    /// A question that was asked again was answered with `false`: see [`Sse::recheck`](super::Sse::recheck).
    Recheck,
}

impl Ended {
    pub(super) const NAMES: [&'static str; 9] =
        ["finished", "terminal", "failed", "panicked", "disconnected", "shutdown", "lifetime", "until", "recheck"];

    /// The reason in one lower-case word, for logs and labels of metrics.
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

/// A stream that began: what [`SseLayer::on_open`](super::SseLayer::on_open) is told.
#[derive(Debug)]
pub struct Opened {
    open: usize,
}

impl Opened {
    /// How many streams of the layer, and of its clones, are open now, with this one.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open
    }
}

/// A stream that is over: what [`SseLayer::on_close`](super::SseLayer::on_close) is told.
#[derive(Debug)]
pub struct Closed {
    reason: Ended,
    totals: Totals,
    duration: Duration,
    open: usize,
}

/// What was handed to the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) events: u64,
    pub(super) bytes: u64,
}

impl Closed {
    /// Why it is over.
    #[must_use]
    pub const fn reason(&self) -> &Ended {
        &self.reason
    }

    /// How many events were encoded for the connection, without keep-alives. Of a client that is gone, the last may not have
    /// left.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.totals.events
    }

    /// How many bytes were encoded for the connection.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.totals.bytes
    }

    /// How long it was open.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.duration
    }

    /// How many streams of the layer, and of its clones, are still open.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open
    }
}

type OnOpen = Arc<dyn Fn(&Opened) + Send + Sync>;
type OnClose = Arc<dyn Fn(&Closed) + Send + Sync>;
type OnUnsendable = Arc<dyn Fn(&EncodeError) + Send + Sync>;

/// Who is told of the streams of one layer. Clones count together, until they are told apart by another observer.
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

    pub(super) fn is_interested(&self) -> bool {
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

/// The stats that those from `told` on bring, and those before do not.
fn new_stats(observers: &[Arc<Observer>], told: usize) -> impl Iterator<Item = &Stats> {
    let all = move |until: usize| observers[..until].iter().filter_map(|observer| observer.stats.as_ref());
    let new = (told..observers.len()).filter_map(|at| Some((at, observers[at].stats.as_ref()?)));
    new.filter(move |(at, stats)| !all(*at).any(|known| known.is_same(stats))).map(|(_, stats)| stats)
}

/// A stream was refused. Those before `told` have heard of it.
pub(super) fn refused(observers: &[Arc<Observer>], told: usize) {
    new_stats(observers, told).for_each(Stats::count_refused);
}

/// One open stream. Dropped before its end, it was given up.
#[derive(Debug)]
pub(super) struct Observed {
    /// None where nobody wants to know.
    told: Option<Box<Told>>,
    opened: Instant,
    over: bool,
    totals: Totals,
}

#[derive(Debug)]
struct Told {
    observers: Vec<Arc<Observer>>,
    stats: Vec<Stats>,
}

impl Observed {
    pub(super) fn open(observers: Vec<Arc<Observer>>) -> Self {
        trace::opened();
        let stats: Vec<_> = new_stats(&observers, 0).cloned().collect();
        stats.iter().for_each(Stats::count_opened);
        for observer in &observers {
            let open = observer.open.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(on_open) = &observer.on_open {
                tell(|| on_open(&Opened { open }));
            }
        }
        let told = (!observers.is_empty()).then(|| Box::new(Told { observers, stats }));
        Self { told, opened: Instant::now(), over: false, totals: Totals::default() }
    }

    /// So much was sent until now.
    pub(super) fn sent(&mut self, totals: Totals) {
        if let Some(told) = &self.told {
            let more = Totals { events: totals.events - self.totals.events, bytes: totals.bytes - self.totals.bytes };
            told.stats.iter().for_each(|stats| stats.count_sent(more));
        }
        self.totals = totals;
    }

    /// An event could not be sent, whatever comes of that.
    pub(super) fn unsendable(&self, error: &EncodeError) {
        let Some(told) = &self.told else { return };
        told.stats.iter().for_each(Stats::count_unsendable);
        for on_unsendable in told.observers.iter().filter_map(|observer| observer.on_unsendable.as_ref()) {
            tell(|| on_unsendable(error));
        }
    }

    pub(super) fn close(&mut self, reason: Ended) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let mut closed = Closed { reason, totals: self.totals, duration: self.opened.elapsed(), open: 0 };
        trace::closed(&closed);
        let Some(told) = &self.told else { return };
        told.stats.iter().for_each(|stats| stats.count_closed(&closed.reason));
        for observer in &told.observers {
            closed.open = observer.open.fetch_sub(1, Ordering::Relaxed) - 1;
            if let Some(on_close) = &observer.on_close {
                tell(|| on_close(&closed));
            }
        }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.close(Ended::Disconnected);
    }
}

/// An observer that panics costs no client its stream, and does not abort the process when a body is dropped by another
/// panic.
fn tell(observer: impl FnOnce()) {
    if caught(observer).is_none() {
        trace::observer_panicked();
    }
}
