//! What the store reports to `tracing`, under the target `sse_typed::stores`. Without the feature it reports nothing.
#![cfg_attr(not(feature = "tracing"), allow(unused_variables, dead_code, reason = "nothing is reported"))]

use std::{fmt::Display, time::Duration};

use super::status::Link;

#[cfg(feature = "tracing")]
const TARGET: &str = "sse_typed::stores";

/// Reports the state of one connection. An error that is repeated while the server is away is reported as a warning once.
#[derive(Debug)]
pub(super) struct ConnectionReports {
    connection: &'static str,
    warned: Option<String>,
}

impl ConnectionReports {
    pub(super) const fn new(link: Link) -> Self {
        Self { connection: link.name(), warned: None }
    }

    pub(super) fn connected(&mut self) {
        self.warned = None;
        #[cfg(feature = "tracing")]
        tracing::info!(target: TARGET, connection = self.connection, "connected to Redis");
    }

    pub(super) fn disconnected(&mut self, error: &dyn Display) {
        self.warned = Some(error.to_string());
        #[cfg(feature = "tracing")]
        tracing::warn!(target: TARGET, connection = self.connection, %error, "the connection to Redis is lost");
    }

    pub(super) fn connect_failed(&mut self, error: &dyn Display, pause: Duration) {
        const MESSAGE: &str = "Redis cannot be reached; the attempt is repeated";
        let text = error.to_string();
        if self.warned.as_ref() == Some(&text) {
            #[cfg(feature = "tracing")]
            tracing::debug!(target: TARGET, connection = self.connection, %error, ?pause, "{MESSAGE}");
        } else {
            #[cfg(feature = "tracing")]
            tracing::warn!(target: TARGET, connection = self.connection, %error, ?pause, "{MESSAGE}");
            self.warned = Some(text);
        }
    }
}

pub(super) fn skipped_record(key: &str, entry: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: TARGET, key, %entry, "a record that is no event of a hub is skipped");
}

pub(super) fn repeated_append(key: &str, error: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, key, %error, "the reply to an append is lost; the append of a sole writer is repeated");
}

pub(super) fn invalid_key(error: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: TARGET, %error, "a log was opened whose key no store takes: all of its calls fail");
}
