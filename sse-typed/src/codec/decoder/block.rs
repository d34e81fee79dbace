//! The fields of the block that is being read.

use std::time::Duration;

use bytestring::ByteString;

use super::{line::Field, text::FieldText};
use crate::event::RawEventRef;

#[derive(Debug)]
pub(super) struct Block {
    pub(super) event_type: FieldText,
    pub(super) data: FieldText,
    pub(super) id: FieldText,
    pub(super) retry: Option<Duration>,
    /// The size that is compared with the limit, in bytes.
    pub(super) size: usize,
}

impl Block {
    pub(super) const fn new() -> Self {
        Self { event_type: FieldText::new(), data: FieldText::new(), id: FieldText::new(), retry: None, size: 0 }
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.event_type.clear();
        self.data.clear();
        self.id.clear();
        self.retry = None;
        self.size = 0;
    }

    /// Ends a line of data or an event type that spans several chunks. `rest` is the end of its value. An event type begins in
    /// `line_text`.
    #[inline]
    pub(super) fn end_line(&mut self, field: Field, rest: &str, line_text: &mut String) {
        self.size += rest.len();
        if field == Field::Data {
            self.size += 1;
            self.data.push(rest);
        } else {
            line_text.push_str(rest);
            self.event_type.swap(line_text);
        }
    }

    /// Copies the values that are still in the chunk, before the chunk is dropped.
    #[inline]
    pub(super) fn copy_from_chunk(&mut self, chunk: &str) {
        self.event_type.copy_from_chunk(chunk);
        self.data.copy_from_chunk(chunk);
        self.id.copy_from_chunk(chunk);
    }

    #[inline(always)]
    pub(super) fn as_raw_ref<'a>(&'a self, chunk: &'a ByteString) -> RawEventRef<'a> {
        let id = (!self.id.is_absent()).then(|| self.id.get(chunk));
        RawEventRef::new(self.event_type.get(chunk), self.data.get(chunk))
            .with_id(id)
            .with_retry(self.retry)
            .in_chunk(chunk)
    }

    /// The capacity of the buffers, in bytes.
    #[cfg(test)]
    pub(super) const fn capacity(&self) -> usize {
        self.event_type.capacity() + self.data.capacity() + self.id.capacity()
    }
}
