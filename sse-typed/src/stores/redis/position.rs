use std::fmt;

use crate::event::EventId;

/// The position after a record: the id that the server gave it, and the mark that is stored in it.
///
/// Its text is `<milliseconds>-<sequence>-<mark>`, the mark in 8 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) entry: EntryId,
    /// Zero for the records of other programs, and for the beginning.
    pub(super) mark: u32,
}

/// The id of an entry of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryId {
    millis: u64,
    sequence: u64,
}

impl Position {
    /// The position before the first record of a key that does not exist.
    pub(super) const BEGINNING: Self = Self { entry: EntryId { millis: 0, sequence: 0 }, mark: 0 };

    /// Only the exact spelling of a position is one: the text may come from a client.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (entry, mark) = text.rsplit_once('-')?;
        Some(Self { entry: EntryId::parse(entry)?, mark: parse_mark(mark.as_bytes())? })
    }

    pub(super) fn id(self) -> EventId {
        EventId::from_wire(&self.to_string())
    }
}

impl EntryId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (millis, sequence) = text.split_once('-')?;
        Some(Self { millis: parse_number(millis)?, sequence: parse_number(sequence)? })
    }
}

/// The mark of a record. It has 8 digits, of which the letters are small.
pub(super) fn parse_mark(text: &[u8]) -> Option<u32> {
    let is_mark = text.len() == 8 && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_mark.then(|| u32::from_str_radix(str::from_utf8(text).ok()?, 16).ok()).flatten()
}

/// A number without sign or leading zeros.
fn parse_number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_number.then(|| text.parse().ok()).flatten()
}

/// A mark for a new record.
pub(super) fn random_mark() -> u32 {
    fastrand::u32(1..)
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.entry, self.mark)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_has_one_spelling() {
        for text in ["0-0-00000000", "1700000000000-7-00c0ffee", "18446744073709551615-18446744073709551615-ffffffff"] {
            assert_eq!(Position::parse(text).map(|position| position.to_string()).as_deref(), Some(text));
        }
        for text in [
            "",
            "0",
            "0-0",
            "--",
            "0-0-0",
            "00-0-00000000",
            "0-01-00000000",
            "+1-0-00000000",
            "1-0-0000000F",
            "1-0-+000000f",
            "1-0-000000000",
            "1-0-00000000!",
            " 1-0-00000000",
            "1-0-00000000 ",
            "1-0-0-00000000",
            "18446744073709551616-0-00000000",
            "💥-0-00000000",
        ] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }

    #[test]
    fn positions_are_ordered_as_the_entries_are() {
        let position = |text| Position::parse(text).unwrap();
        assert!(position("9-0-ffffffff") < position("10-0-00000000"));
        assert!(position("9-9-00000000") < position("9-10-00000000"));
        assert!(Position::BEGINNING < position("0-1-00000000"));
    }
}
