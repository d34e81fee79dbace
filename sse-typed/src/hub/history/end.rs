use std::sync::Arc;

use crate::event::EventId;

/// Whether a history takes events, and whether all of them are here.
#[derive(Debug)]
pub(super) enum CloseState {
    /// Events are taken.
    Open,
    /// No more events are taken. A log elsewhere may have events before the end that are not in the ring yet: see
    /// [`mirror`](super::mirror).
    Ending(EndPosition),
    /// No more events follow.
    Closed(EndPosition),
}

/// The position in a log elsewhere after which a hub has no events, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::hub) struct EndPosition(pub(super) Option<Arc<EventId>>);

/// Whether a hub ends, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::hub) enum HubEnd {
    #[default]
    NotEnding,
    /// The hub ends. The follower is asking the log for the position.
    PositionUnknown,
    At(EndPosition),
}

impl EndPosition {
    pub(super) fn new(position: Option<EventId>) -> Self {
        Self(position.map(Arc::new))
    }

    /// Whether this position is the end.
    pub(in crate::hub) fn is(&self, position: &EventId) -> bool {
        self.get() == Some(position)
    }

    /// The position, if it is known.
    pub(in crate::hub) fn get(&self) -> Option<&EventId> {
        self.0.as_deref()
    }
}
