use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::response::Parts;

use super::{headers, layer::Settings, observer::Observer, policy::Policy};

/// How a response's policy reaches its body when the body's type is erased on the way, as axum does: the response carries
/// the slot in its extensions, layers write into it, and the body reads it at its first poll.
#[derive(Clone, Debug)]
pub(super) struct Slot(Arc<Mutex<Handover>>);

#[derive(Debug, Default)]
pub(super) struct Handover {
    pub(super) policy: Policy,
    pub(super) observers: Vec<Arc<Observer>>,
    /// The request was a HEAD: nothing follows the head.
    pub(super) head_only: bool,
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

    /// Adds what a layer says to a response that is an event stream; any other is left alone.
    pub(super) fn add(head: &mut Parts, settings: &Settings, head_only: bool) {
        let Some(slot) = head.extensions.get::<Self>().cloned() else { return };
        let mut handover = slot.lock();
        handover.policy.merge(&settings.policy);
        handover.observers.extend(settings.observer.clone());
        handover.head_only |= head_only;
        handover.announce(head);
    }

    /// What came together, for the body. It is taken once.
    pub(super) fn take(&self) -> Handover {
        std::mem::take(&mut *self.lock())
    }

    pub(super) fn is_head_only(&self) -> bool {
        self.lock().head_only
    }

    fn lock(&self) -> MutexGuard<'_, Handover> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handover {
    fn announce(&mut self, head: &mut Parts) {
        let seconds = self.policy.keep_alive().map(|keep_alive| keep_alive.seconds());
        self.keep_alive_header = headers::announce_keep_alive(&mut head.headers, self.keep_alive_header, seconds);
    }
}
