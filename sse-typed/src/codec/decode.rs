use super::{EncodeEvent, EventKind};
use crate::event::{DecodeError, RawEvent, RawEventRef};

/// A type that received events are read into. Derive it with `#[derive(SseEvent)]`, or with `#[derive(DecodeEvent)]` for a
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
    message = "received events cannot be read into `{Self}`",
    label = "not an event type",
    note = "add `#[derive(SseEvent)]`, or `#[derive(DecodeEvent)]` if it is only received; `RawEvent` takes every event untyped",
    note = "`Event<E>` is the envelope of an event, and not an event type: name `E` alone, which derives `SseEvent`"
)]
pub trait DecodeEvent: EventKind + Sized {
    /// The event types that are read, aliases included and `message` for events without one. Ignored ones are not among
    /// them, and a catch-all adds none.
    const EVENT_TYPES: &'static [&'static str];

    /// Reads one event.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the event type is known and the data, or the id, is not what it promises.
    fn decode(event: RawEventRef<'_>) -> Result<Decoded<Self>, DecodeError>;
}

/// What became of a received event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decoded<E> {
    /// The event.
    Event(E),
    /// Its event type is not one of the enum's.
    Unknown,
    /// It is declared as ignored, or carries no data and only moves the last event ID or the reconnection time. It counts
    /// as activity.
    Ignored,
}

/// A type that can be sent and received: every type that is [`EncodeEvent`] and [`DecodeEvent`].
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
