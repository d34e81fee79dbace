use std::{fmt, marker::PhantomData};

use bytes::Bytes;

use super::part::OwnEvent;
use crate::{
    codec::{EncodeEvent, Encoder, EventItem, EventKind},
    event::{EncodeError, Event, EventId},
};

/// One or more events of one hub of a [`Merge`](super::Merge): an item of its stream.
pub struct Merged<E> {
    pub(super) item: MergedItem,
    pub(super) last_id: Option<EventId>,
    pub(super) event: PhantomData<fn() -> E>,
}

#[derive(Clone)]
pub(super) enum MergedItem {
    /// Events as they are on the wire.
    Blocks { bytes: Bytes, count: u64, is_terminal: bool },
    /// An event that is encoded when it is sent: a gap, a snapshot, a greeting, or an event that cannot be sent.
    Own(OwnEvent),
}

/// The size in bytes from which on a frame of its own is cheaper than a copy.
const SHARE_FROM: usize = 4 << 10;

impl<E> Merged<E> {
    /// The number of events. It is zero for an item that only changes the client's last event ID.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.item {
            MergedItem::Blocks { count, .. } => usize::try_from(*count).unwrap_or(usize::MAX),
            MergedItem::Own(_) => 1,
        }
    }

    /// Whether there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last event ID that the client has after these events. The event of
    /// [`start_with`](crate::Subscription::start_with) has none, and neither has an event whose id would be longer than
    /// 1 KiB.
    #[must_use]
    pub fn last_id(&self) -> Option<EventId> {
        self.last_id.clone()
    }
}

impl<E: EncodeEvent> EventItem for Merged<E> {
    type Event = E;

    fn write(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        match (&self.item, &self.last_id) {
            (MergedItem::Blocks { bytes, count, .. }, _) if bytes.len() >= SHARE_FROM => {
                encoder.append_shared(bytes, *count, || bytes.clone());
            }
            (MergedItem::Blocks { bytes, count, .. }, _) => encoder.append(bytes, *count),
            (MergedItem::Own(event), None) => encoder.encode_without_id(event)?,
            (MergedItem::Own(event), Some(id)) => encoder.encode(&Event::new(event).id(id.clone()))?,
        }
        Ok(())
    }

    /// Whether the last event ends the whole stream.
    fn is_terminal(&self) -> bool {
        match &self.item {
            MergedItem::Blocks { is_terminal, .. } => *is_terminal,
            MergedItem::Own(event) => EventKind::is_terminal(&**event),
        }
    }
}

impl<E> Clone for Merged<E> {
    fn clone(&self) -> Self {
        Self { item: self.item.clone(), last_id: self.last_id.clone(), event: PhantomData }
    }
}

impl<E> fmt::Debug for Merged<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merged").field("len", &self.len()).field("last_id", &self.last_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_that_only_changes_the_last_event_id_is_empty() {
        let of = |count| Merged::<()> {
            item: MergedItem::Blocks { bytes: Bytes::new(), count, is_terminal: false },
            last_id: None,
            event: PhantomData,
        };
        assert_eq!([of(0).is_empty(), of(1).is_empty()], [true, false]);
        assert_eq!([of(0).len(), of(1).len()], [0, 1]);
    }
}
