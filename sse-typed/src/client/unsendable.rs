use std::{error::Error as StdError, fmt};

use super::error::BoxError;

/// Marks a service's error as one that no repetition mends: nothing was sent, or nothing can be. It says what its cause
/// says.
#[derive(Debug)]
pub(super) struct Unsendable(BoxError);

#[cfg_attr(
    not(any(feature = "hyper-client", feature = "reqwest")),
    expect(dead_code, reason = "the clients over the network are what marks")
)]
impl Unsendable {
    pub(super) fn because(cause: impl Into<BoxError>) -> Self {
        Self(cause.into())
    }
}

impl Unsendable {
    pub(super) fn into_cause(self) -> BoxError {
        self.0
    }

    /// Whether it is the error, or one of its causes.
    pub(super) fn is_in(error: &(dyn StdError + 'static)) -> bool {
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

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Unsendable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
