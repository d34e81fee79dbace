use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::{FusedStream, Stream};
use http::response;

use self::{
    connection_state::{ConnectionState, SourceItem},
    handle::Handles,
};
pub use self::{
    handle::Handle,
    signals::{Signal, Signals},
    state::{LastError, SourceState, StateChanges},
};
use super::{
    BoxHttpService, Ended, Error, HttpService, attempt::RequestTemplate, reader::Reader, reconnect::ReconnectState,
    response::ResponseOptions,
};
use crate::{codec::DecodeEvent, event::Event};

mod connection_state;
mod handle;
mod signals;
mod state;

/// The events of a server, over one connection after another, returned by
/// [`connect`](super::RequestBuilder::connect).
///
/// A source connects when it is first polled. When a connection ends or fails, it reconnects after the delay of its
/// [`ReconnectPolicy`](super::ReconnectPolicy), with the last event ID. An ID that cannot be sent in a header,
/// because it has a control character or more than 8 KiB, is left out, and no earlier ID is sent in its place. An
/// attempt that will be retried yields no item. The source ends:
///
/// - after a [terminal event](crate::EventKind::is_terminal), and when the server responds with `204 No Content`;
/// - when its [handle](Self::handle) closes it;
/// - with a [fatal](Error::is_fatal) error as the last item: the request cannot be sent, the server rejects it with
///   a status, the response is not an event stream, or the policy allows no more attempts.
///
/// The stream is fused, and [`ended`](Self::ended) returns the reason. The statuses 408, 425, 429 and 5xx are retried,
/// not before the time in `Retry-After`. [`retry_status`](super::ReconnectPolicy::retry_status) sets which other
/// statuses are retried, and how often. A request with a method other than GET is sent once, because repeating it might
/// repeat its effect; [`resume_with`](super::RequestBuilder::resume_with) changes that.
///
/// No task runs behind a source: unread data stays in the socket, and dropping the source closes the connection.
///
/// # Panics
///
/// It uses tokio's timers, and panics when it is polled outside a tokio runtime with time enabled.
#[must_use = "a stream does nothing unless it is polled"]
pub struct EventSource<E, S = BoxHttpService> {
    service: S,
    template: RequestTemplate,
    response_options: ResponseOptions,
    reader: Reader<E>,
    reconnect: ReconnectState,
    state: ConnectionState,
    /// The head of the current or last response.
    head: Option<response::Parts>,
    handles: Handles,
    /// The number of restarts since a poll last returned pending.
    restarts: u32,
}

/// No field is structurally pinned.
impl<E, S> Unpin for EventSource<E, S> {}

impl<E, S> EventSource<E, S> {
    pub(super) fn new(
        service: S,
        template: Result<RequestTemplate, Error>,
        response_options: ResponseOptions,
        reader: Reader<E>,
        reconnect: ReconnectState,
    ) -> Self {
        let (template, state) = match template {
            Ok(template) => (template, ConnectionState::AttemptDue),
            Err(error) => {
                (RequestTemplate::new(http::Method::GET, http::Uri::default()), ConnectionState::ErrorPending(error))
            }
        };
        Self {
            service,
            template,
            response_options,
            reader,
            reconnect,
            state,
            head: None,
            handles: Handles::default(),
            restarts: 0,
        }
    }

    /// Status and headers of the current response, or of the last one.
    #[must_use]
    pub const fn head(&self) -> Option<&response::Parts> {
        self.head.as_ref()
    }

    /// The last event ID as of the last yielded item. Empty without an ID. It is kept across connections.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.reader.last_event_id()
    }

    /// The reconnection time that the server has set with a `retry:` line.
    #[must_use]
    pub const fn reconnection_time(&self) -> Option<Duration> {
        self.reader.reconnection_time()
    }

    /// The number of events of unknown type.
    #[must_use]
    pub const fn unknown_events(&self) -> u64 {
        self.reader.unknown_events()
    }

    /// Whether the source is connected. It is [`Closed`](ReadyState::Closed) as soon as its handle closes it.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        if self.handles.is_closed() { ReadyState::Closed } else { self.state.ready_state() }
    }

    /// Why the source has ended, or `None` before its end.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        match self.state {
            ConnectionState::Ended(ended) => Some(ended),
            _ => self.handles.is_closed().then_some(Ended::Closed),
        }
    }

    /// Returns a handle with which other tasks can close the source, restart its connection, or read its state.
    #[must_use]
    pub fn handle(&mut self) -> Handle {
        let mut handles = std::mem::take(&mut self.handles);
        let handle = handles.get_or_create(|| SourceState::new(&self.state_report(None)));
        self.handles = handles;
        handle
    }

    /// Turns the source into a stream of [`Signal`]s, which also yields connections, reconnects and comments.
    pub fn with_signals(mut self) -> Signals<E, S> {
        self.reader.change_decoder(|decoder| decoder.comments(true));
        Signals(self)
    }

    /// Erases the type of the service.
    pub fn boxed(self) -> EventSource<E>
    where
        S: HttpService + Sync,
    {
        EventSource {
            service: BoxHttpService::new(self.service),
            template: self.template,
            response_options: self.response_options,
            reader: self.reader,
            reconnect: self.reconnect,
            state: self.state,
            head: self.head,
            handles: self.handles,
            restarts: self.restarts,
        }
    }
}

/// Whether a source is connected: the [`readyState`][standard] of the standard.
///
/// [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-readystate
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadyState {
    /// There is no connection yet, or the source is about to reconnect.
    Connecting,
    /// Events are being received.
    Open,
    /// The source has ended.
    Closed,
}

impl<E: DecodeEvent, S: HttpService> EventSource<E, S> {
    /// Waits until the server has responded with an event stream, for programs that must not start without their
    /// feed.
    ///
    /// Failed attempts are retried according to the policy. If the server responds with `204 No Content`, the
    /// returned source has already ended.
    ///
    /// # Errors
    ///
    /// The fatal error that the source would yield.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the source and closes the connection.
    pub async fn opened(mut self) -> Result<Self, Error> {
        while matches!(self.ready_state(), ReadyState::Connecting)
            || matches!(self.state, ConnectionState::ErrorPending(_))
        {
            std::future::poll_fn(|cx| self.poll_item(cx)).await.transpose()?;
        }
        Ok(self)
    }

    /// Returns the next event, or `None` when the source has ended.
    ///
    /// # Errors
    ///
    /// An error is an item like an event. After a bad event the stream continues; a [fatal](Error::is_fatal) error
    /// is the last item.
    ///
    /// # Cancel safety
    ///
    /// The future can be dropped at any time, for example in `tokio::select!`, without losing an event.
    pub async fn next(&mut self) -> Option<Result<Event<E>, Error>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Returns the next event, or `Ok(None)` when the source has ended.
    ///
    /// # Errors
    ///
    /// Same as [`next`](Self::next). A loop that stops at the first error misses the events after a bad one: check
    /// [`Error::is_fatal`], or skip bad events with [`BadEvent::skip`](super::BadEvent::skip).
    ///
    /// # Cancel safety
    ///
    /// Same as [`next`](Self::next).
    pub async fn try_next(&mut self) -> Result<Option<Event<E>>, Error> {
        self.next().await.transpose()
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event<E>, Error>>> {
        loop {
            return Poll::Ready(match ready!(self.poll_item(cx)) {
                None => None,
                Some(Err(error)) => Some(Err(error)),
                Some(Ok(SourceItem::Event(event))) => Some(Ok(event)),
                Some(Ok(_)) => continue,
            });
        }
    }
}

impl<E: DecodeEvent, S: HttpService> Stream for EventSource<E, S> {
    type Item = Result<Event<E>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl<E: DecodeEvent, S: HttpService> FusedStream for EventSource<E, S> {
    fn is_terminated(&self) -> bool {
        matches!(self.state, ConnectionState::Ended(_))
    }
}

impl<E, S> fmt::Debug for EventSource<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("template", &self.template)
            .field("state", &self.state)
            .field("reader", &self.reader)
            .field("reconnect", &self.reconnect)
            .finish_non_exhaustive()
    }
}
