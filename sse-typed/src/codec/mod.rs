//! The wire: what can stand in a `text/event-stream`, how it is written, and how it is read.
//!
//! [`EncodeEvent`] and [`DecodeEvent`] say what a type is on the wire; the derives implement them. [`Encoder`] turns
//! events into bytes and [`Decoder`] bytes into events, to the letter of [section 9.2 of the HTML standard][standard].
//! [`EventBytes`] and [`EventReader`] do the same for streams: events in and bytes out, bytes in and events out.
//! All are free of sockets, clocks and HTTP, and can be used without the rest of the crate. Nothing that knows of
//! requests or responses enters this room.
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

mod decode;
mod decoder;
pub mod describe;
mod encode;
mod encoded;
mod encoder;
mod event_bytes;
mod item;
mod json;
#[cfg(test)]
mod laws;
mod reader;
#[cfg(test)]
mod stream_tests;
mod writer;

pub use self::{
    decode::{DecodeEvent, Decoded, SseEvent},
    decoder::{Decoder, EventTooLarge, IgnoredLines, Item, UnfinishedEvent},
    encode::{EncodeEvent, EventKind, HubEvent, Unites},
    encoded::Encoded,
    encoder::Encoder,
    event_bytes::EventBytes,
    item::EventItem,
    reader::{EventReader, EventReaderItems, ReadError, ReadItem},
    writer::EventWriter,
};

pub(crate) use self::writer::data_of;
