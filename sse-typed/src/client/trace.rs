//! What the client tells of itself, by the `tracing` crate if its feature is on. Fields have OpenTelemetry's names where it
//! has one; of a URL the query is left out, because it may hold a secret.

#[cfg(feature = "tracing")]
pub(super) use self::on::{
    Scope, bad_event, ended, failed, ignored_lines, opened, reconnecting, unfinished_event, unknown_event,
    unknown_header, unsendable_id,
};

#[cfg(not(feature = "tracing"))]
pub(super) use self::off::{
    Scope, bad_event, ended, failed, ignored_lines, opened, reconnecting, unfinished_event, unknown_event,
    unknown_header, unsendable_id,
};

#[cfg(feature = "tracing")]
mod on {
    use std::time::Duration;

    use http::{HeaderName, Method, Uri, response};
    use tracing::{Span, field, span::EnteredSpan};

    use crate::{
        client::{Ended, Error},
        codec::{IgnoredLines, UnfinishedEvent},
    };

    /// How many characters of an id, and of a header, are shown.
    const SHOWN: usize = 100;

    /// The span of one stream or source.
    #[derive(Clone, Debug)]
    pub(in super::super) struct Scope(Span);

    impl Scope {
        /// Of a stream whose request is not known.
        pub(in super::super) const fn none() -> Self {
            Self(Span::none())
        }

        pub(in super::super) fn of(method: &Method, uri: &Uri) -> Self {
            Self(tracing::info_span!(
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
        tracing::debug!(http.response.status_code = head.status.as_u16(), "event stream open");
    }

    pub(in super::super) fn reconnecting(after: Duration, cause: Option<&Error>) {
        let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        match cause {
            Some(error) => tracing::warn!(after_ms, %error, "event stream lost, reconnecting"),
            None => tracing::debug!(after_ms, "event stream ended, reconnecting"),
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

    pub(in super::super) fn ignored_lines(lines: &IgnoredLines) {
        tracing::warn!(ignored = %lines, "event stream without an event");
    }

    pub(in super::super) fn unfinished_event(event: &UnfinishedEvent) {
        tracing::warn!(unfinished = %event, "event stream ended within an event, which is discarded");
    }

    pub(in super::super) fn unsendable_id(id: &str) {
        tracing::warn!(id = %beginning(id).escape_debug(), "last event ID cannot stand in a header, and is not sent");
    }

    pub(in super::super) fn unknown_header(name: &HeaderName, value: &[u8]) {
        let value = String::from_utf8_lossy(value);
        let value = beginning(&value).escape_debug();
        tracing::warn!(header = name.as_str(), %value, "header of the response is not understood");
    }

    fn beginning(text: &str) -> &str {
        text.char_indices().nth(SHOWN).map_or(text, |(end, _)| &text[..end])
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::time::Duration;

    use http::{HeaderName, Method, Uri, response};

    use crate::{
        client::{Ended, Error},
        codec::{IgnoredLines, UnfinishedEvent},
    };

    #[derive(Clone, Debug)]
    pub(in super::super) struct Scope;

    pub(in super::super) struct Entered;

    impl Scope {
        pub(in super::super) const fn none() -> Self {
            Self
        }

        pub(in super::super) const fn of(_: &Method, _: &Uri) -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "as where there is a span")]
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
    pub(in super::super) const fn unknown_header(_: &HeaderName, _: &[u8]) {}
}
