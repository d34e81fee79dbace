use std::{fmt, ops::RangeInclusive, sync::Arc, time::Duration};

use tower_layer::Layer;

use super::{
    Closed, Drain, KeepAlive, Opened, Shutdown, SseService, Stats,
    limits::{Limits, StreamPermits},
    observer::Observer,
    stream_settings::{EventIds, KeepAliveSetting, StreamSettings, stream_setters},
};
use crate::event::EncodeError;

/// Converts the typed streams of the inner service into HTTP responses, and sets how they are sent. A
/// [`tower::Layer`](Layer) that makes an [`SseService`].
///
/// See the [module](super) for an example.
#[derive(Clone, Default)]
pub struct SseLayer {
    stream_settings: StreamSettings,
    limits: Limits,
    observer: Observer,
}

/// The settings of a layer, shared by all its responses.
#[derive(Debug)]
pub(super) struct LayerSettings {
    pub(super) stream_settings: StreamSettings,
    pub(super) limits: Limits,
    pub(super) observer: Option<Arc<Observer>>,
}

impl SseLayer {
    /// Creates a layer with the default settings: a comment after each 15 seconds of silence, no reconnection time, no ids,
    /// and ready events in frames of up to 32 KiB.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    stream_setters!();

    /// Ends the streams as set by `drain` when `shutdown` begins, and answers requests for new streams with 503 from then on.
    /// See [Lifecycle](super#lifecycle) for what else a server needs in order to end.
    ///
    /// One shutdown wakes all streams; no stream has a task of its own. Before a stream ends, its client is sent a random
    /// reconnection time, so that the clients do not reconnect together. The time is from
    /// [`retry_between`](Self::retry_between), or one to two times [`retry`](Self::retry), or 2 to 6 seconds if neither is
    /// set; it is at most 49 days. The 503 has a random `Retry-After`, too. A [farewell](Drain::Farewell) that is a terminal event is sent without a
    /// reconnection time, because its clients do not reconnect.
    ///
    /// A layer has one shutdown: the last that was set. A response obeys the shutdowns of all layers it passes. If two layers
    /// have the same shutdown, the drain of the inner layer wins.
    #[must_use]
    pub fn shutdown(mut self, shutdown: &Shutdown, drain: Drain) -> Self {
        self.limits.shutdown = Some(Arc::new((shutdown.clone(), drain)));
        self
    }

    /// Limits how many streams may be open at once. By default there is no limit. A request above it is answered with 503 and
    /// a `Retry-After` that is random for each refusal. No open stream is ended, because its client would reconnect at once.
    ///
    /// A stream counts from the response of the inner service until its body ends or is dropped. Other responses and the
    /// responses to HEAD requests do not count. Clones of a layer share one limit; separate layers each have their own.
    ///
    /// A refused client must retry by itself: a browser's `EventSource` gives up at a 503, and the page has to create a new
    /// one.
    #[must_use]
    pub fn max_streams(mut self, limit: usize) -> Self {
        self.limits.permits = Some(StreamPermits::new(limit));
        self
    }

    /// Counts the streams of this layer in `stats`, in addition to its observers. A layer has one `Stats`: the last that was set.
    #[must_use]
    pub fn stats(mut self, stats: &Stats) -> Self {
        self.observer = self.observer.with_stats(stats.clone());
        self
    }

    /// Calls `observer` when a stream is opened, that is, when its body is first polled. A layer has one observer of this
    /// kind: the last that was set. A panic of the observer is caught.
    #[must_use]
    pub fn on_open(mut self, observer: impl Fn(&Opened) + Send + Sync + 'static) -> Self {
        self.observer = self.observer.with_on_open(Arc::new(observer));
        self
    }

    /// Calls `observer` when a stream is closed, with the reason, the number of events and bytes, and the duration. It is
    /// called once for each stream that was opened. A layer has one observer of this kind: the last that was set. A panic
    /// of the observer is caught.
    ///
    /// Middleware that measures requests sees only the response head: its latency does not include the stream. Measure
    /// streams here.
    ///
    /// ```
    /// use sse_typed::server::{EndReason, SseLayer};
    ///
    /// let layer = SseLayer::new().on_close(|closed| {
    ///     if let EndReason::Failed(error) = closed.reason() {
    ///         eprintln!("after {} events: {error}", closed.events());
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn on_close(mut self, observer: impl Fn(&Closed) + Send + Sync + 'static) -> Self {
        self.observer = self.observer.with_on_close(Arc::new(observer));
        self
    }

    /// Calls `observer` for each event that cannot be sent, whether it ends its stream or the stream
    /// [continues](super::Sse::on_unsendable). It is also called for a replacement that cannot be sent. A layer has one
    /// observer of this kind: the last that was set. A panic of the observer is caught.
    #[must_use]
    pub fn on_unsendable(mut self, observer: impl Fn(&EncodeError) + Send + Sync + 'static) -> Self {
        self.observer = self.observer.with_on_unsendable(Arc::new(observer));
        self
    }
}

impl<S> Layer<S> for SseLayer {
    type Service = SseService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let observer = self.observer.is_set().then(|| Arc::new(self.observer.clone()));
        SseService::new(
            inner,
            Arc::new(LayerSettings {
                stream_settings: self.stream_settings.clone(),
                limits: self.limits.clone(),
                observer,
            }),
        )
    }
}

impl fmt::Debug for SseLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseLayer")
            .field("stream_settings", &self.stream_settings)
            .field("limits", &self.limits)
            .field("observer", &self.observer)
            .finish()
    }
}
