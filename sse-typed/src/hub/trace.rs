//! What is told to `tracing`. Without the feature nothing is.
#![cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nobody is told"))]

use std::fmt::Display;

use crate::event::Gap;

pub(super) fn gap(gap: &Gap) {
    #[cfg(feature = "tracing")]
    tracing::debug!(missed = gap.missed, reason = ?gap.reason, "history is lost to a subscription");
}

pub(super) fn withheld(event_type: &str, reason: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(event_type, %reason, "an event of the hub cannot be read, and is withheld from those who ask for values");
}
