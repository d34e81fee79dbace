//! The connection that a request goes out by, as far as its transport tells.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Travels with a request as an extension. The transport says how its connection is abandoned, and the stream of the
/// response abandons it.
///
/// After a redirect it is the connection of the request that was made last.
#[derive(Clone, Default)]
pub(super) struct Connection(Arc<Mutex<Option<Abandon>>>);

type Abandon = Box<dyn FnOnce() + Send>;

impl Connection {
    /// The request is about to go out; `abandon` keeps later requests off its connection.
    #[cfg_attr(
        not(feature = "hyper-client"),
        expect(dead_code, reason = "no other transport can tell its connections apart")
    )]
    pub(super) fn on_abandon(&self, abandon: impl FnOnce() + Send + 'static) {
        self.replace(Some(Box::new(abandon)));
    }

    /// Lets no other request go out by this connection: its path may be dead, and nothing closes it. What else is being
    /// received on it goes on.
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
