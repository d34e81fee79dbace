use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::{
    codec::{EncodeEvent, Encoder, EventItem},
    event::{EncodeError, Event, EventId},
    hub::history::EventSlice,
};

/// One or more consecutive events of a hub, already encoded: an item of a [`Subscription`](crate::Subscription).
///
/// Published events are wire bytes already. All subscriptions share them, and several events are one slice. Events for
/// one subscriber alone (a gap, a snapshot) are encoded when they are sent.
///
/// In an `Sse` (feature `server`) the response writes them. To write them to a socket, a file or a WebSocket of your
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
pub struct Entries<E>(pub(in crate::hub) SubscriptionItem<E>);

pub(in crate::hub) enum SubscriptionItem<E> {
    /// Published events.
    Published(EventSlice),
    /// An event for this subscriber alone. It is boxed because it is rare and larger than a slice.
    Own(Box<Event<Arc<E>>>),
    /// No event: the client's last event ID becomes this one, because nothing up to it is for the client.
    LastEventId(EventId),
    /// No event: the client forgets its last event ID.
    ForgetLastEventId,
}

/// A block with an empty id and no event.
const FORGET_BLOCK: &[u8] = b"id:\n\n";

impl<E> Entries<E> {
    /// The number of events. It is zero for an item that only changes the client's last event ID: one that makes the
    /// client forget it, or one with the newer id that [`only`](crate::Subscription::only) sends in place of withheld
    /// events.
    #[must_use]
    pub const fn len(&self) -> usize {
        match &self.0 {
            SubscriptionItem::Published(slice) => slice.len(),
            SubscriptionItem::Own(_) => 1,
            SubscriptionItem::LastEventId(_) | SubscriptionItem::ForgetLastEventId => 0,
        }
    }

    /// Whether there is no event.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last event ID that the client has after these events: the id of the last event. The event of
    /// [`start_with`](crate::Subscription::start_with) has none.
    #[must_use]
    pub fn last_id(&self) -> Option<EventId> {
        match &self.0 {
            SubscriptionItem::Published(slice) => Some(slice.last_id()),
            SubscriptionItem::Own(event) => event.id.clone(),
            SubscriptionItem::LastEventId(id) => Some(id.clone()),
            SubscriptionItem::ForgetLastEventId => None,
        }
    }

    /// The wire bytes of published events, without copying or encoding. `None` for events of this subscriber alone (a
    /// gap, a snapshot, the event of [`start_with`](crate::Subscription::start_with)) and for an item that only changes
    /// the client's last event ID.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            SubscriptionItem::Published(slice) => Some(slice.bytes()),
            SubscriptionItem::Own(_) | SubscriptionItem::LastEventId(_) | SubscriptionItem::ForgetLastEventId => None,
        }
    }
}

impl<E: EncodeEvent> Entries<E> {
    /// The wire bytes of any entries: exactly those that a response sends.
    ///
    /// The bytes of published events are shared with the hub's history and keep its memory alive. A small part of a
    /// large slice of the history is copied.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when a gap, a snapshot or the event of [`start_with`](crate::Subscription::start_with) cannot be
    /// encoded. Published events are encoded already.
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
            // A client that stops reading holds its frame, which must not keep much more memory alive than its own
            // size.
            SubscriptionItem::Published(slice) if slice.is_most_of_its_segment() => {
                encoder.append_shared(slice.bytes(), self.len() as u64, || slice.to_bytes());
            }
            SubscriptionItem::Published(slice) => encoder.append(slice.bytes(), self.len() as u64),
            SubscriptionItem::Own(event) if event.id.is_none() => encoder.encode_without_id(&event.data)?,
            SubscriptionItem::Own(event) => encoder.encode(&**event)?,
            SubscriptionItem::LastEventId(id) => encoder.append(format!("id: {id}\n\n").as_bytes(), 0),
            SubscriptionItem::ForgetLastEventId => encoder.append(FORGET_BLOCK, 0),
        }
        Ok(())
    }

    /// Whether the last event ends the stream.
    fn is_terminal(&self) -> bool {
        match &self.0 {
            SubscriptionItem::Published(slice) => slice.ends_stream(),
            SubscriptionItem::Own(event) => event.data.is_terminal(),
            SubscriptionItem::LastEventId(_) | SubscriptionItem::ForgetLastEventId => false,
        }
    }
}

impl<E> Clone for Entries<E> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            SubscriptionItem::Published(slice) => SubscriptionItem::Published(slice.clone()),
            SubscriptionItem::Own(event) => SubscriptionItem::Own(event.clone()),
            SubscriptionItem::LastEventId(id) => SubscriptionItem::LastEventId(id.clone()),
            SubscriptionItem::ForgetLastEventId => SubscriptionItem::ForgetLastEventId,
        })
    }
}

impl<E> fmt::Debug for Entries<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").field("len", &self.len()).field("last_id", &self.last_id()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawEvent;

    #[test]
    fn an_item_that_only_changes_the_last_event_id_is_empty() {
        let event = Event::new(Arc::new(RawEvent::new("a", "1")));
        let of = |item: SubscriptionItem<RawEvent>| Entries(item).is_empty();
        assert!(of(SubscriptionItem::ForgetLastEventId) && of(SubscriptionItem::LastEventId(EventId::from(7_u32))));
        assert!(!of(SubscriptionItem::Own(Box::new(event))));
    }
}
