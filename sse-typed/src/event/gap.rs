use serde::{Deserialize, Serialize};

/// Lost history: what lies between a client's last event ID and the oldest event that is still kept is gone.
///
/// As JSON it is `{"missed":17,"reason":"trimmed"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// How many events are lost, where that can be known.
    pub missed: Option<u64>,
    /// Why they are lost.
    pub reason: GapReason,
}

impl Gap {
    /// A gap of `missed` events.
    #[must_use]
    pub const fn new(missed: Option<u64>, reason: GapReason) -> Self {
        Self { missed, reason }
    }
}

/// Why history is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GapReason {
    /// The log no longer keeps events that old.
    Trimmed,
    /// The subscription fell behind what is kept, in mid-stream.
    Lagged,
    /// The client's last event ID is none of this log's: malformed, of another stream, or of an earlier process.
    UnknownId,
    /// A reason that this version does not know.
    #[serde(other)]
    Other,
}

/// An event type that can tell its receiver of lost history: implemented by the derives for an enum with a variant marked
/// `#[sse(gap)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no event that tells of lost history",
    label = "no variant is marked `#[sse(gap)]`",
    note = "mark a unit variant, or one that holds a `Gap`, with `#[sse(gap)]`"
)]
pub trait GapEvent: Sized {
    /// The event that stands in the place of lost history.
    fn from_gap(gap: Gap) -> Self;
}
