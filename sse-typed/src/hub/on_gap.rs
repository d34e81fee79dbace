use std::fmt;

use crate::event::{Gap, GapEvent};

/// What a subscription does where history is lost: the log does not know the client's last event ID, events after that
/// id are no longer retained, or the subscription fell behind the retained events.
///
/// See [the module](super#lost-history) for what the client receives.
#[non_exhaustive]
pub enum OnGap<E> {
    /// Sends the event that the function makes, and continues with the oldest retained event.
    Emit(fn(Gap) -> E),
    /// Sends a new snapshot, and continues after it. The closure of [`subscribe_with`](super::Hub::subscribe_with)
    /// makes it; a subscription without one does what [`Restart`](Self::Restart) does.
    Snapshot,
    /// Makes the client forget its last event ID, and ends the stream. The client reconnects as a new one.
    ///
    /// A page that puts its last event ID in the URL of an `EventSource` cannot forget it and sends it again, so it
    /// should not do that with this choice. The generated TypeScript stops sending the id after two connections that
    /// end at once.
    ///
    /// The block that makes a client forget its id is in the [`Entries`](super::Entries) of a subscription, and not in
    /// its [events](super::Subscription::events). A response that is made from those events makes the client reconnect
    /// in a loop.
    Restart,
    /// Continues with the oldest retained event and tells the client nothing. Only for streams in which each event is
    /// complete by itself.
    Ignore,
}

impl<E> OnGap<E> {
    /// Sends the event that is marked `#[sse(gap)]`.
    #[must_use]
    pub fn emit() -> Self
    where
        E: GapEvent,
    {
        Self::Emit(E::from_gap)
    }
}

impl<E> Clone for OnGap<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for OnGap<E> {}

impl<E> fmt::Debug for OnGap<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Emit(_) => "Emit",
            Self::Snapshot => "Snapshot",
            Self::Restart => "Restart",
            Self::Ignore => "Ignore",
        })
    }
}
