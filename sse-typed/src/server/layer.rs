use std::{fmt, ops::RangeInclusive, sync::Arc, time::Duration};

use tower_layer::Layer;

use super::{
    Closed, Drain, KeepAlive, Opened, Shutdown, SseService, Stats,
    limit::{Limits, Places},
    observer::Observer,
    policy::{Ids, Policy, Switch, policy_setters},
};
use crate::event::EncodeError;

/// Makes the typed streams of the inner service into HTTP responses: [`tower::Layer`](Layer) of [`SseService`].
///
/// See the [module](super) for an example.
#[derive(Clone, Default)]
pub struct SseLayer {
    policy: Policy,
    limits: Limits,
    observer: Observer,
}

/// What a layer says of the streams that pass it.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) policy: Policy,
    pub(super) limits: Limits,
    pub(super) observer: Option<Arc<Observer>>,
}

impl SseLayer {
    /// A layer that says nothing yet: a comment after each 15 seconds of silence, no reconnection time, no ids, ready
    /// events in frames of up to 32 KiB.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    policy_setters!();

    /// Ends the streams when `shutdown` begins, in the way that `drain` says, and answers requests for new ones with 503
    /// from then on. See [Lifecycle](super#lifecycle) for what else a server needs in order to end.
    ///
    /// One signal wakes all streams; none has a task of its own. Before they end, clients are told a reconnection time,
    /// so that they do not come back in one wave: a time of [`retry_between`](Self::retry_between), from one to two times
    /// that of [`retry`](Self::retry), or 2 to 6 seconds if neither is set, drawn for each. `Retry-After` of the 503 is
    /// drawn, too. A [farewell](Drain::Farewell) that is a terminal event is sent without: these clients do not come back.
    ///
    /// A layer has one shutdown, the last that was set. Those of all layers that a response passes apply; of the same
    /// shutdown in two layers the drain nearest to the handler.
    #[must_use]
    pub fn shutdown(mut self, shutdown: &Shutdown, drain: Drain) -> Self {
        self.limits.shutdown = Some((shutdown.clone(), drain));
        self
    }

    /// Lets at most this many streams be open at once. A request for one more is answered with 503 and a `Retry-After`
    /// that is drawn anew each time; no stream is ended to make room, for its client would be back at once.
    ///
    /// The place is taken when the inner service has answered with a stream, and free again when the body ends or is
    /// dropped. Other responses, and the heads of HEAD requests, need none. Clones of a layer count together; of several
    /// layers each counts by itself.
    ///
    /// The answer to a client that was refused is its own: a browser's `EventSource` gives up at a 503, and the page has
    /// to make a new one.
    #[must_use]
    pub fn max_connections(mut self, count: usize) -> Self {
        self.limits.places = Some(Places::new(count));
        self
    }

    /// Counts the streams in `stats`. A layer has one of them, the last that was set, beside its observers.
    #[must_use]
    pub fn stats(mut self, stats: &Stats) -> Self {
        self.observer = self.observer.with_stats(stats.clone());
        self
    }

    /// Calls `observer` when a stream begins: when its body is polled for the first time. A layer has one such observer:
    /// the last that was set.
    #[must_use]
    pub fn on_open(mut self, observer: impl Fn(&Opened) + Send + Sync + 'static) -> Self {
        self.observer = self.observer.with_on_open(Arc::new(observer));
        self
    }

    /// Calls `observer` when a stream is over, with the reason, the number of events and bytes, and the duration. Each
    /// stream that was opened is closed once.
    ///
    /// Requests that were answered by a stream tell nothing of its end, and their latency is that of the head: count
    /// streams here.
    ///
    /// ```
    /// use sse_typed::server::{Ended, SseLayer};
    ///
    /// let layer = SseLayer::new().on_close(|closed| {
    ///     if let Ended::Failed(error) = closed.reason() {
    ///         eprintln!("after {} events: {error}", closed.events());
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn on_close(mut self, observer: impl Fn(&Closed) + Send + Sync + 'static) -> Self {
        self.observer = self.observer.with_on_close(Arc::new(observer));
        self
    }

    /// Calls `observer` for each event that cannot be sent, whether it ends its stream or the response
    /// [goes on](super::Sse::on_unsendable) behind it. A replacement that cannot be sent either is told, too. A layer has one such
    /// observer: the last that was set.
    #[must_use]
    pub fn on_unsendable(mut self, observer: impl Fn(&EncodeError) + Send + Sync + 'static) -> Self {
        self.observer = self.observer.with_on_unsendable(Arc::new(observer));
        self
    }
}

impl<S> Layer<S> for SseLayer {
    type Service = SseService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let observer = self.observer.is_interested().then(|| Arc::new(self.observer.clone()));
        SseService::new(
            inner,
            Arc::new(Settings { policy: self.policy.clone(), limits: self.limits.clone(), observer }),
        )
    }
}

impl fmt::Debug for SseLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseLayer")
            .field("policy", &self.policy)
            .field("limits", &self.limits)
            .field("observer", &self.observer)
            .finish()
    }
}
