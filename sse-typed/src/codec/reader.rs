use std::{
    error::Error,
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::{DecodeEvent, Decoded, Decoder, EventTooLarge, IgnoredLines, Item, UnfinishedEvent};
use crate::event::{DecodeError, Event, RawEvent};

/// How many chunks and events one poll reads at most. After that many without an item, it yields to the executor.
const STEPS_PER_POLL: u32 = 64;

pin_project! {
    /// Decodes a stream of bytes as a stream of events, without HTTP and without a runtime.
    ///
    /// The source yields `Result`s of chunks: the body of a response from any HTTP library, a file, the messages of a worker. A
    /// chunk is any type that converts into [`Bytes`], and chunks may end anywhere. The items are [`Event<E>`]. Without `E`, or
    /// with [`RawEvent`], they are untyped.
    ///
    /// ```
    /// use futures_util::stream;
    /// use sse_typed::codec::EventReader;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let chunks = stream::iter([Ok::<_, std::io::Error>("id: 7\nevent: gree"), Ok("ting\ndata: hello\n\n")]);
    /// let mut events: EventReader<_> = EventReader::new(chunks);
    /// while let Some(event) = events.try_next().await? {
    ///     assert_eq!((event.data.event_type(), event.data.data()), ("greeting", "hello"));
    /// }
    /// assert_eq!(events.last_event_id(), "7");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It does not reconnect and does not check the head of the response. `Client` (feature `client`) does both.
    ///
    /// # End of the stream
    ///
    /// The stream ends after a [terminal event](crate::EventKind::is_terminal), with its source, or with the source's first
    /// error. It is fused, and does not poll its source again.
    ///
    /// If the source ends within an event, the event is discarded, as in the standard, and the last item is
    /// [`ReadError::Truncated`]. With [`lenient_end`](Self::lenient_end) the event is yielded instead.
    ///
    /// # Errors
    ///
    /// A [`ReadError`] comes from the source, from the decoder, or from decoding into `E`. After an error that is not
    /// [fatal](ReadError::is_fatal) the stream continues.
    ///
    /// # Fairness
    ///
    /// It polls its source once per chunk, spawns no tasks and sets no timers. It does not use tokio's coop budget; a source that
    /// is one of tokio's types does. After 64 chunks and events without an item it yields to the executor.
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct EventReader<S, E = RawEvent> {
        #[pin]
        source: S,
        decoder: Decoder,
        lenient_end: bool,
        require_terminal: bool,
        unknown_is_error: bool,
        unknown_events: u64,
        state: State,
        event: PhantomData<fn() -> E>,
    }
}

#[derive(Clone, Debug)]
enum State {
    /// The source has not ended.
    Reading,
    /// The source has ended. The decoder may still hold events.
    Ending(Option<UnfinishedEvent>),
    Ended,
}

impl<S, E> EventReader<S, E> {
    /// Reads `source` from the start of a stream.
    pub const fn new(source: S) -> Self {
        Self {
            source,
            decoder: Decoder::new(),
            lenient_end: false,
            require_terminal: false,
            unknown_is_error: false,
            unknown_events: 0,
            state: State::Reading,
            event: PhantomData,
        }
    }

    /// Sets the limit of an event's size, in bytes; see [`Decoder::max_event_size`]. The default is 16 MiB.
    pub fn max_event_size(mut self, bytes: usize) -> Self {
        self.decoder = self.decoder.max_event_size(bytes);
        self
    }

    /// Sets the last event ID from which the stream is resumed.
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Self {
        self.decoder = self.decoder.with_last_event_id(id);
        self
    }

    /// Sets whether an event that is unfinished at the end of the source is yielded; see [`Decoder::finish`]. The default is
    /// `false`, as in the standard.
    ///
    /// Use it for servers that omit the empty line after `data: [DONE]`, or the data of `event: complete`. The source must then
    /// report a broken connection as an error. Otherwise half an event is yielded as a whole one.
    pub const fn lenient_end(mut self, yes: bool) -> Self {
        self.lenient_end = yes;
        self
    }

    /// Sets whether a source that ends without a [terminal event](crate::EventKind::is_terminal) is a
    /// [`ReadError::Truncated`]. The default is `false`.
    pub const fn require_terminal(mut self, yes: bool) -> Self {
        self.require_terminal = yes;
        self
    }

    /// Sets whether an event of an event type that `E` does not declare is a [`ReadError::Unknown`]. By default the event is
    /// skipped and counted.
    pub const fn unknown_is_error(mut self, yes: bool) -> Self {
        self.unknown_is_error = yes;
        self
    }

    /// Returns a stream that also yields comments, and blocks that only set the last event ID or the reconnection time.
    pub fn items(mut self) -> EventReaderItems<S, E> {
        self.decoder = self.decoder.comments(true).updates(true);
        EventReaderItems { reader: self }
    }

    /// The last event ID after the last yielded item. Empty if there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The last reconnection time that the stream has set.
    #[must_use]
    pub const fn reconnection_time(&self) -> Option<Duration> {
        self.decoder.reconnection_time()
    }

    /// How many events had an unknown event type.
    #[must_use]
    pub const fn unknown_events(&self) -> u64 {
        self.unknown_events
    }

    /// Lines that are neither a field nor a comment; see [`Decoder::ignored_lines`]. A source that has such lines and no events is
    /// not an event stream, but JSON, HTML or another format.
    #[must_use]
    pub fn ignored_lines(&self) -> Option<IgnoredLines> {
        self.decoder.ignored_lines()
    }

    /// Returns the source. Events in chunks that were already taken from the source, and not yet yielded, are lost.
    pub fn into_source(self) -> S {
        self.source
    }
}

impl<S, E, B, X> EventReader<S, E>
where
    S: Stream<Item = Result<B, X>>,
    B: Into<Bytes>,
    E: DecodeEvent,
{
    /// Returns the next event, or `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// Errors are items: after an event that cannot be decoded the stream continues; a [fatal](ReadError::is_fatal) error is the
    /// last item.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. If the future is dropped, no event is lost.
    pub async fn next(&mut self) -> Option<Result<Event<E>, ReadError<X>>>
    where
        S: Unpin,
    {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Returns the next event, or `Ok(None)` at the end of the stream.
    ///
    /// # Errors
    ///
    /// As for [`next`](Self::next). A loop that ends at the first error, as with `?`, misses the events after one that cannot be
    /// decoded: check [`ReadError::is_fatal`].
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe, like [`next`](Self::next).
    pub async fn try_next(&mut self) -> Result<Option<Event<E>>, ReadError<X>>
    where
        S: Unpin,
    {
        self.next().await.transpose()
    }

    fn poll_item(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<ReadItem<E>, ReadError<X>>>> {
        let mut this = self.project();
        for _ in 0..STEPS_PER_POLL {
            if let State::Ended = this.state {
                return Poll::Ready(None);
            }
            if let Some(step) = next_step::<E, X>(this.decoder, *this.unknown_is_error, this.unknown_events) {
                let Step::Item(item) = step else { continue };
                if let Ok(ReadItem::Event(event)) = &item
                    && event.data.is_terminal()
                {
                    *this.state = State::Ended;
                }
                return Poll::Ready(Some(item));
            }
            if let State::Ending(unfinished) = this.state {
                let unfinished = unfinished.take();
                *this.state = State::Ended;
                let is_truncated = unfinished.is_some() || *this.require_terminal;
                return Poll::Ready(is_truncated.then_some(Err(ReadError::Truncated(unfinished))));
            }
            match ready!(this.source.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => this.decoder.feed(chunk),
                Some(Err(error)) => {
                    *this.state = State::Ended;
                    return Poll::Ready(Some(Err(ReadError::Source(error))));
                }
                None if *this.lenient_end => {
                    this.decoder.finish();
                    *this.state = State::Ending(None);
                }
                None => *this.state = State::Ending(this.decoder.unfinished()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What one item of the decoder results in.
enum Step<E, X> {
    Item(Result<ReadItem<E>, ReadError<X>>),
    Skipped,
}

/// Decodes the next item of the chunks that were fed. `None` if there is none.
fn next_step<E: DecodeEvent, X>(
    decoder: &mut Decoder,
    unknown_is_error: bool,
    unknown_events: &mut u64,
) -> Option<Step<E, X>> {
    let wants_updates = decoder.gives_updates();
    Some(Step::Item(match decoder.next_item()? {
        Ok(Item::Event(raw)) => match E::decode(raw) {
            Ok(Decoded::Event(event)) => Ok(ReadItem::Event(raw.decoded_as(event))),
            Ok(Decoded::Ignored) if wants_updates && (raw.id().is_some() || raw.retry().is_some()) => {
                Ok(ReadItem::Update { id: raw.id().map(str::to_owned), retry: raw.retry() })
            }
            Ok(Decoded::Ignored) => return Some(Step::Skipped),
            Ok(Decoded::Unknown) => {
                *unknown_events += 1;
                if !unknown_is_error {
                    return Some(Step::Skipped);
                }
                Err(ReadError::Unknown(raw.to_raw_event()))
            }
            Err(error) => Err(ReadError::Decode { error, event: raw.to_raw_event() }),
        },
        Ok(Item::Comment(text)) => Ok(ReadItem::Comment(text.to_owned())),
        Ok(Item::Update { id, retry }) => Ok(ReadItem::Update { id: id.map(str::to_owned), retry }),
        Err(error) => Err(ReadError::TooLarge(error)),
    }))
}

impl<S, E, B, X> Stream for EventReader<S, E>
where
    S: Stream<Item = Result<B, X>>,
    B: Into<Bytes>,
    E: DecodeEvent,
{
    type Item = Result<Event<E>, ReadError<X>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            return Poll::Ready(match ready!(self.as_mut().poll_item(cx)) {
                Some(Ok(ReadItem::Event(event))) => Some(Ok(event)),
                // Only `EventReaderItems` yields them.
                Some(Ok(ReadItem::Comment(_) | ReadItem::Update { .. })) => continue,
                Some(Err(error)) => Some(Err(error)),
                None => None,
            });
        }
    }
}

impl<S, E, B, X> FusedStream for EventReader<S, E>
where
    S: Stream<Item = Result<B, X>>,
    B: Into<Bytes>,
    E: DecodeEvent,
{
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

impl<S, E> fmt::Debug for EventReader<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReader")
            .field("decoder", &self.decoder)
            .field("lenient_end", &self.lenient_end)
            .field("require_terminal", &self.require_terminal)
            .field("unknown_events", &self.unknown_events)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// An item of [`EventReaderItems`]: an event, a comment, or a block without an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadItem<E> {
    /// An event.
    Event(Event<E>),
    /// A comment, without its colon and one following space.
    Comment(String),
    /// A block without an event, or one that `E` [ignores](Decoded::Ignored), that sets the last event ID, the reconnection time,
    /// or both.
    Update {
        /// The last event ID. `Some("")` clears it.
        id: Option<String>,
        /// The reconnection time.
        retry: Option<Duration>,
    },
}

pin_project! {
    /// An [`EventReader`] that also yields comments and blocks without data. Created by [`items`](EventReader::items).
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use sse_typed::codec::{EventReader, ReadItem};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let chunks = stream::iter([Ok::<_, std::io::Error>(": hello\n\nid: 7\n\n")]);
    /// let mut items = <EventReader<_>>::new(chunks).items();
    /// assert_eq!(items.next().await.unwrap().unwrap(), ReadItem::Comment("hello".to_owned()));
    /// let update = ReadItem::Update { id: Some("7".to_owned()), retry: None };
    /// assert_eq!(items.next().await.unwrap().unwrap(), update);
    /// assert_eq!(items.reader().last_event_id(), "7");
    /// # }
    /// ```
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct EventReaderItems<S, E = RawEvent> {
        #[pin]
        reader: EventReader<S, E>,
    }
}

impl<S, E> EventReaderItems<S, E> {
    /// The reader, for its last event ID and reconnection time.
    pub const fn reader(&self) -> &EventReader<S, E> {
        &self.reader
    }
}

impl<S, E, B, X> Stream for EventReaderItems<S, E>
where
    S: Stream<Item = Result<B, X>>,
    B: Into<Bytes>,
    E: DecodeEvent,
{
    type Item = Result<ReadItem<E>, ReadError<X>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().reader.poll_item(cx)
    }
}

impl<S, E, B, X> FusedStream for EventReaderItems<S, E>
where
    S: Stream<Item = Result<B, X>>,
    B: Into<Bytes>,
    E: DecodeEvent,
{
    fn is_terminated(&self) -> bool {
        self.reader.is_terminated()
    }
}

impl<S, E> fmt::Debug for EventReaderItems<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReaderItems").field("reader", &self.reader).finish()
    }
}

/// An error of an [`EventReader`]. `X` is the error of its source.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError<X> {
    /// The source failed. Fatal.
    Source(X),
    /// An event is larger than the limit, and was skipped.
    TooLarge(EventTooLarge),
    /// An event of a known event type cannot be decoded.
    Decode {
        /// The reason.
        error: DecodeError,
        /// The event.
        event: RawEvent,
    },
    /// An event has an unknown event type, and [`unknown_is_error`](EventReader::unknown_is_error) is set.
    Unknown(RawEvent),
    /// The source ended within an event, which is the value; or it ended without a terminal event, and
    /// [`require_terminal`](EventReader::require_terminal) is set. Fatal.
    Truncated(Option<UnfinishedEvent>),
}

impl<X> ReadError<X> {
    /// Whether the stream has ended. After any other error, polling continues with the next event.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Source(_) | Self::Truncated(_))
    }
}

impl<X: fmt::Display> fmt::Display for ReadError<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => write!(f, "the event stream broke off: {error}"),
            Self::TooLarge(error) => error.fmt(f),
            Self::Decode { error, .. } => error.fmt(f),
            Self::Unknown(event) => {
                write!(f, "event `{}` has an unknown event type", event.event_type().escape_debug())
            }
            Self::Truncated(Some(event)) => write!(f, "the event stream ended within an event: {event} was discarded"),
            Self::Truncated(None) => f.write_str("the event stream ended without its terminal event"),
        }
    }
}

impl<X: Error + 'static> Error for ReadError<X> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Source(error) => Some(error),
            // The message is that of the cause, so its source comes next.
            Self::TooLarge(error) => error.source(),
            Self::Decode { error, .. } => error.source(),
            Self::Unknown(_) | Self::Truncated(_) => None,
        }
    }
}
