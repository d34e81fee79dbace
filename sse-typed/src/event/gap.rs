use serde::{Deserialize, Serialize};

use super::PartName;

/// Lost history: what lies between a client's last event ID and the oldest event that is still kept is gone.
///
/// As JSON it is `{"missed":17,"reason":"trimmed"}`, and `{"missed":17,"reason":"trimmed","part":"chat"}` in a part of a merged
/// stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// How many events are lost, where that can be known.
    pub missed: Option<u64>,
    /// Why they are lost.
    pub reason: GapReason,
    /// In which part of the stream, where it is merged of several hubs (`Merge`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PartName>,
}

impl Gap {
    /// A gap of `missed` events.
    #[must_use]
    pub const fn new(missed: Option<u64>, reason: GapReason) -> Self {
        Self { missed, reason, part: None }
    }

    /// The same gap, in this part of a merged stream.
    #[must_use]
    pub const fn in_part(mut self, part: PartName) -> Self {
        self.part = Some(part);
        self
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
    note = "mark a unit variant, or one that holds a `Gap`, with `#[sse(gap)]`",
    note = "or say what happens instead where history is lost: `Hub::builder_on_gap(OnGap::Restart)`, or another `OnGap`"
)]
pub trait GapEvent: Sized {
    /// The event that stands in the place of lost history.
    fn from_gap(gap: Gap) -> Self;
}

/// A field of a variant that is marked `#[sse(gap)]`, whose type is that of the `Part` of the gap that it holds.
///
/// Every type is the field of itself, and of nothing else. The trait exists for its compile error.
#[diagnostic::on_unimplemented(
    message = "this field of a variant with `#[sse(gap)]` must be `{Part}`, and is `{Self}`",
    label = "expected `{Part}`",
    note = "such a variant is a unit variant, holds a `Gap`, or has the fields `missed: Option<u64>`, `reason: GapReason` and \
            `part: Option<PartName>`, or some of them"
)]
pub trait GapField<Part>: Sized {
    #[doc(hidden)]
    fn from_part(part: Part) -> Self;
}

impl<T> GapField<T> for T {
    fn from_part(part: T) -> T {
        part
    }
}
