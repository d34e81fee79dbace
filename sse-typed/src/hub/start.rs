use crate::event::{EventId, LastEventId};

/// Where a subscription begins.
///
/// A client's [`LastEventId`] converts to one: after the event of that id, or [`Live`](Self::Live) when there is no
/// id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// With the next event that is published. With a log elsewhere: at the position that the hub has reached in it, so
    /// events that were published right before may be received as well.
    Live,
    /// With the oldest retained event.
    Earliest,
    /// With the newest `n` events, as far as they are retained. With a log elsewhere, events that the hub publishes before the
    /// subscription has read its position are received as well, so there may be more than `n`.
    Last(u64),
    /// After the event of this id. The id may come from a client and be any text. One that the log does not know is a
    /// [gap](super::OnGap).
    After(LastEventId),
}

impl Start {
    /// After the event of this id, or live when there is no id.
    #[must_use]
    pub fn after(id: impl Into<LastEventId>) -> Self {
        let id = id.into();
        if id.is_none() { Self::Live } else { Self::After(id) }
    }

    /// The id after which it begins.
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
    /// After the event of this id, or `start` when there is no id. So `start` is for new clients.
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
