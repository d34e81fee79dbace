use std::{error::Error, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The name of a part of a merged stream (`Merge`): 1 to 16 of the characters `a` to `z`, `0` to `9`, `_` and `-`.
///
/// A part is one of the hubs that the stream merges. A [`Gap`](super::Gap) of a merged stream has the name of the part that
/// lost events. Its JSON is a string.
///
/// ```
/// use sse_typed::event::PartName;
///
/// let chat = PartName::new("chat")?;
/// assert_eq!(chat.as_str(), "chat");
/// assert!(PartName::new("Chat room").is_err());
/// # Ok::<(), sse_typed::event::InvalidPartName>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartName {
    /// Padded with zeros, which no name contains.
    bytes: [u8; MAX_LEN],
}

/// The limit of a name, in bytes.
const MAX_LEN: usize = 16;

impl PartName {
    /// Checks `name` and makes a `PartName` of it.
    ///
    /// # Errors
    ///
    /// [`InvalidPartName`] if `name` is empty, has over 16 characters, or contains a character other than `[a-z0-9_-]`.
    pub fn new(name: &str) -> Result<Self, InvalidPartName> {
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        let mut bytes = [0; MAX_LEN];
        match bytes.get_mut(..name.len()) {
            Some(start) if !name.is_empty() && name.bytes().all(is_allowed) => start.copy_from_slice(name.as_bytes()),
            _ => return Err(InvalidPartName { name: name.into() }),
        }
        Ok(Self { bytes })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(MAX_LEN);
        // It contains only ASCII.
        str::from_utf8(&self.bytes[..len]).unwrap_or_default()
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl AsRef<str> for PartName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for PartName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for PartName {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl FromStr for PartName {
    type Err = InvalidPartName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl Serialize for PartName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for PartName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl de::Visitor<'_> for Name {
            type Value = PartName;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a part of a stream")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<PartName, E> {
                PartName::new(name).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Name)
    }
}

/// A string that is not a valid part name: see [`PartName::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPartName {
    name: Box<str>,
}

impl fmt::Display for InvalidPartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a valid part name: a name has 1 to {MAX_LEN} of the characters `a-z`, `0-9`, `_` and `-`",
            self.name
        )
    }
}

impl Error for InvalidPartName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_names_that_need_no_escaping_are_valid() {
        for name in ["a", "rides", "room-7", "_", "0123456789abcdef"] {
            let part = PartName::new(name).unwrap();
            assert_eq!((part.as_str(), part.to_string().as_str(), name.parse()), (name, name, Ok(part)));
            assert_eq!(serde_json::to_string(&part).unwrap(), format!("{name:?}"));
            assert_eq!(serde_json::from_str::<PartName>(&format!("{name:?}")).unwrap(), part);
        }
        for name in ["", "Rides", "a b", "a~b", "a*b", "é", "a\0", "0123456789abcdefg"] {
            let error = PartName::new(name).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name:?} is not a valid part name: ")), "{error}");
            assert!(serde_json::from_str::<PartName>(&serde_json::to_string(name).unwrap()).is_err());
        }
    }
}
