use std::{fmt, time::Duration};

use bytes::Bytes;
use memchr::memchr2;

use self::{
    block::Block,
    line::{Digits, Field, LONGEST_PREFIX, classify},
};
use crate::event::RawEventRef;

mod block;
mod line;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

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

    chunk: Bytes,
    /// The first byte of the chunk that was not read.
    position: usize,
    bom: usize,
    /// A line has ended in CR: an LF right behind it belongs to that end.
    after_cr: bool,
    /// The line that an earlier chunk began.
    line: Line,
    /// Its bytes, as far as they are not in the block's data.
    line_bytes: Vec<u8>,

    block: Block,
    /// The block was lent, and is over.
    dispatched: bool,
    /// The block is too large, and is passed over.
    discarding: bool,

    last_event_id: String,
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

/// The state of a line that is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Nothing of it was read.
    Start,
    /// What was read, in `line_bytes`, does not say yet which field it is.
    Name,
    /// Its value goes straight to the block's data.
    Data,
    /// Its value gathers in `line_bytes`.
    Event,
    Id,
    Comment,
    Retry(Digits),
    /// Whatever it is, nobody asks for it.
    Ignored,
}

/// What one step through the input came to.
enum Step {
    Continue,
    Exhausted,
    Dispatch,
    Comment(Value),
    TooLarge,
}

/// Where the value of a line lies.
#[derive(Clone, Copy)]
enum Value {
    Chunk { start: usize, end: usize },
    LineBytes { start: usize },
}

const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// 16 MiB.
const MAX_EVENT_SIZE: usize = 16 << 20;

/// What an idle buffer keeps allocated at most, in bytes.
const KEPT_ROOM: usize = 64 << 10;

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
            chunk: Bytes::new(),
            position: 0,
            bom: 0,
            after_cr: false,
            line: Line::Start,
            line_bytes: Vec::new(),
            block: Block::new(),
            dispatched: false,
            discarding: false,
            last_event_id: String::new(),
            reconnection_time: None,
        }
    }

    /// The size up to which an event is read, in bytes: the sum of the values of its `data`, `event` and `id` lines, and
    /// one for each `data` line. 16 MiB unless said otherwise. It bounds the memory that the decoder uses.
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

    /// Starts from a last event ID, as a client does that resumes.
    #[must_use]
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = id.into();
        self
    }

    /// The last event ID: what a client that reconnects sends as `Last-Event-ID`. Empty when there is none.
    ///
    /// It is up to date right behind each item, and moves by blocks without data too.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The reconnection time that the stream has set, whichever block it stood in.
    #[must_use]
    pub const fn reconnection_time(&self) -> Option<Duration> {
        self.reconnection_time
    }

    /// Begins the next connection of the same source: what is unfinished is dropped, as the standard says of the end of
    /// a stream, and the last event ID and the reconnection time stay.
    pub fn restart(&mut self) {
        self.chunk = Bytes::new();
        self.position = 0;
        self.bom = 0;
        self.after_cr = false;
        self.line = Line::Start;
        self.line_bytes.clear();
        self.block.clear();
        self.dispatched = false;
        self.discarding = false;
    }

    /// Gives the decoder the next chunk of the stream.
    ///
    /// What is left of the chunk before is not lost: it is read first, at the price of a copy.
    pub fn feed(&mut self, chunk: impl Into<Bytes>) {
        self.end_dispatch();
        let chunk = chunk.into();
        let left = self.chunk.len() - self.position;
        self.block.keep(&self.chunk);
        self.chunk = if left == 0 {
            chunk
        } else {
            let mut both = Vec::with_capacity(left + chunk.len());
            both.extend_from_slice(&self.chunk[self.position..]);
            both.extend_from_slice(&chunk);
            both.into()
        };
        self.position = 0;
    }

    /// The next item of the chunk, or `None` when the chunk is used up.
    ///
    /// # Errors
    ///
    /// [`EventTooLarge`], once for each event that is.
    pub fn next_item(&mut self) -> Option<Result<Item<'_>, EventTooLarge>> {
        self.end_dispatch();
        loop {
            match self.step() {
                Step::Continue => {}
                Step::Exhausted => return None,
                Step::Dispatch => {
                    self.dispatched = true;
                    let id = self.block.has_id().then_some(&*self.last_event_id);
                    return Some(Ok(Item::Event(self.block.lend(&self.chunk, id))));
                }
                Step::Comment(value) => return Some(Ok(Item::Comment(self.lend_comment(value)))),
                Step::TooLarge => return Some(Err(EventTooLarge { limit: self.max_event_size })),
            }
        }
    }

    fn end_dispatch(&mut self) {
        if self.dispatched {
            self.dispatched = false;
            self.block.clear();
        }
    }

    fn step(&mut self) -> Step {
        if self.bom < BOM.len() && !self.skip_bom() {
            return self.exhausted();
        }
        if self.after_cr {
            match self.chunk.get(self.position) {
                None => return self.exhausted(),
                Some(b'\n') => self.position += 1,
                Some(_) => {}
            }
            self.after_cr = false;
        }
        let rest = &self.chunk[self.position..];
        if rest.is_empty() {
            return self.exhausted();
        }
        let start = self.position;
        let Some(length) = memchr2(b'\r', b'\n', rest) else {
            self.position = self.chunk.len();
            return self.part_of_line(start, self.chunk.len());
        };
        let end = start + length;
        self.position = end + 1;
        if self.chunk[end] == b'\r' {
            match self.chunk.get(self.position) {
                None => self.after_cr = true,
                Some(b'\n') => self.position += 1,
                Some(_) => {}
            }
        }
        if self.line == Line::Start {
            if length == 0 {
                return self.end_of_block();
            }
            let (field, offset) = classify(&self.chunk[start..end]);
            return self.field(field, Value::Chunk { start: start + offset, end });
        }
        match self.part_of_line(start, end) {
            Step::Continue => self.end_of_line(),
            stop => {
                // The line made its event too large; its end is read, and changes nothing.
                self.line = Line::Start;
                stop
            }
        }
    }

    /// Takes the byte order mark off the start of the stream. False while it may still be one.
    fn skip_bom(&mut self) -> bool {
        while self.bom < BOM.len() {
            match self.chunk.get(self.position) {
                None => return false,
                Some(&byte) if byte == BOM[self.bom] => {
                    self.bom += 1;
                    self.position += 1;
                }
                Some(_) => {
                    if self.bom > 0 {
                        // Its first bytes were text after all, of a field that nobody knows.
                        self.line = Line::Ignored;
                    }
                    self.bom = BOM.len();
                }
            }
        }
        true
    }

    fn exhausted(&mut self) -> Step {
        self.block.keep(&self.chunk);
        self.chunk = Bytes::new();
        self.position = 0;
        Step::Exhausted
    }

    /// A line that lies in one chunk, or is as short as a name, is read whole.
    fn field(&mut self, field: Field, value: Value) -> Step {
        match field {
            Field::Retry => {
                let mut digits = Digits::new();
                digits.push(self.value(value));
                self.set_reconnection_time(digits);
            }
            Field::Comment if self.comments && self.value(value).len() <= self.max_event_size => {
                return Step::Comment(value);
            }
            Field::Comment | Field::Unknown => {}
            Field::Data | Field::Event | Field::Id if self.discarding => {}
            Field::Data => {
                if self.grow(self.value(value).len() + 1) {
                    return self.too_large();
                }
                match value {
                    Value::Chunk { start, end } => self.block.data_in_chunk(&self.chunk, start, end),
                    Value::LineBytes { start } => {
                        self.block.begin_data_line(&self.chunk);
                        self.block.push_data(&self.line_bytes[start..]);
                    }
                }
            }
            Field::Event => {
                if self.grow(self.value(value).len()) {
                    return self.too_large();
                }
                match value {
                    Value::Chunk { start, end } => self.block.event_in_chunk(start, end),
                    Value::LineBytes { start } => self.block.event_type(&self.line_bytes[start..]),
                }
            }
            Field::Id => {
                if self.grow(self.value(value).len()) {
                    return self.too_large();
                }
                match value {
                    Value::Chunk { start, end } => self.block.id(&self.chunk[start..end]),
                    Value::LineBytes { start } => self.block.id(&self.line_bytes[start..]),
                }
            }
        }
        Step::Continue
    }

    fn value(&self, value: Value) -> &[u8] {
        match value {
            Value::Chunk { start, end } => &self.chunk[start..end],
            Value::LineBytes { start } => &self.line_bytes[start..],
        }
    }

    /// Takes `chunk[start..end]`, a piece of a line that is not in one chunk.
    fn part_of_line(&mut self, mut start: usize, end: usize) -> Step {
        if self.line == Line::Start {
            self.line_bytes.clear();
            self.line = Line::Name;
        }
        if self.line == Line::Name {
            let missing = LONGEST_PREFIX.saturating_sub(self.line_bytes.len());
            let middle = end.min(start + missing);
            self.line_bytes.extend_from_slice(&self.chunk[start..middle]);
            start = middle;
            if self.line_bytes.len() < LONGEST_PREFIX {
                return Step::Continue;
            }
            if self.begin_field() {
                return self.too_large();
            }
        }
        let piece = start..end;
        match &mut self.line {
            Line::Data => {
                if self.grow(piece.len()) {
                    return self.too_large();
                }
                self.block.push_data(&self.chunk[piece]);
            }
            Line::Event | Line::Id => {
                if self.grow(piece.len()) {
                    return self.too_large();
                }
                self.line_bytes.extend_from_slice(&self.chunk[piece]);
            }
            Line::Comment => {
                if self.line_bytes.len() + piece.len() > self.max_event_size {
                    self.line = Line::Ignored;
                    self.line_bytes = Vec::new();
                } else {
                    self.line_bytes.extend_from_slice(&self.chunk[piece]);
                }
            }
            Line::Retry(digits) => digits.push(&self.chunk[piece]),
            Line::Start | Line::Name | Line::Ignored => {}
        }
        Step::Continue
    }

    /// Enough of a line was read to say which field it is. True when that makes the event too large.
    fn begin_field(&mut self) -> bool {
        let (field, offset) = classify(&self.line_bytes);
        self.line = match field {
            Field::Comment if self.comments => Line::Comment,
            Field::Comment | Field::Unknown => Line::Ignored,
            Field::Retry => {
                let mut digits = Digits::new();
                digits.push(&self.line_bytes[offset..]);
                Line::Retry(digits)
            }
            Field::Data | Field::Event | Field::Id if self.discarding => Line::Ignored,
            Field::Data => Line::Data,
            Field::Event => Line::Event,
            Field::Id => Line::Id,
        };
        match self.line {
            Line::Data => {
                self.block.begin_data_line(&self.chunk);
                self.block.push_data(&self.line_bytes[offset..]);
            }
            Line::Event | Line::Id | Line::Comment => {
                self.line_bytes.drain(..offset);
                if self.line == Line::Comment {
                    return false;
                }
                return self.grow(self.line_bytes.len());
            }
            _ => return false,
        }
        self.grow(LONGEST_PREFIX - offset)
    }

    /// The line that began in an earlier chunk is read.
    fn end_of_line(&mut self) -> Step {
        let line = std::mem::replace(&mut self.line, Line::Start);
        match line {
            Line::Name => {
                if self.line_bytes.is_empty() {
                    return self.end_of_block();
                }
                let (field, offset) = classify(&self.line_bytes);
                return self.field(field, Value::LineBytes { start: offset });
            }
            Line::Data => {
                if self.grow(1) {
                    return self.too_large();
                }
            }
            Line::Event => self.block.event_type(&self.line_bytes),
            Line::Id => self.block.id(&self.line_bytes),
            Line::Comment => return Step::Comment(Value::LineBytes { start: 0 }),
            Line::Retry(digits) => self.set_reconnection_time(digits),
            Line::Start | Line::Ignored => {}
        }
        Step::Continue
    }

    /// An empty line: the block is over.
    fn end_of_block(&mut self) -> Step {
        if self.discarding {
            self.discarding = false;
            self.block.clear();
            return Step::Continue;
        }
        self.block.commit_id(&mut self.last_event_id);
        if self.block.has_data() {
            Step::Dispatch
        } else {
            self.block.clear();
            Step::Continue
        }
    }

    fn set_reconnection_time(&mut self, digits: Digits) {
        if let Some(millis) = digits.value() {
            let time = Duration::from_millis(millis);
            self.reconnection_time = Some(time);
            self.block.retry = Some(time);
        }
    }

    /// Adds to the size of the event. True when it is too large now.
    fn grow(&mut self, bytes: usize) -> bool {
        self.block.size = self.block.size.saturating_add(bytes);
        self.block.size > self.max_event_size
    }

    fn too_large(&mut self) -> Step {
        self.block.clear();
        self.discarding = true;
        if self.line != Line::Start {
            self.line = Line::Ignored;
            self.line_bytes = Vec::new();
        }
        Step::TooLarge
    }

    fn lend_comment(&mut self, value: Value) -> &str {
        let bytes = match value {
            Value::Chunk { start, end } => &self.chunk[start..end],
            Value::LineBytes { start } => &self.line_bytes[start..],
        };
        self.block.lend_text(bytes)
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("max_event_size", &self.max_event_size)
            .field("comments", &self.comments)
            .field("unread", &(self.chunk.len() - self.position))
            .field("last_event_id", &self.last_event_id)
            .field("reconnection_time", &self.reconnection_time)
            .finish_non_exhaustive()
    }
}
