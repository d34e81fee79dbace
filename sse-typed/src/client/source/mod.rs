use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::{FusedStream, Stream};
use http::response;

pub use self::{
    handle::Handle,
    signals::{Signal, Signals},
    state::{LastError, SourceState, StateChanges},
};
use self::{
    handle::Orders,
    machine::{State, Step},
};
use super::{
    BoxHttpService, Ended, Error, HttpService, ask::Ask, exchange::Terms, reader::Reader, reconnect::Reconnect,
};
use crate::{codec::DecodeEvent, event::Event};

mod handle;
mod machine;
mod signals;
mod state;

/// The events of a server that is connected to again and again: what [`connect`](super::RequestBuilder::connect) gives.
///
/// It connects when it is polled first, and again when a connection ends or fails, with the last event ID, after the
/// delay that its [`ReconnectPolicy`](super::ReconnectPolicy) says. (An id that cannot stand in a header, because of a
/// control character or more than 8 KiB, is left out, and so is the one before it.) An attempt that will be repeated is no item. It ends:
///
/// - behind a [terminal event](crate::EventKind::is_terminal), and when the server answers `204 No Content`;
/// - when its [handle](Self::handle) closes it;
/// - with a [fatal](Error::is_fatal) error as the last item: a request that cannot be sent, a status that says no, a
///   response that is no event stream, or as many attempts in vain as the policy allows.
///
/// It is fused then, and [`ended`](Self::ended) says why. 408, 425, 429 and 5xx are repeated, after `Retry-After` if they
/// have one, and other statuses as [`retry_status`](super::ReconnectPolicy::retry_status) says. A request of another method than GET is made once, unless
/// [`resume_with`](super::RequestBuilder::resume_with) says how to go on: repeating it might do again what it does.
///
/// It is polled, and nothing runs beside it: what is not read stays in the socket, and dropping it closes the connection.
///
/// # Panics
///
/// It waits on tokio's clock: polled outside a tokio runtime with time enabled, it panics.
#[must_use = "a stream does nothing unless it is polled"]
pub struct EventSource<E, S = BoxHttpService> {
    service: S,
    ask: Ask,
    terms: Terms,
    reader: Reader<E>,
    reconnect: Reconnect,
    state: State,
    /// Of the connection that is open, or was open last.
    head: Option<response::Parts>,
    orders: Orders,
    /// How often it was restarted since it was pending.
    restarts: u32,
}

/// Not one field is pinned in place.
impl<E, S> Unpin for EventSource<E, S> {}

impl<E, S> EventSource<E, S> {
    pub(super) fn new(
        service: S,
        ask: Result<Ask, Error>,
        terms: Terms,
        reader: Reader<E>,
        reconnect: Reconnect,
    ) -> Self {
        let (ask, state) = match ask {
            Ok(ask) => (ask, State::Due),
            Err(error) => (Ask::new(http::Method::GET, http::Uri::default()), State::Failing(error)),
        };
        Self { service, ask, terms, reader, reconnect, state, head: None, orders: Orders::default(), restarts: 0 }
    }

    /// Status and headers of the response that is being read, or was read last.
    #[must_use]
    pub const fn head(&self) -> Option<&response::Parts> {
        self.head.as_ref()
    }

    /// The last event ID, as of the item that was yielded last. Empty when there is none. It outlives connections.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.reader.last_event_id()
    }

    /// The reconnection time that the server has set.
    #[must_use]
    pub const fn reconnection_time(&self) -> Option<Duration> {
        self.reader.reconnection_time()
    }

    /// How many events were of unknown type.
    #[must_use]
    pub const fn unknown_events(&self) -> u64 {
        self.reader.unknown_events()
    }

    /// Where the source stands. It is closed as soon as its handle has closed it.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        if self.orders.is_closed() { ReadyState::Closed } else { self.state.ready_state() }
    }

    /// Why the source is over; `None` while it is not.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        match self.state {
            State::Over(ended) => Some(ended),
            _ => self.orders.is_closed().then_some(Ended::Closed),
        }
    }

    /// A hold on the source for other tasks, to close it, to connect anew, or to see its state.
    #[must_use]
    pub fn handle(&mut self) -> Handle {
        let mut orders = std::mem::take(&mut self.orders);
        let handle = orders.handle(|| SourceState::new(&self.progress(None)));
        self.orders = orders;
        handle
    }

    /// Tells of connections, reconnects and comments too.
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
            ask: self.ask,
            terms: self.terms,
            reader: self.reader,
            reconnect: self.reconnect,
            state: self.state,
            head: self.head,
            orders: self.orders,
            restarts: self.restarts,
        }
    }
}

/// Where a source stands: the standard's [`readyState`][standard].
///
/// [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-readystate
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadyState {
    /// There is no connection yet, or it is waited for the next.
    Connecting,
    /// Events are being received.
    Open,
    /// It is over.
    Closed,
}

impl<E: DecodeEvent, S: HttpService> EventSource<E, S> {
    /// Waits until the server has answered with an event stream, for programs that must not start without their feed.
    ///
    /// Attempts are repeated as the policy says. A server that answers `204 No Content` gives a source that is over.
    ///
    /// # Errors
    ///
    /// The fatal error that the source would yield.
    ///
    /// # Cancel safety
    ///
    /// Dropping it closes the connection.
    pub async fn opened(mut self) -> Result<Self, Error> {
        while matches!(self.ready_state(), ReadyState::Connecting) || matches!(self.state, State::Failing(_)) {
            std::future::poll_fn(|cx| self.poll_step(cx)).await.transpose()?;
        }
        Ok(self)
    }

    /// The next event, or `None` when the source is over.
    ///
    /// # Errors
    ///
    /// As an item: an event that is bad, after which the stream goes on, or a [fatal](Error::is_fatal) error, which is the
    /// last item.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time, as in `tokio::select!`, and no event is lost.
    pub async fn next(&mut self) -> Option<Result<Event<E>, Error>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// The next event, or `Ok(None)` when the source is over.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next). A loop that leaves at the first error loses what comes behind a bad event: look at
    /// [`Error::is_fatal`], or ask for [`BadEvent::skip`](super::BadEvent::skip).
    ///
    /// # Cancel safety
    ///
    /// As [`next`](Self::next).
    pub async fn try_next(&mut self) -> Result<Option<Event<E>>, Error> {
        self.next().await.transpose()
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event<E>, Error>>> {
        loop {
            return Poll::Ready(match ready!(self.poll_step(cx)) {
                None => None,
                Some(Err(error)) => Some(Err(error)),
                Some(Ok(Step::Event(event))) => Some(Ok(event)),
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
        matches!(self.state, State::Over(_))
    }
}

impl<E, S> fmt::Debug for EventSource<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("ask", &self.ask)
            .field("state", &self.state)
            .field("reader", &self.reader)
            .field("reconnect", &self.reconnect)
            .finish_non_exhaustive()
    }
}
