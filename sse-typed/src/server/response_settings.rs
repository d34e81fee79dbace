use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{StatusCode, response::Parts};

use super::{
    Drain, Shutdown, headers,
    layer::LayerSettings,
    limits::{Refusal, StreamPermit},
    observer::{self, Observer},
    stream_settings::StreamSettings,
    trace,
};

/// The settings of one response, shared by the response's extensions and its body.
///
/// Through the extensions, a layer reaches the body even after its type was erased, as axum does. The body takes the
/// settings at its first poll.
#[derive(Clone, Debug)]
pub(super) struct SharedSettings(Arc<Mutex<ResponseSettings>>);

/// The settings of one response, merged from its own and those of all layers it passes.
#[derive(Debug, Default)]
pub(super) struct ResponseSettings {
    pub(super) stream_settings: StreamSettings,
    pub(super) observers: Vec<Arc<Observer>>,
    /// Each shutdown once, with the drain of the innermost layer that has it.
    pub(super) shutdowns: Vec<Arc<(Shutdown, Drain)>>,
    /// One permit of each layer that limits its streams.
    pub(super) permits: Vec<StreamPermit>,
    /// The request was a HEAD, so the response has no body.
    head_only: bool,
    /// A layer has made the response a 503 without a body.
    refused: bool,
    /// The value that we wrote into the `sse-keep-alive` header, if we did.
    keep_alive_header: Option<u64>,
}

impl SharedSettings {
    /// Inserts the response's own settings into the extensions of its head.
    pub(super) fn insert(head: &mut Parts, stream_settings: StreamSettings, head_only: bool) -> Self {
        let mut settings = ResponseSettings { stream_settings, head_only, ..ResponseSettings::default() };
        settings.write_keep_alive_header(head);
        let shared = Self(Arc::new(Mutex::new(settings)));
        head.extensions.insert(shared.clone());
        shared
    }

    /// Applies a layer's settings to an event-stream response, or refuses it. Other responses are left alone.
    pub(super) fn apply_layer(head: &mut Parts, layer: &LayerSettings, head_only: bool) {
        let Some(shared) = head.extensions.get::<Self>().cloned() else { return };
        let mut settings = shared.lock();
        let inner_observers = settings.observers.len();
        settings.observers.extend(layer.observer.clone());
        if settings.refused {
            observer::count_refused(&settings.observers, inner_observers);
            return;
        }
        settings.stream_settings.fill_from(&layer.stream_settings);
        settings.head_only |= head_only;
        match layer.limits.admit(head_only) {
            Ok(permit) => {
                settings.permits.extend(permit);
                settings.add_shutdown(layer.limits.shutdown.as_ref());
                settings.write_keep_alive_header(head);
            }
            Err(refusal) => settings.refuse(head, refusal),
        }
    }

    /// Takes the settings for the body. They can be taken once.
    pub(super) fn take(&self) -> ResponseSettings {
        std::mem::take(&mut *self.lock())
    }

    pub(super) fn is_head_only(&self) -> bool {
        self.lock().is_head_only()
    }

    fn lock(&self) -> MutexGuard<'_, ResponseSettings> {
        // A panic cannot leave the settings half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResponseSettings {
    /// Whether the response has no body.
    pub(super) const fn is_head_only(&self) -> bool {
        self.head_only || self.refused
    }

    /// Adds the shutdown of a layer, unless an inner layer has the same one.
    fn add_shutdown(&mut self, shutdown: Option<&Arc<(Shutdown, Drain)>>) {
        let is_known = |shutdown: &Shutdown| self.shutdowns.iter().any(|known| known.0.is_same(shutdown));
        let new = shutdown.filter(|shutdown| !is_known(&shutdown.0)).cloned();
        self.shutdowns.extend(new);
    }

    /// Makes the response a 503. Its stream is dropped with the body, unpolled.
    fn refuse(&mut self, head: &mut Parts, refusal: Refusal) {
        self.refused = true;
        // The permits of inner layers are only for streams that are sent.
        self.permits.clear();
        head.status = StatusCode::SERVICE_UNAVAILABLE;
        headers::set_refusal_headers(&mut head.headers, self.stream_settings.random_retry_after());
        trace::refused(refusal.as_str());
        observer::count_refused(&self.observers, 0);
    }

    fn write_keep_alive_header(&mut self, head: &mut Parts) {
        let seconds = self.stream_settings.keep_alive().map(|keep_alive| keep_alive.seconds());
        self.keep_alive_header = headers::update_keep_alive_header(&mut head.headers, self.keep_alive_header, seconds);
    }
}
