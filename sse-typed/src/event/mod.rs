//! The model: what an event is, apart from bytes and connections.
//!
//! Here live the values that servers, clients and hubs exchange: [`Event`] is the typed envelope, [`RawEvent`] the
//! untyped event, [`EventId`] and [`LastEventId`] are the two sides of resuming, [`Gap`] tells of lost history, and the
//! errors say what could not be written or read. No I/O, no HTTP and no wire syntax enters this room; those are
//! [`codec`](crate::codec)'s and its dependents'.
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
pub(crate) use self::id::LONGEST_ID;
#[cfg(feature = "hub")]
pub(crate) use self::id_text::ShortText;

/// The event type of an event whose block names none.
pub(crate) const MESSAGE: &str = "message";
