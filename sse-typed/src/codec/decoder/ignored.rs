//! Lines that are neither a field nor a comment.

use std::fmt;

use super::{
    Decoder,
    line::{Field, classify},
    step::LineState,
};

/// The limit of the text that is kept of ignored lines, in bytes.
const MAX_TEXT_LEN: usize = 256;

/// Lines of a stream that are neither a field nor a comment. [The standard][standard] ignores them. A body that consists of
/// them, such as JSON or HTML, is not an event stream.
///
/// [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IgnoredLines {
    count: u64,
    text: String,
    /// The text does not contain all of the lines.
    is_cut: bool,
}

impl IgnoredLines {
    pub(super) const fn new() -> Self {
        Self { count: 0, text: String::new(), is_cut: false }
    }

    /// The number of lines.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The first 256 bytes of the lines, separated by LF.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Begins another line. The rest of it follows by `push`.
    #[cold]
    pub(super) fn begin_line(&mut self, piece: &str) {
        if self.count > 0 {
            self.push("\n");
        }
        self.count = self.count.saturating_add(1);
        self.push(piece);
    }

    pub(super) fn push(&mut self, piece: &str) {
        if self.is_cut {
            return;
        }
        let mut end = piece.len().min(MAX_TEXT_LEN - self.text.len());
        while !piece.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&piece[..end]);
        self.is_cut = end < piece.len();
    }

    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.text.clear();
        self.is_cut = false;
    }
}

/// The number of lines, and the first of them, escaped.
impl fmt::Display for IgnoredLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lines, more) = (if self.count == 1 { "line" } else { "lines" }, if self.is_cut { ".." } else { "" });
        write!(f, "{} {lines} without a field: `{}`{more}", self.count, self.text.escape_debug())
    }
}

impl Decoder {
    /// The lines that are neither a field nor a comment, since the start of the stream or since [`restart`](Self::restart). `None`
    /// if there are none. The last line may be unfinished.
    ///
    /// ```
    /// use sse_typed::codec::Decoder;
    ///
    /// let mut decoder = Decoder::new();
    /// decoder.feed(r#"{"error":"no such room"}"#);
    /// assert!(decoder.next_item().is_none());
    /// let ignored = decoder.ignored_lines().unwrap();
    /// assert_eq!(ignored.text(), r#"{"error":"no such room"}"#);
    /// ```
    #[must_use]
    pub fn ignored_lines(&self) -> Option<IgnoredLines> {
        let mut ignored = self.ignored.clone();
        // A line that is still shorter than a field name.
        if self.line == LineState::Name && classify(self.line_text.as_bytes()).0 == Field::Unknown {
            ignored.begin_line(&self.line_text);
        }
        (ignored.count > 0).then_some(ignored)
    }
}
