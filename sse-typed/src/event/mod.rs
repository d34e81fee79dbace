//! Events and their ids: the values that servers, clients and hubs exchange.
//!
//! - [`Event`] is a typed event with its id and reconnection time, [`RawEvent`] an untyped event.
//! - [`EventId`] is the id of an event. [`LastEventId`] is the id from which a client resumes.
//! - [`Gap`] describes lost history.
//! - [`EncodeError`] and [`DecodeError`] say why an event cannot be encoded or decoded.
//!
//! This module does no I/O and does not depend on HTTP or on the wire format. The format is in [`codec`](crate::codec).
//!
//! ```
//! use std::time::Duration;
//! use sse_typed::{Event, EventId};
//!
//! let event = Event::new("tick").id(EventId::from(7)).retry(Duration::from_secs(2));
//! assert_eq!(event.data, "tick");
//! assert_eq!(event.id.as_ref().map(EventId::as_str), Some("7"));
//! assert!(EventId::new("two\nlines").is_err());
//! ```

mod envelope;
mod error;
mod gap;
mod id;
mod id_text;
mod last_event_id;
mod part;
mod raw;
#[cfg(test)]
mod tests;

pub use self::{
    envelope::Event,
    error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind},
    gap::{Gap, GapEvent, GapField, GapReason},
    id::{EventId, IntoEventId, InvalidEventId},
    last_event_id::LastEventId,
    part::{InvalidPartName, PartName},
    raw::{RawEvent, RawEventRef},
};

#[cfg(any(feature = "server", feature = "hub"))]
pub(crate) use self::id::MAX_ID_LEN;
#[cfg(feature = "hub")]
pub(crate) use self::id_text::ShortText;

/// The event type of an event without an `event:` line.
pub(crate) const MESSAGE: &str = "message";
