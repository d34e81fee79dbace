//! Values of fields, which stay in the received chunk as long as possible.

/// A range of bytes in the chunk.
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

/// The value of a line: a span of the chunk, or the end of `line_text`.
#[derive(Clone, Copy)]
pub(super) enum LineValue {
    Chunk(Span),
    LineText { start: usize },
}

impl LineValue {
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

/// The text of a field. It refers to the chunk as long as the chunk contains it in one piece and is the current one. Otherwise
/// it is in the buffer.
#[derive(Debug)]
pub(super) struct FieldText {
    location: Location,
    buffer: String,
}

#[derive(Clone, Copy, Debug)]
enum Location {
    Absent,
    Chunk(Span),
    Buffer,
}

/// The limit of the capacity that an idle buffer keeps, in bytes.
pub(super) const MAX_IDLE_CAPACITY: usize = 64 << 10;

/// From this size on, a buffer grows by half instead of doubling. Memory then matters more than copies, and allocators move large
/// allocations by their pages.
const LARGE_BUFFER: usize = 1 << 20;

/// Clears a buffer, and frees the memory of a large value.
#[inline]
pub(super) fn clear_buffer(buffer: &mut String) {
    buffer.clear();
    if buffer.capacity() > MAX_IDLE_CAPACITY {
        buffer.shrink_to(MAX_IDLE_CAPACITY);
    }
}

impl FieldText {
    pub(super) const fn new() -> Self {
        Self { location: Location::Absent, buffer: String::new() }
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.location = Location::Absent;
        clear_buffer(&mut self.buffer);
    }

    #[inline]
    pub(super) const fn is_absent(&self) -> bool {
        matches!(self.location, Location::Absent)
    }

    #[inline]
    pub(super) const fn is_in_buffer(&self) -> bool {
        matches!(self.location, Location::Buffer)
    }

    /// Takes the buffer. The location must be set after it.
    pub(super) fn take_buffer(&mut self) -> String {
        std::mem::take(&mut self.buffer)
    }

    /// Moves the buffered text, if there is one, to the end of `text`, and refers to it there.
    pub(super) fn move_into(&mut self, text: &mut String) {
        if self.is_in_buffer() {
            let start = text.len();
            text.push_str(&std::mem::take(&mut self.buffer));
            self.set(Span { start, end: text.len() });
        }
    }

    /// The text, or an empty one if it is absent.
    #[inline]
    pub(super) fn get<'a>(&'a self, chunk: &'a str) -> &'a str {
        match self.location {
            Location::Absent => "",
            Location::Chunk(span) => span.of(chunk),
            Location::Buffer => &self.buffer,
        }
    }

    #[inline]
    pub(super) fn assign(&mut self, value: LineValue, line_text: &str) {
        match value {
            LineValue::Chunk(span) => self.set(span),
            LineValue::LineText { start } => self.copy(&line_text[start..]),
        }
    }

    /// Sets the text to this span of the chunk.
    #[inline]
    pub(super) const fn set(&mut self, span: Span) {
        self.location = Location::Chunk(span);
    }

    /// Sets the text to `text`, without a copy. `text` is empty after it, and keeps the capacity of the previous buffer.
    #[inline]
    pub(super) fn swap(&mut self, text: &mut String) {
        std::mem::swap(&mut self.buffer, text);
        clear_buffer(text);
        self.location = Location::Buffer;
    }

    /// Sets the text to a copy of `text`.
    // Inlined, it would slow down the callers that usually have nothing to copy.
    #[inline(never)]
    pub(super) fn copy(&mut self, text: &str) {
        clear_buffer(&mut self.buffer);
        self.buffer.push_str(text);
        self.location = Location::Buffer;
    }

    /// Sets the text to `text`, without a copy.
    pub(super) fn set_owned(&mut self, text: String) {
        self.buffer = text;
        self.location = Location::Buffer;
    }

    /// Sets the text to that of `other`, unless that is absent.
    pub(super) fn update_from(&mut self, other: &Self) {
        match other.location {
            Location::Absent => {}
            Location::Chunk(span) => self.set(span),
            Location::Buffer => self.copy(&other.buffer),
        }
    }

    /// Copies the text into the buffer if it refers to the chunk.
    #[inline]
    pub(super) fn copy_from_chunk(&mut self, chunk: &str) {
        if let Location::Chunk(span) = self.location {
            self.copy(span.of(chunk));
        }
    }

    /// Begins another line. Its text follows by `push`.
    pub(super) fn begin_line(&mut self, chunk: &str) {
        self.copy_from_chunk(chunk);
        if self.is_absent() {
            self.location = Location::Buffer;
        } else {
            self.buffer.push('\n');
        }
    }

    /// The buffer of a line that `begin_line` has begun, for text that fits into its capacity.
    #[inline]
    pub(super) const fn buffer_mut(&mut self) -> &mut String {
        &mut self.buffer
    }

    pub(super) fn push(&mut self, piece: &str) {
        let spare = self.buffer.capacity() - self.buffer.len();
        if piece.len() > spare && self.buffer.len() >= LARGE_BUFFER {
            self.buffer.reserve_exact(piece.len().max(self.buffer.len() / 2));
        }
        self.buffer.push_str(piece);
    }

    /// The capacity of the buffer, in bytes.
    #[cfg(test)]
    pub(super) const fn capacity(&self) -> usize {
        self.buffer.capacity()
    }
}
