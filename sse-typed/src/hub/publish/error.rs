use std::{error::Error, fmt};

use crate::{
    event::EncodeError,
    hub::log::{AnyLogError, AppendError},
};

/// Why an event was not published. No subscription receives any part of it, unless the outcome is
/// [unknown](Self::is_unknown).
#[derive(Debug)]
pub struct PublishError(PublishErrorKind);

#[derive(Debug)]
pub(super) enum PublishErrorKind {
    Encode(EncodeError),
    NeverSent(String),
    Closed,
    Reentrant,
    Log(AnyLogError),
    Unknown(AnyLogError),
}

impl PublishError {
    /// The event cannot be encoded. The [source](Error::source) is an [`EncodeError`].
    #[must_use]
    pub const fn is_encode(&self) -> bool {
        matches!(self.0, PublishErrorKind::Encode(_))
    }

    /// The event is marked `#[sse(skip)]`, so it is never on the wire.
    #[must_use]
    pub const fn is_never_sent(&self) -> bool {
        matches!(self.0, PublishErrorKind::NeverSent(_))
    }

    /// The hub or its log is closed, by this or another process.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.0, PublishErrorKind::Closed)
    }

    /// The call came from a closure that the same hub runs, of [`publish_with`](crate::Hub::publish_with) or
    /// [`subscribe_with`](crate::Hub::subscribe_with). The hub holds a lock while it runs a closure, so waiting would
    /// never end.
    #[must_use]
    pub const fn is_reentrant(&self) -> bool {
        matches!(self.0, PublishErrorKind::Reentrant)
    }

    /// The log failed and has not stored the event. See the [source](Error::source).
    #[must_use]
    pub const fn is_log(&self) -> bool {
        matches!(self.0, PublishErrorKind::Log(_))
    }

    /// The log did not answer. The event may be stored, and may still appear. See the [source](Error::source).
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self.0, PublishErrorKind::Unknown(_))
    }
}

impl<E: Error + Send + Sync + 'static> From<AppendError<E>> for PublishErrorKind {
    fn from(error: AppendError<E>) -> Self {
        match error {
            AppendError::Closed(_) => Self::Closed,
            AppendError::Failed(error) => Self::Log(AnyLogError::new(error)),
            AppendError::Unknown(error) => Self::Unknown(AnyLogError::new(error)),
        }
    }
}

impl From<PublishErrorKind> for PublishError {
    fn from(kind: PublishErrorKind) -> Self {
        Self(kind)
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            PublishErrorKind::Encode(_) => f.write_str("the event cannot be published"),
            PublishErrorKind::NeverSent(event_type) => {
                write!(f, "event `{}` is marked `skip`, and never on the wire", event_type.escape_debug())
            }
            PublishErrorKind::Log(_) => f.write_str("the log of the hub failed and stored nothing"),
            PublishErrorKind::Unknown(_) => {
                f.write_str("the log of the hub did not answer: the event may have been stored")
            }
            PublishErrorKind::Closed => f.write_str("the hub is closed"),
            PublishErrorKind::Reentrant => f.write_str(
                "an event cannot be published from a closure of the same hub's publish_with or subscribe_with",
            ),
        }
    }
}

impl Error for PublishError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            PublishErrorKind::Encode(error) => Some(error),
            PublishErrorKind::Log(error) | PublishErrorKind::Unknown(error) => Some(error),
            PublishErrorKind::NeverSent(_) | PublishErrorKind::Closed | PublishErrorKind::Reentrant => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::EncodeErrorKind, hub::log::End};

    #[test]
    fn an_error_is_of_one_kind_and_has_the_source_of_an_event_or_of_a_log() {
        let kinds = [
            PublishErrorKind::Encode(EncodeError::new(EncodeErrorKind::Data, "no")),
            AppendError::Failed(fmt::Error).into(),
            AppendError::Unknown(fmt::Error).into(),
            PublishErrorKind::NeverSent("never".to_owned()),
            AppendError::<fmt::Error>::Closed(End::Complete).into(),
            PublishErrorKind::Reentrant,
        ];
        for (number, kind) in kinds.into_iter().enumerate() {
            let error = PublishError::from(kind);
            let is = [
                error.is_encode(),
                error.is_log(),
                error.is_unknown(),
                error.is_never_sent(),
                error.is_closed(),
                error.is_reentrant(),
            ];
            assert_eq!(is.iter().position(|is| *is), Some(number), "{error}");
            assert_eq!(is.iter().filter(|is| **is).count(), 1, "{error}");
            assert_eq!(error.source().is_some(), number < 3, "{error}");
        }
    }
}
