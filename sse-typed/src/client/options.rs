//! How events are to be read: what a request asks for, and a stream made from a body.

use std::fmt;

use super::{Error, silence::Silence};

/// What becomes of an event of a known type that cannot be read, and of one that is too large.
#[derive(Default)]
#[non_exhaustive]
pub enum BadEvent {
    /// It is an `Err` item, and the stream goes on when it is polled again.
    #[default]
    Yield,
    /// It is passed over; the hook hears of it. [`skip`](Self::skip) makes this one.
    Skip(BadEventHook),
}

/// What hears of bad events that are passed over: the closure that [`BadEvent::skip`] was given.
pub struct BadEventHook(Box<dyn FnMut(Error) + Send>);

impl BadEventHook {
    pub(super) fn tell(&mut self, error: Error) {
        (self.0)(error);
    }
}

impl BadEvent {
    /// Passes bad events over, and tells `hook`.
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

/// What becomes of an event whose type is none of the enum's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unknown {
    /// It is passed over, counted and traced: a server may learn new events before its clients do.
    #[default]
    Skip,
    /// It is an `Err` item (or goes to the hook of [`BadEvent::Skip`]), and the stream goes on.
    Error,
}

#[derive(Debug, Default)]
pub(super) struct ReadOptions {
    pub(super) bad_event: BadEvent,
    pub(super) unknown: Unknown,
    pub(super) in_band_errors: bool,
    pub(super) require_terminal: bool,
    pub(super) lenient_end: bool,
    pub(super) silence: Silence,
}

/// The setters of [`ReadOptions`], for a type with the methods `change_decoder` and `options`.
macro_rules! read_options {
    () => {
        /// The size up to which an event is read, in bytes; see [`Decoder::max_event_size`]. 16 MiB unless said otherwise.
        pub fn max_event_size(mut self, bytes: usize) -> Self {
            self.change_decoder(|decoder| decoder.max_event_size(bytes));
            self
        }

        /// What becomes of bad events. They are `Err` items unless said otherwise.
        pub fn on_bad_event(mut self, bad_event: $crate::client::BadEvent) -> Self {
            self.options().bad_event = bad_event;
            self
        }

        /// What becomes of events of unknown type. They are passed over unless said otherwise.
        pub fn on_unknown(mut self, unknown: $crate::client::Unknown) -> Self {
            self.options().unknown = unknown;
            self
        }

        /// Whether an event by which the server reports an error (`#[sse(error)]`) is an `Err` item. The stream goes on;
        /// [`Error::is_in_band`](crate::client::Error::is_in_band) tells such errors, and
        /// [`Error::decode`](crate::client::Error::decode) gives the event.
        pub fn in_band_errors(mut self, yes: bool) -> Self {
            self.options().in_band_errors = yes;
            self
        }

        /// Whether a stream that ends without a [terminal event](crate::EventKind::is_terminal) ends with an
        /// [error](crate::client::Error::is_truncated): half an answer is no answer. It matters where there is no
        /// reconnecting.
        pub fn require_terminal(mut self, yes: bool) -> Self {
            self.options().require_terminal = yes;
            self
        }

        /// Whether an event that is unfinished at the end of the response is an event. The default is no, as in the
        /// standard: it is discarded, and [`require_terminal`](Self::require_terminal) tells of it.
        ///
        /// Switch it on for servers that leave out the empty line behind `data: [DONE]`, or the data of `event: complete`
        /// (which is then an event with empty data). Half an event of a connection that broke is never taken, as far as the
        /// connection tells: over HTTP/1.0 a server that crashes looks like one that has finished. An `id` line without its
        /// line end is ignored.
        ///
        /// A source that reconnects holds back an unfinished event which its server should send again: one that has no id
        /// of its own, in a stream that has a last event ID. It takes the event when there is no further attempt and no
        /// other event has followed, and when the event is unfinished again behind the same last event ID. A terminal event
        /// is taken always, at once.
        pub fn lenient_end(mut self, yes: bool) -> Self {
            self.options().lenient_end = yes;
            self
        }

        /// How long nothing may be received, not even a comment, before the connection counts as lost. `None` is for
        /// ever.
        ///
        /// Unless said otherwise it is three times what the server says of its keep-alives in the header
        /// `sse-keep-alive`, and for ever if it does not.
        ///
        /// The connection of [`Client::hyper()`](crate::Client::hyper) that was silent is used for no further request. Over
        /// HTTP/2 it may carry other streams, which go on.
        pub fn idle_timeout(mut self, time: impl Into<Option<std::time::Duration>>) -> Self {
            self.options().silence.set_idle(time.into());
            self
        }

        /// How long no event may be received, although comments are, before the connection counts as lost. `None`, which
        /// is for ever, unless said otherwise.
        pub fn event_timeout(mut self, time: impl Into<Option<std::time::Duration>>) -> Self {
            self.options().silence.set_event(time.into());
            self
        }
    };
}
pub(super) use read_options;
