use std::fmt;

use crate::event::{Gap, GapEvent};

/// What a subscription does where history is lost: the client's last event ID is none of the log's, or what lay behind it
/// is no longer kept, or the subscription fell behind what is kept.
///
/// See [the module](super#lost-history) for what the client sees of each.
#[non_exhaustive]
pub enum OnGap<E> {
    /// Sends the event that the function makes, and goes on with the oldest event that is kept.
    Emit(fn(Gap) -> E),
    /// Sends a new snapshot, and goes on behind it. It is made by what
    /// [`subscribe_with`](super::Hub::subscribe_with) was given; a plain subscription does as [`Restart`](Self::Restart)
    /// says.
    Snapshot,
    /// Makes the client forget its last event ID, and ends the stream: the client comes back as a new one.
    ///
    /// A page that names its last event ID in the URL names it again; it should not, where this is chosen. The generated
    /// TypeScript gives it up at the second time.
    ///
    /// The word to forget is in the [`Entries`](super::Entries) of a subscription, and not in its
    /// [events](super::Subscription::events): a response that is made of those sends such a client round in circles.
    Restart,
    /// Goes on with the oldest event that is kept, and says nothing. Only for streams whose every event stands alone.
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
