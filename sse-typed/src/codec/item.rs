use super::{EncodeEvent, Encoded, Encoder, EventKind};
use crate::event::{EncodeError, Event};

/// An item of a stream of events: a plain event, an [`Event`] with id and reconnection time, or an [`Encoded`] event.
///
/// Implement [`EncodeEvent`] for your own type, usually by a derive. Every such type is an `EventItem`.
#[diagnostic::on_unimplemented(
    message = "a stream of `{Self}` is not a stream of events",
    label = "not an event",
    note = "add `#[derive(SseEvent)]` to the type; to send ids as well, yield `Event<E>` of such a type `E`",
    note = "a number, a string or a list is not an event, but can be the data of one: `enum Feed {{ Count(u64) }}` with `#[derive(SseEvent)]`",
    note = "for a stream of `Result`s, choose what an error does: `Sse::from_results(stream, |error| ..)`"
)]
pub trait EventItem {
    /// The event without id and reconnection time.
    type Event: EventItem;

    /// Appends the item to `encoder`, or nothing if it fails.
    #[doc(hidden)]
    fn write(&self, encoder: &mut Encoder) -> Result<(), EncodeError>;

    /// Whether the stream ends after this item.
    fn is_terminal(&self) -> bool;
}

#[diagnostic::do_not_recommend]
impl<E: EncodeEvent> EventItem for E {
    type Event = E;

    fn write(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        encoder
            .write_block(None, None, |event| self.encode(event))
            .map_err(|error| error.with_event_type(self.event_type()))
    }

    fn is_terminal(&self) -> bool {
        EventKind::is_terminal(self)
    }
}

impl<E: EncodeEvent> EventItem for Event<E> {
    type Event = E;

    fn write(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        encoder
            .write_block(self.id.as_ref(), self.retry, |event| self.data.encode(event))
            .map_err(|error| error.with_event_type(self.data.event_type()))
    }

    fn is_terminal(&self) -> bool {
        self.data.is_terminal()
    }
}

impl EventItem for Encoded {
    type Event = Self;

    fn write(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        encoder.append_shared(self.as_bytes(), self.events(), || self.as_bytes().clone());
        Ok(())
    }

    fn is_terminal(&self) -> bool {
        Self::is_terminal(self)
    }
}
