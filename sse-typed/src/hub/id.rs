use std::hash::{BuildHasher, RandomState};

use crate::event::{EventId, ShortText};

/// What ends the id of an event that ends streams, and no other.
pub(super) const TERMINAL: &str = "!";

/// Names the places of one log in one process: `<16 hexadecimal digits>-<n>`.
///
/// The digits are drawn at random, so that an id of another process, or of another log, is never taken for one of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch {
    /// The digits, and the dash behind them.
    name: [u8; 17],
}

impl Epoch {
    pub(super) fn random() -> Self {
        // The keys of `RandomState` come from the operating system, and differ from one to the next.
        Self::new(RandomState::new().hash_one(0_u8))
    }

    fn new(number: u64) -> Self {
        let mut name = [b'-'; 17];
        for (index, digit) in name[..16].iter_mut().enumerate() {
            let value = number >> (60 - 4 * index) & 0xF;
            // Below sixteen.
            *digit = b"0123456789abcdef"[value as usize];
        }
        Self { name }
    }

    /// The id of a place, which is that of the `n`th event unless that ends streams.
    pub(super) fn id(self, n: u64) -> EventId {
        EventId::from_short(self.text(n))
    }

    /// The id of the `n`th event as text.
    pub(super) fn event_text(self, n: u64, ends: Ends) -> ShortText {
        let mut text = self.text(n);
        if ends.streams() {
            text.push(TERMINAL.as_bytes());
        }
        text
    }

    /// All of it fits.
    fn text(self, n: u64) -> ShortText {
        let mut text = ShortText::default();
        text.push(&self.name);
        text.push_number(n.into());
        text
    }

    /// The place that an id names, if it is one of this log's. Only the very spelling that was sent counts.
    pub(super) fn parse(self, id: &str) -> Option<u64> {
        let n = id.rsplit_once('-')?.1.parse().ok()?;
        (self.text(n).as_bytes() == id.as_bytes()).then_some(n)
    }
}

/// What an event ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    /// It is terminal: the streams that send it.
    pub(super) terminal: bool,
    /// It came with the closing: the log, and so all its streams.
    pub(super) log: bool,
}

impl Ends {
    /// What an event that did not come with the closing ends.
    pub(super) const fn of(terminal: bool) -> Self {
        Self { terminal, log: false }
    }

    pub(super) const fn streams(self) -> bool {
        self.terminal || self.log
    }
}

/// The id on the wire of an event that ends streams, by the id that its log gave it.
pub(super) fn marked(id: &EventId) -> EventId {
    EventId::from_wire(&format!("{id}{TERMINAL}"))
}

/// Whether an id is that of an event that ends streams: a client that brings it has had all there is.
pub(super) fn is_marked(id: &str) -> bool {
    id.ends_with(TERMINAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_the_place_it_was_made_for_in_one_spelling_only() {
        let epoch = Epoch::new(0xAB);
        assert_eq!(epoch.id(7).as_str(), "00000000000000ab-7");
        assert_eq!(Epoch::new(0xFEDC_BA98_7654_3210).id(u64::MAX).as_str(), format!("fedcba9876543210-{}", u64::MAX));
        assert_eq!(epoch.event_text(7, Ends::of(true)).as_bytes(), b"00000000000000ab-7!");
        for n in [0, 1, 10, u64::MAX] {
            assert_eq!(epoch.parse(epoch.id(n).as_str()), Some(n));
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
            assert_eq!(epoch.parse(id), None, "{id}");
        }
    }

    #[test]
    fn epochs_of_one_process_differ() {
        assert_ne!(Epoch::random(), Epoch::random());
    }
}
