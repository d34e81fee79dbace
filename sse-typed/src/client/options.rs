//! The settings for reading events, which requests and streams share.

use std::fmt;

use super::{Error, stream_timeouts::StreamTimeouts};

/// What to do with an event of a known type that cannot be decoded, and with an event that is too large.
#[derive(Default)]
#[non_exhaustive]
pub enum BadEvent {
    /// Yields it as an `Err` item. The stream continues when it is polled again.
    #[default]
    Yield,
    /// Skips it, after calling the hook with the error. [`BadEvent::skip`] creates this variant.
    Skip(BadEventHook),
}

/// The closure of [`BadEvent::skip`], called with the error of each skipped event.
pub struct BadEventHook(Box<dyn FnMut(Error) + Send>);

impl BadEventHook {
    pub(super) fn call(&mut self, error: Error) {
        (self.0)(error);
    }
}

impl BadEvent {
    /// Skips bad events, and calls `hook` with each error.
    ///
    /// ```
    /// use sse_typed::client::BadEvent;
    ///
    /// let policy = BadEvent::skip(|error| eprintln!("skipped: {error}"));
    /// # let _ = policy;
    /// ```
    pub fn skip(hook: impl FnMut(Error) + Send + 'static) -> Self {
        Self::Skip(BadEventHook(Box::new(hook)))
    }
}

impl fmt::Debug for BadEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yield => "Yield",
            Self::Skip(_) => "Skip(..)",
        })
    }
}

impl fmt::Debug for BadEventHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BadEventHook").finish_non_exhaustive()
    }
}

/// What to do with an event whose type the enum does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnknownEvent {
    /// Skips, counts and traces it: a server may add event types before its clients know them.
    #[default]
    Skip,
    /// Yields it as an `Err` item, or passes it to the hook of [`BadEvent::Skip`]. The stream continues.
    Error,
}

#[derive(Debug, Default)]
pub(super) struct ReadOptions {
    pub(super) bad_event: BadEvent,
    pub(super) unknown: UnknownEvent,
    pub(super) in_band_errors: bool,
    pub(super) require_terminal: bool,
    pub(super) lenient_end: bool,
    pub(super) timeouts: StreamTimeouts,
}

/// The setters of [`ReadOptions`], for a type with the methods `change_decoder` and `options`.
macro_rules! read_options {
    () => {
        /// Limits the size of an event, in bytes; see [`Decoder::max_event_size`]. The default is 16 MiB.
        pub fn max_event_size(mut self, bytes: usize) -> Self {
            self.change_decoder(|decoder| decoder.max_event_size(bytes));
            self
        }

        /// Sets what to do with bad events. The default is to yield them as `Err` items.
        pub fn on_bad_event(mut self, bad_event: $crate::client::BadEvent) -> Self {
            self.options().bad_event = bad_event;
            self
        }

        /// Sets what to do with events of unknown type. The default is to skip them.
        pub fn on_unknown(mut self, unknown: $crate::client::UnknownEvent) -> Self {
            self.options().unknown = unknown;
            self
        }

        /// Sets whether an event that reports an error of the server (`#[sse(error)]`) is an `Err` item. The default
        /// is `false`: it is an event like any other. With `true`,
        /// [`Error::is_in_band`](crate::client::Error::is_in_band) identifies these errors,
        /// [`Error::decode`](crate::client::Error::decode) returns the event, and the stream continues.
        pub fn in_band_errors(mut self, yes: bool) -> Self {
            self.options().in_band_errors = yes;
            self
        }

        /// Sets whether a stream that ends without a [terminal event](crate::EventKind::is_terminal) ends with an
        /// [error](crate::client::Error::is_truncated), for streams that are useless when incomplete. The default is
        /// `false`. It has an effect only on a stream that does not reconnect, or no longer does.
        pub fn require_terminal(mut self, yes: bool) -> Self {
            self.options().require_terminal = yes;
            self
        }

        /// Sets whether an event that is unfinished at the end of the response is delivered. The default is `false`,
        /// as in the standard: the event is discarded, and the error of [`require_terminal`](Self::require_terminal)
        /// names it.
        ///
        /// Enable it for servers that omit the empty line after `data: [DONE]`, or the data of `event: complete`
        /// (which is then delivered as an event with empty data). When a connection breaks, its unfinished event is
        /// never delivered. Over HTTP/1.0 this cannot be guaranteed: there, a server that crashes looks like one
        /// that has finished. An `id` line without its line end is ignored.
        ///
        /// A source that reconnects expects the server to send an unfinished event again, if the event has no ID of
        /// its own and the stream has a last event ID. It holds the unfinished event back, and delivers it in two
        /// cases: when no further attempt follows and no other event has arrived since, or when the event arrives
        /// unfinished again after the same last event ID. A terminal event is always delivered at once.
        pub fn lenient_end(mut self, yes: bool) -> Self {
            self.options().lenient_end = yes;
            self
        }

        /// Sets after which time without any data, comments included, the connection counts as lost. `None` sets no
        /// limit.
        ///
        /// The default is three times the keep-alive interval that the server announces in the header
        /// `sse-keep-alive`, and no limit without that header.
        ///
        /// With [`Client::hyper()`](crate::Client::hyper), no further request uses the silent connection. Over
        /// HTTP/2 it may carry other streams, which continue.
        pub fn idle_timeout(mut self, time: impl Into<Option<std::time::Duration>>) -> Self {
            self.options().timeouts.set_idle(time.into());
            self
        }

        /// Sets after which time without an event the connection counts as lost, even if comments arrive. The
        /// default is `None`, which sets no limit.
        pub fn event_timeout(mut self, time: impl Into<Option<std::time::Duration>>) -> Self {
            self.options().timeouts.set_event(time.into());
            self
        }
    };
}
pub(super) use read_options;
