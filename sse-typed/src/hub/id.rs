//! The ids of events: the ids of a log in memory, and the mark of an id that ends a stream.

use std::hash::{BuildHasher, RandomState};

use crate::event::{EventId, ShortText};

/// The last character of the id of an event that ends streams. No other id ends in it.
pub(super) const END_MARK: &str = "!";

/// The common prefix of the ids of one log in memory, which are `<16 hexadecimal digits>-<n>`.
///
/// The digits are random, so an id of another process or of another log is never taken for one of this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IdPrefix {
    /// The digits, and the dash after them.
    text: [u8; 17],
}

impl IdPrefix {
    pub(super) fn random() -> Self {
        // The keys of `RandomState` come from the operating system, and differ from one to the next.
        Self::new(RandomState::new().hash_one(0_u8))
    }

    fn new(number: u64) -> Self {
        let mut text = [b'-'; 17];
        for (index, digit) in text[..16].iter_mut().enumerate() {
            // Below sixteen.
            let value = number >> (60 - 4 * index) & 0xF;
            *digit = b"0123456789abcdef"[value as usize];
        }
        Self { text }
    }

    /// The id of a position. It is also the id of the `n`th event, unless that ends streams.
    pub(super) fn id(self, n: u64) -> EventId {
        EventId::from_short(self.id_text(n))
    }

    /// The id of the `n`th event as text, with the end mark if the event ends streams.
    pub(super) fn event_id_text(self, n: u64, ends_stream: bool) -> ShortText {
        let mut text = self.id_text(n);
        if ends_stream {
            text.push(END_MARK.as_bytes());
        }
        text
    }

    /// The longest of these texts fits into a [`ShortText`].
    fn id_text(self, n: u64) -> ShortText {
        let mut text = ShortText::default();
        text.push(&self.text);
        text.push_number(n.into());
        text
    }

    /// The position that an id names, if it is an id of this log. Only the exact spelling of the id counts.
    pub(super) fn parse(self, id: &str) -> Option<u64> {
        let n = id.rsplit_once('-')?.1.parse().ok()?;
        (self.id_text(n).as_bytes() == id.as_bytes()).then_some(n)
    }
}

/// The id on the wire of an event that ends streams, from the id that its log gave it.
pub(super) fn with_end_mark(id: &EventId) -> EventId {
    EventId::from_wire(&format!("{id}{END_MARK}"))
}

/// Whether this is the id of an event that ends streams: a client with this last event ID has everything.
pub(super) fn has_end_mark(id: &str) -> bool {
    id.ends_with(END_MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_one_position_in_one_spelling() {
        let prefix = IdPrefix::new(0xAB);
        assert_eq!(prefix.id(7).as_str(), "00000000000000ab-7");
        assert_eq!(
            IdPrefix::new(0xFEDC_BA98_7654_3210).id(u64::MAX).as_str(),
            format!("fedcba9876543210-{}", u64::MAX)
        );
        assert_eq!(prefix.event_id_text(7, true).as_bytes(), b"00000000000000ab-7!");
        for n in [0, 1, 10, u64::MAX] {
            assert_eq!(prefix.parse(prefix.id(n).as_str()), Some(n));
        }
        for id in [
            "",
            "-",
            "7",
            "ab-7",
            "00000000000000ab-",
            "00000000000000ab-07",
            "00000000000000ab-+7",
            "00000000000000AB-7",
            "00000000000000ac-7",
            "00000000000000ab-7!",
            "00000000000000ab-18446744073709551616",
            "00000000000000ab-7-7",
            " 00000000000000ab-7",
        ] {
            assert_eq!(prefix.parse(id), None, "{id}");
        }
    }

    #[test]
    fn prefixes_of_one_process_differ() {
        assert_ne!(IdPrefix::random(), IdPrefix::random());
    }
}
