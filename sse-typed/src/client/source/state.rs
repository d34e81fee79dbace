//! The state of a source, as its handles show it.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use futures_core::{FusedStream, Stream};
use http::StatusCode;
use tokio::task::coop::poll_proceed;

use super::{
    ReadyState,
    handle::{Handle, Unchanged},
};
use crate::{
    client::{Ended, Error},
    wake::Ticket,
};

/// A snapshot of the state of an [`EventSource`](super::EventSource), returned by [`Handle::state`].
///
/// Times are read from the tokio runtime's clock, so they do not advance while that clock is paused. `{:?}` does not
/// show the last event ID, which may be a secret.
#[derive(Clone)]
pub struct SourceState {
    watched: WatchedState,
    is_dropped: bool,
    /// Events on the current connection, as of the last report.
    events: u64,
    last_event_at: Option<Instant>,
    last_event_id: String,
    last_error: Option<Arc<LastError>>,
}

/// The part of the state whose changes [`StateChanges`] yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WatchedState {
    pub(super) ready_state: ReadyState,
    pub(super) ended: Option<Ended>,
    pub(super) attempts: u64,
    pub(super) failures: u32,
    pub(super) connected_since: Option<Instant>,
    pub(super) next_attempt_at: Option<Instant>,
}

/// The values that a source reports to its handles.
pub(super) struct StateReport<'a> {
    pub(super) watched: WatchedState,
    /// Events on the current connection.
    pub(super) events: u64,
    pub(super) last_event_id: &'a str,
    /// The error by which the connection was lost.
    pub(super) error: Option<&'a Error>,
}

impl SourceState {
    pub(super) fn new(report: &StateReport<'_>) -> Self {
        Self {
            watched: report.watched,
            is_dropped: false,
            events: report.events,
            last_event_at: None,
            last_event_id: report.last_event_id.to_owned(),
            last_error: None,
        }
    }

    /// Applies a report. Returns whether it is a change that [`StateChanges`] yields.
    pub(super) fn update(&mut self, report: &StateReport<'_>) -> bool {
        if report.events > 0 && report.events != self.events {
            self.last_event_at = Some(now());
        }
        self.events = report.events;
        if self.last_event_id != report.last_event_id {
            // Reuses the memory of the old ID.
            self.last_event_id.clear();
            self.last_event_id.push_str(report.last_event_id);
        }
        if let Some(error) = report.error {
            self.last_error = Some(Arc::new(LastError::new(error)));
        }
        let changed = !self.is_final() && (self.watched != report.watched || report.error.is_some());
        self.watched = report.watched;
        changed
    }

    /// A handle closed the source. Returns whether that is a change.
    pub(super) fn close(&mut self) -> bool {
        let changed = !self.is_final();
        if changed {
            self.watched.end(Some(Ended::Closed));
        }
        changed
    }

    /// The source was dropped. Returns whether that is a change: after its end, a source has no further changes.
    pub(super) fn source_dropped(&mut self) -> bool {
        self.is_dropped = true;
        let changed = self.watched.ended.is_none();
        if changed {
            self.watched.end(None);
        }
        changed
    }

    /// Whether this is the last state.
    pub(super) const fn is_final(&self) -> bool {
        self.watched.ended.is_some() || self.is_dropped
    }

    /// Whether the source is connected.
    #[must_use]
    pub const fn ready_state(&self) -> ReadyState {
        self.watched.ready_state
    }

    /// Why the source has ended. `None` before its end, and for a source that was dropped before its end.
    #[must_use]
    pub const fn ended(&self) -> Option<Ended> {
        self.watched.ended
    }

    /// Whether the source was dropped. The counts, the last error and the last event ID keep their last values.
    #[must_use]
    pub const fn is_dropped(&self) -> bool {
        self.is_dropped
    }

    /// The number of attempts so far. Every attempt counts, whether it succeeds or fails, as for
    /// [`Attempt::number`](crate::client::Attempt::number).
    #[must_use]
    pub const fn attempts(&self) -> u64 {
        self.watched.attempts
    }

    /// The number of attempts in a row without an event, as
    /// [`max_attempts`](crate::client::ReconnectPolicy::max_attempts) counts them. An event resets it to zero.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.watched.failures
    }

    /// When the current connection was opened. `None` without a connection.
    #[must_use]
    pub const fn connected_since(&self) -> Option<Instant> {
        self.watched.connected_since
    }

    /// When the next attempt will be made. `None` unless the source is waiting for it.
    #[must_use]
    pub const fn next_attempt_at(&self) -> Option<Instant> {
        self.watched.next_attempt_at
    }

    /// When the source last received an event, of any type. `None` if it has received none since its first handle
    /// was created.
    #[must_use]
    pub const fn last_event_at(&self) -> Option<Instant> {
        self.last_event_at
    }

    /// The last event ID, same as [`EventSource::last_event_id`](super::EventSource::last_event_id).
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The last error of a connection or an attempt, or the error that ended the source. It is kept after a
    /// successful reconnect. `None` if there was none since the first handle was created.
    ///
    /// The regular end of a stream is not an error, and bad events are not included.
    #[must_use]
    pub fn last_error(&self) -> Option<&LastError> {
        self.last_error.as_deref()
    }
}

impl WatchedState {
    const fn end(&mut self, ended: Option<Ended>) {
        self.ready_state = ReadyState::Closed;
        self.ended = ended;
        self.connected_since = None;
        self.next_attempt_at = None;
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl fmt::Debug for SourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceState")
            .field("ready_state", &self.watched.ready_state)
            .field("ended", &self.watched.ended)
            .field("is_dropped", &self.is_dropped)
            .field("attempts", &self.watched.attempts)
            .field("failures", &self.watched.failures)
            .field("connected_since", &self.watched.connected_since)
            .field("next_attempt_at", &self.watched.next_attempt_at)
            .field("last_event_at", &self.last_event_at)
            .field("last_error", &self.last_error)
            .finish_non_exhaustive()
    }
}

/// Why an [`EventSource`](super::EventSource) lost its connection, could not connect, or ended: the essential parts
/// of the [`Error`].
#[derive(Clone, Debug)]
pub struct LastError {
    message: String,
    kind: &'static str,
    status: Option<StatusCode>,
    at: Instant,
}

impl LastError {
    fn new(error: &Error) -> Self {
        Self { message: error.to_string(), kind: error.kind_name(), status: error.status(), at: now() }
    }

    /// The message of the [`Error`].
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A label for logs and metrics: the kind that `{:?}` of the [`Error`] shows, such as `Connect`, `Status`,
    /// `Body` or `StreamTimeout`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The status of a response that was not an event stream.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// When the error occurred.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }
}

impl fmt::Display for LastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The states of an [`EventSource`](super::EventSource) as a stream, returned by [`Handle::state_changes`].
///
/// The first item is the current state. Another follows when a connection is opened or lost, and when an attempt is
/// made. The last item is the state of a source that has ended or was dropped. Only the newest state is kept between
/// two polls.
///
/// An event does not yield an item, except the first event after [failures](SourceState::failures). Each state has
/// the time of the last event.
///
/// ```
/// use sse_typed::{Client, RawEvent, client::ReadyState};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let client = Client::new(axum::Router::<()>::new());
/// let mut source = client.get("/events").connect::<RawEvent>();
/// let mut changes = source.handle().state_changes();
/// let shown = tokio::spawn(async move {
///     while let Some(state) = changes.next().await {
///         match state.ready_state() {
///             ReadyState::Open => println!("connected"),
///             ReadyState::Connecting => println!("attempt {}", state.attempts()),
///             _ => println!("ended: {:?}", state.ended()),
///         }
///     }
/// });
/// while source.next().await.is_some() {}
/// shown.await.unwrap();
/// # }
/// ```
#[must_use = "a stream does nothing unless it is polled"]
pub struct StateChanges {
    handle: Handle,
    /// The version of the last yielded state.
    known: Option<u64>,
    ticket: Ticket,
    has_ended: bool,
}

impl StateChanges {
    pub(super) fn new(handle: Handle) -> Self {
        Self { handle, known: None, ticket: Ticket::default(), has_ended: false }
    }

    /// Returns the next state, or `None` after the last state of a source that has ended or was dropped.
    ///
    /// # Cancel safety
    ///
    /// The future can be dropped at any time, for example in `tokio::select!`, without losing a change.
    pub async fn next(&mut self) -> Option<SourceState> {
        poll_fn(|cx| self.poll_change(cx)).await
    }

    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Option<SourceState>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let budget = ready!(poll_proceed(cx));
        let change = match self.handle.newer_or_register(self.known, &mut self.ticket, cx.waker()) {
            Ok((state, version)) => {
                self.known = Some(version);
                Some(state)
            }
            Err(Unchanged::Registered) => return Poll::Pending,
            Err(Unchanged::Final) => {
                self.has_ended = true;
                None
            }
        };
        budget.made_progress();
        Poll::Ready(change)
    }
}

impl Stream for StateChanges {
    type Item = SourceState;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SourceState>> {
        self.poll_change(cx)
    }
}

impl FusedStream for StateChanges {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl Drop for StateChanges {
    fn drop(&mut self) {
        self.handle.deregister(&mut self.ticket);
    }
}

impl fmt::Debug for StateChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateChanges").finish_non_exhaustive()
    }
}
