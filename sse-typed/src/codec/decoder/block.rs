//! The fields of the block that is being read.

use std::time::Duration;

use bytestring::ByteString;

use super::text::Text;
use crate::event::RawEventRef;

#[derive(Debug)]
pub(super) struct Block {
    pub(super) event_type: Text,
    pub(super) data: Text,
    pub(super) id: Text,
    pub(super) retry: Option<Duration>,
    /// What counts towards the limit, in bytes.
    pub(super) size: usize,
}

impl Block {
    pub(super) const fn new() -> Self {
        Self { event_type: Text::new(), data: Text::new(), id: Text::new(), retry: None, size: 0 }
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.event_type.clear();
        self.data.clear();
        self.id.clear();
        self.retry = None;
        self.size = 0;
    }

    /// The chunk goes: what lies in it is copied.
    pub(super) fn keep(&mut self, chunk: &str) {
        self.event_type.keep(chunk);
        self.data.keep(chunk);
        self.id.keep(chunk);
    }

    #[inline]
    pub(super) fn lend<'a>(&'a self, chunk: &'a ByteString) -> RawEventRef<'a> {
        let id = (!self.id.is_absent()).then(|| self.id.get(chunk));
        RawEventRef::new(self.event_type.get(chunk), self.data.get(chunk))
            .with_id(id)
            .with_retry(self.retry)
            .in_chunk(chunk)
    }

    /// The room that the buffers take, in bytes.
    #[cfg(test)]
    pub(super) const fn held(&self) -> usize {
        self.event_type.held() + self.data.held() + self.id.held()
    }
}
