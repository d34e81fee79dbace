use std::{
    fmt,
    hash::{BuildHasher, RandomState},
};

use crate::event::EventId;

/// Names the opening of the folder in which an event was stored. With its number it names the event: after a wipe, a
/// restored backup or a lost tail, another event has the same number and another mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark(pub(super) u32);

impl Mark {
    pub(super) fn random() -> Self {
        // The keys of `RandomState` come from the operating system.
        let [a, b, c, d, ..] = RandomState::new().hash_one(std::process::id()).to_be_bytes();
        Self(u32::from_be_bytes([a, b, c, d]))
    }
}

/// The position right after an event of a log, or the one before all events.
///
/// Its id is `<n>-<mark>`, the mark as eight hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Events of a log are numbered from one, without a hole.
    pub(super) n: u64,
    pub(super) mark: Mark,
}

impl Position {
    pub(super) fn id(self) -> EventId {
        EventId::from_wire(&self.to_string())
    }

    /// Only the very spelling of an id counts.
    pub(super) fn parse(id: &str) -> Option<Self> {
        let (n, mark) = id.split_once('-')?;
        let position = Self { n: n.parse().ok()?, mark: Mark(u32::from_str_radix(mark, 16).ok()?) };
        (position.to_string() == id).then_some(position)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.n, self.mark.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let position = Position { n: 7, mark: Mark(0xAB) };
        assert_eq!(position.id().as_str(), "7-000000ab");
        assert_eq!(Position::parse("7-000000ab"), Some(position));
        for id in ["", "7", "-", "7-", "-000000ab", "7-ab", "+7-000000ab", "07-000000ab", "7-000000AB", "7-+00000ab"] {
            assert_eq!(Position::parse(id), None, "{id}");
        }
        for id in ["7-000000ab!", "7-000000ab-1", "18446744073709551616-000000ab", "7-100000000"] {
            assert_eq!(Position::parse(id), None, "{id}");
        }
    }
}
