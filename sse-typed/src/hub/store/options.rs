use std::time::Duration;

use crate::hub::history::Retention;

/// How a [store](super::EventStore) keeps the log of a key.
///
/// ```
/// use std::time::Duration;
/// use sse_typed::hub::{LogOptions, Retention};
///
/// let options = LogOptions::new()
///     .retain(Retention::events(10_000))
///     .closed_ttl(Duration::from_secs(24 * 3600));
/// assert_eq!(options.retention(), Retention::events(10_000));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    retention: Retention,
    idle_ttl: Option<Duration>,
    closed_ttl: Option<Duration>,
    sole_writer: bool,
}

impl LogOptions {
    /// The defaults: the default [`Retention`], and keys are kept until they are removed.
    #[must_use]
    pub const fn new() -> Self {
        Self { retention: Retention::events(1024), idle_ttl: None, closed_ttl: None, sole_writer: false }
    }

    /// How much history is retained. An engine may retain more; its docs say how much.
    #[must_use]
    pub const fn retain(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Removes a key this long after its last append. Off by default.
    ///
    /// This also removes a quiet key that is still in use. Its clients get a gap.
    #[must_use]
    pub const fn idle_ttl(mut self, ttl: Duration) -> Self {
        self.idle_ttl = Some(ttl);
        self
    }

    /// Removes a key this long after it was closed. Off by default.
    #[must_use]
    pub const fn closed_ttl(mut self, ttl: Duration) -> Self {
        self.closed_ttl = Some(ttl);
        self
    }

    /// Says that only one log at a time appends to the key. Off by default.
    ///
    /// Each append then names the event that it follows, by which the engine recognizes a repeated append. So an append
    /// whose reply was lost is retried, and is not stored twice. An append of a second writer fails.
    #[must_use]
    pub const fn sole_writer(mut self) -> Self {
        self.sole_writer = true;
        self
    }

    /// The options of the log of a run, which is removed with its record and not by itself.
    #[cfg(feature = "runs")]
    pub(crate) const fn of_run(&self) -> Self {
        Self { retention: self.retention, idle_ttl: None, closed_ttl: None, sole_writer: self.sole_writer }
    }

    /// How much history is retained.
    #[must_use]
    pub const fn retention(&self) -> Retention {
        self.retention
    }

    /// How long after its last append a key is removed.
    #[must_use]
    pub const fn idle_ttl_after(&self) -> Option<Duration> {
        self.idle_ttl
    }

    /// How long after its close a key is removed.
    #[must_use]
    pub const fn closed_ttl_after(&self) -> Option<Duration> {
        self.closed_ttl
    }

    /// Whether only one log at a time appends to the key.
    #[must_use]
    pub const fn is_sole_writer(&self) -> bool {
        self.sole_writer
    }
}
