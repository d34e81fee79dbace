use std::{error::Error, fmt};

use crate::hub::{End, PublishError};

/// An error of any type.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a run was not started, found or stopped.
#[derive(Debug)]
pub struct RunsError(ErrorKind);

#[derive(Debug)]
pub(super) enum ErrorKind {
    InvalidKey(&'static str, &'static str),
    OtherInput,
    ShuttingDown,
    Store(BoxError),
    NoRuntime,
}

impl RunsError {
    pub(super) fn store(error: impl Error + Send + Sync + 'static) -> Self {
        Self(ErrorKind::Store(Box::new(error)))
    }

    pub(super) fn no_answer() -> Self {
        Self(ErrorKind::Store("the store did not answer in time".into()))
    }

    /// The subject or the key is empty or has over 200 bytes.
    #[must_use]
    pub const fn is_invalid_key(&self) -> bool {
        matches!(self.0, ErrorKind::InvalidKey(..))
    }

    /// The key has a run of another [input](super::StartRun::input).
    #[must_use]
    pub const fn is_other_input(&self) -> bool {
        matches!(self.0, ErrorKind::OtherInput)
    }

    /// The process no longer starts runs: see [`Runs::shutdown`](super::Runs::shutdown).
    #[must_use]
    pub const fn is_shutting_down(&self) -> bool {
        matches!(self.0, ErrorKind::ShuttingDown)
    }

    /// The store failed, or did not answer within ten seconds. See the [source](Error::source).
    #[must_use]
    pub const fn is_store(&self) -> bool {
        matches!(self.0, ErrorKind::Store(_))
    }

    /// There is no Tokio runtime with a timer (`enable_time`), or it has ended meanwhile. No run is started, and the store is not
    /// called.
    #[must_use]
    pub const fn is_no_runtime(&self) -> bool {
        matches!(self.0, ErrorKind::NoRuntime)
    }
}

impl From<ErrorKind> for RunsError {
    fn from(kind: ErrorKind) -> Self {
        Self(kind)
    }
}

impl fmt::Display for RunsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ErrorKind::InvalidKey(what, fault) => write!(f, "the {what} of a run {fault}"),
            ErrorKind::OtherInput => f.write_str("the key has a run of another input"),
            ErrorKind::ShuttingDown => f.write_str("no run is started, because the process is shutting down"),
            ErrorKind::Store(_) => f.write_str("the store of the runs failed"),
            ErrorKind::NoRuntime => {
                f.write_str("a run needs a Tokio runtime with its timer, and there is none or it has ended")
            }
        }
    }
}

impl Error for RunsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            ErrorKind::Store(error) => Some(&**error),
            ErrorKind::InvalidKey(..) | ErrorKind::OtherInput | ErrorKind::ShuttingDown | ErrorKind::NoRuntime => None,
        }
    }
}

/// Why [`RunWriter::publish`](super::RunWriter::publish) did not publish an event.
#[derive(Debug)]
pub struct WriteError(WriteErrorKind);

#[derive(Debug)]
pub(super) enum WriteErrorKind {
    Event(PublishError),
    Ended(Option<End>),
    Limit(&'static str),
    Store(BoxError),
}

impl WriteError {
    /// The event cannot be sent: it cannot be encoded, or is marked `#[sse(skip)]`. Nothing was stored, and the run goes on.
    #[must_use]
    pub const fn is_event(&self) -> bool {
        matches!(self.0, WriteErrorKind::Event(_))
    }

    /// The run has ended: it was stopped, another process has taken it for lost, or its closure has returned.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self.0, WriteErrorKind::Ended(_))
    }

    /// How the run has ended, if that is why and if it is known.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        match self.0 {
            WriteErrorKind::Ended(end) => end,
            _ => None,
        }
    }

    /// The run has reached its limit of events or of bytes, and fails.
    #[must_use]
    pub const fn is_limit(&self) -> bool {
        matches!(self.0, WriteErrorKind::Limit(_))
    }

    /// The store has failed for as long as an outage [may last](super::RunsBuilder::outage), or has not answered for ten seconds
    /// longer. The event may be stored.
    #[must_use]
    pub const fn is_store(&self) -> bool {
        matches!(self.0, WriteErrorKind::Store(_))
    }
}

impl From<WriteErrorKind> for WriteError {
    fn from(kind: WriteErrorKind) -> Self {
        Self(kind)
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            WriteErrorKind::Event(_) => f.write_str("the event cannot be sent"),
            WriteErrorKind::Ended(None) => f.write_str("the run has ended"),
            WriteErrorKind::Ended(Some(end)) => write!(f, "the run has ended: {end}"),
            WriteErrorKind::Limit(limit) => f.write_str(limit),
            WriteErrorKind::Store(_) => f.write_str("the store of the run failed for too long"),
        }
    }
}

impl Error for WriteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            WriteErrorKind::Event(error) => Some(error),
            WriteErrorKind::Store(error) => Some(&**error),
            WriteErrorKind::Ended(_) | WriteErrorKind::Limit(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RawEvent, hub::encode_block};

    #[test]
    fn an_error_of_runs_is_of_one_kind_and_only_that_of_a_store_has_a_source() {
        let kinds = [
            ErrorKind::InvalidKey("key", "is empty"),
            ErrorKind::OtherInput,
            ErrorKind::ShuttingDown,
            ErrorKind::Store(fmt::Error.into()),
            ErrorKind::NoRuntime,
        ];
        for (number, kind) in kinds.into_iter().enumerate() {
            let error = RunsError::from(kind);
            let is = [
                error.is_invalid_key(),
                error.is_other_input(),
                error.is_shutting_down(),
                error.is_store(),
                error.is_no_runtime(),
            ];
            assert_eq!(is.iter().position(|is| *is), Some(number), "{error}");
            assert_eq!(is.iter().filter(|is| **is).count(), 1, "{error}");
            assert_eq!(error.source().is_some(), error.is_store(), "{error}");
        }
        assert_eq!(RunsError::from(ErrorKind::OtherInput).to_string(), "the key has a run of another input");
    }

    #[test]
    fn a_write_error_is_of_one_kind_and_has_the_source_of_an_event_or_of_a_store() {
        let kinds = [
            WriteErrorKind::Event(encode_block(&RawEvent::new("two\nlines", "1")).unwrap_err()),
            WriteErrorKind::Ended(Some(End::Lost)),
            WriteErrorKind::Limit("too much"),
            WriteErrorKind::Store(fmt::Error.into()),
        ];
        for (number, kind) in kinds.into_iter().enumerate() {
            let error = WriteError::from(kind);
            let is = [error.is_event(), error.is_ended(), error.is_limit(), error.is_store()];
            assert_eq!(is.iter().position(|is| *is), Some(number), "{error}");
            assert_eq!(is.iter().filter(|is| **is).count(), 1, "{error}");
            assert_eq!(error.source().is_some(), error.is_event() || error.is_store(), "{error}");
            assert_eq!(error.end(), error.is_ended().then_some(End::Lost), "{error}");
        }
        let texts =
            [WriteErrorKind::Ended(None), WriteErrorKind::Ended(Some(End::Lost)), WriteErrorKind::Limit("too much")];
        let texts = texts.map(|kind| WriteError::from(kind).to_string());
        assert_eq!(texts, ["the run has ended", "the run has ended: lost", "too much"]);
    }
}
