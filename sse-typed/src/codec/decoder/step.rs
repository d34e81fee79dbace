//! From bytes to lines, and from lines to fields: the part of the decoder that knows where a chunk ends.

use std::time::Duration;

use bytes::Bytes;
use memchr::memchr2;

use super::{
    Decoder,
    line::{Digits, Field, LONGEST_PREFIX, classify},
};

/// The state of a line that is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
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
pub(super) enum Step {
    Continue,
    Exhausted,
    Dispatch,
    Comment(Value),
    TooLarge,
}

/// Where the value of a line lies.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Chunk { start: usize, end: usize },
    LineBytes { start: usize },
}

const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

impl Decoder {
    /// Reads up to the next line's end.
    pub(super) fn step(&mut self) -> Step {
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

    /// The chunk is used up: the next is read, if there is one.
    fn exhausted(&mut self) -> Step {
        self.block.keep(&self.chunk);
        self.position = 0;
        match self.queue.pop_front() {
            Some(next) => {
                self.chunk = next;
                Step::Continue
            }
            None => {
                self.chunk = Bytes::new();
                Step::Exhausted
            }
        }
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

    pub(super) fn value(&self, value: Value) -> &[u8] {
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
            Line::Event | Line::Id => drop(self.line_bytes.drain(..offset)),
            Line::Comment => {
                self.line_bytes.drain(..offset);
                return false;
            }
            Line::Start | Line::Name | Line::Retry(_) | Line::Ignored => return false,
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
}
