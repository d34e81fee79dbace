//! Event types with hand-written decoders, with an event of each kind.

use std::time::Duration;

use sse_typed::{
    DecodeError, DecodeEvent, Decoded, EventKind, RawEventRef, client::ReconnectPolicy, event::DecodeErrorKind,
};

#[derive(Debug, PartialEq)]
pub(crate) enum Reading {
    Value(i64),
    Bye,
}

impl EventKind for Reading {
    fn event_type(&self) -> &str {
        match self {
            Self::Value(_) => "value",
            Self::Bye => "bye",
        }
    }

    fn is_terminal(&self) -> bool {
        matches!(self, Self::Bye)
    }
}

impl DecodeEvent for Reading {
    const EVENT_TYPES: &'static [&'static str] = &["value", "bye"];

    fn decode(event: RawEventRef<'_>) -> Result<Decoded<Self>, DecodeError> {
        match event.event_type() {
            "value" if event.data().is_empty() => Ok(Decoded::Ignored),
            "value" => match event.data().parse() {
                Ok(value) => Ok(Decoded::Event(Self::Value(value))),
                Err(error) => Err(DecodeError::new(DecodeErrorKind::Data, "value", error)),
            },
            "bye" => Ok(Decoded::Event(Self::Bye)),
            _ => Ok(Decoded::Unknown),
        }
    }
}

/// Reconnects as fast as possible, for tests with sockets.
pub(crate) fn fast() -> ReconnectPolicy {
    ReconnectPolicy::default().base(Duration::ZERO).jitter(0.0)
}

/// Text of any event type; `failed` reports an error.
#[derive(Debug, PartialEq)]
pub(crate) struct Fallible(pub(crate) String, bool);

impl EventKind for Fallible {
    fn event_type(&self) -> &str {
        if self.1 { "failed" } else { "value" }
    }

    fn is_error(&self) -> bool {
        self.1
    }

    fn is_terminal(&self) -> bool {
        self.0 == "for good"
    }
}

impl DecodeEvent for Fallible {
    const EVENT_TYPES: &'static [&'static str] = &["failed", "value"];

    fn decode(event: RawEventRef<'_>) -> Result<Decoded<Self>, DecodeError> {
        Ok(Decoded::Event(Self(event.data().to_owned(), event.event_type() == "failed")))
    }
}
