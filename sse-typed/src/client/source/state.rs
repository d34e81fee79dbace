//! What a source's handles tell of it.

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

/// The state of an [`EventSource`](super::EventSource) at one moment: what [`Handle::state`] gives.
///
/// The times are those of the tokio runtime, so they stand still on its paused clock. `{:?}` does not show the last event
/// ID, which may be a secret.
#[derive(Clone)]
pub struct SourceState {
    phase: Phase,
    is_dropped: bool,
    /// On the present connection, as of the last report.
    events: u64,
    last_event_at: Option<Instant>,
    last_event_id: String,
    last_error: Option<Arc<LastError>>,
}

/// The part of the state whose changes [`StateChanges`] yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) ready_state: ReadyState,
    pub(super) ended: Option<Ended>,
    pub(super) attempts: u64,
    pub(super) failures: u32,
    pub(super) connected_since: Option<Instant>,
    pub(super) next_attempt_at: Option<Instant>,
}

/// How far a source is.
pub(super) struct Progress<'a> {
    pub(super) phase: Phase,
    /// On the present connection.
    pub(super) events: u64,
    pub(super) last_event_id: &'a str,
    /// Why there is no connection any more.
    pub(super) error: Option<&'a Error>,
}

impl SourceState {
    pub(super) fn new(progress: &Progress<'_>) -> Self {
        Self {
            phase: progress.phase,
            is_dropped: false,
            events: progress.events,
            last_event_at: None,
            last_event_id: progress.last_event_id.to_owned(),
            last_error: None,
        }
    }

    /// True if it is a change that [`StateChanges`] yields.
    pub(super) fn update(&mut self, progress: &Progress<'_>) -> bool {
        if progress.events > 0 && progress.events != self.events {
            self.last_event_at = Some(now());
        }
        self.events = progress.events;
        if self.last_event_id != progress.last_event_id {
            // Not a new one: the memory is used again.
            self.last_event_id.clear();
            self.last_event_id.push_str(progress.last_event_id);
        }
        if let Some(error) = progress.error {
            self.last_error = Some(Arc::new(LastError::new(error)));
        }
        let changed = !self.is_final() && (self.phase != progress.phase || progress.error.is_some());
        self.phase = progress.phase;
        changed
    }

    /// A handle closes the source. True if that is a change.
    pub(super) fn close(&mut self) -> bool {
        let changed = !self.is_final();
        if changed {
            self.phase.end(Some(Ended::Closed));
        }
        changed
    }

    /// True if that is a change: a source that was over has nothing more to tell.
    pub(super) fn source_dropped(&mut self) -> bool {
        self.is_dropped = true;
        let changed = self.phase.ended.is_none();
        if changed {
            self.phase.end(None);
        }
        changed
    }

    /// Whether no other state follows.
    pub(super) const fn is_final(&self) -> bool {
        self.phase.ended.is_some() || self.is_dropped
    }

    /// Whether the source is connected.
    #[must_use]
    pub const fn ready_state(&self) -> ReadyState {
        self.phase.ready_state
    }

    /// Why the source is over. `None` while it is not, and when it was dropped before its end.
    #[must_use]
    pub const fn ended(&self) -> Option<Ended> {
        self.phase.ended
    }

    /// Whether the source was dropped. Counts, the last error and the last event ID keep their last values.
    #[must_use]
    pub const fn is_dropped(&self) -> bool {
        self.is_dropped
    }

    /// How many attempts were made. Every attempt counts, whatever becomes of it, as for
    /// [`Attempt::number`](crate::client::Attempt::number).
    #[must_use]
    pub const fn attempts(&self) -> u64 {
        self.phase.attempts
    }

    /// How many of the last attempts in a row brought nothing, as
    /// [`max_attempts`](crate::client::ReconnectPolicy::max_attempts) counts them. An event makes it zero.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.phase.failures
    }

    /// When the present connection was opened. `None` while there is none.
    #[must_use]
    pub const fn connected_since(&self) -> Option<Instant> {
        self.phase.connected_since
    }

    /// When the next attempt is made. `None` unless it is waited for.
    #[must_use]
    pub const fn next_attempt_at(&self) -> Option<Instant> {
        self.phase.next_attempt_at
    }

    /// When the source received an event last, of whatever type. `None` if it has received none since it gave its first
    /// handle away.
    #[must_use]
    pub const fn last_event_at(&self) -> Option<Instant> {
        self.last_event_at
    }

    /// The last event ID, as [`EventSource::last_event_id`](super::EventSource::last_event_id) gives it.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The last error of a connection or of an attempt, or the error that the source ended with. It stays when there is a
    /// connection again. `None` if there was none since the source gave its first handle away.
    ///
    /// The regular end of a stream is no error, and bad events are not counted here.
    #[must_use]
    pub fn last_error(&self) -> Option<&LastError> {
        self.last_error.as_deref()
    }
}

impl Phase {
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
            .field("ready_state", &self.phase.ready_state)
            .field("ended", &self.phase.ended)
            .field("is_dropped", &self.is_dropped)
            .field("attempts", &self.phase.attempts)
            .field("failures", &self.phase.failures)
            .field("connected_since", &self.phase.connected_since)
            .field("next_attempt_at", &self.phase.next_attempt_at)
            .field("last_event_at", &self.last_event_at)
            .field("last_error", &self.last_error)
            .finish_non_exhaustive()
    }
}

/// Why an [`EventSource`](super::EventSource) lost its connection, got none, or failed: what is kept of the [`Error`].
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

    /// A label for logs and metrics: the kind that `{:?}` of the [`Error`] shows, such as `Connect`, `Status` or `Body`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The status of a response that was no event stream.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// When it happened.
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

/// The states of an [`EventSource`](super::EventSource): what [`Handle::state_changes`] gives.
///
/// The first item is the present state. Another one follows when a connection is opened or lost, and when an attempt is
/// made. The last item is the state of a source that is over or dropped. Only the newest state is kept between two polls.
///
/// An event yields no item, except the first one after [failures](SourceState::failures). Each state has the time of the
/// last event.
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
///             _ => println!("over: {:?}", state.ended()),
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
    /// The version of the state that was yielded last.
    known: Option<u64>,
    ticket: Ticket,
    is_over: bool,
}

impl StateChanges {
    pub(super) fn new(handle: Handle) -> Self {
        Self { handle, known: None, ticket: Ticket::default(), is_over: false }
    }

    /// The next state, or `None` when the source is over or dropped and its last state was yielded.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time, as in `tokio::select!`, and no change is lost.
    pub async fn next(&mut self) -> Option<SourceState> {
        poll_fn(|cx| self.poll_change(cx)).await
    }

    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Option<SourceState>> {
        if self.is_over {
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
                self.is_over = true;
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
        self.is_over
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
