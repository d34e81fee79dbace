use std::time::Duration;

use bytes::Bytes;

#[cfg(feature = "hub")]
use super::EncodeEvent;
use super::{EventItem, EventWriter};
use crate::event::{EncodeError, EventId};

/// Writes events one behind the other, as `text/event-stream` bytes.
///
/// What is written is kept until [`take`](Self::take), so that many events leave as one piece. See the
/// [module](super) for an example.
#[derive(Debug, Default)]
pub struct Encoder {
    out: Vec<u8>,
    numbering: Option<Numbering>,
    events: u64,
}

/// Gives ids to events that have none.
#[derive(Debug)]
struct Numbering {
    prefix: String,
    next: u64,
}

impl Encoder {
    /// An encoder that has written nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { out: Vec::new(), numbering: None, events: 0 }
    }

    /// Events without an id get `<prefix><n>`, counted up from `next`.
    #[cfg(feature = "server")]
    pub(crate) fn number(&mut self, prefix: String, next: u64) {
        self.numbering = Some(Numbering { prefix, next });
    }

    /// Writes one item: an event, an [`Event`](crate::Event) with id and reconnection time, or an
    /// [`Encoded`](super::Encoded) one.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the event cannot travel. Not one byte of it is written then, and the encoder goes on.
    pub fn encode<I: EventItem + ?Sized>(&mut self, item: &I) -> Result<(), EncodeError> {
        item.write(self)
    }

    /// Writes a comment, which every client ignores. Each of its lines becomes a comment line.
    pub fn comment(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        loop {
            let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            self.out.push(b':');
            if end > 0 {
                self.out.push(b' ');
            }
            self.out.extend_from_slice(&rest[..end]);
            self.out.push(b'\n');
            if end == rest.len() {
                break;
            }
            rest = &rest[end + if rest[end..].starts_with(b"\r\n") { 2 } else { 1 }..];
        }
        self.out.push(b'\n');
    }

    /// Writes a block that only sets the client's reconnection time, in whole milliseconds, rounded up.
    pub fn retry(&mut self, retry: Duration) {
        EventWriter::new(&mut self.out).retry(retry);
        self.out.push(b'\n');
    }

    /// How many events were written since the encoder was made.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// How many bytes wait to be taken.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing waits to be taken.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Hands out what was written, as one allocation of exactly its size. The encoder keeps its room for the next.
    pub fn take(&mut self) -> Bytes {
        let bytes = Bytes::copy_from_slice(&self.out);
        self.out.clear();
        // One huge event must not be held for the rest of a long connection.
        self.out.shrink_to(KEPT_ROOM);
        bytes
    }

    /// Takes back all behind the first `len` bytes: what a panic left of an event.
    #[cfg(feature = "server")]
    pub(crate) fn truncate(&mut self, len: usize) {
        self.out.truncate(len);
    }

    /// Writes one block, or nothing when `encode` writes nothing or fails.
    #[inline]
    pub(super) fn block(
        &mut self,
        id: Option<&EventId>,
        retry: Option<Duration>,
        encode: impl FnOnce(&mut EventWriter<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = self.out.len();
        let mut event = EventWriter::new(&mut self.out);
        event.envelope(id, retry);
        match encode(&mut event) {
            Ok(()) if event.begun() => {
                if let (false, Some(numbering)) = (event.has_id(), &mut self.numbering) {
                    event.number(start, &numbering.prefix, numbering.next);
                    numbering.next = numbering.next.saturating_add(1);
                }
                event.finish();
                self.events += 1;
                Ok(())
            }
            result => {
                self.out.truncate(start);
                result
            }
        }
    }

    /// The room that is kept, in bytes.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.out.capacity()
    }

    /// Writes an event without its id: a hub gives another, or none.
    #[cfg(feature = "hub")]
    pub(crate) fn encode_without_id<E: EncodeEvent>(&mut self, event: &E) -> Result<(), EncodeError> {
        self.block(None, None, |writer| {
            writer.omit_id();
            event.encode(writer)
        })
        .map_err(|error| error.of_event(event.event_type()))
    }

    /// What waits to be taken.
    #[cfg(feature = "hub")]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// Forgets what waits to be taken, and keeps the room.
    #[cfg(feature = "hub")]
    pub(crate) fn clear(&mut self) {
        self.out.clear();
        self.out.shrink_to(KEPT_ROOM);
    }

    /// Appends events that are bytes already.
    pub(crate) fn append(&mut self, bytes: &[u8], events: u64) {
        self.out.extend_from_slice(bytes);
        self.events += events;
    }
}

/// What an idle encoder keeps allocated at most, in bytes.
const KEPT_ROOM: usize = 64 << 10;
