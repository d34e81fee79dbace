use super::{EncodeEvent, EventKind};
use crate::event::{DecodeError, RawEvent, RawEventRef};

/// A type that received events are decoded into. Derive it with `#[derive(SseEvent)]`, or with `#[derive(DecodeEvent)]` for a
/// type that is only received.
///
/// ```
/// use sse_typed::{DecodeError, DecodeEvent, Decoded, EventKind, RawEvent, RawEventRef};
///
/// #[derive(Debug, PartialEq)]
/// struct Tick(String);
///
/// impl EventKind for Tick {
///     fn event_type(&self) -> &str {
///         "tick"
///     }
/// }
///
/// impl DecodeEvent for Tick {
///     const EVENT_TYPES: &'static [&'static str] = &["tick"];
///
///     fn decode(event: RawEventRef<'_>) -> Result<Decoded<Self>, DecodeError> {
///         match event.event_type() {
///             "tick" => Ok(Decoded::Event(Tick(event.data().to_owned()))),
///             _ => Ok(Decoded::Unknown),
///         }
///     }
/// }
///
/// assert_eq!(Tick::decode(RawEventRef::new("tick", "3"))?, Decoded::Event(Tick("3".to_owned())));
/// # Ok::<(), DecodeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "events cannot be decoded into `{Self}`",
    label = "not an event type",
    note = "add `#[derive(SseEvent)]`, or `#[derive(DecodeEvent)]` if it is only received; `RawEvent` receives every event untyped",
    note = "`Event<E>` is an event with its id, and not an event type: use `E` alone, which derives `SseEvent`"
)]
pub trait DecodeEvent: EventKind + Sized {
    /// The event types that this type decodes, including aliases, and `message` for events without an event type. It does not
    /// include ignored event types, nor those that only a catch-all (`#[sse(other)]`) takes.
    const EVENT_TYPES: &'static [&'static str];

    /// Decodes one event.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the event type is known, and its data, id or reconnection time cannot be decoded.
    fn decode(event: RawEventRef<'_>) -> Result<Decoded<Self>, DecodeError>;
}

/// The result of decoding an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decoded<E> {
    /// The decoded event.
    Event(E),
    /// The type does not declare this event type.
    Unknown,
    /// The event type is declared as ignored, or the block has no data and only sets the last event ID or the reconnection
    /// time. The client counts it as activity of the server.
    Ignored,
}

/// A type that can be sent and received. Every type that implements [`EncodeEvent`] and [`DecodeEvent`] implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event type",
    label = "not an event type",
    note = "add `#[derive(SseEvent)]`"
)]
pub trait SseEvent: EncodeEvent + DecodeEvent {}

impl<E: EncodeEvent + DecodeEvent> SseEvent for E {}

impl DecodeEvent for RawEvent {
    const EVENT_TYPES: &'static [&'static str] = &[];

    fn decode(event: RawEventRef<'_>) -> Result<Decoded<Self>, DecodeError> {
        Ok(Decoded::Event(event.to_raw_event()))
    }
}

impl<E: DecodeEvent> DecodeEvent for Box<E> {
    const EVENT_TYPES: &'static [&'static str] = E::EVENT_TYPES;

    fn decode(event: RawEventRef<'_>) -> Result<Decoded<Self>, DecodeError> {
        Ok(match E::decode(event)? {
            Decoded::Event(event) => Decoded::Event(Self::new(event)),
            Decoded::Unknown => Decoded::Unknown,
            Decoded::Ignored => Decoded::Ignored,
        })
    }
}
