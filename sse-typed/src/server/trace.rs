//! The events of the server in `tracing`. Without the feature these functions do nothing.
#![cfg_attr(
    not(feature = "tracing"),
    allow(unused_variables, reason = "without `tracing` nothing reads the arguments")
)]

use super::Closed;
use crate::event::EncodeError;

/// The target of all events of the server, for all of its private modules.
#[cfg(feature = "tracing")]
const TARGET: &str = "sse_typed::server";

pub(super) fn opened() {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, "event stream opened");
}

pub(super) fn closed(closed: &Closed) {
    #[cfg(feature = "tracing")]
    {
        use super::EndReason;

        let (events, bytes, duration) = (closed.events(), closed.bytes(), closed.duration());
        match closed.reason() {
            EndReason::Failed(error) => tracing::error!(
                target: TARGET, %error, events, bytes, ?duration,
                "event stream closed after an event that cannot be sent"
            ),
            EndReason::Panicked => {
                tracing::error!(target: TARGET, events, bytes, ?duration, "event stream closed after a panic");
            }
            reason => tracing::debug!(target: TARGET, ?reason, events, bytes, ?duration, "event stream closed"),
        }
    }
}

pub(super) fn unsendable(error: &EncodeError) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: TARGET, %error, "event that cannot be sent was replaced or skipped");
}

pub(super) fn refused(reason: &str) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, reason, "event stream refused");
}

pub(super) fn connection_timed_out(reason: &str) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, reason, "connection timed out");
}

#[cfg(feature = "serve")]
pub(super) fn connection_failed(error: &(dyn std::error::Error + 'static)) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, %error, "connection failed");
}

#[cfg(feature = "serve")]
pub(super) fn accept_failed(error: &std::io::Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: TARGET, %error, "connection cannot be accepted; trying again");
}

pub(super) fn shutdown_future_lost() {
    #[cfg(feature = "tracing")]
    tracing::error!(target: TARGET, "the future of a shutdown panicked or was dropped by its runtime; the shutdown begins");
}

pub(super) fn observer_panicked() {
    #[cfg(feature = "tracing")]
    tracing::error!(target: TARGET, "an observer of event streams panicked");
}

pub(super) fn last_event_id_ignored(reason: &str, bytes: usize) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: TARGET, reason, bytes, "invalid last event ID ignored");
}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use std::{
        fmt::Write as _,
        sync::{Arc, Mutex},
    };

    use futures_util::stream;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    use tracing::{Event, Level, Metadata, Subscriber, field, span, subscriber};

    use crate::{EncodeError, EncodeEvent, EventKind, EventWriter, LastEventId, Sse, SseLayer};

    /// Records events up to a level, one line each.
    #[derive(Clone)]
    struct Lines {
        max_level: Level,
        lines: Arc<Mutex<Vec<String>>>,
    }

    impl Subscriber for Lines {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() <= self.max_level && metadata.target().starts_with("sse_typed")
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut line = format!("{} {}", event.metadata().level(), event.metadata().target());
            event.record(&mut |field: &field::Field, value: &dyn std::fmt::Debug| {
                if field.name() != "duration" {
                    write!(line, " {}={value:?}", field.name()).unwrap();
                }
            });
            self.lines.lock().unwrap().push(line);
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

    fn traced_up_to(max_level: Level, f: impl AsyncFnOnce()) -> Vec<String> {
        let lines = Lines { max_level, lines: Arc::default() };
        subscriber::with_default(lines.clone(), || tokio_test::block_on(f()));
        let lines = lines.lines.lock().unwrap();
        lines.clone()
    }

    fn traced(f: impl AsyncFnOnce()) -> Vec<String> {
        traced_up_to(Level::WARN, f)
    }

    #[test]
    fn every_event_has_the_public_target_of_the_server() {
        let lines = traced_up_to(Level::TRACE, async || {
            let service = tower_layer::Layer::layer(
                &SseLayer::new().max_streams(1).on_open(|_| panic!("in the observer")),
                tower::service_fn(|_: http::Request<()>| {
                    let sse = Sse::new(stream::iter([Unsendable])).on_unsendable(|_| None);
                    std::future::ready(Ok::<_, std::convert::Infallible>(sse))
                }),
            );
            let request = || http::Request::get("/").header("last-event-id", "x".repeat(1025)).body(()).unwrap();
            let open = service.clone().oneshot(request()).await.unwrap();
            drop(service.oneshot(request()).await.unwrap());
            open.into_body().collect().await.unwrap();
            http::Response::from(Sse::new(stream::iter([Unsendable]))).into_body().collect().await.unwrap();
            super::connection_timed_out("a reason");
            #[cfg(feature = "serve")]
            super::connection_failed(&std::io::Error::other("an error"));
            #[cfg(feature = "serve")]
            super::accept_failed(&std::io::Error::other("an error"));
            super::shutdown_future_lost();
        });
        let messages: Vec<_> = lines
            .iter()
            .map(|line| {
                let (level, rest) = line.split_once(" sse_typed::server message=").expect(line);
                let message = rest.split_once(" reason=").map_or(rest, |(message, _)| message);
                format!("{level} {}", message.split_once(" error=").map_or(message, |(message, _)| message))
            })
            .collect();
        assert_eq!(
            messages,
            [
                "WARN invalid last event ID ignored",
                "WARN invalid last event ID ignored",
                "DEBUG event stream refused",
                "DEBUG event stream opened",
                "ERROR an observer of event streams panicked",
                "WARN event that cannot be sent was replaced or skipped",
                "DEBUG event stream closed",
                "DEBUG event stream opened",
                "ERROR event stream closed after an event that cannot be sent",
                "DEBUG connection timed out",
                #[cfg(feature = "serve")]
                "DEBUG connection failed",
                #[cfg(feature = "serve")]
                "WARN connection cannot be accepted; trying again",
                "ERROR the future of a shutdown panicked or was dropped by its runtime; the shutdown begins",
            ]
        );
    }

    #[test]
    fn an_event_that_ends_its_stream_because_it_cannot_be_sent_is_an_error() {
        let lines = traced(async || {
            let response = http::Response::from(Sse::new(stream::iter([Unsendable])));
            assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].starts_with("ERROR sse_typed::server message=event stream closed after an event"),
            "{lines:?}"
        );
        assert!(lines[0].contains(r"error=event `two\nlines` cannot be sent"), "{lines:?}");
    }

    #[test]
    fn an_event_that_is_replaced_or_skipped_is_a_warning_and_the_end_is_no_error() {
        let lines = traced(async || {
            let sse = Sse::new(stream::iter([Unsendable])).on_unsendable(|_| Some(Unsendable));
            assert!(http::Response::from(sse).into_body().collect().await.unwrap().to_bytes().is_empty());
        });
        assert_eq!(lines.len(), 2, "the event and its replacement: {lines:?}");
        for line in lines {
            assert!(line.starts_with("WARN sse_typed::server message=event that cannot be sent"), "{line}");
            assert!(line.contains(r"error=event `two\nlines` cannot be sent"), "{line}");
        }
    }

    #[test]
    fn a_panic_of_the_stream_is_an_error() {
        let lines = traced(async || {
            let response =
                http::Response::from(Sse::new(stream::poll_fn(|_| -> std::task::Poll<Option<Unsendable>> {
                    panic!("in the stream")
                })));
            assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
        });
        assert_eq!(lines, ["ERROR sse_typed::server message=event stream closed after a panic events=0 bytes=0"]);
    }

    #[test]
    fn an_invalid_last_event_id_is_a_warning() {
        let lines = traced(async || {
            let request = http::Request::get("/").header("last-event-id", "x".repeat(1025)).body(()).unwrap();
            assert!(LastEventId::of(&request).is_none());
        });
        assert_eq!(
            lines,
            [r#"WARN sse_typed::server message=invalid last event ID ignored reason="over 1 KiB" bytes=1025"#]
        );
    }
}
