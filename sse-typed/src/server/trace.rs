//! What is told to `tracing`. Without the feature nothing is.
#![cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nobody is told"))]

use super::Closed;

pub(super) fn opened() {
    #[cfg(feature = "tracing")]
    tracing::debug!("event stream opened");
}

pub(super) fn closed(closed: &Closed) {
    #[cfg(feature = "tracing")]
    {
        use super::Ended;

        let (events, bytes, duration) = (closed.events(), closed.bytes(), closed.duration());
        match closed.reason() {
            Ended::Failed(error) => {
                tracing::error!(%error, events, bytes, ?duration, "event stream ended by an event that cannot be sent");
            }
            Ended::Panicked => tracing::error!(events, bytes, ?duration, "event stream ended by a panic of its stream"),
            reason => tracing::debug!(?reason, events, bytes, ?duration, "event stream closed"),
        }
    }
}

pub(super) fn observer_panicked() {
    #[cfg(feature = "tracing")]
    tracing::error!("an observer of event streams panicked");
}

pub(super) fn last_event_id_ignored(reason: &str, bytes: usize) {
    #[cfg(feature = "tracing")]
    tracing::warn!(reason, bytes, "a last event ID was ignored");
}
