use std::{fmt, ops::RangeInclusive, sync::Arc, time::Duration};

use tower_layer::Layer;

use super::{
    Closed, KeepAlive, Opened, SseService,
    observer::Observer,
    policy::{Ids, Policy, Switch, policy_setters},
};

/// Makes the typed streams of the inner service into HTTP responses: [`tower::Layer`](Layer) of [`SseService`].
///
/// See the [module](super) for an example.
#[derive(Clone, Default)]
pub struct SseLayer {
    policy: Policy,
    observer: Observer,
}

/// What a layer says of the streams that pass it.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) policy: Policy,
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
}

impl<S> Layer<S> for SseLayer {
    type Service = SseService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let observer = self.observer.is_interested().then(|| Arc::new(self.observer.clone()));
        SseService::new(inner, Arc::new(Settings { policy: self.policy.clone(), observer }))
    }
}

impl fmt::Debug for SseLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseLayer").field("policy", &self.policy).field("observer", &self.observer).finish()
    }
}
