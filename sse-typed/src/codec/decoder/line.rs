//! Parses one line of a stream: its field, and the start of its value.

/// The fields of the standard, and the two kinds of lines that are not fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Data,
    Event,
    Id,
    Retry,
    Comment,
    Unknown,
}

/// The length of `event: ` and `retry: `. This many bytes of a line determine its field and the start of its value.
pub(super) const LONGEST_PREFIX: usize = 7;

/// The field of a line that is not empty, and the offset of its value, after the colon and one space.
pub(super) fn classify(line: &[u8]) -> (Field, usize) {
    let (field, name_length) = match line {
        [b':', ..] => (Field::Comment, 0),
        [b'd', b'a', b't', b'a', ..] => (Field::Data, 4),
        [b'i', b'd', ..] => (Field::Id, 2),
        [b'e', b'v', b'e', b'n', b't', ..] => (Field::Event, 5),
        [b'r', b'e', b't', b'r', b'y', ..] => (Field::Retry, 5),
        _ => return (Field::Unknown, 0),
    };
    match line[name_length..] {
        [] => (field, name_length),
        [b':', b' ', ..] => (field, name_length + 2),
        [b':', ..] => (field, name_length + 1),
        _ => (Field::Unknown, 0),
    }
}

/// Parses the value of a `retry` line, which may arrive in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    value: Option<u64>,
    all_digits: bool,
}

impl Digits {
    pub(super) const fn new() -> Self {
        Self { value: None, all_digits: true }
    }

    pub(super) fn push(&mut self, text: &str) {
        for byte in text.bytes() {
            if !byte.is_ascii_digit() {
                self.all_digits = false;
                return;
            }
            // The standard's integer has no limit. This one saturates.
            let value = self.value.unwrap_or(0).saturating_mul(10).saturating_add(u64::from(byte - b'0'));
            self.value = Some(value);
        }
    }

    pub(super) const fn value(self) -> Option<u64> {
        if self.all_digits { self.value } else { None }
    }
}
