//! The events that runs emit to `tracing`. The module doc lists them.
#![cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "without the feature nothing is emitted"))]

use std::{fmt::Display, time::Duration};

use super::run_store::RunRef;
use crate::hub::End;

/// The target of all events, so that a filter need not name private modules.
#[cfg(feature = "tracing")]
const TARGET: &str = "sse_typed::runs";

pub(super) fn started(run: &RunRef) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, key = &*run.key, run = %run.run, "a run has started");
}

pub(super) fn ended(run: &RunRef, end: End) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, key = &*run.key, run = %run.run, %end, "a run has ended");
}

pub(super) fn end_failed(run: &RunRef, end: End, error: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: TARGET, key = &*run.key, run = %run.run, %end, %error, "the end of a run was not stored");
}

pub(super) fn panicked(run: &RunRef) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: TARGET, key = &*run.key, run = %run.run, "the producer of a run panicked");
}

pub(super) fn append_failed(error: &dyn Display, pause: Duration) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: TARGET, %error, ?pause, "an event was not stored and is tried again");
}

pub(super) fn renewal_failed(error: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: TARGET, %error, "leases were not renewed and are tried again");
}
