//! From text to lines, and from lines to fields: the part of the decoder that knows where a chunk ends.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use super::{
    Decoder,
    line::{Digits, Field, LONGEST_PREFIX, classify},
    line_ends::LineEnds,
    text::{Span, Value, empty},
};

/// The state of a line that is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing of it was read.
    Start,
    /// What was read, in `line_text`, does not say yet which field it is.
    Name,
    /// A value that goes straight to the block's data, or gathers in `line_text`.
    Field(Field),
    Retry(Digits),
    /// Neither a field nor a comment.
    Unknown,
    /// Whatever it is, nobody asks for it.
    Ignored,
}

/// Where reading stops.
#[derive(Clone, Copy)]
pub(super) enum Stop {
    Exhausted,
    Event,
    /// Its text is `comment`.
    Comment,
    /// What it sets is in the block.
    Update,
    TooLarge,
}

const BYTE_ORDER_MARK: char = '\u{FEFF}';

impl Decoder {
    /// Reads line by line, up to the next item. What the item holds is left in the block, so that it is never moved: the
    /// caller's part is inlined where it is used.
    pub(super) fn read(&mut self) -> Stop {
        self.end_of_event();
        loop {
            let start = self.position;
            let bytes = self.chunk.as_bytes();
            let Some(end) = self.line_ends.next(bytes) else {
                match self.end_of_chunk() {
                    Some(stop) => return stop,
                    None => continue,
                }
            };
            self.position = end + 1;
            let stop = if self.line != Line::Start {
                self.end_of_line(Span { start, end })
            } else if start < end {
                self.line_in_chunk(Span { start, end })
            } else if bytes[end] == b'\n' && bytes.get(end.wrapping_sub(1)).map_or(self.after_cr, |byte| *byte == b'\r')
            {
                // The LF of a CRLF, whose CR has ended the line.
                None
            } else {
                self.end_of_block()
            };
            if let Some(stop) = stop {
                return stop;
            }
        }
    }

    /// A line that lies in one chunk.
    fn line_in_chunk(&mut self, Span { start, end }: Span) -> Option<Stop> {
        let line = &self.chunk.as_bytes()[start..end];
        // What encoders write comes first, and costs a comparison of a word or two.
        if line.starts_with(b"data: ") {
            self.data(Value::Chunk(Span { start: start + 6, end }))
        } else if line.starts_with(b"event: ") {
            self.event_type(Value::Chunk(Span { start: start + 7, end }))
        } else if line.starts_with(b"id: ") {
            self.id(Value::Chunk(Span { start: start + 4, end }))
        } else {
            let (field, offset) = classify(line);
            self.whole_line(field, Value::Chunk(Span { start: start + offset, end }))
        }
    }

    /// The chunk is used up: what is left of it is read, and then the next, if there is one.
    #[inline(never)]
    fn end_of_chunk(&mut self) -> Option<Stop> {
        let rest = Span { start: self.position, end: self.chunk.len() };
        if rest.start < rest.end {
            self.position = rest.end;
            if let Some(stop) = self.part_of_line(rest) {
                return Some(stop);
            }
        }
        if let Some(last) = self.chunk.as_bytes().last() {
            self.after_cr = *last == b'\r';
            self.keep();
            self.set_chunk(ByteString::new());
        }
        let Some(next) = self.queue.pop_front() else {
            return if self.finishing { self.end_of_stream() } else { Some(Stop::Exhausted) };
        };
        self.begin_chunk(next);
        None
    }

    /// The chunk goes: what is needed of it is copied. The room of a line that was put together is idle from here on.
    pub(super) fn keep(&mut self) {
        self.block.keep(&self.chunk);
        self.last_event_id.keep(&self.chunk);
        if self.line == Line::Start {
            empty(&mut self.line_text);
        }
    }

    pub(super) fn begin_chunk(&mut self, chunk: Bytes) {
        let text = self.utf8.decode(chunk);
        let is_marked = self.at_start && text.starts_with(BYTE_ORDER_MARK);
        self.at_start &= text.is_empty();
        self.set_chunk(text);
        if is_marked {
            self.position = BYTE_ORDER_MARK.len_utf8();
        }
    }

    pub(super) fn set_chunk(&mut self, text: ByteString) {
        self.chunk = text;
        self.position = 0;
        self.line_ends = LineEnds::new();
    }

    /// A line that lies in one chunk, or is as short as a name, is read whole.
    #[inline(never)]
    fn whole_line(&mut self, field: Field, value: Value) -> Option<Stop> {
        match field {
            Field::Data => self.data(value),
            Field::Event => self.event_type(value),
            Field::Id => self.id(value),
            Field::Retry => {
                let mut digits = Digits::new();
                digits.push(value.of(&self.chunk, &self.line_text));
                self.set_reconnection_time(digits);
                None
            }
            Field::Comment if self.comments && value.length(&self.line_text) <= self.max_event_size => {
                self.comment(value)
            }
            Field::Comment => None,
            Field::Unknown => {
                self.ignored.begin_line(value.of(&self.chunk, &self.line_text));
                None
            }
        }
    }

    // Where it is called the kind of the value is known: nothing is left of the match.
    #[inline(always)]
    fn data(&mut self, value: Value) -> Option<Stop> {
        if self.grow(value.length(&self.line_text) + 1) {
            return self.too_large();
        }
        match value {
            Value::Chunk(span) if self.block.data.is_absent() => self.block.data.set(span),
            _ => {
                self.block.data.begin_line(&self.chunk);
                self.block.data.push(value.of(&self.chunk, &self.line_text));
            }
        }
        None
    }

    #[inline]
    fn event_type(&mut self, value: Value) -> Option<Stop> {
        if self.grow(value.length(&self.line_text)) {
            return self.too_large();
        }
        self.block.event_type.assign(value, &self.line_text);
        None
    }

    #[inline]
    fn id(&mut self, value: Value) -> Option<Stop> {
        if self.grow(value.length(&self.line_text)) {
            return self.too_large();
        }
        self.set_id(value);
        None
    }

    const fn comment(&mut self, value: Value) -> Option<Stop> {
        self.comment = value;
        Some(Stop::Comment)
    }

    /// An id with NUL is ignored.
    #[inline]
    fn set_id(&mut self, value: Value) {
        if !value.of(&self.chunk, &self.line_text).contains('\0') {
            self.block.id.assign(value, &self.line_text);
        }
    }

    /// Takes a piece of a line that is not in one chunk.
    fn part_of_line(&mut self, Span { mut start, end }: Span) -> Option<Stop> {
        if self.line == Line::Start {
            self.line_text.clear();
            self.line = Line::Name;
        }
        if self.line == Line::Name {
            let missing = LONGEST_PREFIX.saturating_sub(self.line_text.len());
            let mut middle = end.min(start + missing);
            while !self.chunk.is_char_boundary(middle) {
                middle += 1;
            }
            self.line_text.push_str(&self.chunk[start..middle]);
            start = middle;
            if self.line_text.len() < LONGEST_PREFIX {
                return None;
            }
            if self.begin_field() {
                return self.too_large();
            }
        }
        let length = end - start;
        if let Line::Field(Field::Data | Field::Event | Field::Id) = self.line
            && self.grow(length)
        {
            return self.too_large();
        }
        if self.line == Line::Field(Field::Comment) && self.line_text.len() + length > self.max_event_size {
            self.ignore_line();
        }
        let piece = &self.chunk[start..end];
        match &mut self.line {
            Line::Field(Field::Data) => self.block.data.push(piece),
            Line::Field(_) => self.line_text.push_str(piece),
            Line::Retry(digits) => digits.push(piece),
            Line::Unknown => self.ignored.push(piece),
            Line::Start | Line::Name | Line::Ignored => {}
        }
        None
    }

    /// Enough of a line was read to say which field it is. True when that makes the event too large.
    fn begin_field(&mut self) -> bool {
        let (field, offset) = classify(self.line_text.as_bytes());
        let value = &self.line_text[offset..];
        let length = value.len();
        self.line = match field {
            Field::Data | Field::Event | Field::Id if self.discarding => Line::Ignored,
            Field::Comment if !self.comments => Line::Ignored,
            Field::Unknown => {
                self.ignored.begin_line(value);
                Line::Unknown
            }
            Field::Retry => {
                let mut digits = Digits::new();
                digits.push(value);
                Line::Retry(digits)
            }
            Field::Data => {
                self.block.data.begin_line(&self.chunk);
                self.block.data.push(value);
                Line::Field(field)
            }
            Field::Event | Field::Id | Field::Comment => {
                self.line_text.drain(..offset);
                Line::Field(field)
            }
        };
        match self.line {
            Line::Field(Field::Data | Field::Event | Field::Id) => self.grow(length),
            _ => false,
        }
    }

    /// The line that began in an earlier chunk ends.
    #[inline(never)]
    pub(super) fn end_of_line(&mut self, rest: Span) -> Option<Stop> {
        let stop = self.part_of_line(rest);
        let line = std::mem::replace(&mut self.line, Line::Start);
        if stop.is_some() {
            // It made its event too large, and changes nothing.
            return stop;
        }
        match line {
            Line::Name => {
                let (field, start) = classify(self.line_text.as_bytes());
                self.whole_line(field, Value::LineText { start })
            }
            Line::Field(Field::Data) if self.grow(1) => self.too_large(),
            Line::Field(field) => {
                let value = Value::LineText { start: 0 };
                match field {
                    Field::Event => self.block.event_type.assign(value, &self.line_text),
                    Field::Id => self.set_id(value),
                    Field::Comment => return self.comment(value),
                    Field::Data | Field::Retry | Field::Unknown => {}
                }
                None
            }
            Line::Retry(digits) => {
                self.set_reconnection_time(digits);
                None
            }
            Line::Start | Line::Unknown | Line::Ignored => None,
        }
    }

    /// An empty line: the block is over.
    // It has a second caller, at the end of a stream; inlined, it costs the first nothing.
    #[inline]
    pub(super) fn end_of_block(&mut self) -> Option<Stop> {
        if self.discarding {
            self.discarding = false;
            self.block.clear();
            return None;
        }
        self.last_event_id.follow(&self.block.id);
        if self.block.data.is_absent() {
            return self.end_of_block_without_data();
        }
        self.dispatched = true;
        Some(Stop::Event)
    }

    #[inline(never)]
    fn end_of_block_without_data(&mut self) -> Option<Stop> {
        if self.updates && (!self.block.id.is_absent() || self.block.retry.is_some()) {
            self.dispatched = true;
            return Some(Stop::Update);
        }
        self.block.clear();
        None
    }

    /// The event was lent, and is over.
    #[inline]
    pub(super) fn end_of_event(&mut self) {
        if self.dispatched {
            self.dispatched = false;
            self.block.clear();
        }
    }

    fn set_reconnection_time(&mut self, digits: Digits) {
        if let Some(millis) = digits.value() {
            let time = Duration::from_millis(millis);
            self.reconnection_time = Some(time);
            self.block.retry = Some(time);
        }
    }

    /// Adds to the size of the event. True when it is too large now, or was before.
    #[inline]
    const fn grow(&mut self, bytes: usize) -> bool {
        self.block.size = self.block.size.saturating_add(bytes);
        self.block.size > self.max_event_size
    }

    /// The event is too large, which is told once.
    #[cold]
    fn too_large(&mut self) -> Option<Stop> {
        if self.line != Line::Start {
            self.ignore_line();
        }
        if self.discarding {
            return None;
        }
        self.discarding = true;
        self.block.clear();
        self.block.size = usize::MAX;
        Some(Stop::TooLarge)
    }

    /// Nothing that is still to come of the line is needed.
    fn ignore_line(&mut self) {
        self.line = Line::Ignored;
        self.line_text = String::new();
    }
}
