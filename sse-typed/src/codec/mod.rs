//! Encodes and decodes `text/event-stream`, as in [section 9.2 of the HTML standard][standard].
//!
//! - [`EncodeEvent`] and [`DecodeEvent`] define how a type is encoded and decoded. The derives implement them.
//! - [`Encoder`] turns events into bytes, [`Decoder`] turns bytes into events. The lines of an event, up to the empty
//!   line that ends it, are its *block*.
//! - [`EventBytes`] turns a stream of events into a stream of bytes, [`EventReader`] a stream of bytes into a stream of events.
//!
//! This module does not depend on sockets, clocks or HTTP, and works without the rest of the crate.
//!
//! ```
//! use sse_typed::{
//!     RawEvent,
//!     codec::{Decoder, Encoder, Item},
//! };
//!
//! let mut encoder = Encoder::new();
//! encoder.encode(&RawEvent::new("greeting", "hello\nworld").with_id(7_u64))?;
//! let bytes = encoder.take();
//! assert_eq!(bytes, "id: 7\nevent: greeting\ndata: hello\ndata: world\n\n");
//!
//! let mut decoder = Decoder::new();
//! for chunk in bytes.chunks(5) {
//!     decoder.feed(bytes.slice_ref(chunk)); // chunks may end anywhere
//!     while let Some(item) = decoder.next_item() {
//!         let Item::Event(event) = item? else { continue };
//!         assert_eq!((event.event_type(), event.data()), ("greeting", "hello\nworld"));
//!     }
//! }
//! assert_eq!(decoder.last_event_id(), "7");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

#[cfg(test)]
mod api_tests;
mod decode;
mod decoder;
pub mod describe;
mod encode;
#[cfg(test)]
mod encode_tests;
mod encoded;
mod encoder;
mod event_bytes;
mod item;
mod json;
mod reader;
#[cfg(test)]
mod stream_tests;
mod writer;

pub use self::{
    decode::{DecodeEvent, Decoded, SseEvent},
    decoder::{Decoder, EventTooLarge, IgnoredLines, Item, UnfinishedEvent},
    encode::{EncodeEvent, EventKind, HubEvent, Nests},
    encoded::Encoded,
    encoder::Encoder,
    event_bytes::EventBytes,
    item::EventItem,
    reader::{EventReader, EventReaderItems, ReadError, ReadItem},
    writer::EventWriter,
};

pub(crate) use self::writer::data_in_fields;
