use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, SystemTime},
};

use futures_core::{FusedStream, Stream};
use http::response;
use tokio::time::{Instant, Sleep};

use super::{
    BoxHttpService, Error, HttpService, ResponseBody,
    exchange::{Answer, Ask, exchange, retry_after},
    reader::{Read, Reader},
    reconnect::{Cause, Decision, Outcome, Reconnect},
    trace,
};
use crate::{codec::DecodeEvent, event::Event};

/// The events of a server that is connected to again and again: what [`connect`](super::RequestBuilder::connect) gives.
///
/// It connects when it is polled first, and again when a connection ends or fails, with the last event ID, after the
/// delay that its [`ReconnectPolicy`](super::ReconnectPolicy) says. An attempt that will be repeated is no item. It ends:
///
/// - behind a [terminal event](crate::EventKind::is_terminal), and when the server answers `204 No Content`;
/// - with a [fatal](Error::is_fatal) error as the last item: a request that cannot be sent, a status that says no, a
///   response that is no event stream, or as many attempts in vain as the policy allows.
///
/// It is fused then. 408, 425, 429 and 5xx are repeated, after `Retry-After` if they have one. A request of another method
/// than GET is made once: repeating it might do again what it does.
///
/// It is polled, and nothing runs beside it: what is not read stays in the socket, and dropping it closes the connection.
///
/// # Panics
///
/// It waits on tokio's clock: polled outside a tokio runtime with time enabled, it panics.
pub struct EventSource<E, S = BoxHttpService> {
    service: S,
    ask: Ask,
    lenient: bool,
    reader: Reader<E>,
    reconnect: Reconnect,
    state: State,
    /// Of the connection that is open, or was open last.
    head: Option<response::Parts>,
}

enum State {
    /// Not one request can be made.
    Unsendable(Error),
    /// The next attempt is due.
    Due,
    Connecting(Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>),
    Open {
        body: ResponseBody,
        since: Instant,
    },
    Waiting(Pin<Box<Sleep>>),
    Over,
}

/// Not one field is pinned in place.
impl<E, S> Unpin for EventSource<E, S> {}

impl<E, S> EventSource<E, S> {
    pub(super) fn new(
        service: S,
        ask: Result<Ask, Error>,
        lenient: bool,
        reader: Reader<E>,
        reconnect: Reconnect,
    ) -> Self {
        let (ask, state) = match ask {
            Ok(ask) => (ask, State::Due),
            Err(error) => (Ask::none(), State::Unsendable(error)),
        };
        Self { service, ask, lenient, reader, reconnect, state, head: None }
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

    /// Where the source stands.
    #[must_use]
    pub const fn ready_state(&self) -> ReadyState {
        match self.state {
            State::Due | State::Connecting(_) | State::Waiting(_) => ReadyState::Connecting,
            State::Open { .. } => ReadyState::Open,
            State::Unsendable(_) | State::Over => ReadyState::Closed,
        }
    }

    /// Erases the type of the service.
    #[must_use]
    pub fn boxed(self) -> EventSource<E>
    where
        S: HttpService + Sync,
    {
        EventSource {
            service: BoxHttpService::new(self.service),
            ask: self.ask,
            lenient: self.lenient,
            reader: self.reader,
            reconnect: self.reconnect,
            state: self.state,
            head: self.head,
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
        std::future::poll_fn(|cx| self.poll_open(cx)).await?;
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
    /// [`Error::is_fatal`], or ask for [`BadEvent::Skip`](super::BadEvent::Skip).
    ///
    /// # Cancel safety
    ///
    /// As [`next`](Self::next).
    pub async fn try_next(&mut self) -> Result<Option<Event<E>>, Error> {
        self.next().await.transpose()
    }

    /// Ready when a connection is open, or the source is over.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match &mut self.state {
                State::Open { .. } | State::Over => return Poll::Ready(Ok(())),
                State::Unsendable(_) => {
                    if let State::Unsendable(error) = std::mem::replace(&mut self.state, State::Over) {
                        trace::failed(&error);
                        return Poll::Ready(Err(error));
                    }
                }
                State::Due => {
                    let request = self.ask.request(self.reader.last_event_id());
                    let answer = exchange(self.service.clone(), request, self.lenient);
                    self.state = State::Connecting(Box::pin(answer));
                }
                State::Connecting(answer) => match ready!(answer.as_mut().poll(cx)) {
                    Ok(Answer::Stream(head, body)) => {
                        self.head = Some(head);
                        self.state = State::Open { body, since: Instant::now() };
                    }
                    Ok(Answer::NoContent(head)) => {
                        trace::ended("no content");
                        self.head = Some(head);
                        self.state = State::Over;
                    }
                    Err(error) => {
                        let outcome = self.outcome_of(&error);
                        if let Some(error) = self.lost(&outcome, Some(error)) {
                            return Poll::Ready(Err(error));
                        }
                    }
                },
                State::Waiting(delay) => {
                    ready!(delay.as_mut().poll(cx));
                    self.state = State::Due;
                }
            }
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event<E>, Error>>> {
        loop {
            if let Err(error) = ready!(self.poll_open(cx)) {
                return Poll::Ready(Some(Err(error)));
            }
            let State::Open { body, since } = &mut self.state else { return Poll::Ready(None) };
            let (cause, error) = match ready!(self.reader.poll_read(Pin::new(body), cx)) {
                Read::Event(event) => {
                    if event.data.is_terminal() {
                        trace::ended("terminal event");
                        self.state = State::Over;
                    }
                    return Poll::Ready(Some(Ok(event)));
                }
                Read::Bad(error) => return Poll::Ready(Some(Err(error))),
                Read::End => (Cause::Ended, None),
                Read::Broken(error) => (Cause::Broken, Some(error)),
            };
            let outcome = Outcome {
                cause,
                events: self.reader.events(),
                uptime: since.elapsed(),
                retry: self.reader.reconnection_time(),
                retry_after: None,
            };
            self.reader.restart();
            if let Some(error) = self.lost(&outcome, error) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

impl<E, S> EventSource<E, S> {
    /// What became of an attempt that brought no connection.
    fn outcome_of(&self, error: &Error) -> Outcome {
        let cause = match error.status() {
            Some(status) if error.is_status() => Cause::Status(status),
            _ if error.is_connect() => Cause::NoResponse,
            _ => Cause::Refused,
        };
        Outcome {
            cause,
            events: 0,
            uptime: Duration::ZERO,
            retry: self.reader.reconnection_time(),
            retry_after: error.head().and_then(|head| retry_after(&head.headers, SystemTime::now())),
        }
    }

    /// There is no connection. Waits for the next attempt, or ends, perhaps with a last item.
    fn lost(&mut self, outcome: &Outcome, error: Option<Error>) -> Option<Error> {
        let error = match self.reconnect.decide(outcome) {
            Decision::Retry { after } => {
                trace::reconnecting(after, error.as_ref());
                self.state = State::Waiting(Box::pin(tokio::time::sleep(after)));
                return None;
            }
            Decision::Stop => error,
            Decision::GiveUp { attempts } => Some(Error::gave_up(attempts, error)),
        };
        self.state = State::Over;
        match &error {
            Some(error) => trace::failed(error),
            None => trace::ended("end of body"),
        }
        error
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
        matches!(self.state, State::Over)
    }
}

impl<E, S> fmt::Debug for EventSource<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("ask", &self.ask)
            .field("ready_state", &self.ready_state())
            .field("reader", &self.reader)
            .field("reconnect", &self.reconnect)
            .finish_non_exhaustive()
    }
}
