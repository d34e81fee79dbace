//! A run that several processes share.

use sse_typed::SseEvent;

/// Numbers, of a hub or of a run.
#[derive(Clone, Debug, PartialEq, Eq, SseEvent)]
#[sse(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the tests know all events")]
pub enum Feed {
    /// A number.
    Tick(u64),
    /// Events are missing.
    #[sse(gap)]
    Missed,
    /// The feed is complete.
    #[sse(terminal)]
    Done,
    /// The run has failed.
    #[sse(terminal, failed)]
    Failed {
        /// Why.
        reason: String,
    },
    /// The run was stopped.
    #[sse(terminal, stopped)]
    Stopped,
    /// The run is lost.
    #[sse(terminal, lost)]
    Lost,
}

/// The events of a run that counts.
#[derive(Clone, Debug, PartialEq, Eq, SseEvent)]
#[sse(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the tests know all events")]
pub enum Count {
    /// The next number, from 0 on.
    Number {
        /// The number.
        n: u64,
    },
    /// The run is complete.
    #[sse(terminal)]
    Done,
    /// The run has failed.
    #[sse(terminal, failed)]
    Failed {
        /// Why.
        reason: String,
    },
    /// The run was stopped.
    #[sse(terminal, stopped)]
    Stopped,
    /// The run is lost.
    #[sse(terminal, lost)]
    Lost,
}
