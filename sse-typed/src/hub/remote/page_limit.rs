use crate::hub::log::LogEntry;

/// The most events that are read with one call.
pub(super) const MAX_PAGE: usize = 256;

/// How many bytes of events a page should have at most, if the next events are as large as the last ones.
const PAGE_BYTES: usize = 256 << 10;

/// How many events to ask for, at most [`MAX_PAGE`]. It grows quickly, because most events are small. Each idle hub and each
/// idle reader holds one, so it is as small as it can be.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageLimit(u16);

impl PageLimit {
    pub(super) const fn new(first: u16) -> Self {
        Self(first)
    }

    pub(super) fn get(self) -> usize {
        self.0.into()
    }

    fn set(&mut self, limit: usize) {
        self.0 = u16::try_from(limit.clamp(1, MAX_PAGE)).unwrap_or(u16::MAX);
    }

    /// Asks for as many as were taken from a page.
    pub(super) fn set_taken(&mut self, taken: usize) {
        self.set(taken);
    }

    /// Adapts to the size of the events of a page.
    pub(super) fn adapt(&mut self, page: &[LogEntry]) {
        if let Some(average) = average_size(page) {
            self.set((self.get() * 2).min(PAGE_BYTES / average.max(1)));
        }
    }
}

/// The average size of the events of a page, if it has any.
pub(super) fn average_size(page: &[LogEntry]) -> Option<usize> {
    let bytes: usize = page.iter().map(|entry| entry.block.as_bytes().len()).sum();
    bytes.checked_div(page.len())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{event::EventId, hub::log::Block};

    #[test]
    fn a_limit_follows_the_size_of_the_events() {
        let page = |size: usize, count: usize| {
            vec![LogEntry::new(EventId::from(1_u32), Block::encoded(Bytes::from(vec![b'x'; size]), false)); count]
        };
        let mut limit = PageLimit::new(32);
        let mut after = |page: &[LogEntry]| {
            limit.adapt(page);
            limit.get()
        };
        assert_eq!([after(&page(100, 32)), after(&page(100, 64)), after(&page(100, 128))], [64, 128, 256]);
        assert_eq!(after(&page(100, 256)), 256);
        assert_eq!(after(&page(16 << 10, 256)), 16, "256 KiB");
        assert_eq!(after(&page(16 << 20, 16)), 1);
        assert_eq!(after(&[]), 1, "an empty page says nothing");
        assert_eq!([after(&page(100, 1)), after(&page(100, 2)), after(&page(0, 4))], [2, 4, 8]);
    }
}
