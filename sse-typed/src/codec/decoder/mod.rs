use std::{collections::VecDeque, fmt, time::Duration};

use bytes::Bytes;
use bytestring::ByteString;

use self::{
    block::Block,
    large::ReplacedChunk,
    line_ends::LineEnds,
    step::{LineState, Stop},
    text::{FieldText, LineValue, clear_buffer},
    utf8::Utf8Decoder,
};
pub use self::{end::UnfinishedEvent, ignored::IgnoredLines};
use crate::event::RawEventRef;

mod block;
mod end;
#[cfg(test)]
mod end_tests;
mod ignored;
mod large;
mod line;
mod line_ends;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod split_tests;
mod step;
#[cfg(test)]
mod tests;
mod text;
mod utf8;

/// Decodes `text/event-stream` bytes, which may be split into chunks anywhere.
///
/// [`feed`](Self::feed) it a chunk, then take items with [`next_item`](Self::next_item) until it returns `None`, then feed the
/// next chunk. Each byte is examined once, whatever the size of chunks and events. An event within one chunk is borrowed from
/// it. An event that spans several chunks is copied once, and an owned copy of one over 64 KiB shares that memory.
///
/// Malformed input is not an error: [the standard][standard] gives every sequence of bytes a meaning. Lines end in LF, CR or
/// CRLF, one byte order mark at the start is removed, invalid UTF-8 becomes U+FFFD, and unknown fields are ignored. The only
/// error is an event larger than [`max_event_size`](Self::max_event_size); decoding continues with the next event.
///
/// See the [module](crate::codec) for an example.
///
/// [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
pub struct Decoder {
    max_event_size: usize,
    comments: bool,
    updates: bool,
    /// [`finish`](Self::finish) was called: no further chunk follows.
    finishing: bool,

    /// Chunks that were fed before the current one was used up.
    queue: VecDeque<Bytes>,
    utf8: Utf8Decoder,
    /// No text was received yet, so a byte order mark may follow.
    at_start: bool,

    chunk: ByteString,
    /// The first byte of the chunk that was not examined.
    position: usize,
    line_ends: LineEnds,
    /// The chunk, while `chunk` is the text of a large event that is the item.
    replaced_chunk: Option<Box<ReplacedChunk>>,
    /// The previous chunk ended in CR. An LF at the start of this one belongs to the same line end.
    after_cr: bool,
    /// The state of a line that an earlier chunk began.
    line: LineState,
    /// The text of that line, except what is already in the block's data.
    line_text: String,

    /// The last comment.
    comment: LineValue,
    block: Block,
    /// The block was returned as an item, and must be cleared.
    dispatched: bool,
    /// The block is too large, and is skipped.
    discarding: bool,

    /// Lines that are neither a field nor a comment.
    ignored: IgnoredLines,

    last_event_id: FieldText,
    reconnection_time: Option<Duration>,
}

/// An item of [`Decoder::next_item`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An event.
    Event(RawEventRef<'a>),
    /// A comment, without its colon and one following space. Only with [`Decoder::comments`].
    Comment(&'a str),
    /// A block without data, which is not an event and sets the last event ID, the reconnection time, or both. Only with
    /// [`Decoder::updates`].
    Update {
        /// The last event ID. `Some("")` clears it.
        id: Option<&'a str>,
        /// The reconnection time.
        retry: Option<Duration>,
    },
}

/// An event was larger than the decoder's limit. The decoder continues with the next event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTooLarge {
    limit: usize,
}

impl EventTooLarge {
    /// The limit, in bytes; see [`Decoder::max_event_size`].
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

impl fmt::Display for EventTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event is larger than the limit of {} bytes (max_event_size), and was skipped", self.limit)
    }
}

impl std::error::Error for EventTooLarge {}

/// The default limit of an event: 16 MiB.
const DEFAULT_MAX_EVENT_SIZE: usize = 16 << 20;

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_event_size: DEFAULT_MAX_EVENT_SIZE,
            comments: false,
            updates: false,
            finishing: false,
            queue: VecDeque::new(),
            utf8: Utf8Decoder::new(),
            at_start: true,
            chunk: ByteString::new(),
            position: 0,
            line_ends: LineEnds::new(),
            replaced_chunk: None,
            after_cr: false,
            line: LineState::Start,
            line_text: String::new(),
            comment: LineValue::LineText { start: 0 },
            block: Block::new(),
            dispatched: false,
            discarding: false,
            ignored: IgnoredLines::new(),
            last_event_id: FieldText::new(),
            reconnection_time: None,
        }
    }

    /// Sets the limit of an event's size, in bytes. The default is 16 MiB.
    ///
    /// The size is the sum of the values of the `data`, `event` and `id` lines, plus one for each `data` line. Values are measured
    /// as text, so invalid UTF-8 counts as the U+FFFD that replaces it. The decoder allocates at most a small multiple of the
    /// limit.
    ///
    /// A larger event yields one [`EventTooLarge`] and is skipped, including its id. Comments over the limit are skipped without
    /// an error.
    #[must_use]
    pub const fn max_event_size(mut self, bytes: usize) -> Self {
        self.max_event_size = bytes;
        self
    }

    /// Sets whether comments are items. The default is `false`.
    #[must_use]
    pub const fn comments(mut self, yes: bool) -> Self {
        self.comments = yes;
        self
    }

    /// Sets whether blocks without data that set the last event ID or the reconnection time are items. The default is `false`.
    /// They take effect in both cases.
    #[must_use]
    pub const fn updates(mut self, yes: bool) -> Self {
        self.updates = yes;
        self
    }

    pub(crate) const fn gives_updates(&self) -> bool {
        self.updates
    }

    /// Sets the last event ID at the start, for a stream that is resumed.
    #[must_use]
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id.set_owned(id.into());
        self
    }

    /// The last event ID, which a client that reconnects sends as `Last-Event-ID`. Empty if there is none.
    ///
    /// It is current after each item. Blocks without data change it, too.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.last_event_id.get(&self.chunk)
    }

    /// The last reconnection time that the stream has set, in any block.
    #[must_use]
    pub const fn reconnection_time(&self) -> Option<Duration> {
        self.reconnection_time
    }

    /// Starts the next connection of the same source. Chunks that were not decoded and an unfinished event are discarded, as the
    /// standard requires at the end of a stream. The last event ID and the reconnection time are kept.
    pub fn restart(&mut self) {
        self.last_event_id.copy_from_chunk(&self.chunk);
        self.replaced_chunk = None;
        self.set_chunk(ByteString::new());
        self.queue.clear();
        self.finishing = false;
        self.utf8.restart();
        self.at_start = true;
        self.after_cr = false;
        self.line = LineState::Start;
        clear_buffer(&mut self.line_text);
        self.block.clear();
        self.dispatched = false;
        self.discarding = false;
        self.ignored.clear();
    }

    /// Gives the decoder the next chunk of the stream.
    ///
    /// Chunks that are fed before the previous one is used up are queued. [`max_event_size`](Self::max_event_size) does not limit
    /// the queue.
    pub fn feed(&mut self, chunk: impl Into<Bytes>) {
        self.clear_dispatched();
        let chunk = chunk.into();
        if self.chunk.is_empty() && self.queue.is_empty() {
            if !self.take_small_chunk(&chunk) {
                self.begin_chunk(chunk);
            }
        } else {
            self.queue.push_back(chunk);
        }
    }

    /// Returns the next item, or `None` if the chunks are used up.
    ///
    /// # Errors
    ///
    /// [`EventTooLarge`], once for each event over the limit.
    // The code outside of `read` is small. Inlined, it builds the event where the caller uses it. Otherwise the event would be
    // stored in parts and loaded as a whole right after, which is slow on processors.
    #[expect(clippy::inline_always, reason = "measured: 5 ns of an event that is decoded into a type")]
    #[inline(always)]
    pub fn next_item(&mut self) -> Option<Result<Item<'_>, EventTooLarge>> {
        Some(match self.read() {
            Stop::Event => {
                let event = self.block.as_raw_ref(&self.chunk);
                Ok(Item::Event(event.with_last_event_id(self.last_event_id.get(&self.chunk))))
            }
            Stop::Exhausted => return None,
            Stop::Comment => Ok(Item::Comment(self.comment.of(&self.chunk, &self.line_text))),
            Stop::Update => {
                let block = self.block.as_raw_ref(&self.chunk);
                Ok(Item::Update { id: block.id(), retry: block.retry() })
            }
            Stop::TooLarge => Err(EventTooLarge { limit: self.max_event_size }),
        })
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unread = match &self.replaced_chunk {
            Some(replaced) => replaced.unread(),
            None => self.chunk.len() - self.position,
        };
        f.debug_struct("Decoder")
            .field("max_event_size", &self.max_event_size)
            .field("comments", &self.comments)
            .field("updates", &self.updates)
            .field("unread", &unread)
            .field("last_event_id", &self.last_event_id())
            .field("reconnection_time", &self.reconnection_time)
            .finish_non_exhaustive()
    }
}
