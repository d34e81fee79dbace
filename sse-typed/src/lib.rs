#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]
//! Typed Server-Sent Events for Tower, Hyper and axum.

#[cfg(feature = "client")]
#[cfg_attr(docsrs, doc(cfg(feature = "client")))]
pub mod client;
pub mod codec;
pub mod event;
#[cfg(feature = "server")]
#[cfg_attr(docsrs, doc(cfg(feature = "server")))]
pub mod server;

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;

#[cfg(feature = "client")]
#[doc(inline)]
pub use self::client::{Client, EventSource, EventStream};
#[cfg(feature = "server")]
#[doc(inline)]
pub use self::server::{Sse, SseLayer};
#[doc(inline)]
pub use self::{
    codec::{DecodeEvent, Decoded, EncodeEvent, Encoded, EventItem, EventKind, EventWriter, HubEvent, SseEvent},
    event::{
        DecodeError, EncodeError, Event, EventId, Gap, GapEvent, InvalidEventId, LastEventId, RawEvent, RawEventRef,
    },
};

#[cfg(feature = "derive")]
#[cfg_attr(docsrs, doc(cfg(feature = "derive")))]
pub use sse_typed_derive::{DecodeEvent, EncodeEvent, SseEvent};
