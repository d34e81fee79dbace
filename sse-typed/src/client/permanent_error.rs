use std::{error::Error as StdError, fmt};

use super::error::BoxError;

/// Marks an error of a service as permanent: nothing was sent, or nothing can be sent, and a retry would fail the
/// same way. It displays its cause.
#[derive(Debug)]
pub(super) struct PermanentError(BoxError);

#[cfg_attr(
    not(any(feature = "hyper-client", feature = "reqwest")),
    expect(dead_code, reason = "only the network clients create it")
)]
impl PermanentError {
    pub(super) fn new(cause: impl Into<BoxError>) -> Self {
        Self(cause.into())
    }
}

impl PermanentError {
    pub(super) fn into_cause(self) -> BoxError {
        self.0
    }

    /// Whether the error or one of its sources is a `PermanentError`.
    pub(super) fn is_in_chain(error: &(dyn StdError + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(error) = next {
            if error.is::<Self>() {
                return true;
            }
            next = error.source();
        }
        false
    }
}

impl fmt::Display for PermanentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for PermanentError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
