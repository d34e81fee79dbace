use std::{mem, time::Duration};

use bytes::Bytes;

#[cfg(feature = "hub")]
use super::EncodeEvent;
use super::{EventItem, EventWriter};
use crate::event::{EncodeError, EventId};

/// Encodes events as `text/event-stream` bytes.
///
/// The bytes are buffered until [`take`](Self::take), so that many events can be sent as one chunk. See the [module](super) for
/// an example.
#[derive(Debug, Default)]
pub struct Encoder {
    buffer: Buffer,
    /// The length of the last frame if it was large, otherwise zero. Larger lengths count as 4 GiB.
    last_frame_len: u32,
    numbering: Option<Box<Numbering>>,
    events: u64,
}

/// The bytes that were written. It is an enum because every open stream has one.
#[derive(Debug)]
enum Buffer {
    Own(Vec<u8>),
    /// Shared bytes that are the only ones, so that they need no copy. They are not empty.
    Shared(Bytes),
}

impl Default for Buffer {
    fn default() -> Self {
        Self::Own(Vec::new())
    }
}

impl Buffer {
    /// Prepares the buffer for writing. `expected_len` is the length that it may get.
    #[inline]
    fn prepare(&mut self, expected_len: u32) -> &mut Vec<u8> {
        match self {
            Self::Own(out) if out.capacity() > 0 => {}
            _ => self.allocate(expected_len),
        }
        match self {
            Self::Own(out) => out,
            Self::Shared(_) => unreachable!("`allocate` makes it an own buffer"),
        }
    }

    #[cold]
    fn allocate(&mut self, expected_len: u32) {
        // Under load the next frame is about as large as the last. Growing step by step would copy its bytes again.
        let mut out = Vec::with_capacity(self.len().max(expected_len as usize).max(INITIAL_CAPACITY));
        out.extend_from_slice(self.as_slice());
        *self = Self::Own(out);
    }

    const fn len(&self) -> usize {
        match self {
            Self::Own(out) => out.len(),
            Self::Shared(shared) => shared.len(),
        }
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Own(out) => out,
            Self::Shared(shared) => shared,
        }
    }
}

/// Gives ids to events that have none.
#[derive(Debug)]
struct Numbering {
    prefix: Box<str>,
    next: u64,
    /// The last event failed, and would have had the next number.
    failed_event_has_next: bool,
}

impl Encoder {
    /// An empty encoder.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: Buffer::Own(Vec::new()), last_frame_len: 0, numbering: None, events: 0 }
    }

    /// Numbers events without an id: they get the ids `<prefix><n>`, counted up from `next`.
    pub(crate) fn number_events(&mut self, prefix: impl Into<Box<str>>, next: u64) {
        self.numbering = Some(Box::new(Numbering { prefix: prefix.into(), next, failed_event_has_next: false }));
    }

    /// Writes, by `write`, a replacement for the event that failed. The replacement takes the number of that event, or none if
    /// the event has its own id. So the following events keep their numbers, from which a handler resumes.
    #[cfg(feature = "server")]
    pub(crate) fn replace<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> T {
        let Some(mut numbering) = self.numbering.take() else { return write(self) };
        if !mem::take(&mut numbering.failed_event_has_next) {
            let replaced = write(self);
            self.numbering = Some(numbering);
            return replaced;
        }
        let next = numbering.next.saturating_add(1);
        self.numbering = Some(numbering);
        let replaced = write(self);
        if let Some(numbering) = &mut self.numbering {
            (numbering.next, numbering.failed_event_has_next) = (next, false);
        }
        replaced
    }

    /// Writes one item: an event, an [`Event`](crate::Event) with id and reconnection time, or an
    /// [`Encoded`](super::Encoded) one.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the event cannot be encoded. No byte of it is written then, and the encoder stays usable.
    ///
    /// # Panics
    ///
    /// Panics if the code of the item panics. No byte of the item is written then. If the panic is caught, the encoder stays
    /// usable.
    pub fn encode<I: EventItem + ?Sized>(&mut self, item: &I) -> Result<(), EncodeError> {
        item.write(self)
    }

    /// Writes a comment, which clients ignore. Each line of `text` becomes a comment line.
    pub fn comment(&mut self, text: &str) {
        let out = self.buffer.prepare(self.last_frame_len);
        let mut rest = text.as_bytes();
        loop {
            let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            out.push(b':');
            if end > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(&rest[..end]);
            out.push(b'\n');
            if end == rest.len() {
                break;
            }
            rest = &rest[end + if rest[end..].starts_with(b"\r\n") { 2 } else { 1 }..];
        }
        out.push(b'\n');
    }

    /// Writes a block that only sets the client's reconnection time, rounded up to whole milliseconds.
    pub fn retry(&mut self, retry: Duration) {
        let out = self.buffer.prepare(self.last_frame_len);
        EventWriter::new(out).retry(retry);
        out.push(b'\n');
    }

    /// How many events were written since the encoder was created.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// How many bytes are buffered.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether no bytes are buffered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the buffered bytes.
    ///
    /// A single [`Encoded`](super::Encoded) event, or a single slice of a hub, is returned without a copy. Everything else is
    /// returned as one allocation of its size, and the encoder keeps up to 2 KiB of its buffer.
    pub fn take(&mut self) -> Bytes {
        if let Buffer::Own(out) = &mut self.buffer
            && out.capacity() <= MAX_IDLE_CAPACITY
        {
            // Most frames are small, and copying them is cheaper than growing a vector for each. Parts of a larger buffer are
            // not cheaper, because their references are counted with atomic operations. A boxed slice has no spare capacity
            // that `Bytes` would have to look for.
            let bytes = Bytes::from(Box::<[u8]>::from(out.as_slice()));
            out.clear();
            return bytes;
        }
        self.take_large()
    }

    /// Takes shared bytes, or a large buffer. It is not inlined, which keeps the frames of small events short.
    #[inline(never)]
    fn take_large(&mut self) -> Bytes {
        // There may be many connections, and each is idle most of the time. Do not keep a large buffer for an idle one.
        let out = match mem::take(&mut self.buffer) {
            Buffer::Own(out) => out,
            Buffer::Shared(shared) => return shared,
        };
        self.last_frame_len =
            if out.len() > MAX_IDLE_CAPACITY { u32::try_from(out.len()).unwrap_or(u32::MAX) } else { 0 };
        if out.capacity() - out.len() > out.len() / 2 { Bytes::copy_from_slice(&out) } else { out.into() }
    }

    /// Frees the buffer. Its bytes are discarded.
    #[cfg(feature = "server")]
    pub(crate) fn free(&mut self) {
        self.buffer = Buffer::default();
    }

    /// Whether the buffer is large enough for a frame of `batch` bytes. Appending to a large shared slice would copy it, which
    /// costs more than another frame, so a large shared slice counts as full.
    pub(crate) const fn is_full(&self, batch: usize) -> bool {
        let len = self.len();
        len > 0 && (len >= batch || len >= MIN_SHARED_FRAME && matches!(self.buffer, Buffer::Shared(_)))
    }

    /// Discards everything after the first `len` bytes and `events` events. Used after a panic, which may have occurred while an
    /// item was written or just after it.
    #[cfg(feature = "server")]
    pub(crate) fn roll_back(&mut self, len: usize, events: u64) {
        match &mut self.buffer {
            Buffer::Own(out) => out.truncate(len),
            // They are those of one item, which is discarded as a whole. With earlier bytes they would have been copied.
            Buffer::Shared(shared) if len < shared.len() => self.buffer = Buffer::default(),
            Buffer::Shared(_) => {}
        }
        self.events = events;
    }

    /// Writes one block, or nothing if `encode` writes nothing or fails.
    #[inline]
    pub(super) fn write_block(
        &mut self,
        id: Option<&EventId>,
        retry: Option<Duration>,
        encode: impl FnOnce(&mut EventWriter<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let out = self.buffer.prepare(self.last_frame_len);
        let start = out.len();
        let block = BlockGuard { out, start };
        let mut event = EventWriter::new(block.out);
        event.write_envelope(id, retry);
        if let Err(error) = encode(&mut event) {
            if let Some(numbering) = &mut self.numbering {
                numbering.failed_event_has_next = !event.has_own_id();
            }
            return Err(error);
        }
        if event.has_content() {
            if let (false, Some(numbering)) = (event.has_id(), &mut self.numbering) {
                event.insert_numbered_id(start, &numbering.prefix, numbering.next);
                numbering.next = numbering.next.saturating_add(1);
            }
            event.finish();
            block.commit();
            self.events += 1;
        }
        Ok(())
    }

    /// The capacity of the buffer, in bytes.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        match &self.buffer {
            Buffer::Own(out) => out.capacity(),
            Buffer::Shared(_) => 0,
        }
    }

    /// Writes an event without its id. The hub assigns another, or none.
    #[cfg(feature = "hub")]
    pub(crate) fn encode_without_id<E: EncodeEvent>(&mut self, event: &E) -> Result<(), EncodeError> {
        self.write_block(None, None, |writer| {
            writer.omit_id();
            event.encode(writer)
        })
        .map_err(|error| error.with_event_type(event.event_type()))
    }

    /// The buffered bytes.
    #[cfg(feature = "hub")]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.buffer.as_slice()
    }

    /// Discards the buffered bytes, and keeps up to 64 KiB of the buffer.
    #[cfg(feature = "hub")]
    pub(crate) fn clear(&mut self) {
        match &mut self.buffer {
            Buffer::Own(out) => {
                out.clear();
                out.shrink_to(MAX_HUB_CAPACITY);
            }
            Buffer::Shared(_) => self.buffer = Buffer::default(),
        }
    }

    /// Appends events that are already encoded.
    #[cfg(feature = "hub")]
    pub(crate) fn append(&mut self, bytes: &[u8], events: u64) {
        self.buffer.prepare(self.last_frame_len).extend_from_slice(bytes);
        self.events += events;
    }

    /// Appends events that are already encoded. `share` returns the same bytes as a shared handle.
    pub(crate) fn append_shared(&mut self, bytes: &[u8], events: u64, share: impl FnOnce() -> Bytes) {
        if !self.is_empty() {
            self.buffer.prepare(self.last_frame_len).extend_from_slice(bytes);
        } else if !bytes.is_empty() {
            self.buffer = Buffer::Shared(share());
        }
        self.events += events;
    }
}

/// Guards a block that is being written. Unless it is committed, its bytes are discarded: after an error or a panic, half a
/// block would become part of the next event.
struct BlockGuard<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl BlockGuard<'_> {
    #[inline]
    fn commit(mut self) {
        self.start = usize::MAX;
    }
}

impl Drop for BlockGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.out.truncate(self.start);
    }
}

/// Shared bytes of at least this size are a frame of their own.
const MIN_SHARED_FRAME: usize = 4 << 10;

/// The limit of the buffer that an idle encoder keeps, in bytes.
const MAX_IDLE_CAPACITY: usize = 2 << 10;

/// The first capacity of the buffer, in bytes.
const INITIAL_CAPACITY: usize = 128;

/// The limit of the buffer that the encoder of a hub keeps, which all publishers share.
#[cfg(feature = "hub")]
const MAX_HUB_CAPACITY: usize = 64 << 10;
