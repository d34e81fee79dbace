//! The connection that carries a request, as far as its transport exposes it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// A request extension. The transport registers how to abandon the request's connection, and the stream of the
/// response abandons it after a timeout.
///
/// After a redirect it refers to the connection of the last request.
#[derive(Clone, Default)]
pub(super) struct Connection(Arc<Mutex<Option<Abandon>>>);

type Abandon = Box<dyn FnOnce() + Send>;

impl Connection {
    /// Registers `abandon`, which keeps later requests off the connection that this request is about to use.
    #[cfg_attr(not(feature = "hyper-client"), expect(dead_code, reason = "no other transport exposes its connections"))]
    pub(super) fn on_abandon(&self, abandon: impl FnOnce() + Send + 'static) {
        self.replace(Some(Box::new(abandon)));
    }

    /// Excludes the connection from further requests: its path may be dead although nothing closed it. Other streams
    /// on it continue.
    pub(super) fn abandon(&self) {
        if let Some(abandon) = self.replace(None) {
            abandon();
        }
    }

    fn replace(&self, abandon: Option<Abandon>) -> Option<Abandon> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), abandon)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
