use std::{error::Error, fmt};

/// How a log ended: what [`EventLog::close`](super::EventLog::close) was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// All there was to say was said.
    #[default]
    Complete,
    /// What produced the events failed.
    Failed,
    /// Somebody stopped it.
    Stopped,
    /// What produced the events has not been heard of for too long.
    Lost,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
        })
    }
}

/// Why an event was not appended to a log, or a log was not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendError<E> {
    /// The log is closed, by whoever closed it first. Nothing was stored.
    Closed(End),
    /// The log failed. Nothing was stored.
    Failed(E),
    /// The log did not answer: the event was stored, or it was not.
    Unknown(E),
}

impl<E> AppendError<E> {
    /// The same outcome with another error.
    pub fn map<F>(self, map: impl FnOnce(E) -> F) -> AppendError<F> {
        match self {
            Self::Closed(end) => AppendError::Closed(end),
            Self::Failed(error) => AppendError::Failed(map(error)),
            Self::Unknown(error) => AppendError::Unknown(map(error)),
        }
    }
}

impl<E> fmt::Display for AppendError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(end) => write!(f, "the log is closed: {end}"),
            Self::Failed(_) => f.write_str("the log failed and stored nothing"),
            Self::Unknown(_) => f.write_str("the log did not answer: the event may be stored"),
        }
    }
}

impl<E: Error + 'static> Error for AppendError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Closed(_) => None,
            Self::Failed(error) | Self::Unknown(error) => Some(error),
        }
    }
}
