use std::{fmt, sync::Arc};

use bytes::Bytes;

use super::ring::Run;
use crate::{
    codec::{EncodeEvent, Encoder, EventItem},
    event::{EncodeError, Event, EventId},
};

/// Events of a hub that leave together: what a [`Subscription`](super::Subscription) yields.
///
/// Published events are bytes already, shared by all subscriptions, and several of them are one slice. What is a
/// subscription's own (a gap, a snapshot) is encoded when it is sent.
///
/// In an `Sse` (feature `server`) the response writes them. To write to a socket, a file or a WebSocket of your
/// own, take the wire bytes with [`to_bytes`](Self::to_bytes):
///
/// ```
/// use futures_util::StreamExt;
/// use sse_typed::{EventItem, Hub, HubEvent, hub::Start};
/// use tokio::io::{AsyncWrite, AsyncWriteExt};
///
/// /// Writes events as they are published, up to the end of the hub.
/// async fn copy<E: HubEvent>(hub: &Hub<E>, mut socket: impl AsyncWrite + Unpin) -> std::io::Result<()> {
///     let mut subscription = hub.subscribe(Start::Live);
///     while let Some(entries) = subscription.next().await {
///         socket.write_all(&entries.to_bytes().map_err(std::io::Error::other)?).await?;
///         if entries.is_terminal() {
///             break;
///         }
///     }
///     Ok(())
/// }
/// ```
pub struct Entries<E>(pub(super) Inner<E>);

pub(super) enum Inner<E> {
    Run(Run),
    /// Seldom, and larger than a run.
    Own(Box<Event<Arc<E>>>),
    /// The word that nothing up to this place is for the client.
    Place(EventId),
    /// The word to forget the last event ID.
    Forget,
}

/// An id-only block with an empty id.
const FORGET: &[u8] = b"id:\n\n";

impl<E> Entries<E> {
    /// How many events there are. None are in a word to the client alone: to forget its last event ID, or to take another,
    /// which is sent now and then to one that may see [little](super::Subscription::only).
    #[must_use]
    pub const fn len(&self) -> usize {
        match &self.0 {
            // As many as fit into a slice of bytes.
            Inner::Run(run) => (run.last - run.first + 1) as usize,
            Inner::Own(_) => 1,
            Inner::Place(_) | Inner::Forget => 0,
        }
    }

    /// Whether there is no event.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last event ID that the client has behind it: that of the last event. One that was put in [front](super::Subscription::start_with) has none.
    #[must_use]
    pub fn last_id(&self) -> Option<EventId> {
        match &self.0 {
            Inner::Run(run) => Some(run.last_id()),
            Inner::Own(event) => event.id.clone(),
            Inner::Place(id) => Some(id.clone()),
            Inner::Forget => None,
        }
    }
}

impl<E> Entries<E> {
    /// The wire bytes of published events, without a copy and without encoding. `None` for what is the subscription's own:
    /// a gap, a snapshot, an event that was put in [front](super::Subscription::start_with), and a block that only changes
    /// the client's last event ID.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Inner::Run(run) => Some(run.bytes()),
            Inner::Own(_) | Inner::Place(_) | Inner::Forget => None,
        }
    }
}

impl<E: EncodeEvent> Entries<E> {
    /// The wire bytes, whatever it is: exactly those that a response sends.
    ///
    /// Published events share their bytes with the hub's history, and keep them alive. A small part of a large slice of the
    /// history is copied.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when a gap, a snapshot or an event that was put in front cannot be encoded. Published events are
    /// encoded already.
    pub fn to_bytes(&self) -> Result<Bytes, EncodeError> {
        let mut encoder = Encoder::new();
        self.write(&mut encoder)?;
        Ok(encoder.take())
    }
}

impl<E: EncodeEvent> EventItem for Entries<E> {
    type Event = E;

    fn write(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        match &self.0 {
            // A client that stops reading holds its frame: it must not hold much more than that by it.
            Inner::Run(run) if run.is_most_of_its_segment() => {
                encoder.append_shared(run.bytes(), self.len() as u64, || run.to_bytes());
            }
            Inner::Run(run) => encoder.append(run.bytes(), self.len() as u64),
            Inner::Own(event) if event.id.is_none() => encoder.encode_without_id(&event.data)?,
            Inner::Own(event) => encoder.encode(&**event)?,
            Inner::Place(id) => encoder.append(format!("id: {id}\n\n").as_bytes(), 0),
            Inner::Forget => encoder.append(FORGET, 0),
        }
        Ok(())
    }

    /// Whether the last event ends the stream.
    fn is_terminal(&self) -> bool {
        match &self.0 {
            Inner::Run(run) => run.ends_stream(),
            Inner::Own(event) => event.data.is_terminal(),
            Inner::Place(_) | Inner::Forget => false,
        }
    }
}

impl<E> Clone for Entries<E> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Inner::Run(run) => Inner::Run(run.clone()),
            Inner::Own(event) => Inner::Own(event.clone()),
            Inner::Place(id) => Inner::Place(id.clone()),
            Inner::Forget => Inner::Forget,
        })
    }
}

impl<E> fmt::Debug for Entries<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").field("len", &self.len()).field("last_id", &self.last_id()).finish_non_exhaustive()
    }
}
