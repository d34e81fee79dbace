use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::{FusedStream, Stream};
use http::response;

use super::{EventSource, machine::Step};
use crate::{
    client::{BoxHttpService, Error, HttpService, debug::Head},
    codec::DecodeEvent,
    event::Event,
};

/// What happens to an [`EventSource`], events among it.
#[non_exhaustive]
pub enum Signal<E> {
    /// A connection is open: status and headers of its response.
    Open(Box<response::Parts>),
    /// An event.
    Event(Event<E>),
    /// A comment.
    Comment(String),
    /// There is no connection, and another attempt will be made.
    Reconnecting {
        /// After this time.
        after: Duration,
        /// Why; `None` when the stream ended as it should.
        cause: Option<Error>,
    },
}

impl<E: fmt::Debug> fmt::Debug for Signal<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(head) => f.debug_tuple("Open").field(&Head(head)).finish(),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Self::Comment(comment) => f.debug_tuple("Comment").field(comment).finish(),
            Self::Reconnecting { after, cause } => {
                f.debug_struct("Reconnecting").field("after", after).field("cause", cause).finish()
            }
        }
    }
}

/// An [`EventSource`] that tells of connections too: what [`with_signals`](EventSource::with_signals) gives.
///
/// ```
/// use sse_typed::{Client, RawEvent, client::Signal};
///
/// # async fn on() -> Result<(), sse_typed::client::Error> {
/// # let client = Client::new(axum::Router::<()>::new());
/// let mut signals = client.get("/events").connect::<RawEvent>().with_signals();
/// while let Some(signal) = signals.next().await {
///     match signal {
///         Ok(Signal::Event(event)) => println!("{}", event.data.data()),
///         Ok(Signal::Reconnecting { after, cause }) => eprintln!("again in {after:?}: {cause:?}"),
///         Ok(_) => {}
///         Err(error) if !error.is_fatal() => eprintln!("skipped: {error}"),
///         Err(error) => return Err(error),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing unless it is polled"]
pub struct Signals<E, S = BoxHttpService>(pub(super) EventSource<E, S>);

impl<E, S> Signals<E, S> {
    /// The source: its state, its last event ID, its handle.
    pub const fn source(&mut self) -> &mut EventSource<E, S> {
        &mut self.0
    }

    /// Erases the type of the service.
    pub fn boxed(self) -> Signals<E>
    where
        S: HttpService + Sync,
    {
        Signals(self.0.boxed())
    }
}

impl<E: DecodeEvent, S: HttpService> Signals<E, S> {
    /// What happens next, or `None` when the source is over.
    ///
    /// # Errors
    ///
    /// As [`EventSource::next`].
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time, as in `tokio::select!`, and nothing is lost.
    pub async fn next(&mut self) -> Option<Result<Signal<E>, Error>> {
        std::future::poll_fn(|cx| self.poll_signal(cx)).await
    }

    /// What happens next, or `Ok(None)` when the source is over.
    ///
    /// # Errors
    ///
    /// As [`EventSource::try_next`].
    ///
    /// # Cancel safety
    ///
    /// As [`next`](Self::next).
    pub async fn try_next(&mut self) -> Result<Option<Signal<E>>, Error> {
        self.next().await.transpose()
    }

    fn poll_signal(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Signal<E>, Error>>> {
        loop {
            let signal = match ready!(self.0.poll_step(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(Step::Open)) => match self.0.head() {
                    Some(head) => Signal::Open(Box::new(head.clone())),
                    None => continue,
                },
                Some(Ok(Step::Event(event))) => Signal::Event(event),
                Some(Ok(Step::Comment(comment))) => Signal::Comment(comment),
                Some(Ok(Step::Reconnecting { after, cause })) => Signal::Reconnecting { after, cause },
            };
            return Poll::Ready(Some(Ok(signal)));
        }
    }
}

impl<E: DecodeEvent, S: HttpService> Stream for Signals<E, S> {
    type Item = Result<Signal<E>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_signal(cx)
    }
}

impl<E: DecodeEvent, S: HttpService> FusedStream for Signals<E, S> {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

impl<E, S> fmt::Debug for Signals<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signals").field(&self.0).finish()
    }
}
