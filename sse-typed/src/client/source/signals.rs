use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::{FusedStream, Stream};
use http::response;

use super::{EventSource, connection_state::SourceItem};
use crate::{
    client::{BoxHttpService, Error, HttpService, debug::ResponseHead},
    codec::DecodeEvent,
    event::Event,
};

/// An event, a comment, or a change of the connection of an [`EventSource`].
#[non_exhaustive]
pub enum Signal<E> {
    /// A connection was opened. Contains the status and headers of the response.
    Open(Box<response::Parts>),
    /// An event.
    Event(Event<E>),
    /// A comment.
    Comment(String),
    /// The connection was lost or the attempt failed, and the source will retry.
    Reconnecting {
        /// The delay before the next attempt.
        after: Duration,
        /// The error, or `None` when the stream ended regularly.
        cause: Option<Error>,
    },
}

impl<E: fmt::Debug> fmt::Debug for Signal<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(head) => f.debug_tuple("Open").field(&ResponseHead(head)).finish(),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Self::Comment(comment) => f.debug_tuple("Comment").field(comment).finish(),
            Self::Reconnecting { after, cause } => {
                f.debug_struct("Reconnecting").field("after", after).field("cause", cause).finish()
            }
        }
    }
}

/// An [`EventSource`] that also yields connections, reconnects and comments, returned by
/// [`with_signals`](EventSource::with_signals).
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
///         Ok(Signal::Reconnecting { after, cause }) => eprintln!("reconnecting in {after:?}: {cause:?}"),
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
    /// Returns the source, to read its state and its last event ID or to create a handle.
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
    /// Returns the next signal, or `None` when the source has ended.
    ///
    /// # Errors
    ///
    /// Same as [`EventSource::next`].
    ///
    /// # Cancel safety
    ///
    /// The future can be dropped at any time, for example in `tokio::select!`, without losing a signal.
    pub async fn next(&mut self) -> Option<Result<Signal<E>, Error>> {
        std::future::poll_fn(|cx| self.poll_signal(cx)).await
    }

    /// Returns the next signal, or `Ok(None)` when the source has ended.
    ///
    /// # Errors
    ///
    /// Same as [`EventSource::try_next`].
    ///
    /// # Cancel safety
    ///
    /// Same as [`next`](Self::next).
    pub async fn try_next(&mut self) -> Result<Option<Signal<E>>, Error> {
        self.next().await.transpose()
    }

    fn poll_signal(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Signal<E>, Error>>> {
        loop {
            let signal = match ready!(self.0.poll_item(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(SourceItem::Open)) => match self.0.head() {
                    Some(head) => Signal::Open(Box::new(head.clone())),
                    None => continue,
                },
                Some(Ok(SourceItem::Event(event))) => Signal::Event(event),
                Some(Ok(SourceItem::Comment(comment))) => Signal::Comment(comment),
                Some(Ok(SourceItem::Reconnecting { after, cause })) => Signal::Reconnecting { after, cause },
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
