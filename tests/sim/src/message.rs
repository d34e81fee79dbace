//! The events of the simulation.

use serde::{Deserialize, Serialize};
use sse_typed::{Gap, SseEvent};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum Message {
    /// An event of a topic. No two have the same number.
    Number(Number),
    #[sse(gap)]
    Missed(Gap),
    /// The state of a topic.
    Snapshot(Snapshot),
    /// The last event of a server that is drained.
    Restarting,
    /// A topic is closed with it.
    #[sse(terminal)]
    Last(Number),
    /// An event of a run.
    Token(Token),
    #[sse(terminal)]
    Done(Token),
    #[sse(terminal, failed)]
    Failed { reason: String },
    #[sse(terminal, stopped)]
    Stopped,
    #[sse(terminal, lost)]
    Lost,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Number {
    pub(crate) n: u64,
    pub(crate) pad: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Token {
    /// The execution of the producer.
    pub(crate) execution: u64,
    /// The first of an execution is 0.
    pub(crate) index: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Snapshot {
    pub(crate) topic: usize,
    /// The number of changes that the state contains.
    pub(crate) changes: usize,
}

impl Message {
    /// The event type of the last event of a run.
    pub(crate) const fn run_end(&self) -> Option<&'static str> {
        match self {
            Self::Done(_) => Some("done"),
            Self::Failed { .. } => Some("failed"),
            Self::Stopped => Some("stopped"),
            Self::Lost => Some("lost"),
            Self::Number(_)
            | Self::Missed(_)
            | Self::Snapshot(_)
            | Self::Restarting
            | Self::Last(_)
            | Self::Token(_) => None,
        }
    }
}
