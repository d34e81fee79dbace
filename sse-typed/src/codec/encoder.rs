use std::{mem, time::Duration};

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
    /// Bytes that others share, which are all there is as long as they are here: `out` is empty then. What is alone in a
    /// frame is not copied.
    shared: Bytes,
    /// How much was taken last, if that was much.
    last: usize,
    numbering: Option<Box<Numbering>>,
    events: u64,
}

/// Gives ids to events that have none.
#[derive(Debug)]
struct Numbering {
    prefix: String,
    next: u64,
    /// The last event should have had the next number, and could not be written.
    owed: bool,
}

impl Encoder {
    /// An encoder that has written nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { out: Vec::new(), shared: Bytes::new(), last: 0, numbering: None, events: 0 }
    }

    /// Events without an id get `<prefix><n>`, counted up from `next`.
    pub(crate) fn number(&mut self, prefix: String, next: u64) {
        self.numbering = Some(Box::new(Numbering { prefix, next, owed: false }));
    }

    /// Writes by `write` what stands in the place of the event that could not be written. It takes the number of that event,
    /// or none if that event has an id of its own: the events behind it keep their numbers, from which a handler resumes.
    #[cfg(feature = "server")]
    pub(crate) fn replace<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> T {
        let Some(mut numbering) = self.numbering.take() else { return write(self) };
        if !mem::take(&mut numbering.owed) {
            let replaced = write(self);
            self.numbering = Some(numbering);
            return replaced;
        }
        let behind = numbering.next.saturating_add(1);
        self.numbering = Some(numbering);
        let replaced = write(self);
        if let Some(numbering) = &mut self.numbering {
            (numbering.next, numbering.owed) = (behind, false);
        }
        replaced
    }

    /// Writes one item: an event, an [`Event`](crate::Event) with id and reconnection time, or an
    /// [`Encoded`](super::Encoded) one.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the event cannot travel. Not one byte of it is written then, and the encoder goes on. So it does
    /// behind a panic of what is encoded, if somebody catches that.
    pub fn encode<I: EventItem + ?Sized>(&mut self, item: &I) -> Result<(), EncodeError> {
        item.write(self)
    }

    /// Writes a comment, which every client ignores. Each of its lines becomes a comment line.
    pub fn comment(&mut self, text: &str) {
        self.prepare();
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
        self.prepare();
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
        self.out.len() + self.shared.len()
    }

    /// Whether nothing waits to be taken.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands out what was written: one event that was [`Encoded`](super::Encoded) before, or one slice of a hub's, as it is;
    /// all else as one allocation of its size, while the encoder keeps some room for the next.
    pub fn take(&mut self) -> Bytes {
        if !self.shared.is_empty() {
            return mem::take(&mut self.shared);
        }
        // Most frames are small: to copy them is cheaper than to grow a vector for each.
        if self.out.capacity() <= KEPT_ROOM {
            let bytes = Bytes::copy_from_slice(&self.out);
            self.out.clear();
            return bytes;
        }
        // A connection is idle for most of its life, and there are many: it must not keep the room of a flood.
        let out = mem::take(&mut self.out);
        self.last = if out.len() > KEPT_ROOM { out.len() } else { 0 };
        if out.capacity() - out.len() > out.len() / 2 { Bytes::copy_from_slice(&out) } else { out.into() }
    }

    /// Whether what waits to be taken is enough for a frame of `batch` bytes. To put more behind a large slice of a hub's, it
    /// would have to be copied: the next frame costs less.
    pub(crate) const fn is_full(&self, batch: usize) -> bool {
        let len = self.len();
        len > 0 && (len >= batch || len >= ALONE && !self.shared.is_empty())
    }

    /// Takes back all behind the first `len` bytes and `events` events: what a panic left of an item, whether it came while the
    /// item was written or just behind that.
    #[cfg(feature = "server")]
    pub(crate) fn take_back(&mut self, len: usize, events: u64) {
        // They are one item's, which is taken back as a whole. What was put behind others lies in `out`, and they with it.
        if len < self.shared.len() {
            self.shared = Bytes::new();
        }
        self.out.truncate(len);
        self.events = events;
    }

    /// Makes ready for writing.
    #[inline]
    fn prepare(&mut self) {
        if self.out.capacity() == 0 {
            self.make_room();
        }
    }

    #[cold]
    fn make_room(&mut self) {
        let shared = mem::take(&mut self.shared);
        // In a flood the next frame is as large as the last. Growing up to there would copy it all once more.
        self.out.reserve(shared.len().max(self.last).max(ROOM));
        self.out.extend_from_slice(&shared);
    }

    /// Writes one block, or nothing when `encode` writes nothing or fails.
    #[inline]
    pub(super) fn block(
        &mut self,
        id: Option<&EventId>,
        retry: Option<Duration>,
        encode: impl FnOnce(&mut EventWriter<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.prepare();
        let start = self.out.len();
        let block = Unfinished { out: &mut self.out, start };
        let mut event = EventWriter::new(block.out);
        event.envelope(id, retry);
        if let Err(error) = encode(&mut event) {
            if let Some(numbering) = &mut self.numbering {
                numbering.owed = !event.owns_id();
            }
            return Err(error);
        }
        if event.begun() {
            if let (false, Some(numbering)) = (event.has_id(), &mut self.numbering) {
                event.number(start, &numbering.prefix, numbering.next);
                numbering.next = numbering.next.saturating_add(1);
            }
            event.finish();
            block.keep();
            self.events += 1;
        }
        Ok(())
    }

    /// The room that is kept, in bytes.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
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

    /// Forgets what waits to be taken, and keeps some room.
    #[cfg(feature = "hub")]
    pub(crate) fn clear(&mut self) {
        self.shared = Bytes::new();
        self.out.clear();
        self.out.shrink_to(PUBLISHERS_ROOM);
    }

    /// Appends an event that is bytes already.
    #[cfg(feature = "hub")]
    pub(crate) fn append(&mut self, bytes: &[u8], events: u64) {
        self.prepare();
        self.out.extend_from_slice(bytes);
        self.events += events;
    }

    /// Appends events that are bytes already, which `share` hands out for keeps.
    pub(crate) fn append_shared(&mut self, bytes: &[u8], events: u64, share: impl FnOnce() -> Bytes) {
        if self.is_empty() {
            // The room goes: it is one or the other.
            self.out = Vec::new();
            self.shared = share();
        } else {
            self.prepare();
            self.out.extend_from_slice(bytes);
        }
        self.events += events;
    }
}

/// A block that is being written. If it does not come to its end, by an error or by a panic of what is encoded, nothing of it
/// stays: half of it would be a part of the next event.
struct Unfinished<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl Unfinished<'_> {
    #[inline]
    fn keep(mut self) {
        self.start = usize::MAX;
    }
}

impl Drop for Unfinished<'_> {
    #[inline]
    fn drop(&mut self) {
        self.out.truncate(self.start);
    }
}

/// The size from which on shared bytes are a frame of their own.
const ALONE: usize = 4 << 10;

/// What an idle encoder keeps allocated at most, in bytes.
const KEPT_ROOM: usize = 2 << 10;

/// What it begins with.
const ROOM: usize = 128;

/// What a hub's encoder keeps, which all publishers share.
#[cfg(feature = "hub")]
const PUBLISHERS_ROOM: usize = 64 << 10;
