use std::{error::Error, fmt};

/// How a log ended. [`EventLog::close`](super::EventLog::close) sets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// All events were published.
    #[default]
    Complete,
    /// The producer of the events failed.
    Failed,
    /// The producer was stopped on request.
    Stopped,
    /// Nothing was received from the producer for too long.
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
    /// The log was already closed, with this end. Nothing was stored.
    Closed(End),
    /// The log failed. Nothing was stored.
    Failed(E),
    /// The log did not answer. The event may or may not be stored.
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

/// What an event ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::hub) struct EndFlags {
    /// The event is terminal: it ends the streams that send it.
    pub(in crate::hub) terminal: bool,
    /// The log was closed with it: it ends the log, and so all streams of it.
    pub(in crate::hub) closes_log: bool,
}

impl EndFlags {
    /// The flags of an event that does not close the log.
    pub(in crate::hub) const fn terminal(terminal: bool) -> Self {
        Self { terminal, closes_log: false }
    }

    /// Whether nothing may be sent after the event.
    pub(in crate::hub) const fn ends_stream(self) -> bool {
        self.terminal || self.closes_log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_append_error_says_what_is_stored_and_its_source_is_the_error_of_the_log() {
        let of = |error: AppendError<fmt::Error>| (error.to_string(), error.source().is_some());
        assert_eq!(of(AppendError::Failed(fmt::Error)), ("the log failed and stored nothing".to_owned(), true));
        assert_eq!(
            of(AppendError::Unknown(fmt::Error)),
            ("the log did not answer: the event may be stored".to_owned(), true)
        );
        let ends = [End::Complete, End::Failed, End::Stopped, End::Lost];
        assert_eq!(ends.map(|end| end.to_string()), ["complete", "failed", "stopped", "lost"]);
        assert_eq!(of(AppendError::Closed(End::Lost)), ("the log is closed: lost".to_owned(), false));
    }
}
