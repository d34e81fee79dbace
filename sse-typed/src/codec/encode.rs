use std::{rc::Rc, sync::Arc};

use super::EventWriter;
use crate::event::{EncodeError, RawEvent};

/// The event type of an event, and whether it is terminal or reports an error: common to sent and received events.
///
/// The derives implement it. [`EncodeEvent`] and [`DecodeEvent`](super::DecodeEvent) are the traits for sending and receiving.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event type",
    label = "not an event type",
    note = "add `#[derive(SseEvent)]`"
)]
pub trait EventKind {
    /// The event type: the `event:` field on the wire, or `message` for an event without one.
    fn event_type(&self) -> &str;

    /// Whether this is a terminal event: the server ends the stream after it, and the client does not reconnect.
    fn is_terminal(&self) -> bool {
        false
    }

    /// Whether the event reports an error of the server (`#[sse(error)]`).
    fn is_error(&self) -> bool {
        false
    }
}

/// A type whose values can be sent as events. Derive it with `#[derive(SseEvent)]`, or with `#[derive(EncodeEvent)]` for a
/// type that is only sent (it may then borrow its data).
///
/// An implementation by hand writes the event type and the data, and optionally an id and a reconnection time:
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
    note = "`Event<E>` is an event with its id, and not an event type: use `E` alone, which derives `SseEvent`"
)]
pub trait EncodeEvent: EventKind {
    /// Writes the event's fields. If an implementation writes nothing, nothing is sent.
    ///
    /// An implementation with an id writes it first: an event that fails before its id is written counts as an event without
    /// an id.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the event cannot be encoded. Everything written for it so far is discarded.
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError>;
}

/// An event type that a hub can publish. It has no `#[sse(id)]` field, because the hub assigns the ids.
///
/// The functions make the events that report how a run ended (feature `runs`). The derive implements them for the variants
/// with `#[sse(failed)]`, `#[sse(stopped)]` and `#[sse(lost)]`. A type without such a variant returns `None`, and so do pointers
/// to an event type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be published on a hub",
    label = "cannot be published on a hub",
    note = "a hub assigns the ids, so its event type cannot have an `#[sse(id)]` field: remove the field, and read the id from `Event::id`",
    note = "for a type that implements `EncodeEvent` by hand, add `impl HubEvent for {Self} {{}}`",
    note = "`Event<E>` is an event with its id, and not an event type: use `E` alone, which derives `SseEvent`"
)]
pub trait HubEvent: EncodeEvent {
    /// The event that reports that a run failed, with the text of the error. Clients read this text.
    #[must_use]
    fn failed(reason: String) -> Option<Self>
    where
        Self: Sized,
    {
        let _ = reason;
        None
    }

    /// The event that reports that a run was stopped on request.
    #[must_use]
    fn stopped() -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// The event that reports that the process of a run stopped responding.
    #[must_use]
    fn lost() -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// `Outer: Nests<P>`: the event type `Outer` has a `#[sse(nested)]` variant for the event type `P`, so every event of
/// `P` is also an event of `Outer`.
///
/// The derives implement it for the payload of each `nested` variant. Every event type also implements it for itself. `Merge`
/// (feature `hub`) requires it: it puts hubs of several event types on one stream, which clients decode as the outer type.
///
/// A nested event is the same on the wire as an event of `P` alone, so bytes that a hub has already encoded can be sent
/// unchanged. An event of `P` that the outer type would decode as something else is an [`EncodeError`], as it is when the outer
/// type encodes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `#[sse(nested)]` variant for the events of `{P}`",
    label = "`{P}` is not nested in this event type",
    note = "add a variant to the enum: `#[sse(nested)] {P}({P})`",
    note = "for a type that implements `DecodeEvent` by hand and decodes the events of `{P}`, add `impl Nests<{P}> for {Self} {{}}`"
)]
pub trait Nests<P: EncodeEvent + ?Sized> {
    /// Writes an event of `P`, if this type decodes it as one.
    #[doc(hidden)]
    fn encode_part(part: &P, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        part.encode(event)
    }

    /// Checks that this type decodes an encoded event of `P` as one. `fields` are the lines of its block.
    #[doc(hidden)]
    fn check_part(event_type: &str, fields: &str) -> Result<(), EncodeError> {
        let _ = (event_type, fields);
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: EncodeEvent> Nests<E> for E {}

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

/// A received event is sent with the same meaning, including its id. An id with CR, LF or NUL, which no received event has, is
/// an error.
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
