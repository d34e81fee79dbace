use std::{collections::VecDeque, fmt::Write, ops::Range};

use bytes::Bytes;

/// The received bytes that are kept for messages.
const KEPT: usize = 16 << 10;

/// The frames that are kept, of which each may be empty.
const MOST_FRAMES: usize = KEPT;

/// The lines that a message shows before the block in question, and of a block.
const LINES_BEFORE: usize = 8;
const LINES_OF_BLOCK: usize = 24;
const LINE_LENGTH: usize = 160;

/// The end of what was received, byte for byte.
#[derive(Debug)]
pub(super) struct WireLog {
    bytes: VecDeque<u8>,
    /// The bytes that were received before those that are kept.
    trimmed: u64,
    /// Where the frames begin whose bytes are all kept, and where the last one ends.
    bounds: VecDeque<u64>,
}

impl WireLog {
    pub(super) const fn new() -> Self {
        Self { bytes: VecDeque::new(), trimmed: 0, bounds: VecDeque::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.bounds.is_empty() {
            self.bounds.push_back(self.len());
        }
        self.bytes.extend(bytes);
        self.bounds.push_back(self.len());
        let excess = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..excess);
        self.trimmed += excess as u64;
        while self.bounds.len() > MOST_FRAMES || self.bounds.front().is_some_and(|bound| *bound < self.trimmed) {
            self.bounds.pop_front();
        }
    }

    /// The number of bytes that were received.
    pub(super) fn len(&self) -> u64 {
        self.trimmed + self.bytes.len() as u64
    }

    fn bytes(&self, range: Range<u64>) -> Vec<u8> {
        let index = |at: u64| usize::try_from(at.saturating_sub(self.trimmed)).map_or(0, |at| at.min(self.bytes.len()));
        self.bytes.range(index(range.start)..index(range.end).max(index(range.start))).copied().collect()
    }

    fn text(&self, range: Range<u64>) -> String {
        String::from_utf8_lossy(&self.bytes(range)).into_owned()
    }

    /// All bytes that are kept, as text.
    pub(super) fn to_text(&self) -> String {
        self.text(0..self.len())
    }

    /// The frames of which all bytes are kept.
    pub(super) fn frames(&self) -> Vec<Bytes> {
        let ends = self.bounds.iter().skip(1);
        self.bounds.iter().zip(ends).map(|(start, end)| self.bytes(*start..*end).into()).collect()
    }

    /// Writes the lines of a block, and some before and behind it. Each line of the block is marked with `>`.
    pub(super) fn show_around(&self, block: Range<u64>, out: &mut String) {
        if self.len() == 0 {
            return;
        }
        out.push_str("\non the wire:\n");
        let before = self.text(0..block.start);
        let before: Vec<_> = lines(&before);
        if self.trimmed > 0 || before.len() > LINES_BEFORE {
            out.push_str("    ...\n");
        }
        for line in before.iter().skip(before.len().saturating_sub(LINES_BEFORE)) {
            show_line("    ", line, out);
        }
        for (mark, text) in [("  > ", self.text(block.clone())), ("    ", self.text(block.end..self.len()))] {
            let lines = lines(&text);
            for line in lines.iter().take(LINES_OF_BLOCK) {
                show_line(mark, line, out);
            }
            if lines.len() > LINES_OF_BLOCK {
                let _ = writeln!(out, "{mark}... ({} lines more)", lines.len() - LINES_OF_BLOCK);
            }
        }
    }
}

/// The lines, each with its end.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn show_line(mark: &str, line: &str, out: &mut String) {
    let unfinished = !line.ends_with('\n');
    let line = line.strip_suffix('\n').unwrap_or(line);
    out.push_str(mark);
    for char in line.chars().take(LINE_LENGTH) {
        match char.is_control() || char == char::REPLACEMENT_CHARACTER {
            true => out.extend(char.escape_default()),
            false => out.push(char),
        }
    }
    if line.chars().nth(LINE_LENGTH).is_some() {
        out.push_str("...");
    }
    if unfinished {
        out.push_str(" (no line end)");
    }
    // A mark alone has no trailing spaces.
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_marked_among_its_neighbours() {
        let mut log = WireLog::new();
        log.push(b"data: a\n\ndata: b\r\n\r\ndata");
        let mut out = String::new();
        log.show_around(9..20, &mut out);
        assert_eq!(out, "\non the wire:\n    data: a\n\n  > data: b\\r\n  > \\r\n    data (no line end)\n");
    }

    #[test]
    fn a_long_stream_is_kept_by_its_end() {
        let mut log = WireLog::new();
        for _ in 0..10_000 {
            log.push(b"data: 12\n\n");
        }
        assert_eq!((log.len(), log.bytes.len()), (100_000, KEPT));
        let mut out = String::new();
        log.show_around(99_990..100_000, &mut out);
        assert!(out.starts_with("\non the wire:\n    ...\n"), "{out}");
        assert!(out.ends_with("  > data: 12\n  >\n"), "{out}");
        assert_eq!(out.lines().count(), 2 + 1 + LINES_BEFORE + 2, "{out}");
        // A block that is no longer kept.
        log.show_around(0..10, &mut String::new());
    }
}
