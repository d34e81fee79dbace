//! What the client tells of itself, by the `tracing` crate if its feature is on.

use std::time::Duration;

use super::{Ended, Error};

#[cfg(feature = "tracing")]
mod events {
    use super::{Duration, Ended, Error};

    pub(in super::super) fn opened(head: &http::response::Parts) {
        tracing::debug!(http.response.status_code = head.status.as_u16(), "event stream open");
    }

    pub(in super::super) fn reconnecting(after: Duration, cause: Option<&Error>) {
        match cause {
            Some(cause) => tracing::warn!(after_ms = millis(after), error = %cause, "event stream lost, reconnecting"),
            None => tracing::debug!(after_ms = millis(after), "event stream ended, reconnecting"),
        }
    }

    pub(in super::super) fn ended(reason: Ended) {
        tracing::debug!(?reason, "event stream over");
    }

    pub(in super::super) fn failed(error: &Error) {
        tracing::warn!(%error, "event stream over");
    }

    pub(in super::super) fn unknown_event(event_type: &str) {
        tracing::debug!(event_type, "event of unknown type");
    }

    pub(in super::super) fn bad_event(error: &Error) {
        tracing::warn!(%error, "bad event");
    }

    pub(in super::super) fn unsendable_id(id: &str) {
        tracing::warn!(?id, "last event ID cannot stand in a header, and is not sent");
    }

    fn millis(duration: Duration) -> u64 {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(not(feature = "tracing"))]
mod events {
    use super::{Duration, Ended, Error};

    pub(in super::super) const fn opened(_: &http::response::Parts) {}
    pub(in super::super) const fn reconnecting(_: Duration, _: Option<&Error>) {}
    pub(in super::super) const fn ended(_: Ended) {}
    pub(in super::super) const fn failed(_: &Error) {}
    pub(in super::super) const fn unknown_event(_: &str) {}
    pub(in super::super) const fn bad_event(_: &Error) {}
    pub(in super::super) const fn unsendable_id(_: &str) {}
}

pub(super) use self::events::{bad_event, ended, failed, opened, reconnecting, unknown_event, unsendable_id};
