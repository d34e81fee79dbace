use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{StatusCode, response::Parts};

use super::{
    Drain, Shutdown, headers,
    layer::Settings,
    limit::{Place, Refusal},
    observer::{self, Observer},
    policy::Policy,
    trace,
};

/// How a response's policy reaches its body when the body's type is erased on the way, as axum does: the response carries
/// the slot in its extensions, layers write into it, and the body reads it at its first poll.
#[derive(Clone, Debug)]
pub(super) struct Slot(Arc<Mutex<Handover>>);

#[derive(Debug, Default)]
pub(super) struct Handover {
    pub(super) policy: Policy,
    pub(super) observers: Vec<Arc<Observer>>,
    /// One of each shutdown, by the nearest layer that knows it.
    pub(super) shutdowns: Vec<(Shutdown, Drain)>,
    /// One of each layer that limits them.
    pub(super) places: Vec<Place>,
    /// The request was a HEAD: nothing follows the head.
    head_only: bool,
    /// The head is a 503 now, and nothing follows it.
    refused: bool,
    /// What `sse-keep-alive` says, as far as we have written it.
    keep_alive_header: Option<u64>,
}

impl Slot {
    /// Puts a slot with the response's own policy into its head.
    pub(super) fn insert(head: &mut Parts, policy: Policy, head_only: bool) -> Self {
        let mut handover = Handover { policy, head_only, ..Handover::default() };
        handover.announce(head);
        let slot = Self(Arc::new(Mutex::new(handover)));
        head.extensions.insert(slot.clone());
        slot
    }

    /// Adds what a layer says to a response that is an event stream, or refuses it; any other is left alone.
    pub(super) fn add(head: &mut Parts, settings: &Settings, head_only: bool) {
        let Some(slot) = head.extensions.get::<Self>().cloned() else { return };
        let mut handover = slot.lock();
        let told = handover.observers.len();
        handover.observers.extend(settings.observer.clone());
        if handover.refused {
            observer::refused(&handover.observers, told);
            return;
        }
        handover.policy.merge(&settings.policy);
        handover.head_only |= head_only;
        match settings.limits.admit(head_only) {
            Ok(place) => {
                handover.places.extend(place);
                handover.heed(settings.limits.shutdown.as_ref());
                handover.announce(head);
            }
            Err(refusal) => handover.refuse(head, refusal),
        }
    }

    /// What came together, for the body. It is taken once.
    pub(super) fn take(&self) -> Handover {
        std::mem::take(&mut *self.lock())
    }

    pub(super) fn is_head_only(&self) -> bool {
        self.lock().is_head_only()
    }

    fn lock(&self) -> MutexGuard<'_, Handover> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handover {
    /// Whether no stream follows the head.
    pub(super) const fn is_head_only(&self) -> bool {
        self.head_only || self.refused
    }

    fn heed(&mut self, shutdown: Option<&(Shutdown, Drain)>) {
        let known = |shutdown: &Shutdown| self.shutdowns.iter().any(|(known, _)| known.is_same(shutdown));
        let new = shutdown.filter(|(shutdown, _)| !known(shutdown)).cloned();
        self.shutdowns.extend(new);
    }

    /// Makes the head a 503. The stream is dropped with its body, unpolled.
    fn refuse(&mut self, head: &mut Parts, refusal: Refusal) {
        self.refused = true;
        // Places of inner layers are for those who stream.
        self.places.clear();
        head.status = StatusCode::SERVICE_UNAVAILABLE;
        headers::refuse(&mut head.headers, self.policy.retry_after());
        trace::refused(refusal.as_str());
        observer::refused(&self.observers, 0);
    }

    fn announce(&mut self, head: &mut Parts) {
        let seconds = self.policy.keep_alive().map(|keep_alive| keep_alive.seconds());
        self.keep_alive_header = headers::announce_keep_alive(&mut head.headers, self.keep_alive_header, seconds);
    }
}
