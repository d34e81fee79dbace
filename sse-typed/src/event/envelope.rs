use std::time::Duration;

use super::{EventId, IntoEventId};

/// A typed event with what travels beside its data: the id and the reconnection time of its block.
///
/// A server may yield plain values or envelopes; a client always receives envelopes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Event<E> {
    /// The event itself.
    pub data: E,
    /// The id that the event's own block carries.
    ///
    /// On a received event this is `None` when the block had no `id:` line or an empty one. The id in force, which may
    /// come from an earlier block, is the stream's last event ID.
    pub id: Option<EventId>,
    /// The reconnection time that the event's own block carries, in whole milliseconds on the wire (rounded up).
    pub retry: Option<Duration>,
}

impl<E> Event<E> {
    /// An event without id and reconnection time.
    #[must_use]
    pub const fn new(data: E) -> Self {
        Self { data, id: None, retry: None }
    }

    /// Sets the id. It wins over an id that the data itself carries in an `#[sse(id)]` field.
    #[must_use]
    pub fn id(mut self, id: impl IntoEventId) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the reconnection time.
    #[must_use]
    pub const fn retry(mut self, retry: Duration) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Changes the data and keeps id and reconnection time.
    pub fn map<F>(self, f: impl FnOnce(E) -> F) -> Event<F> {
        Event { data: f(self.data), id: self.id, retry: self.retry }
    }
}

impl<E> From<E> for Event<E> {
    fn from(data: E) -> Self {
        Self::new(data)
    }
}
