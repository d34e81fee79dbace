use std::{fmt, str::FromStr};

use bytestring::ByteString;

use super::EventId;

/// Where a client left off: the last event ID it brought, or none on a first visit.
///
/// A server reads it with `LastEventId::of(&request)` (feature `server`) or as an axum extractor (feature `axum`). Without that
/// feature a handler that takes it does not compile: `FromRequestParts` is not implemented for it.
///
/// ```
/// use sse_typed::{EventId, LastEventId};
///
/// let resumed = LastEventId::from(EventId::from(41));
/// assert_eq!(resumed.parse::<u64>(), Ok(Some(41)));
/// assert_eq!(LastEventId::none().parse::<u64>(), Ok(None));
/// assert!(LastEventId::from(EventId::new("x").unwrap()).parse::<u64>().is_err());
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[doc(alias = "FromRequestParts")]
pub struct LastEventId(Option<ByteString>);

impl LastEventId {
    /// A client that brings no id, or an empty one.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// What a request carried; an empty text is none.
    #[cfg(any(feature = "server", feature = "client"))]
    pub(crate) fn received(id: &str) -> Self {
        Self((!id.is_empty()).then(|| id.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Whether the client brought no id.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Reads the id as a `T`, such as a sequence number; `Ok(None)` when there is none.
    ///
    /// # Errors
    ///
    /// The error of `T` when the client brought an id that is not a `T`. It comes from outside: treat it as an id that is
    /// not known, never as a reason to panic.
    pub fn parse<T: FromStr>(&self) -> Result<Option<T>, T::Err> {
        self.as_str().map(str::parse).transpose()
    }
}

impl From<EventId> for LastEventId {
    fn from(id: EventId) -> Self {
        Self(Some(id.as_str().into()))
    }
}

impl From<Option<EventId>> for LastEventId {
    fn from(id: Option<EventId>) -> Self {
        id.map_or_else(Self::none, Self::from)
    }
}

impl fmt::Debug for LastEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LastEventId").field(&self.as_str()).finish()
    }
}
