use std::{error::Error, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The name of a part of a stream that is merged of several hubs: 1 to 16 characters of `a` to `z`, `0` to `9`, `_` and `-`.
///
/// A [`Gap`](super::Gap) of such a stream says by it in which part history is lost. As JSON it is a string.
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
    /// Padded with zeros, which no name has.
    bytes: [u8; LONGEST],
}

/// How long a name may be, in bytes.
const LONGEST: usize = 16;

impl PartName {
    /// Checks that `name` is one.
    ///
    /// # Errors
    ///
    /// [`InvalidPartName`] when `name` is empty, has over 16 characters, or one that is not of `[a-z0-9_-]`.
    pub fn new(name: &str) -> Result<Self, InvalidPartName> {
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        let mut bytes = [0; LONGEST];
        match bytes.get_mut(..name.len()) {
            Some(start) if !name.is_empty() && name.bytes().all(is_allowed) => start.copy_from_slice(name.as_bytes()),
            _ => return Err(InvalidPartName { name: name.into() }),
        }
        Ok(Self { bytes })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(LONGEST);
        // Nothing but ASCII is in it.
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

/// A text that is no name of a part: see [`PartName::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPartName {
    name: Box<str>,
}

impl fmt::Display for InvalidPartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no name of a part: a name has 1 to {LONGEST} characters of `a-z`, `0-9`, `_` and `-`",
            self.name
        )
    }
}

impl Error for InvalidPartName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_needs_no_escape_anywhere() {
        for name in ["a", "rides", "room-7", "_", "0123456789abcdef"] {
            let part = PartName::new(name).unwrap();
            assert_eq!((part.as_str(), part.to_string().as_str(), name.parse()), (name, name, Ok(part)));
            assert_eq!(serde_json::to_string(&part).unwrap(), format!("{name:?}"));
            assert_eq!(serde_json::from_str::<PartName>(&format!("{name:?}")).unwrap(), part);
        }
        for name in ["", "Rides", "a b", "a~b", "a*b", "é", "a\0", "0123456789abcdefg"] {
            let error = PartName::new(name).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name:?} is no name of a part: ")), "{error}");
            assert!(serde_json::from_str::<PartName>(&serde_json::to_string(name).unwrap()).is_err());
        }
    }
}
