use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Buf;
use futures_core::{FusedStream, Stream};
use http::response;
use http_body::Body;

use super::{
    Ended, Error, ResponseBody,
    debug::ResponseHead,
    error::BoxError,
    options::{ReadOptions, read_options},
    reader::{ReadOutcome, Reader},
    trace::{self, StreamSpan},
};
use crate::{
    codec::{DecodeEvent, Decoder},
    event::Event,
};

/// The typed events of one response, returned by [`send`](super::RequestBuilder::send).
///
/// It does not reconnect. It ends after a [terminal event](crate::EventKind::is_terminal), at the end of the body,
/// or with a [fatal](Error::is_fatal) error, and is fused. No task runs behind it: unread data stays in the socket,
/// and dropping the stream closes the response.
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use sse_typed::{EventStream, RawEvent};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), sse_typed::client::Error> {
/// let body = Full::new(Bytes::from("event: greeting\ndata: hello\n\n"));
/// let mut events = EventStream::<RawEvent, _>::from_body(body);
/// while let Some(event) = events.try_next().await? {
///     assert_eq!((event.data.event_type(), event.data.data()), ("greeting", "hello"));
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing unless it is polled"]
pub struct EventStream<E, B = ResponseBody> {
    head: Option<response::Parts>,
    body: Result<B, Ended>,
    reader: Reader<E>,
}

impl<E, B> EventStream<E, B> {
    /// Reads any body as an event stream.
    pub fn from_body(body: B) -> Self {
        Self {
            head: None,
            body: Ok(body),
            reader: Reader::new(Decoder::new(), ReadOptions::default(), StreamSpan::none()),
        }
    }

    /// Reads the body of a response as an event stream, without checking its status and headers.
    pub fn from_response(response: http::Response<B>) -> Self {
        let (head, body) = response.into_parts();
        Self::of_response(head, Ok(body), Reader::new(Decoder::new(), ReadOptions::default(), StreamSpan::none()))
    }

    pub(super) fn of_response(head: response::Parts, body: Result<B, Ended>, mut reader: Reader<E>) -> Self {
        reader.start_response(&head.headers);
        Self { head: Some(head), body, reader }
    }

    fn change_decoder(&mut self, change: impl FnOnce(Decoder) -> Decoder) {
        self.reader.change_decoder(change);
    }

    const fn options(&mut self) -> &mut ReadOptions {
        self.reader.options()
    }

    read_options!();

    /// Status and headers of the response. `None` for a stream created [from a body](Self::from_body).
    #[must_use]
    pub const fn head(&self) -> Option<&response::Parts> {
        self.head.as_ref()
    }

    /// The last event ID as of the last yielded item. Empty without an ID.
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

    /// Why the stream has ended, or `None` before its end.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.body.as_ref().err().copied()
    }

    fn end(&mut self, ended: Ended) {
        trace::ended(ended);
        self.body = Err(ended);
    }

    fn fail(&mut self, error: Error) -> Error {
        trace::failed(&error);
        self.body = Err(Ended::Failed);
        error
    }
}

impl<E, B> EventStream<E, B>
where
    E: DecodeEvent,
    B: Body<Data: Buf, Error: Into<BoxError>> + Unpin,
{
    /// Returns the next event, or `None` when the stream has ended.
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

    /// Returns the next event, or `Ok(None)` when the stream has ended.
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
        let _entered = self.reader.span().enter();
        loop {
            let Ok(body) = &mut self.body else { return Poll::Ready(None) };
            return Poll::Ready(match ready!(self.reader.poll_read(Pin::new(body), cx, &|| false)) {
                ReadOutcome::Event(event) => {
                    if event.data.is_terminal() {
                        self.end(Ended::Terminal);
                    }
                    Some(Ok(event))
                }
                ReadOutcome::EventError { error, is_terminal } => {
                    if is_terminal {
                        self.end(Ended::Terminal);
                    }
                    Some(Err(error))
                }
                // Comments are not enabled, and a stream has no handle that closes it.
                ReadOutcome::Comment(_) | ReadOutcome::Closed => continue,
                ReadOutcome::BodyEnded => match self.reader.truncation_error() {
                    Some(error) => Some(Err(self.fail(error))),
                    None => {
                        self.end(Ended::EndOfBody);
                        None
                    }
                },
                ReadOutcome::Failed(error) => Some(Err(self.fail(error))),
            });
        }
    }
}

impl<E, B> Stream for EventStream<E, B>
where
    E: DecodeEvent,
    B: Body<Data: Buf, Error: Into<BoxError>> + Unpin,
{
    type Item = Result<Event<E>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl<E, B> FusedStream for EventStream<E, B>
where
    E: DecodeEvent,
    B: Body<Data: Buf, Error: Into<BoxError>> + Unpin,
{
    fn is_terminated(&self) -> bool {
        self.body.is_err()
    }
}

impl<E, B> fmt::Debug for EventStream<E, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("head", &self.head.as_ref().map(ResponseHead))
            .field("ended", &self.ended())
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}
