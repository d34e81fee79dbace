//! Splits chunks into lines and applies the fields to the block, also for lines that span several chunks.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use super::{
    Decoder,
    large::LARGE_EVENT,
    line::{Digits, Field, LONGEST_PREFIX, classify},
    line_ends::{LineEnds, has_line_end},
    text::{LineValue, Span, clear_buffer},
};

/// The state of a line whose end was not received yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineState {
    /// No text of the line was received.
    Start,
    /// The received text, in `line_text`, is too short to determine the field.
    Name,
    /// The field is known. The value of `data` is appended to the block's data, other values to `line_text`.
    Field(Field),
    Retry(Digits),
    /// Neither a field nor a comment.
    Unknown,
    /// The rest of the line is not needed.
    Ignored,
}

/// Why `read` returns.
#[derive(Clone, Copy)]
pub(super) enum Stop {
    /// All chunks are used up.
    Exhausted,
    /// The event is in the block.
    Event,
    /// The text is in `comment`.
    Comment,
    /// The id and reconnection time are in the block.
    Update,
    TooLarge,
}

/// The largest chunk that is checked for being a part of one line, in bytes. Larger ones contain a line end more often.
const SMALL_CHUNK: usize = 64;

const BYTE_ORDER_MARK: char = '\u{FEFF}';

impl Decoder {
    /// Reads lines up to the next item. The contents of the item stay in the block, so that they are never moved. The caller,
    /// `next_item`, is inlined where it is used.
    pub(super) fn read(&mut self) -> Stop {
        self.clear_dispatched();
        loop {
            let start = self.position;
            let bytes = self.chunk.as_bytes();
            let Some(end) = self.line_ends.next(bytes) else {
                if bytes.is_empty() && self.queue.is_empty() && !self.finishing {
                    return Stop::Exhausted;
                }
                match self.end_of_chunk() {
                    Some(stop) => return stop,
                    None => continue,
                }
            };
            self.position = end + 1;
            let stop = if self.line != LineState::Start {
                self.end_of_line(Span { start, end })
            } else if start < end {
                self.line_in_chunk(Span { start, end })
            } else if bytes[end] == b'\n' && bytes.get(end.wrapping_sub(1)).map_or(self.after_cr, |byte| *byte == b'\r')
            {
                // The LF of a CRLF. Its CR has already ended the line.
                None
            } else {
                self.end_of_block()
            };
            if let Some(stop) = stop {
                return stop;
            }
        }
    }

    /// Processes a line that is within one chunk.
    fn line_in_chunk(&mut self, Span { start, end }: Span) -> Option<Stop> {
        let line = &self.chunk.as_bytes()[start..end];
        // The forms that encoders write come first. Each costs a comparison of one or two words.
        if line.starts_with(b"data: ") {
            self.data(LineValue::Chunk(Span { start: start + 6, end }))
        } else if line.starts_with(b"event: ") {
            self.event_type(LineValue::Chunk(Span { start: start + 7, end }))
        } else if line.starts_with(b"id: ") {
            self.id(LineValue::Chunk(Span { start: start + 4, end }))
        } else {
            let (field, offset) = classify(line);
            self.whole_line(field, LineValue::Chunk(Span { start: start + offset, end }))
        }
    }

    /// Processes the unfinished line at the end of the chunk, and begins the next chunk if there is one.
    #[inline(never)]
    fn end_of_chunk(&mut self) -> Option<Stop> {
        if self.replaced_chunk.is_some() {
            self.restore_chunk();
            return None;
        }
        let rest = Span { start: self.position, end: self.chunk.len() };
        if rest.start < rest.end {
            self.position = rest.end;
            if let Some(stop) = self.part_of_line(rest) {
                return Some(stop);
            }
        }
        if let Some(last) = self.chunk.as_bytes().last() {
            self.after_cr = *last == b'\r';
            self.copy_from_chunk();
            self.set_chunk(ByteString::new());
        }
        let Some(next) = self.queue.pop_front() else {
            return if self.finishing { self.end_of_stream() } else { Some(Stop::Exhausted) };
        };
        self.begin_chunk(next);
        None
    }

    /// Copies the values that are still in the chunk, before the chunk is dropped. Also shrinks `line_text` if no line needs it.
    #[inline]
    pub(super) fn copy_from_chunk(&mut self) {
        self.block.copy_from_chunk(&self.chunk);
        self.last_event_id.copy_from_chunk(&self.chunk);
        if self.line == LineState::Start {
            clear_buffer(&mut self.line_text);
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

    /// Processes a complete line, which is within one chunk or, if it is as short as a field name, in `line_text`.
    #[inline(never)]
    fn whole_line(&mut self, field: Field, value: LineValue) -> Option<Stop> {
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

    // The callers know the kind of the value, so inlining removes the match.
    #[inline(always)]
    fn data(&mut self, value: LineValue) -> Option<Stop> {
        if self.add_size(value.length(&self.line_text) + 1) {
            return self.too_large();
        }
        match value {
            LineValue::Chunk(span) if self.block.data.is_absent() => self.block.data.set(span),
            _ => {
                self.block.data.begin_line(&self.chunk);
                self.block.data.push(value.of(&self.chunk, &self.line_text));
            }
        }
        None
    }

    #[inline]
    fn event_type(&mut self, value: LineValue) -> Option<Stop> {
        if self.add_size(value.length(&self.line_text)) {
            return self.too_large();
        }
        self.block.event_type.assign(value, &self.line_text);
        None
    }

    #[inline]
    fn id(&mut self, value: LineValue) -> Option<Stop> {
        if self.add_size(value.length(&self.line_text)) {
            return self.too_large();
        }
        self.set_id(value);
        None
    }

    const fn comment(&mut self, value: LineValue) -> Option<Stop> {
        self.comment = value;
        Some(Stop::Comment)
    }

    /// Sets the id, unless it contains NUL.
    #[inline]
    fn set_id(&mut self, value: LineValue) {
        // `str::contains` takes twice as long for the few bytes of an id.
        if !value.of(&self.chunk, &self.line_text).as_bytes().contains(&0) {
            self.block.id.assign(value, &self.line_text);
        }
    }

    /// Appends a small chunk to the current line if it does not end the line, as most chunks of a few bytes. Returns false for any
    /// other chunk, which `begin_chunk` then stores.
    ///
    /// Storing a chunk takes several times as long as appending a few bytes: it is moved, its line ends are searched for, and at
    /// its end all values are copied out of it.
    #[inline]
    pub(super) fn take_small_chunk(&mut self, chunk: &[u8]) -> bool {
        let length = chunk.len();
        if length == 0 || length > SMALL_CHUNK || self.at_start || self.utf8.has_unfinished() || has_line_end(chunk) {
            return false;
        }
        let size = self.block.size.saturating_add(length);
        // A line whose field is not known yet also counts what it has in `line_text`.
        if size.saturating_add(LONGEST_PREFIX) > self.max_event_size {
            return false;
        }
        let buffer = match self.line {
            LineState::Start | LineState::Name => {
                let Ok(text) = str::from_utf8(chunk) else { return false };
                self.take_start_of_line(text);
                return true;
            }
            LineState::Field(Field::Data) => self.block.data.buffer_mut(),
            LineState::Field(Field::Event | Field::Id) => &mut self.line_text,
            _ => return false,
        };
        if buffer.capacity() - buffer.len() < length {
            // How buffers grow depends on their field.
            return false;
        }
        match chunk {
            [byte] if byte.is_ascii() => buffer.push(char::from(*byte)),
            _ => {
                let Ok(text) = str::from_utf8(chunk) else { return false };
                buffer.push_str(text);
            }
        }
        self.block.size = size;
        true
    }

    /// Appends a small piece of a line whose field is not known yet, and determines the field if the line is long enough.
    fn take_start_of_line(&mut self, piece: &str) {
        if self.line == LineState::Start {
            self.line_text.clear();
        }
        self.line_text.push_str(piece);
        self.line = LineState::Name;
        if self.line_text.len() >= LONGEST_PREFIX {
            // The caller has checked that the event does not become too large.
            self.begin_field_in_line_text();
        }
    }

    /// Processes a piece of a line that spans several chunks.
    fn part_of_line(&mut self, Span { mut start, end }: Span) -> Option<Stop> {
        if self.line == LineState::Start {
            let piece = &self.chunk.as_bytes()[start..end];
            if piece.len() >= LONGEST_PREFIX {
                let (field, offset) = classify(piece);
                let is_too_large = self.begin_field(field, LineValue::Chunk(Span { start: start + offset, end }));
                return if is_too_large { self.too_large() } else { None };
            }
            self.line_text.clear();
            self.line = LineState::Name;
        }
        if self.line == LineState::Name {
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
            if self.begin_field_in_line_text() {
                return self.too_large();
            }
        }
        let length = end - start;
        if let LineState::Field(Field::Data | Field::Event | Field::Id) = self.line
            && self.add_size(length)
        {
            return self.too_large();
        }
        if self.line == LineState::Field(Field::Comment) && self.line_text.len() + length > self.max_event_size {
            self.ignore_line();
        }
        let piece = &self.chunk[start..end];
        match &mut self.line {
            LineState::Field(Field::Data) => self.block.data.push(piece),
            LineState::Field(_) => self.line_text.push_str(piece),
            LineState::Retry(digits) => digits.push(piece),
            LineState::Unknown => self.ignored.push(piece),
            LineState::Start | LineState::Name | LineState::Ignored => {}
        }
        None
    }

    /// Determines the field, once `line_text` has enough of the line. Returns true if the event is now too large.
    fn begin_field_in_line_text(&mut self) -> bool {
        let (field, start) = classify(self.line_text.as_bytes());
        self.begin_field(field, LineValue::LineText { start })
    }

    /// Begins a field whose line spans several chunks, with the first piece of its value. Returns true if the event is now too
    /// large.
    fn begin_field(&mut self, field: Field, value: LineValue) -> bool {
        let length = value.length(&self.line_text);
        self.line = match field {
            Field::Data | Field::Event | Field::Id if self.discarding => LineState::Ignored,
            Field::Comment if !self.comments || length > self.max_event_size => LineState::Ignored,
            Field::Unknown => {
                self.ignored.begin_line(value.of(&self.chunk, &self.line_text));
                LineState::Unknown
            }
            Field::Retry => {
                let mut digits = Digits::new();
                digits.push(value.of(&self.chunk, &self.line_text));
                LineState::Retry(digits)
            }
            Field::Data | Field::Event | Field::Id | Field::Comment => LineState::Field(field),
        };
        let LineState::Field(field) = self.line else { return false };
        if field != Field::Comment && self.add_size(length) {
            return true;
        }
        match value {
            _ if field == Field::Data => {
                self.block.data.begin_line(&self.chunk);
                self.block.data.push(value.of(&self.chunk, &self.line_text));
            }
            LineValue::Chunk(span) => {
                self.line_text.clear();
                self.line_text.push_str(span.of(&self.chunk));
            }
            LineValue::LineText { start } => drop(self.line_text.drain(..start)),
        }
        false
    }

    /// Ends a line that an earlier chunk began. `rest` is its last piece.
    #[inline(never)]
    pub(super) fn end_of_line(&mut self, rest: Span) -> Option<Stop> {
        let size = self.block.size.saturating_add(rest.end - rest.start + 1);
        if let LineState::Field(field @ (Field::Data | Field::Event)) = self.line
            && size <= self.max_event_size
        {
            // This is the usual line of several chunks. `part_of_line` would determine its state twice.
            self.line = LineState::Start;
            self.block.end_line(field, rest.of(&self.chunk), &mut self.line_text);
            return None;
        }
        let stop = self.part_of_line(rest);
        let line = std::mem::replace(&mut self.line, LineState::Start);
        if stop.is_some() {
            // The line made its event too large, and has no effect.
            return stop;
        }
        match line {
            LineState::Name => {
                let (field, start) = classify(self.line_text.as_bytes());
                self.whole_line(field, LineValue::LineText { start })
            }
            LineState::Field(Field::Data) if self.add_size(1) => self.too_large(),
            LineState::Field(field) => {
                let value = LineValue::LineText { start: 0 };
                match field {
                    Field::Event => self.block.event_type.swap(&mut self.line_text),
                    Field::Id => self.set_id(value),
                    Field::Comment => return self.comment(value),
                    Field::Data | Field::Retry | Field::Unknown => {}
                }
                None
            }
            LineState::Retry(digits) => {
                self.set_reconnection_time(digits);
                None
            }
            LineState::Start | LineState::Unknown | LineState::Ignored => None,
        }
    }

    /// Ends the block, at an empty line.
    // Inlined because of its second caller, at the end of a stream: that must not slow down the first.
    #[inline]
    pub(super) fn end_of_block(&mut self) -> Option<Stop> {
        if self.discarding {
            self.discarding = false;
            self.block.clear();
            return None;
        }
        self.last_event_id.update_from(&self.block.id);
        if self.block.data.is_absent() {
            return self.end_of_block_without_data();
        }
        if self.block.size > LARGE_EVENT {
            self.share_large_event();
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

    /// Clears the block if it was returned as an item.
    #[inline]
    pub(super) fn clear_dispatched(&mut self) {
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

    /// Adds to the size of the event. Returns true if the event is too large, or was before.
    #[inline]
    const fn add_size(&mut self, bytes: usize) -> bool {
        self.block.size = self.block.size.saturating_add(bytes);
        self.block.size > self.max_event_size
    }

    /// Discards the event as too large. Returns the error once per event.
    #[cold]
    fn too_large(&mut self) -> Option<Stop> {
        if self.line != LineState::Start {
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

    /// Ignores the rest of the line.
    fn ignore_line(&mut self) {
        self.line = LineState::Ignored;
        self.line_text = String::new();
    }
}
