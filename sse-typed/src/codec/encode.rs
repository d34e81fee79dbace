use std::{rc::Rc, sync::Arc};

use super::EventWriter;
use crate::event::{EncodeError, RawEvent};

/// What can be said of an event value, whichever way it travels.
///
/// The derives implement it; see [`EncodeEvent`] and [`DecodeEvent`](super::DecodeEvent) for the two ways.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event type",
    label = "not an event type",
    note = "add `#[derive(SseEvent)]`"
)]
pub trait EventKind {
    /// The event type: the `event:` field on the wire, `message` for an event without one.
    fn event_type(&self) -> &str;

    /// Whether this is the last event of its stream: the server ends the stream behind it, and a client does not
    /// reconnect.
    fn is_terminal(&self) -> bool {
        false
    }

    /// Whether the event reports an error of the server.
    fn is_error(&self) -> bool {
        false
    }
}

/// A type whose values can be sent as events. Derive it with `#[derive(SseEvent)]`, or with `#[derive(EncodeEvent)]` for a
/// type that is only sent (it may then borrow its data).
///
/// Written by hand, it names the event type, the data, and perhaps id and reconnection time:
///
/// ```
/// use sse_typed::{EncodeError, EncodeEvent, Encoded, EventKind, EventWriter};
///
/// struct Tick(u64);
///
/// impl EventKind for Tick {
///     fn event_type(&self) -> &str {
///         "tick"
///     }
/// }
///
/// impl EncodeEvent for Tick {
///     fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
///         event.event_type("tick")?;
///         event.json(&self.0)
///     }
/// }
///
/// assert_eq!(Encoded::new(&Tick(3))?.as_bytes(), "event: tick\ndata: 3\n\n");
/// # Ok::<(), EncodeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as an event",
    label = "not an event type",
    note = "add `#[derive(SseEvent)]`, or `#[derive(EncodeEvent)]` if it is only sent",
    note = "`Event<E>` is the envelope of an event, and not an event type: name `E` alone, which derives `SseEvent`"
)]
pub trait EncodeEvent: EventKind {
    /// Writes the event's fields. An implementation that writes nothing sends nothing. One that has an id writes it first:
    /// an event that fails before it has named its id counts as one without an id.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the event cannot travel as it is. What was written of it before is taken back.
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError>;
}

/// An event type that a hub can publish: its id is the hub's to give, so it has no `#[sse(id)]` field.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be published on a hub",
    label = "not a hub's event type",
    note = "a type with an `#[sse(id)]` field brings its own ids, and a hub gives them: remove the field, and read the id from `Event::id`",
    note = "a type written by hand says `impl HubEvent for {Self} {{}}`",
    note = "`Event<E>` is the envelope of an event, and not an event type: name `E` alone, which derives `SseEvent`"
)]
pub trait HubEvent: EncodeEvent {}

/// An event type that can carry the events of another one, as its own: those of each payload that is `#[sse(nested)]`, and
/// its own.
///
/// The derives implement it. `Merge` (feature `hub`) asks for it: hubs of several event types go on one stream, whose clients
/// read it as the one type that unites them.
///
/// On the wire a nested event stands as its own type writes it, so bytes that a hub has encoded already can be sent as they
/// are. What the outer type would read as something else is an [`EncodeError`], as when the outer type encodes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not unite the events of `{P}`",
    label = "`{P}` is not among its events",
    note = "add a variant to the enum that holds them: `#[sse(nested)] {P}({P})`",
    note = "a type written by hand says `impl Unites<{P}> for {Self} {{}}`, if it reads what `{P}` writes"
)]
pub trait Unites<P: EncodeEvent + ?Sized> {
    /// Writes an event of the part, if it is read as one.
    #[doc(hidden)]
    fn encode_part(part: &P, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        part.encode(event)
    }

    /// Checks an event of the part that is encoded already: its type, and the lines of its block.
    #[doc(hidden)]
    fn check_part(event_type: &str, fields: &str) -> Result<(), EncodeError> {
        let _ = (event_type, fields);
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: EncodeEvent> Unites<E> for E {}

macro_rules! forward {
    ($($(#[$doc:meta])* $pointer:ty),*) => {$(
        impl<E: EventKind + ?Sized> EventKind for $pointer {
            fn event_type(&self) -> &str {
                (**self).event_type()
            }

            fn is_terminal(&self) -> bool {
                (**self).is_terminal()
            }

            fn is_error(&self) -> bool {
                (**self).is_error()
            }
        }

        impl<E: EncodeEvent + ?Sized> EncodeEvent for $pointer {
            fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
                (**self).encode(event)
            }
        }

        impl<E: HubEvent + ?Sized> HubEvent for $pointer {}
    )*};
}

forward!(&E, Box<E>, Rc<E>, Arc<E>);

impl EventKind for RawEvent {
    fn event_type(&self) -> &str {
        self.event_type()
    }
}

/// What came from a wire goes out with the same meaning, its id included. An id made up by hand that has CR, LF or NUL is an
/// error.
impl EncodeEvent for RawEvent {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        if let Some(id) = self.id() {
            event.received_id(id)?;
        }
        if let Some(retry) = self.retry() {
            event.retry(retry);
        }
        event.event_type(self.event_type())?;
        event.text(self.data())
    }
}
