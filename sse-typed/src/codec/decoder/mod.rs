use std::{collections::VecDeque, fmt, time::Duration};

use bytes::Bytes;
use bytestring::ByteString;

use self::{
    block::Block,
    line_ends::LineEnds,
    step::{Line, Stop},
    text::{Text, Value, empty},
    utf8::Utf8,
};
pub use self::{end::UnfinishedEvent, ignored::IgnoredLines};
use crate::event::RawEventRef;

mod block;
mod end;
#[cfg(test)]
mod end_tests;
mod ignored;
mod line;
mod line_ends;
#[cfg(test)]
mod naive;
mod step;
#[cfg(test)]
mod tests;
mod text;
mod utf8;

/// Reads `text/event-stream` bytes, however they are cut into chunks.
///
/// [`feed`](Self::feed) it a chunk, then take items with [`next_item`](Self::next_item) until there is none, and feed the
/// next. Each byte is looked at once, whatever the size of chunks and events. An event that lies in one chunk is lent as
/// it lies there; one that does not is copied once.
///
/// Malformed input is no error: [the standard][standard] gives every sequence of bytes a meaning. Lines end in LF, CR or
/// CRLF, one byte order mark is taken off the start, invalid UTF-8 becomes U+FFFD, unknown fields are ignored. The only
/// error is an event larger than [`max_event_size`](Self::max_event_size); the event behind it is read again.
///
/// See the [module](crate::codec) for an example.
///
/// [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
pub struct Decoder {
    max_event_size: usize,
    comments: bool,
    updates: bool,
    /// No other chunk will come.
    finishing: bool,

    /// What was fed before the chunk was used up.
    queue: VecDeque<Bytes>,
    utf8: Utf8,
    /// Nothing of the stream's text has come: a byte order mark may.
    at_start: bool,

    chunk: ByteString,
    /// The first byte of the chunk that was not read.
    position: usize,
    line_ends: LineEnds,
    /// The chunk before has ended in CR: an LF right behind it belongs to that end.
    after_cr: bool,
    /// The line that an earlier chunk began.
    line: Line,
    /// Its text, as far as it is not in the block's data.
    line_text: String,

    /// The comment that was read last.
    comment: Value,
    block: Block,
    /// The block was lent, and is over.
    dispatched: bool,
    /// The block is too large, and is passed over.
    discarding: bool,

    /// Lines that are neither a field nor a comment.
    ignored: IgnoredLines,

    last_event_id: Text,
    reconnection_time: Option<Duration>,
}

/// What [`Decoder::next_item`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An event.
    Event(RawEventRef<'a>),
    /// A comment, without its colon and one space behind it. Only if they were [asked for](Decoder::comments).
    Comment(&'a str),
    /// A block without data, which is no event and sets the last event ID, the reconnection time, or both. Only if they were
    /// [asked for](Decoder::updates).
    Update {
        /// The last event ID. `Some("")` clears it.
        id: Option<&'a str>,
        /// The reconnection time.
        retry: Option<Duration>,
    },
}

/// An event was larger than the decoder's limit. The decoder goes on with the event behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTooLarge {
    limit: usize,
}

impl EventTooLarge {
    /// The limit, in bytes of the event's fields.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

impl fmt::Display for EventTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event is larger than the limit of {} bytes (max_event_size), and was passed over", self.limit)
    }
}

impl std::error::Error for EventTooLarge {}

/// 16 MiB.
const MAX_EVENT_SIZE: usize = 16 << 20;

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
            max_event_size: MAX_EVENT_SIZE,
            comments: false,
            updates: false,
            finishing: false,
            queue: VecDeque::new(),
            utf8: Utf8::new(),
            at_start: true,
            chunk: ByteString::new(),
            position: 0,
            line_ends: LineEnds::new(),
            after_cr: false,
            line: Line::Start,
            line_text: String::new(),
            comment: Value::LineText { start: 0 },
            block: Block::new(),
            dispatched: false,
            discarding: false,
            ignored: IgnoredLines::new(),
            last_event_id: Text::new(),
            reconnection_time: None,
        }
    }

    /// The size up to which an event is read, in bytes: the sum of the values of its `data`, `event` and `id` lines, as
    /// text (what was not valid UTF-8 counts as what it became), and one for each `data` line. 16 MiB unless said
    /// otherwise. What the decoder allocates is a small multiple of it at most.
    ///
    /// A larger event is one [`EventTooLarge`], and is passed over: its id does not count. Comments longer than this
    /// are passed over silently.
    #[must_use]
    pub const fn max_event_size(mut self, bytes: usize) -> Self {
        self.max_event_size = bytes;
        self
    }

    /// Whether comments are items. They are not, unless said otherwise.
    #[must_use]
    pub const fn comments(mut self, yes: bool) -> Self {
        self.comments = yes;
        self
    }

    /// Whether blocks without data that set the last event ID or the reconnection time are items. They are not, unless said
    /// otherwise, and take effect all the same.
    #[must_use]
    pub const fn updates(mut self, yes: bool) -> Self {
        self.updates = yes;
        self
    }

    pub(crate) const fn gives_updates(&self) -> bool {
        self.updates
    }

    /// Starts from a last event ID, as a client does that resumes.
    #[must_use]
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id.own(id.into());
        self
    }

    /// The last event ID: what a client that reconnects sends as `Last-Event-ID`. Empty when there is none.
    ///
    /// It is up to date right behind each item, and moves by blocks without data too.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.last_event_id.get(&self.chunk)
    }

    /// The reconnection time that the stream has set, whichever block it stood in.
    #[must_use]
    pub const fn reconnection_time(&self) -> Option<Duration> {
        self.reconnection_time
    }

    /// Begins the next connection of the same source: what is unfinished is dropped, as the standard says of the end of
    /// a stream, and the last event ID and the reconnection time stay.
    pub fn restart(&mut self) {
        self.last_event_id.keep(&self.chunk);
        self.set_chunk(ByteString::new());
        self.queue.clear();
        self.finishing = false;
        self.utf8.restart();
        self.at_start = true;
        self.after_cr = false;
        self.line = Line::Start;
        empty(&mut self.line_text);
        self.block.clear();
        self.dispatched = false;
        self.discarding = false;
        self.ignored.clear();
    }

    /// Gives the decoder the next chunk of the stream.
    ///
    /// Chunks that are fed before the one before them is used up wait for their turn. They are not counted by
    /// [`max_event_size`](Self::max_event_size).
    pub fn feed(&mut self, chunk: impl Into<Bytes>) {
        self.end_of_event();
        let chunk = chunk.into();
        if self.chunk.is_empty() && self.queue.is_empty() {
            self.begin_chunk(chunk);
        } else {
            self.queue.push_back(chunk);
        }
    }

    /// The next item of the chunk, or `None` when the chunk is used up.
    ///
    /// # Errors
    ///
    /// [`EventTooLarge`], once for each event that is.
    // What is outside of `read` is little. Where it is inlined the event is made where it is needed; moved as a whole it would
    // be loaded just after it was stored piece by piece, which processors are slow at.
    #[expect(clippy::inline_always, reason = "measured: 5 ns of an event that is decoded into a type")]
    #[inline(always)]
    pub fn next_item(&mut self) -> Option<Result<Item<'_>, EventTooLarge>> {
        Some(match self.read() {
            Stop::Event => {
                let event = self.block.lend(&self.chunk);
                Ok(Item::Event(event.with_last_event_id(self.last_event_id.get(&self.chunk))))
            }
            Stop::Exhausted => return None,
            Stop::Comment => Ok(Item::Comment(self.comment.of(&self.chunk, &self.line_text))),
            Stop::Update => {
                let block = self.block.lend(&self.chunk);
                Ok(Item::Update { id: block.id(), retry: block.retry() })
            }
            Stop::TooLarge => Err(EventTooLarge { limit: self.max_event_size }),
        })
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("max_event_size", &self.max_event_size)
            .field("comments", &self.comments)
            .field("updates", &self.updates)
            .field("unread", &(self.chunk.len() - self.position))
            .field("last_event_id", &self.last_event_id())
            .field("reconnection_time", &self.reconnection_time)
            .finish_non_exhaustive()
    }
}
