//! What the store reports to `tracing`, under the target `sse_typed::stores`. Without the feature it reports nothing.
#![cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nothing is reported"))]

use std::{fmt::Display, time::Duration};

#[cfg(feature = "tracing")]
const TARGET: &str = "sse_typed::stores";

pub(super) fn connected(connection: &'static str) {
    #[cfg(feature = "tracing")]
    tracing::info!(target: TARGET, connection, "connected to Redis");
}

pub(super) fn disconnected(connection: &'static str, error: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: TARGET, connection, %error, "the connection to Redis is lost");
}

pub(super) fn connect_failed(connection: &'static str, error: &dyn Display, pause: Duration) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: TARGET, connection, %error, ?pause, "Redis cannot be reached; the attempt is repeated");
}

pub(super) fn skipped_record(key: &str, entry: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: TARGET, key, %entry, "a record that is no event of a hub is skipped");
}

pub(super) fn repeated_append(key: &str, error: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, key, %error, "the reply to an append is lost; the append of a sole writer is repeated");
}
