use crate::event::{EventId, LastEventId};

/// Where a subscription begins.
///
/// A client's [`LastEventId`] is one: behind the event it names, or [`Live`](Self::Live) when there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// With the next event that is published. With a log elsewhere, where the hub has come to in it: what was published just
    /// before may come as well.
    Live,
    /// With the oldest event that is kept.
    Earliest,
    /// With the newest `n` events, as far as they are kept.
    Last(u64),
    /// Behind the event of this id. It comes from outside: any text will do, and what is not an id of the log's is a
    /// [gap](super::OnGap).
    After(LastEventId),
}

impl Start {
    /// Behind the event of this id, or live where there is none.
    #[must_use]
    pub fn after(id: impl Into<LastEventId>) -> Self {
        let id = id.into();
        if id.is_none() { Self::Live } else { Self::After(id) }
    }

    /// The id that it is behind.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::After(id) => id.as_str(),
            Self::Live | Self::Earliest | Self::Last(_) => None,
        }
    }

    pub(super) const fn is_live(&self) -> bool {
        match self {
            Self::Live => true,
            Self::After(id) => id.is_none(),
            Self::Earliest | Self::Last(_) => false,
        }
    }
}

impl LastEventId {
    /// Behind the event of this id, or `start` where there is none: what a client without an id gets.
    ///
    /// ```
    /// use sse_typed::{LastEventId, hub::Start};
    ///
    /// assert_eq!(LastEventId::none().or(Start::Earliest), Start::Earliest);
    /// ```
    #[must_use]
    pub fn or(self, start: Start) -> Start {
        if self.is_none() { start } else { Start::After(self) }
    }
}

impl From<LastEventId> for Start {
    fn from(id: LastEventId) -> Self {
        Self::after(id)
    }
}

impl From<EventId> for Start {
    fn from(id: EventId) -> Self {
        Self::after(id)
    }
}

impl From<Option<EventId>> for Start {
    fn from(id: Option<EventId>) -> Self {
        Self::after(id)
    }
}
