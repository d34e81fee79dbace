//! Where a field's value lies.

/// A piece of the chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    #[inline]
    pub(super) fn of(self, chunk: &str) -> &str {
        &chunk[self.start..self.end]
    }
}

/// Where the value of a line lies.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Chunk(Span),
    LineText { start: usize },
}

impl Value {
    #[inline]
    pub(super) const fn length(self, line_text: &str) -> usize {
        match self {
            Self::Chunk(span) => span.end - span.start,
            Self::LineText { start } => line_text.len() - start,
        }
    }

    #[inline]
    pub(super) fn of<'a>(self, chunk: &'a str, line_text: &'a str) -> &'a str {
        match self {
            Self::Chunk(span) => span.of(chunk),
            Self::LineText { start } => &line_text[start..],
        }
    }
}

/// A value, which stays in the chunk where it was received, as long as it lies there in one piece and the chunk is there.
#[derive(Debug)]
pub(super) struct Text {
    place: Place,
    buffer: String,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Absent,
    Chunk(Span),
    Buffer,
}

/// What an idle buffer keeps allocated at most, in bytes.
pub(super) const KEPT_ROOM: usize = 64 << 10;

/// From so many bytes on the room grows by half of what is there, and not to the double: memory counts for more than
/// copies, and allocators move the pages of what is large.
const LARGE: usize = 1 << 20;

/// Empties a buffer. The room that a large value took is given back.
#[inline]
pub(super) fn empty(buffer: &mut String) {
    buffer.clear();
    if buffer.capacity() > KEPT_ROOM {
        buffer.shrink_to(KEPT_ROOM);
    }
}

impl Text {
    pub(super) const fn new() -> Self {
        Self { place: Place::Absent, buffer: String::new() }
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.place = Place::Absent;
        empty(&mut self.buffer);
    }

    #[inline]
    pub(super) const fn is_absent(&self) -> bool {
        matches!(self.place, Place::Absent)
    }

    /// The value, which is empty if it is absent.
    #[inline]
    pub(super) fn get<'a>(&'a self, chunk: &'a str) -> &'a str {
        match self.place {
            Place::Absent => "",
            Place::Chunk(span) => span.of(chunk),
            Place::Buffer => &self.buffer,
        }
    }

    #[inline]
    pub(super) fn assign(&mut self, value: Value, line_text: &str) {
        match value {
            Value::Chunk(span) => self.set(span),
            Value::LineText { start } => self.copy(&line_text[start..]),
        }
    }

    /// The value is this piece of the chunk.
    #[inline]
    pub(super) const fn set(&mut self, span: Span) {
        self.place = Place::Chunk(span);
    }

    /// The value is a copy of `text`.
    pub(super) fn copy(&mut self, text: &str) {
        empty(&mut self.buffer);
        self.buffer.push_str(text);
        self.place = Place::Buffer;
    }

    /// The value is `text`.
    pub(super) fn own(&mut self, text: String) {
        self.buffer = text;
        self.place = Place::Buffer;
    }

    /// The value is that of `other`, if it has one.
    pub(super) fn follow(&mut self, other: &Self) {
        match other.place {
            Place::Absent => {}
            Place::Chunk(span) => self.set(span),
            Place::Buffer => self.copy(&other.buffer),
        }
    }

    /// The chunk goes: what lies in it is copied.
    #[inline]
    pub(super) fn keep(&mut self, chunk: &str) {
        if let Place::Chunk(span) = self.place {
            self.copy(span.of(chunk));
        }
    }

    /// One more line begins, which is pushed piece by piece.
    pub(super) fn begin_line(&mut self, chunk: &str) {
        self.keep(chunk);
        if self.is_absent() {
            self.place = Place::Buffer;
        } else {
            self.buffer.push('\n');
        }
    }

    pub(super) fn push(&mut self, piece: &str) {
        let room = self.buffer.capacity() - self.buffer.len();
        if piece.len() > room && self.buffer.len() >= LARGE {
            self.buffer.reserve_exact(piece.len().max(self.buffer.len() / 2));
        }
        self.buffer.push_str(piece);
    }

    /// The room that the buffer takes, in bytes.
    #[cfg(test)]
    pub(super) const fn held(&self) -> usize {
        self.buffer.capacity()
    }
}
