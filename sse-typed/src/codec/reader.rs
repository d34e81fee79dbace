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

/// So many chunks and events may bring no item before the task is given up for a moment.
const STEPS_PER_POLL: u32 = 64;

pin_project! {
    /// Reads a stream of bytes as a stream of events, without HTTP and without a runtime.
    ///
    /// The source yields `Result`s of chunks: the body of a response of any HTTP library, a file, a message of a worker. A
    /// chunk is anything that becomes [`Bytes`], and chunks may end anywhere. The items are [`Event<E>`]; with `E` left
    /// out, or [`RawEvent`], they are untyped.
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
    /// It does not reconnect. `Client` (feature `client`) does, and checks the response's head.
    ///
    /// # The end
    ///
    /// The stream ends behind a [terminal event](crate::EventKind::is_terminal), with its source, or with the source's first
    /// error. It is fused, and does not poll its source again.
    ///
    /// An event that is unfinished when the source ends is discarded, as the standard says, and the last item is
    /// [`ReadError::Truncated`]. [`lenient_end`](Self::lenient_end) takes it as an event instead.
    ///
    /// # Errors
    ///
    /// [`ReadError`] says where it came from: the source, the decoder, or the type. After an error that is not
    /// [fatal](ReadError::is_fatal) the stream goes on.
    ///
    /// # Fairness
    ///
    /// It polls its source once for each chunk, spawns nothing, sets no timer, and spends nothing of tokio's coop budget: the
    /// source does, if it is one of tokio's. After 64 chunks and events without an item it yields to the executor.
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
    /// The source may have more.
    Reading,
    /// The source is over; what the decoder holds may not be.
    Ending(Option<UnfinishedEvent>),
    Over,
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

    /// The size up to which an event is read, in bytes; see [`Decoder::max_event_size`]. The default is 16 MiB.
    pub fn max_event_size(mut self, bytes: usize) -> Self {
        self.decoder = self.decoder.max_event_size(bytes);
        self
    }

    /// Starts from a last event ID, for the next response of a stream that is resumed.
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Self {
        self.decoder = self.decoder.with_last_event_id(id);
        self
    }

    /// Whether an event that is unfinished at the end of the source is an event; see [`Decoder::finish`]. The default is
    /// no, as in the standard.
    ///
    /// Switch it on for servers that leave out the empty line behind `data: [DONE]` or the data of `event: complete`. A
    /// source that breaks must say so by an error, or half an event is taken for a whole one.
    pub const fn lenient_end(mut self, yes: bool) -> Self {
        self.lenient_end = yes;
        self
    }

    /// Whether a source that ends without a [terminal event](crate::EventKind::is_terminal) ends with
    /// [`ReadError::Truncated`]. The default is no.
    pub const fn require_terminal(mut self, yes: bool) -> Self {
        self.require_terminal = yes;
        self
    }

    /// Whether an event whose type is none of `E`'s is [`ReadError::Unknown`]. By default it is passed over and counted.
    pub const fn unknown_is_error(mut self, yes: bool) -> Self {
        self.unknown_is_error = yes;
        self
    }

    /// Yields comments, and blocks that only set the last event ID or the reconnection time, between the events.
    pub fn items(mut self) -> EventReaderItems<S, E> {
        self.decoder = self.decoder.comments(true).updates(true);
        EventReaderItems { reader: self }
    }

    /// The last event ID, as of the item that was yielded last. Empty when there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The reconnection time that the stream has set.
    #[must_use]
    pub const fn reconnection_time(&self) -> Option<Duration> {
        self.decoder.reconnection_time()
    }

    /// How many events were of unknown type.
    #[must_use]
    pub const fn unknown_events(&self) -> u64 {
        self.unknown_events
    }

    /// Lines that are neither a field nor a comment; see [`Decoder::ignored_lines`]. A source without events that has such
    /// lines is JSON, HTML or something else, and no event stream.
    #[must_use]
    pub fn ignored_lines(&self) -> Option<IgnoredLines> {
        self.decoder.ignored_lines()
    }

    /// The source. Chunks that it has given already, and what of them was not yielded, are lost.
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
    /// The next event, or `None` when the stream is over.
    ///
    /// # Errors
    ///
    /// As an item: an event that is bad, after which the stream goes on, or a [fatal](ReadError::is_fatal) error, which is
    /// the last item.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time, and no event is lost.
    pub async fn next(&mut self) -> Option<Result<Event<E>, ReadError<X>>>
    where
        S: Unpin,
    {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The next event, or `Ok(None)` when the stream is over.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next). A loop that leaves at the first error loses what comes behind a bad event: look at
    /// [`ReadError::is_fatal`].
    ///
    /// # Cancel safety
    ///
    /// As [`next`](Self::next).
    pub async fn try_next(&mut self) -> Result<Option<Event<E>>, ReadError<X>>
    where
        S: Unpin,
    {
        self.next().await.transpose()
    }

    fn poll_item(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<ReadItem<E>, ReadError<X>>>> {
        let mut this = self.project();
        for _ in 0..STEPS_PER_POLL {
            if let State::Over = this.state {
                return Poll::Ready(None);
            }
            if let Some(progress) = next_item::<E, X>(this.decoder, *this.unknown_is_error, this.unknown_events) {
                let Progress::Item(item) = progress else { continue };
                if let Ok(ReadItem::Event(event)) = &item
                    && event.data.is_terminal()
                {
                    *this.state = State::Over;
                }
                return Poll::Ready(Some(item));
            }
            if let State::Ending(unfinished) = this.state {
                let unfinished = unfinished.take();
                *this.state = State::Over;
                let is_truncated = unfinished.is_some() || *this.require_terminal;
                return Poll::Ready(is_truncated.then_some(Err(ReadError::Truncated(unfinished))));
            }
            match ready!(this.source.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => this.decoder.feed(chunk),
                Some(Err(error)) => {
                    *this.state = State::Over;
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

/// What became of an event, or of what stands beside events.
enum Progress<E, X> {
    Item(Result<ReadItem<E>, ReadError<X>>),
    PassedOver,
}

/// The next of what was fed; `None` when that is used up.
fn next_item<E: DecodeEvent, X>(
    decoder: &mut Decoder,
    unknown_is_error: bool,
    unknown_events: &mut u64,
) -> Option<Progress<E, X>> {
    let wants_updates = decoder.gives_updates();
    Some(Progress::Item(match decoder.next_item()? {
        Ok(Item::Event(raw)) => match E::decode(raw) {
            Ok(Decoded::Event(event)) => Ok(ReadItem::Event(raw.envelope(event))),
            Ok(Decoded::Ignored) if wants_updates && (raw.id().is_some() || raw.retry().is_some()) => {
                Ok(ReadItem::Update { id: raw.id().map(str::to_owned), retry: raw.retry() })
            }
            Ok(Decoded::Ignored) => return Some(Progress::PassedOver),
            Ok(Decoded::Unknown) => {
                *unknown_events += 1;
                if !unknown_is_error {
                    return Some(Progress::PassedOver);
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
                // Nobody has asked for them.
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
        matches!(self.state, State::Over)
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

/// What stands in an event stream, events among it: the items of [`EventReaderItems`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadItem<E> {
    /// An event.
    Event(Event<E>),
    /// A comment, without its colon and one space behind it.
    Comment(String),
    /// A block that is no event, or one that `E` [ignores](Decoded::Ignored), and that sets the last event ID, the
    /// reconnection time, or both.
    Update {
        /// The last event ID. `Some("")` clears it.
        id: Option<String>,
        /// The reconnection time.
        retry: Option<Duration>,
    },
}

pin_project! {
    /// An [`EventReader`] that yields comments and blocks without data too: what [`items`](EventReader::items) gives.
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
    /// The reader: its last event ID, its reconnection time.
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

/// What went wrong in an [`EventReader`]. `X` is the error of its source.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError<X> {
    /// The source failed. Fatal.
    Source(X),
    /// An event is larger than the limit, and was passed over.
    TooLarge(EventTooLarge),
    /// An event of a known type has bad data, or a bad id.
    Decode {
        /// What is wrong with it.
        error: DecodeError,
        /// The event.
        event: RawEvent,
    },
    /// An event is of no known type, and [`unknown_is_error`](EventReader::unknown_is_error) was set.
    Unknown(RawEvent),
    /// The source has ended within an event, which is named here; or without a terminal event, and
    /// [`require_terminal`](EventReader::require_terminal) was set. Fatal.
    Truncated(Option<UnfinishedEvent>),
}

impl<X> ReadError<X> {
    /// Whether the stream is over. After any other error it goes on when it is polled again.
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
                write!(f, "event `{}` is of no type that is known here", event.event_type().escape_debug())
            }
            Self::Truncated(Some(event)) => write!(f, "the event stream ended within an event: {event} is discarded"),
            Self::Truncated(None) => f.write_str("the event stream ended without its terminal event"),
        }
    }
}

impl<X: Error + 'static> Error for ReadError<X> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Source(error) => Some(error),
            // The message is the cause's own.
            Self::TooLarge(error) => error.source(),
            Self::Decode { error, .. } => error.source(),
            Self::Unknown(_) | Self::Truncated(_) => None,
        }
    }
}
