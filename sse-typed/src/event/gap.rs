use serde::{Deserialize, Serialize};

use super::PartName;

/// A gap in a stream: events that the client has not received and that the history no longer holds.
///
/// Its JSON is `{"missed":17,"reason":"trimmed"}`. For a part of a merged stream (`Merge`) it is
/// `{"missed":17,"reason":"trimmed","part":"chat"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// How many events are lost; `None` if that is not known.
    pub missed: Option<u64>,
    /// Why they are lost.
    pub reason: GapReason,
    /// The part of a merged stream (`Merge`) that has the gap. `None` on a stream of one hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PartName>,
}

impl Gap {
    /// A gap of `missed` events.
    #[must_use]
    pub const fn new(missed: Option<u64>, reason: GapReason) -> Self {
        Self { missed, reason, part: None }
    }

    /// Sets the part of a merged stream.
    #[must_use]
    pub const fn in_part(mut self, part: PartName) -> Self {
        self.part = Some(part);
        self
    }
}

/// Why events are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GapReason {
    /// The history no longer holds events as old as the client's last event ID.
    Trimmed,
    /// The subscription fell so far behind during the stream that its next event was trimmed.
    Lagged,
    /// The client's last event ID does not belong to this history: it is malformed, of another stream, or of an earlier
    /// process.
    UnknownId,
    /// A reason that this version of the crate does not know.
    #[serde(other)]
    Other,
}

/// An event type that can report lost history. The derives implement it for an enum with a variant marked `#[sse(gap)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no event that reports lost history",
    label = "no variant is marked `#[sse(gap)]`",
    note = "mark a unit variant, or one that holds a `Gap`, with `#[sse(gap)]`",
    note = "or choose another reaction to lost history: `Hub::builder_on_gap(OnGap::Restart)`, or another `OnGap`"
)]
pub trait GapEvent: Sized {
    /// The event that takes the place of the lost events.
    fn from_gap(gap: Gap) -> Self;
}

/// A compile-time check of the derives. Each field of a variant marked `#[sse(gap)]` has the name of a field of
/// [`Gap`], and must have its type, `Part`.
///
/// Every type implements `GapField` of itself only. The trait exists for its compile error.
#[diagnostic::on_unimplemented(
    message = "this field of a variant with `#[sse(gap)]` must have the type `{Part}`, not `{Self}`",
    label = "expected `{Part}`",
    note = "a `gap` variant is a unit variant, holds a `Gap`, or has some of the fields `missed: Option<u64>`, \
            `reason: GapReason` and `part: Option<PartName>`"
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
