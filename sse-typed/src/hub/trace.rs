//! What the hub reports to `tracing`, under the target `sse_typed::hub`. Without the feature it reports nothing.
#![cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nothing is reported"))]

use std::{fmt::Display, time::Duration};

use crate::event::Gap;

pub(super) fn gap(gap: &Gap) {
    #[cfg(feature = "tracing")]
    tracing::debug!(missed = gap.missed, reason = ?gap.reason, "history is lost to a subscription");
}

pub(super) fn undecodable(event_type: &str, reason: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(event_type, %reason, "an event of the hub cannot be read, and is withheld from those who ask for values");
}

pub(super) fn log_failed(error: &dyn Display, pause: Duration) {
    #[cfg(feature = "tracing")]
    tracing::warn!(%error, ?pause, "the log of a hub fails; it is asked again");
}

pub(super) fn no_runtime() {
    #[cfg(feature = "tracing")]
    tracing::error!("a hub whose log is elsewhere needs a Tokio runtime to follow it: a subscription ends");
}
