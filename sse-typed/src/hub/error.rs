use std::{error::Error, fmt};

use super::AnyLogError;
use crate::event::EncodeError;

/// Why an event was not published. Nobody sees anything of it, but perhaps when a log elsewhere has [failed](Self::is_log).
#[derive(Debug)]
pub struct PublishError(Kind);

#[derive(Debug)]
pub(super) enum Kind {
    Encode(EncodeError),
    NeverSent(String),
    Closed,
    Within,
    Log(AnyLogError),
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

    /// The hub was closed.
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

    /// The log has failed: see the [source](Error::source). Whether it has taken the event is for the log to say.
    #[must_use]
    pub const fn is_log(&self) -> bool {
        matches!(self.0, Kind::Log(_))
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
            Kind::Log(_) => f.write_str("the log of the hub has failed"),
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
            Kind::Log(error) => Some(error),
            Kind::NeverSent(_) | Kind::Closed | Kind::Within => None,
        }
    }
}
