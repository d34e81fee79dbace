//! The fields of the event that is being read, in the chunk or in buffers of their own.

use std::time::Duration;

use super::KEPT_ROOM;
use crate::event::{MESSAGE, RawEventRef};

#[derive(Debug)]
pub(super) struct Block {
    event_type: Place,
    data: Place,
    has_id: bool,
    pub(super) retry: Option<Duration>,
    /// What counts towards the limit, in bytes.
    pub(super) size: usize,

    event_bytes: Vec<u8>,
    data_bytes: Vec<u8>,
    id_bytes: Vec<u8>,
    /// Text that was received as invalid UTF-8.
    repaired_type: String,
    repaired_data: String,
}

/// Where a field's value lies.
#[derive(Clone, Copy, Debug)]
enum Place {
    Absent,
    Chunk { start: usize, end: usize },
    Buffer,
}

impl Block {
    pub(super) const fn new() -> Self {
        Self {
            event_type: Place::Absent,
            data: Place::Absent,
            has_id: false,
            retry: None,
            size: 0,
            event_bytes: Vec::new(),
            data_bytes: Vec::new(),
            id_bytes: Vec::new(),
            repaired_type: String::new(),
            repaired_data: String::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.event_type = Place::Absent;
        self.data = Place::Absent;
        self.has_id = false;
        self.retry = None;
        self.size = 0;
        for bytes in [&mut self.event_bytes, &mut self.data_bytes, &mut self.id_bytes] {
            bytes.clear();
            bytes.shrink_to(KEPT_ROOM);
        }
        self.repaired_type = String::new();
        self.repaired_data = String::new();
    }

    /// The room that the buffers take, in bytes.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let bytes = [&self.event_bytes, &self.data_bytes, &self.id_bytes].map(Vec::capacity);
        let texts = [&self.repaired_type, &self.repaired_data].map(String::capacity);
        bytes.iter().chain(&texts).sum()
    }

    pub(super) const fn has_data(&self) -> bool {
        !matches!(self.data, Place::Absent)
    }

    pub(super) const fn has_id(&self) -> bool {
        self.has_id
    }

    /// A `data` line that lies in the chunk. The first stays there.
    pub(super) fn data_in_chunk(&mut self, chunk: &[u8], start: usize, end: usize) {
        if self.has_data() {
            self.begin_data_line(chunk);
            self.push_data(&chunk[start..end]);
        } else {
            self.data = Place::Chunk { start, end };
        }
    }

    /// A `data` line begins, whose value is pushed piece by piece.
    pub(super) fn begin_data_line(&mut self, chunk: &[u8]) {
        match self.data {
            Place::Absent => {}
            Place::Chunk { start, end } => {
                self.data_bytes.extend_from_slice(&chunk[start..end]);
                self.data_bytes.push(b'\n');
            }
            Place::Buffer => self.data_bytes.push(b'\n'),
        }
        self.data = Place::Buffer;
    }

    pub(super) fn push_data(&mut self, bytes: &[u8]) {
        self.data_bytes.extend_from_slice(bytes);
    }

    pub(super) const fn event_in_chunk(&mut self, start: usize, end: usize) {
        self.event_type = Place::Chunk { start, end };
    }

    pub(super) fn event_type(&mut self, bytes: &[u8]) {
        self.event_bytes.clear();
        self.event_bytes.extend_from_slice(bytes);
        self.event_type = Place::Buffer;
    }

    /// An id with NUL is ignored.
    pub(super) fn id(&mut self, bytes: &[u8]) {
        if memchr::memchr(0, bytes).is_none() {
            self.id_bytes.clear();
            self.id_bytes.extend_from_slice(bytes);
            self.has_id = true;
        }
    }

    pub(super) fn commit_id(&self, last_event_id: &mut String) {
        if self.has_id {
            last_event_id.clear();
            last_event_id.push_str(&String::from_utf8_lossy(&self.id_bytes));
        }
    }

    /// The chunk goes: what lies in it is copied.
    pub(super) fn keep(&mut self, chunk: &[u8]) {
        if let Place::Chunk { start, end } = self.data {
            self.data_bytes.extend_from_slice(&chunk[start..end]);
            self.data = Place::Buffer;
        }
        if let Place::Chunk { start, end } = self.event_type {
            self.event_type(&chunk[start..end]);
        }
    }

    pub(super) fn lend<'a>(&'a mut self, chunk: &'a [u8], id: Option<&'a str>) -> RawEventRef<'a> {
        let data = match self.data {
            Place::Absent => &[],
            Place::Chunk { start, end } => &chunk[start..end],
            Place::Buffer => &self.data_bytes[..],
        };
        let event_type = match self.event_type {
            Place::Absent => MESSAGE.as_bytes(),
            Place::Chunk { start, end } => &chunk[start..end],
            Place::Buffer => &self.event_bytes[..],
        };
        RawEventRef::new(text(event_type, &mut self.repaired_type), text(data, &mut self.repaired_data))
            .with_id(id)
            .with_retry(self.retry)
    }

    /// Lends a comment.
    pub(super) fn lend_text<'a>(&'a mut self, bytes: &'a [u8]) -> &'a str {
        text(bytes, &mut self.repaired_data)
    }
}

/// The bytes as text, where they lie if they are valid UTF-8. Line ends are ASCII, so that repairing value by value is the
/// same as repairing the whole stream before it is cut into lines.
fn text<'a>(bytes: &'a [u8], repaired: &'a mut String) -> &'a str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => {
            *repaired = String::from_utf8_lossy(bytes).into_owned();
            repaired
        }
    }
}
