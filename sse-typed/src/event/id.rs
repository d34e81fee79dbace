use std::{borrow::Borrow, fmt, str::FromStr};

use super::id_text::{IdText, ShortText};

/// The id of an event. A client sends it back in the `Last-Event-ID` header to resume after that event.
///
/// An `EventId` is valid in an `id:` line and in that header:
///
/// - It is not empty. An empty `id:` line clears a client's last event ID.
/// - It contains no CR or LF, which would end the `id:` line, and no NUL. Clients ignore an `id:` line with a NUL.
/// - It contains no other control character except tabs, and does not begin or end with a space or tab. The header could not
///   hold such an id unchanged.
/// - It has at most 1024 bytes. Servers ignore a longer id.
///
/// A server that sent any other id would get it back changed or not at all, and could not resume from it. Ids that a
/// client *received* are an exception: they are kept as they arrived.
///
/// Cloning is cheap. Ids of up to 38 bytes need no allocation.
///
/// ```
/// use sse_typed::EventId;
///
/// let id = EventId::new("2026-11-21/17").unwrap();
/// assert_eq!(id.as_str(), "2026-11-21/17");
/// assert_eq!(EventId::from(42_u64).as_str(), "42");
/// assert_eq!(
///     EventId::new("a\rdata: forged").unwrap_err().to_string(),
///     r#"event id "a\rdata: forged" has a carriage return at byte 1, which would end the `id:` line"#,
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(IdText);

impl EventId {
    /// Checks `id` and makes an `EventId` of it.
    ///
    /// # Errors
    ///
    /// [`InvalidEventId`] if `id` is empty, has over 1024 bytes, contains a control character other than a tab, or begins or
    /// ends with a space or tab.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidEventId> {
        let id = id.into();
        match fault(id.as_bytes()) {
            None => Ok(Self(id.into())),
            Some(fault) => Err(InvalidEventId { id, fault }),
        }
    }

    /// An id that the decoder has read, which has no CR, LF or NUL, or one that is valid by construction.
    pub(crate) fn from_wire(id: &str) -> Self {
        Self(IdText::new(id))
    }

    /// An id that is valid by construction.
    #[cfg(feature = "hub")]
    pub(crate) fn from_short(id: ShortText) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Checks that `id` is valid in an `id:` line and in the `Last-Event-ID` header.
    pub(crate) fn check(id: &[u8]) -> Result<(), InvalidEventId> {
        match fault(id) {
            None => Ok(()),
            Some(fault) => Err(InvalidEventId { id: String::from_utf8_lossy(id).into_owned(), fault }),
        }
    }
}

/// The limit of an id, in bytes. A server ignores a longer `Last-Event-ID`.
pub(crate) const MAX_ID_LEN: usize = 1024;

fn fault(id: &[u8]) -> Option<Fault> {
    // Faults of the `id:` line come before faults of the header.
    if let Some(at) = memchr::memchr3(b'\r', b'\n', 0, id) {
        return Some(match id[at] {
            b'\r' => Fault::CarriageReturn(at),
            b'\n' => Fault::LineFeed(at),
            _ => Fault::Nul(at),
        });
    }
    match (id.first(), id.last()) {
        (None, _) | (_, None) => return Some(Fault::Empty),
        (Some(b' ' | b'\t'), _) | (_, Some(b' ' | b'\t')) => return Some(Fault::OuterSpace),
        _ => {}
    }
    if id.len() > MAX_ID_LEN {
        return Some(Fault::TooLong);
    }
    id.iter().position(|byte| byte.is_ascii_control() && *byte != b'\t').map(Fault::Control)
}

/// An `EventId` compares and hashes like its text.
impl Borrow<str> for EventId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl AsRef<str> for EventId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::new(id)
    }
}

impl TryFrom<String> for EventId {
    type Error = InvalidEventId;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        Self::new(id)
    }
}

impl TryFrom<&str> for EventId {
    type Error = InvalidEventId;

    fn try_from(id: &str) -> Result<Self, Self::Error> {
        Self::new(id)
    }
}

/// A type that can be an event's id: [`EventId`], an integer, or your own type that implements `Into<EventId>`.
///
/// Strings do not implement it, because not every string is a valid id. [`EventId::new`] checks one. The trait is implemented
/// for every type that is `Into<EventId>`, and exists for its compile error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event id",
    label = "not an event id",
    note = "not every string is a valid id: `EventId::new(text)?` checks it and makes an id of it"
)]
pub trait IntoEventId: Into<EventId> {}

#[diagnostic::do_not_recommend]
impl<T: Into<EventId>> IntoEventId for T {}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        /// The id is the number in decimal digits.
        impl From<$integer> for EventId {
            fn from(id: $integer) -> Self {
                let mut text = ShortText::default();
                let fits = match u128::try_from(id) {
                    Ok(number) => text.push_number(number),
                    Err(_) => false,
                };
                Self(if fits { text.into() } else { id.to_string().into() })
            }
        }
    )*};
}

from_integer!(u32, u64, u128, usize, i32, i64);

/// A string that is not a valid event id: see [`EventId::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidEventId {
    id: String,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Empty,
    CarriageReturn(usize),
    LineFeed(usize),
    Nul(usize),
    OuterSpace,
    TooLong,
    Control(usize),
}

impl fmt::Display for InvalidEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, at) = match self.fault {
            Fault::Empty => {
                return f
                    .write_str("an event id cannot be empty: an empty `id:` line clears the client's last event ID");
            }
            Fault::OuterSpace => {
                return write!(
                    f,
                    "event id {:?} begins or ends with a space or tab, which HTTP removes from the `Last-Event-ID` header",
                    self.id
                );
            }
            Fault::TooLong => {
                return write!(f, "an event id of {} bytes is over the limit of {MAX_ID_LEN} bytes", self.id.len());
            }
            Fault::Control(at) => {
                return write!(
                    f,
                    "event id {:?} has a control character at byte {at}, which the `Last-Event-ID` header cannot contain",
                    self.id
                );
            }
            Fault::Nul(at) => {
                return write!(
                    f,
                    "event id {:?} has a NUL at byte {at}, and clients ignore an `id:` line with a NUL",
                    self.id
                );
            }
            Fault::CarriageReturn(at) => ("carriage return", at),
            Fault::LineFeed(at) => ("line feed", at),
        };
        write!(f, "event id {:?} has a {name} at byte {at}, which would end the `id:` line", self.id)
    }
}

impl std::error::Error for InvalidEventId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_id_is_refused_with_the_reason() {
        for (id, reason) in [
            ("", "empty"),
            ("a\nb", "has a line feed at byte 1, which would end the `id:` line"),
            ("a\rb", "carriage return at byte 1"),
            ("ab\0", "has a NUL at byte 2, and clients ignore an `id:` line with a NUL"),
            (" a", "space or tab"),
            ("a\t", "space or tab"),
            ("a\u{1}b", "control character at byte 1"),
            ("a\u{7f}", "control character at byte 1"),
            (&"x".repeat(1025), "of 1025 bytes"),
        ] {
            let error = EventId::new(id).unwrap_err().to_string();
            assert!(error.contains(reason), "{id:?}: {error}");
        }
    }

    #[test]
    fn a_valid_id_is_kept_unchanged() {
        for id in ["0", "a b", "a\tb", &"x".repeat(1024), "é…", "\u{2028}x", "[{\"topic\":\"a\"}]", "\u{feff}"] {
            assert_eq!(EventId::new(id).unwrap().as_str(), id);
        }
        assert_eq!(EventId::from(u64::MAX).as_str(), "18446744073709551615");
        assert_eq!(EventId::from(u128::MAX).as_str(), u128::MAX.to_string());
        assert_eq!(EventId::from(i64::MIN).as_str(), i64::MIN.to_string());
    }
}
