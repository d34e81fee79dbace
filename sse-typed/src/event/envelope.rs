use std::time::Duration;

use super::{EventId, IntoEventId};

/// A typed event with its id and reconnection time.
///
/// The streams of a server may yield plain values or `Event`s. A client always receives `Event`s.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Event<E> {
    /// The event's value.
    pub data: E,
    /// The id in the event's own block.
    ///
    /// A received event has `None` if its block had no `id:` line, or an empty one. The last event ID, which may come from an
    /// earlier block, is a property of the stream.
    pub id: Option<EventId>,
    /// The reconnection time in the event's own block. On the wire it is rounded up to whole milliseconds.
    pub retry: Option<Duration>,
}

impl<E> Event<E> {
    /// An event without id and reconnection time.
    #[must_use]
    pub const fn new(data: E) -> Self {
        Self { data, id: None, retry: None }
    }

    /// Sets the id. It takes precedence over an `#[sse(id)]` field of the data.
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

    /// Maps the data, and keeps id and reconnection time.
    pub fn map<F>(self, f: impl FnOnce(E) -> F) -> Event<F> {
        Event { data: f(self.data), id: self.id, retry: self.retry }
    }
}

impl<E> From<E> for Event<E> {
    fn from(data: E) -> Self {
        Self::new(data)
    }
}
