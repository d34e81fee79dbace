use super::{EncodeEvent, Encoded, Encoder, EventKind};
use crate::event::{EncodeError, Event};

/// What a stream of events may yield: an event, an [`Event`] with id and reconnection time, or an [`Encoded`] one.
///
/// It is implemented for all there is; a type of one's own becomes an item by [`EncodeEvent`].
#[diagnostic::on_unimplemented(
    message = "a stream of `{Self}` is no event stream",
    label = "not an event",
    note = "add `#[derive(SseEvent)]` to the type, or yield `Event<E>` of a type `E` with it to send ids, too",
    note = "a number, a string or a list is no event: it is the data of one, such as of `enum Feed {{ Count(u64) }}` with `#[derive(SseEvent)]`",
    note = "a stream of `Result`s needs a word on what becomes of an error: `Sse::from_results(stream, |error| ..)`"
)]
pub trait EventItem {
    /// The bare event, without its envelope.
    type Event: EventItem;

    /// Writes the item behind what `encoder` has written, or not one byte of it.
    #[doc(hidden)]
    fn write(&self, encoder: &mut Encoder) -> Result<(), EncodeError>;

    /// Whether the stream ends behind this item.
    fn is_terminal(&self) -> bool;
}

#[diagnostic::do_not_recommend]
impl<E: EncodeEvent> EventItem for E {
    type Event = E;

    fn write(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        encoder.block(None, None, |event| self.encode(event)).map_err(|error| error.of_event(self.event_type()))
    }

    fn is_terminal(&self) -> bool {
        EventKind::is_terminal(self)
    }
}

impl<E: EncodeEvent> EventItem for Event<E> {
    type Event = E;

    fn write(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        encoder
            .block(self.id.as_ref(), self.retry, |event| self.data.encode(event))
            .map_err(|error| error.of_event(self.data.event_type()))
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
