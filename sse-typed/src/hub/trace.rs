//! The events that the hub emits to `tracing`. The module doc lists them.
#![cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "without the feature nothing is emitted"))]

use std::{fmt::Display, time::Duration};

use crate::event::Gap;

/// The target of all events, so that a filter need not name private modules.
#[cfg(feature = "tracing")]
const TARGET: &str = "sse_typed::hub";

pub(super) fn gap(gap: &Gap) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, missed = gap.missed, reason = ?gap.reason, "history is lost to a subscription");
}

pub(super) fn undecodable(event_type: &str, reason: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: TARGET, event_type, %reason, "an event cannot be decoded and is withheld");
}

pub(super) fn log_failed(error: &dyn Display, pause: Duration) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: TARGET, %error, ?pause, "a call of the log failed and is retried");
}

pub(super) fn invalid_key(fault: &str) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: TARGET, reason = fault, "a subscription ends: no store accepts the key of its hub");
}

pub(super) fn no_runtime() {
    #[cfg(feature = "tracing")]
    tracing::error!(
        target: TARGET,
        "a subscription ends: a hub on a log elsewhere needs a Tokio runtime with its timer to follow the log"
    );
}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use std::{
        collections::BTreeSet,
        sync::{Arc, Mutex},
    };

    use tracing::{Event, Level, Metadata, Subscriber, span, subscriber};

    use super::*;
    use crate::event::GapReason;

    /// Collects the level and the target of events.
    #[derive(Clone, Default)]
    struct Targets(Arc<Mutex<BTreeSet<(Level, String)>>>);

    impl Subscriber for Targets {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &Event<'_>) {
            let metadata = event.metadata();
            self.0.lock().unwrap().insert((*metadata.level(), metadata.target().to_owned()));
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn all_events_have_the_public_path_of_the_hub_as_their_target() {
        let targets = Targets::default();
        subscriber::with_default(targets.clone(), || {
            gap(&Gap::new(None, GapReason::UnknownId));
            undecodable("a", &"reason");
            log_failed(&"error", Duration::ZERO);
            no_runtime();
            invalid_key("reason");
        });
        let expected = [Level::DEBUG, Level::WARN, Level::ERROR].map(|level| (level, "sse_typed::hub".to_owned()));
        assert_eq!(*targets.0.lock().unwrap(), BTreeSet::from(expected));
    }
}
