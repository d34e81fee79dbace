//! What is told to `tracing`. Without the feature nothing is.
#![cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nobody is told"))]

use super::Closed;
use crate::event::EncodeError;

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

pub(super) fn unsendable(error: &EncodeError) {
    #[cfg(feature = "tracing")]
    tracing::warn!(%error, "an event that cannot be sent was left out of its stream");
}

pub(super) fn refused(reason: &str) {
    #[cfg(feature = "tracing")]
    tracing::debug!(reason, "event stream refused");
}

pub(super) fn connection_given_up(reason: &str) {
    #[cfg(feature = "tracing")]
    tracing::debug!(reason, "connection given up");
}

pub(super) fn shutdown_cause_lost() {
    #[cfg(feature = "tracing")]
    tracing::error!("the future of a shutdown panicked, or went with its runtime: the shutdown begins");
}

pub(super) fn observer_panicked() {
    #[cfg(feature = "tracing")]
    tracing::error!("an observer of event streams panicked");
}

pub(super) fn last_event_id_ignored(reason: &str, bytes: usize) {
    #[cfg(feature = "tracing")]
    tracing::warn!(reason, bytes, "a last event ID was ignored");
}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use std::{
        fmt::Write as _,
        sync::{Arc, Mutex},
    };

    use futures_util::stream;
    use http_body_util::BodyExt as _;
    use tracing::{Event, Level, Metadata, Subscriber, field, span, subscriber};

    use crate::{EncodeError, EncodeEvent, EventKind, EventWriter, LastEventId, Sse};

    /// Keeps what is louder than debug, a line each.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Lines {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() < Level::DEBUG
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut line = event.metadata().level().to_string();
            event.record(&mut |field: &field::Field, value: &dyn std::fmt::Debug| {
                if field.name() != "duration" {
                    write!(line, " {}={value:?}", field.name()).unwrap();
                }
            });
            self.0.lock().unwrap().push(line);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    struct Unsendable;

    impl EventKind for Unsendable {
        fn event_type(&self) -> &'static str {
            "two\nlines"
        }
    }

    impl EncodeEvent for Unsendable {
        fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
            event.event_type(self.event_type())
        }
    }

    fn traced(f: impl AsyncFnOnce()) -> Vec<String> {
        let lines = Lines::default();
        subscriber::with_default(lines.clone(), || tokio_test::block_on(f()));
        let lines = lines.0.lock().unwrap();
        lines.clone()
    }

    #[test]
    fn an_event_that_cannot_be_sent_is_told() {
        let lines = traced(async || {
            let response = http::Response::from(Sse::new(stream::iter([Unsendable])));
            assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("ERROR message=event stream ended by an event that cannot be sent"), "{lines:?}");
        assert!(lines[0].contains(r"error=event `two\nlines` cannot be sent"), "{lines:?}");
    }

    #[test]
    fn an_event_that_is_left_out_is_told_and_the_end_is_no_error() {
        let lines = traced(async || {
            let sse = Sse::new(stream::iter([Unsendable])).on_unsendable(|_| Some(Unsendable));
            assert!(http::Response::from(sse).into_body().collect().await.unwrap().to_bytes().is_empty());
        });
        assert_eq!(lines.len(), 2, "the event, and what was to stand in for it: {lines:?}");
        for line in lines {
            assert!(line.starts_with("WARN message=an event that cannot be sent was left out of its stream"), "{line}");
            assert!(line.contains(r"error=event `two\nlines` cannot be sent"), "{line}");
        }
    }

    #[test]
    fn a_panic_of_the_stream_is_told() {
        let lines = traced(async || {
            let response =
                http::Response::from(Sse::new(stream::poll_fn(|_| -> std::task::Poll<Option<Unsendable>> {
                    panic!("in the stream")
                })));
            assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
        });
        assert_eq!(lines, ["ERROR message=event stream ended by a panic of its stream events=0 bytes=0"]);
    }

    #[test]
    fn a_last_event_id_that_is_ignored_is_told() {
        let lines = traced(async || {
            let request = http::Request::get("/").header("last-event-id", "x".repeat(1025)).body(()).unwrap();
            assert!(LastEventId::of(&request).is_none());
        });
        assert_eq!(lines, [r#"WARN message=a last event ID was ignored reason="over 1 KiB" bytes=1025"#]);
    }
}
