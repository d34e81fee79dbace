use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    str::FromStr,
};

/// The random number of a run: 16 hexadecimal digits as text. Each run of a key has another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(u64);

impl RunId {
    /// A new random id.
    #[must_use]
    pub fn random() -> Self {
        // The keys of `RandomState` come from the operating system, and differ from one to the next.
        Self(RandomState::new().hash_one(0_u8))
    }

    /// The id with this number.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The number of the id.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({self})")
    }
}

/// Reads the text that [`Display`](fmt::Display) writes, and nothing else.
impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        let is_written_so = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_written_so {
            return Err(InvalidRunId(()));
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| InvalidRunId(()))
    }
}

/// A text that is not the id of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRunId(());

impl fmt::Display for InvalidRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the id of a run: it has 16 hexadecimal digits in lower case")
    }
}

impl std::error::Error for InvalidRunId {}

/// One run of a key in a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RunRef {
    /// The key in the store.
    pub key: Box<str>,
    /// Which run of the key.
    pub run: RunId,
}

impl RunRef {
    /// This run of this key.
    pub fn new(key: impl Into<Box<str>>, run: RunId) -> Self {
        Self { key: key.into(), run }
    }

    /// The key of the run's log in its store: `<key>@<run>`. Each run of a key has a log of its own, so an event ID of an
    /// earlier run is a gap in the log of a later one.
    #[must_use]
    pub fn log_key(&self) -> String {
        format!("{}@{}", self.key, self.run)
    }

    /// The key in the store's [`Wakes`](crate::hub::Wakes) under which the store reports that somebody asked the run to stop,
    /// and that it ended: `<key>@<run>!`. Its events are reported under [`log_key`](Self::log_key).
    #[must_use]
    pub fn signal_key(&self) -> String {
        format!("{}@{}!", self.key, self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_not_an_id_is_an_error_that_says_what_an_id_is() {
        let id = RunId::from_u64(0xabc);
        assert_eq!("0000000000000abc".parse(), Ok(id));
        for text in ["", "abc", "0000000000000ABC", "0000000000000abcd", "+000000000000abc"] {
            let error = text.parse::<RunId>().unwrap_err();
            assert_eq!(error.to_string(), "not the id of a run: it has 16 hexadecimal digits in lower case", "{text}");
        }
    }

    #[test]
    fn the_keys_of_a_run_are_its_key_and_its_id() {
        let run = RunRef::new("name/*/key", RunId::from_u64(0xabc));
        assert_eq!(run.log_key(), "name/*/key@0000000000000abc");
        assert_eq!(run.signal_key(), "name/*/key@0000000000000abc!");
    }
}
