use std::{error::Error, fmt};

use super::{AnyLogError, AppendError};
use crate::event::EncodeError;

/// Why an event was not published. Nobody sees anything of it, unless the outcome is [unknown](Self::is_unknown).
#[derive(Debug)]
pub struct PublishError(Kind);

#[derive(Debug)]
pub(super) enum Kind {
    Encode(EncodeError),
    NeverSent(String),
    Closed,
    Within,
    Log(AnyLogError),
    Unknown(AnyLogError),
}

impl PublishError {
    /// The event cannot travel: see the [source](Error::source), an [`EncodeError`].
    #[must_use]
    pub const fn is_encode(&self) -> bool {
        matches!(self.0, Kind::Encode(_))
    }

    /// The event is marked `#[sse(skip)]`: it is never on the wire.
    #[must_use]
    pub const fn is_never_sent(&self) -> bool {
        matches!(self.0, Kind::NeverSent(_))
    }

    /// The hub was closed, or its log was, by this or another process.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.0, Kind::Closed)
    }

    /// It was called from a closure that the same hub runs, of
    /// [`publish_with`](super::Hub::publish_with) or [`subscribe_with`](super::Hub::subscribe_with): the order of events is
    /// held there, and waiting for it would never end.
    #[must_use]
    pub const fn is_within(&self) -> bool {
        matches!(self.0, Kind::Within)
    }

    /// The log failed and has not stored the event: see the [source](Error::source).
    #[must_use]
    pub const fn is_log(&self) -> bool {
        matches!(self.0, Kind::Log(_))
    }

    /// The log did not answer: the event may have been stored, and may still appear. See the [source](Error::source).
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self.0, Kind::Unknown(_))
    }
}

impl<E: Error + Send + Sync + 'static> From<AppendError<E>> for Kind {
    fn from(error: AppendError<E>) -> Self {
        match error {
            AppendError::Closed(_) => Self::Closed,
            AppendError::Failed(error) => Self::Log(AnyLogError::new(error)),
            AppendError::Unknown(error) => Self::Unknown(AnyLogError::new(error)),
        }
    }
}

impl From<Kind> for PublishError {
    fn from(kind: Kind) -> Self {
        Self(kind)
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Encode(_) => f.write_str("the event cannot be published"),
            Kind::NeverSent(event_type) => {
                write!(f, "event `{}` is marked `skip`, and never on the wire", event_type.escape_debug())
            }
            Kind::Log(_) => f.write_str("the log of the hub failed and stored nothing"),
            Kind::Unknown(_) => f.write_str("the log of the hub did not answer: the event may have been stored"),
            Kind::Closed => f.write_str("the hub is closed"),
            Kind::Within => f.write_str(
                "an event cannot be published from a closure of the same hub's publish_with or subscribe_with",
            ),
        }
    }
}

impl Error for PublishError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Kind::Encode(error) => Some(error),
            Kind::Log(error) | Kind::Unknown(error) => Some(error),
            Kind::NeverSent(_) | Kind::Closed | Kind::Within => None,
        }
    }
}
