use std::{borrow::Borrow, fmt, str::FromStr};

use super::id_text::{IdText, ShortText};

/// The id of an event: what a client sends back as `Last-Event-ID` to resume after it.
///
/// It is never empty, because an empty id makes clients forget theirs. It holds no CR or LF, which would end its line, and no
/// NUL, for which clients ignore the line. It holds no other control character (but tabs within), has no space or tab at its
/// ends and at most 1 KiB, because the header that brings it back could not carry it as it is, or a server would not take it: a
/// resume with it would never match. Cloning is cheap, and up to 38 bytes need no allocation. Ids that a client *received* are kept as they came.
///
/// ```
/// use sse_typed::EventId;
///
/// let id = EventId::new("2026-11-21/17").unwrap();
/// assert_eq!(id.as_str(), "2026-11-21/17");
/// assert_eq!(EventId::from(42_u64).as_str(), "42");
/// assert_eq!(
///     EventId::new("a\rdata: forged").unwrap_err().to_string(),
///     r#"event id "a\rdata: forged" has a carriage return at byte 1, which cannot stand in an `id:` line"#,
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(IdText);

impl EventId {
    /// Checks that `id` can travel.
    ///
    /// # Errors
    ///
    /// [`InvalidEventId`] when `id` is empty, has over 1024 bytes, a control character (but tabs within), or a space or tab
    /// at either end.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidEventId> {
        let id = id.into();
        match fault(id.as_bytes()) {
            None => Ok(Self(id.into())),
            Some(fault) => Err(InvalidEventId { id, fault }),
        }
    }

    /// An id as it stood on the wire, or one made of what can travel. The decoder has seen to CR, LF and NUL.
    pub(crate) fn from_wire(id: &str) -> Self {
        Self(IdText::new(id))
    }

    /// An id made of what can travel.
    #[cfg(feature = "hub")]
    pub(crate) fn from_short(id: ShortText) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether `id` can travel in an `id:` line and come back in a header.
    pub(crate) fn check(id: &[u8]) -> Result<(), InvalidEventId> {
        match fault(id) {
            None => Ok(()),
            Some(fault) => Err(InvalidEventId { id: String::from_utf8_lossy(id).into_owned(), fault }),
        }
    }
}

/// How long an id may be, in bytes: what clients bring that is longer is not taken for one.
pub(crate) const LONGEST_ID: usize = 1024;

fn fault(id: &[u8]) -> Option<Fault> {
    // What no `id:` line can bring to a client, before what no header can bring back.
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
    if id.len() > LONGEST_ID {
        return Some(Fault::TooLong);
    }
    id.iter().position(|byte| byte.is_ascii_control() && *byte != b'\t').map(Fault::Control)
}

/// It compares and hashes as its text.
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

/// An id for an event: an [`EventId`], an integer, or a type of one's own that is `Into<EventId>`.
///
/// A text is none, as not every text can travel as an id: [`EventId::new`] checks it. The trait is implemented for every type
/// that is `Into<EventId>`, and exists for its compile error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event id",
    label = "not an event id",
    note = "not every text can travel as an id: `EventId::new(text)?` checks it and makes an id of it"
)]
pub trait IntoEventId: Into<EventId> {}

#[diagnostic::do_not_recommend]
impl<T: Into<EventId>> IntoEventId for T {}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        /// Decimal digits always travel.
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

/// An id that cannot travel: see [`EventId::new`].
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
                return f.write_str("an event id cannot be empty: an empty `id:` line makes clients forget theirs");
            }
            Fault::OuterSpace => {
                return write!(
                    f,
                    "event id {:?} begins or ends with a space or tab, which HTTP trims from the `Last-Event-ID` header",
                    self.id
                );
            }
            Fault::TooLong => {
                return write!(
                    f,
                    "an event id of {} bytes is longer than the {LONGEST_ID} that can be brought back",
                    self.id.len()
                );
            }
            Fault::Control(at) => {
                return write!(
                    f,
                    "event id {:?} has a control character at byte {at}, which the `Last-Event-ID` header cannot bring back",
                    self.id
                );
            }
            Fault::Nul(at) => {
                return write!(
                    f,
                    "event id {:?} has a NUL at byte {at}, for which clients ignore the whole `id:` line",
                    self.id
                );
            }
            Fault::CarriageReturn(at) => ("carriage return", at),
            Fault::LineFeed(at) => ("line feed", at),
        };
        write!(f, "event id {:?} has a {name} at byte {at}, which cannot stand in an `id:` line", self.id)
    }
}

impl std::error::Error for InvalidEventId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_cannot_travel_is_refused_and_named() {
        for (id, word) in [
            ("", "empty"),
            ("a\nb", "has a line feed at byte 1, which cannot stand in an `id:` line"),
            ("a\rb", "carriage return at byte 1"),
            ("ab\0", "has a NUL at byte 2, for which clients ignore the whole `id:` line"),
            (" a", "space or tab"),
            ("a\t", "space or tab"),
            ("a\u{1}b", "control character at byte 1"),
            ("a\u{7f}", "control character at byte 1"),
            (&"x".repeat(1025), "of 1025 bytes"),
        ] {
            let error = EventId::new(id).unwrap_err().to_string();
            assert!(error.contains(word), "{id:?}: {error}");
        }
    }

    #[test]
    fn an_id_that_can_travel_is_kept_as_it_is() {
        for id in ["0", "a b", "a\tb", &"x".repeat(1024), "é…", "\u{2028}x", "[{\"topic\":\"a\"}]", "\u{feff}"] {
            assert_eq!(EventId::new(id).unwrap().as_str(), id);
        }
        assert_eq!(EventId::from(u64::MAX).as_str(), "18446744073709551615");
        assert_eq!(EventId::from(u128::MAX).as_str(), u128::MAX.to_string());
        assert_eq!(EventId::from(i64::MIN).as_str(), i64::MIN.to_string());
    }
}
