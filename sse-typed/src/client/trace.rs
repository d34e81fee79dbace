//! The client's `tracing` events; without the feature `tracing` these functions do nothing. Fields have
//! OpenTelemetry's names where it defines one. The query of a URL is left out, because it may contain a secret.
//!
//! The module doc of `client` lists all events with their levels and fields.

#[cfg(feature = "tracing")]
pub(super) use self::enabled::{
    StreamSpan, bad_event, ended, failed, ignored_lines, invalid_header, opened, reconnecting, unfinished_event,
    unknown_event, unsendable_id,
};

#[cfg(not(feature = "tracing"))]
pub(super) use self::disabled::{
    StreamSpan, bad_event, ended, failed, ignored_lines, invalid_header, opened, reconnecting, unfinished_event,
    unknown_event, unsendable_id,
};

#[cfg(feature = "tracing")]
mod enabled {
    use std::time::Duration;

    use http::{HeaderName, Method, Uri, response};
    use tracing::{Span, field, span::EnteredSpan};

    use crate::{
        client::{Ended, Error},
        codec::{IgnoredLines, UnfinishedEvent},
    };

    /// The target of every event and span, so that filters do not depend on the names of private modules.
    const TARGET: &str = "sse_typed::client";

    /// How many characters of an ID and of a header value are recorded.
    const MAX_SHOWN_CHARS: usize = 100;

    /// The span of one stream or source.
    #[derive(Clone, Debug)]
    pub(in super::super) struct StreamSpan(Span);

    impl StreamSpan {
        /// No span, for a stream whose request is not known.
        pub(in super::super) const fn none() -> Self {
            Self(Span::none())
        }

        pub(in super::super) fn of(method: &Method, uri: &Uri) -> Self {
            Self(tracing::info_span!(
                target: TARGET,
                "event_stream",
                http.request.method = method.as_str(),
                server.address = uri.host().map(field::display),
                server.port = uri.port_u16(),
                url.path = uri.path(),
            ))
        }

        pub(in super::super) fn enter(&self) -> EnteredSpan {
            self.0.clone().entered()
        }
    }

    pub(in super::super) fn opened(head: &response::Parts) {
        tracing::debug!(target: TARGET, { http.response.status_code = head.status.as_u16() }, "event stream open");
    }

    pub(in super::super) fn reconnecting(after: Duration, cause: Option<&Error>) {
        let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        match cause {
            Some(error) => tracing::warn!(target: TARGET, after_ms, %error, "event stream lost, reconnecting"),
            None => tracing::debug!(target: TARGET, after_ms, "event stream ended, reconnecting"),
        }
    }

    pub(in super::super) fn ended(reason: Ended) {
        tracing::debug!(target: TARGET, ?reason, "event stream closed");
    }

    pub(in super::super) fn failed(error: &Error) {
        tracing::warn!(target: TARGET, %error, "event stream failed");
    }

    pub(in super::super) fn unknown_event(event_type: &str) {
        tracing::debug!(target: TARGET, event_type, "event of unknown type");
    }

    pub(in super::super) fn bad_event(error: &Error) {
        tracing::warn!(target: TARGET, %error, "bad event");
    }

    pub(in super::super) fn ignored_lines(lines: &IgnoredLines) {
        tracing::warn!(target: TARGET, ignored = %lines, "event stream without an event");
    }

    pub(in super::super) fn unfinished_event(event: &UnfinishedEvent) {
        tracing::warn!(target: TARGET, unfinished = %event, "event stream ended within an event, which is discarded");
    }

    pub(in super::super) fn unsendable_id(id: &str) {
        tracing::warn!(target: TARGET, id = %truncated(id).escape_debug(), "last event ID cannot be sent in a header");
    }

    pub(in super::super) fn invalid_header(name: &HeaderName, value: &[u8]) {
        let value = String::from_utf8_lossy(value);
        let value = truncated(&value).escape_debug();
        tracing::warn!(target: TARGET, header = name.as_str(), %value, "response header has an invalid value");
    }

    fn truncated(text: &str) -> &str {
        text.char_indices().nth(MAX_SHOWN_CHARS).map_or(text, |(end, _)| &text[..end])
    }
}

#[cfg(not(feature = "tracing"))]
mod disabled {
    use std::time::Duration;

    use http::{HeaderName, Method, Uri, response};

    use crate::{
        client::{Ended, Error},
        codec::{IgnoredLines, UnfinishedEvent},
    };

    #[derive(Clone, Debug)]
    pub(in super::super) struct StreamSpan;

    pub(in super::super) struct Entered;

    impl StreamSpan {
        pub(in super::super) const fn none() -> Self {
            Self
        }

        pub(in super::super) const fn of(_: &Method, _: &Uri) -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "same signature as with the feature")]
        pub(in super::super) const fn enter(&self) -> Entered {
            Entered
        }
    }

    pub(in super::super) const fn opened(_: &response::Parts) {}
    pub(in super::super) const fn reconnecting(_: Duration, _: Option<&Error>) {}
    pub(in super::super) const fn ended(_: Ended) {}
    pub(in super::super) const fn failed(_: &Error) {}
    pub(in super::super) const fn unknown_event(_: &str) {}
    pub(in super::super) const fn bad_event(_: &Error) {}
    pub(in super::super) const fn ignored_lines(_: &IgnoredLines) {}
    pub(in super::super) const fn unfinished_event(_: &UnfinishedEvent) {}
    pub(in super::super) const fn unsendable_id(_: &str) {}
    pub(in super::super) const fn invalid_header(_: &HeaderName, _: &[u8]) {}
}
