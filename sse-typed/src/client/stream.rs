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
    debug::Head,
    error::BoxError,
    options::{ReadOptions, read_options},
    reader::{Read, Reader},
    trace::{self, Scope},
};
use crate::{
    codec::{DecodeEvent, Decoder},
    event::Event,
};

/// The events of one response: what [`send`](super::RequestBuilder::send) gives.
///
/// It does not reconnect. It ends behind a [terminal event](crate::EventKind::is_terminal), with the body, or with a
/// [fatal](Error::is_fatal) error, and is fused then. It is polled, and nothing runs beside it: what is not read stays in
/// the socket, and dropping it closes the response.
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
        Self { head: None, body: Ok(body), reader: Reader::new(Decoder::new(), ReadOptions::default(), Scope::none()) }
    }

    /// Reads the body of a response as an event stream, whatever its head says.
    pub fn from_response(response: http::Response<B>) -> Self {
        let (head, body) = response.into_parts();
        Self::of_response(head, Ok(body), Reader::new(Decoder::new(), ReadOptions::default(), Scope::none()))
    }

    pub(super) fn of_response(head: response::Parts, body: Result<B, Ended>, mut reader: Reader<E>) -> Self {
        reader.begin(&head.headers);
        Self { head: Some(head), body, reader }
    }

    fn change_decoder(&mut self, change: impl FnOnce(Decoder) -> Decoder) {
        self.reader.change_decoder(change);
    }

    const fn options(&mut self) -> &mut ReadOptions {
        self.reader.options()
    }

    read_options!();

    /// Status and headers of the response. `None` for a stream made [from a body](Self::from_body).
    #[must_use]
    pub const fn head(&self) -> Option<&response::Parts> {
        self.head.as_ref()
    }

    /// The last event ID, as of the item that was yielded last. Empty when there is none.
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

    /// Why the stream is over; `None` while it is not.
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
    /// The next event, or `None` when the stream is over.
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

    /// The next event, or `Ok(None)` when the stream is over.
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
        let _entered = self.reader.scope().enter();
        loop {
            let Ok(body) = &mut self.body else { return Poll::Ready(None) };
            return Poll::Ready(match ready!(self.reader.poll_read(Pin::new(body), cx, &|| false)) {
                Read::Event(event) => {
                    if event.data.is_terminal() {
                        self.end(Ended::Terminal);
                    }
                    Some(Ok(event))
                }
                Read::Bad { error, last } => {
                    if last {
                        self.end(Ended::Terminal);
                    }
                    Some(Err(error))
                }
                // Comments were not asked for, and nothing closes it.
                Read::Comment(_) | Read::Closed => continue,
                Read::End => match self.reader.end() {
                    Some(error) => Some(Err(self.fail(error))),
                    None => {
                        self.end(Ended::EndOfBody);
                        None
                    }
                },
                Read::Broken(error) => Some(Err(self.fail(error))),
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
            .field("head", &self.head.as_ref().map(Head))
            .field("ended", &self.ended())
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}
