use std::{fmt, str::FromStr};

use bytestring::ByteString;

use super::EventId;

/// The last event ID that a client sent with its request, or none on a first visit.
///
/// A server reads it with `LastEventId::of(&request)` (feature `server`), or takes it as an axum extractor (feature `axum`).
/// Without the feature `axum`, a handler with a `LastEventId` argument does not compile, because `FromRequestParts` is not
/// implemented.
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
    /// The value for a client that sends no id, or an empty one.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// The id of a request. An empty string is no id.
    #[cfg(any(feature = "server", feature = "client"))]
    pub(crate) fn received(id: &str) -> Self {
        Self((!id.is_empty()).then(|| id.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Whether the client sent no id.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Parses the id as a `T`, such as a sequence number. Returns `Ok(None)` if there is none.
    ///
    /// # Errors
    ///
    /// The parse error of `T`. The id comes from the client and may be anything: treat one that does not parse as an unknown
    /// id, and do not panic.
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
