use std::{
    collections::VecDeque,
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http::response;
use http_body::Body;
use http_body_util::Full;
use tokio::time::Instant;

pub(crate) use self::diff::show_diff;
pub use self::{expect::Expect, request::CollectRequest};
use self::{
    source::{Arrival, Items, Source, What, WireSource, chain},
    wire::WireLog,
};
use crate::{
    Sse,
    client::{EventSource, HttpService, Signal, WithBody},
    codec::{DecodeEvent, EventBytes, EventItem},
    event::{Event, RawEvent},
    server::Events,
};

mod diff;
mod expect;
mod expectations;
mod head;
mod outcome;
mod poll;
mod report;
mod request;
mod source;
mod wire;

/// How long an expectation waits by default: longer than the default keep-alive interval and most reconnection times.
const LIMIT: Duration = Duration::from_secs(30);

/// Reads a stream of events, and checks which events come and which do not.
///
/// | reads | constructor |
/// |---|---|
/// | the response of a Tower service, such as an axum `Router` | [`get`](Self::get), [`request`](Self::request) |
/// | an [`Sse`], a response, a body | [`sse`](Self::sse), [`response`](Self::response), [`body`](Self::body) |
/// | a stream of events, a hub's subscription | [`stream`](Self::stream) |
/// | a stream of bytes | [`bytes`](Self::bytes) |
/// | the events that a client receives | [`source`](Self::source), [`received`](Self::received) |
///
/// ```
/// use std::time::Duration;
///
/// use sse_typed::{Gap, Hub, SseEvent, hub::Start, testing::Collect};
///
/// #[derive(Debug, PartialEq, SseEvent)]
/// enum Chat {
///     Said(String),
///     #[sse(gap)]
///     Missed(Gap),
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let hub = Hub::<Chat>::builder().build();
/// let mut chat = Collect::stream(hub.subscribe(Start::Live));
/// hub.publish(&Chat::Said("hello".to_owned())).await.unwrap();
/// chat.expect(Chat::Said("hello".to_owned())).await;
/// chat.expect_none_for(Duration::from_secs(3600)).await;
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Expectations
///
/// Each `expect` method, [`next`](Self::next), [`take`](Self::take) and [`rest`](Self::rest) panic when something else comes. The
/// message shows the difference, what was received before, and the lines on the wire:
///
/// ```text
/// received another event than the expected one (- expected, + received)
///   - Said("hello")
///   + Said("help")
///
/// received before it:
///   at 0ns: event Said("hi"), id 1
///
/// on the wire:
///     id: 1
///     event: Said
///     data: "hi"
///
///   > id: 2
///   > event: Said
///   > data: "help"
///   >
/// ```
///
/// Expectations of events skip comments, and blocks that set only an id or a reconnection time. An event that cannot be read as
/// an `E`, because its type is unknown or its data is bad, fails every expectation except
/// [`expect_bad_event`](Self::expect_bad_event). A body that ends within an event has broken off, for a client never gets that event.
///
/// A `Collect` reads only while an expectation is awaited; otherwise it is like a client that has stopped reading. Dropping it
/// drops the stream, like a client that disconnects.
///
/// # Time
///
/// Each expectation fails after 30 s, or after [another limit](Self::within). The limit runs on tokio's clock, paused or not. A
/// stream that is always ready is limited by the real clock too, because paused time does not advance while it is read: by the
/// same limit, but at least 1 s and at most 30 s, and by 262,144 items more than are expected.
///
/// # Panics
///
/// When an expectation fails, and outside a tokio runtime with time enabled.
///
/// # Cancel safety
///
/// An expectation that is dropped before it is ready takes nothing. The next one finds everything that was received.
#[must_use = "a stream is not read unless something is expected of it"]
pub struct Collect<E = RawEvent> {
    source: Source<E>,
    /// What was received and not taken.
    pending: VecDeque<Arrival<E>>,
    head: Option<response::Parts>,
    /// The request, for messages.
    asked: Option<String>,
    /// What was taken, for messages.
    taken: VecDeque<String>,
    taken_count: u64,
    wire: WireLog,
    /// Of what was taken last, and of what was received last.
    last_event_id: String,
    received_id: String,
    reconnection_time: Option<Duration>,
    limit: Duration,
    started: Option<Instant>,
}

impl<E> Collect<E> {
    const fn of(source: Source<E>) -> Self {
        Self {
            source,
            pending: VecDeque::new(),
            head: None,
            asked: None,
            taken: VecDeque::new(),
            taken_count: 0,
            wire: WireLog::new(),
            last_event_id: String::new(),
            received_id: String::new(),
            reconnection_time: None,
            limit: LIMIT,
            started: None,
        }
    }

    fn of_chunks(chunks: impl Stream<Item = Result<Bytes, String>> + Send + 'static) -> Self {
        Self::of(Source::Wire(Box::new(WireSource::new(Box::pin(chunks)))))
    }

    fn of_items(items: impl Stream<Item = (What<E>, Option<String>)> + Send + 'static) -> Self {
        Self::of(Source::Items(Box::pin(items) as Items<E>))
    }

    /// Reads a stream of events: of plain values, of [`Event`]s with ids, or a hub's subscription.
    ///
    /// The events are encoded and decoded, as on their way to a client. The stream ends after a terminal event, and breaks off
    /// at an event that cannot be sent. It has no keep-alive and no settings of a layer: see [`sse`](Self::sse).
    pub fn stream<St>(events: St) -> Self
    where
        St: Stream<Item: EventItem<Event = E>> + Send + 'static,
    {
        let mut events = Box::pin(EventBytes::new(events).batch(1));
        Self::of_chunks(stream_of(move |cx| {
            events.as_mut().poll_next(cx).map(|chunk| {
                chunk.map(|chunk| chunk.map_err(|error| format!("an event cannot be sent: {}", chain(&error))))
            })
        }))
    }

    /// Reads an [`Sse`] as the response that it is without a layer.
    pub fn sse<St>(sse: Sse<St>) -> Self
    where
        St: Events<Event = E> + Send + 'static,
    {
        Self::response(sse.into())
    }

    /// Reads a response with any body.
    ///
    /// [`expect_status`](Self::expect_status) and [`expect_header`](Self::expect_header) check its head. Expectations of events
    /// fail unless it is a `200 OK` with content type `text/event-stream`. A `204 No Content` is a stream that has ended.
    pub fn response<B>(response: http::Response<B>) -> Self
    where
        B: Body<Data: Buf, Error: Into<BoxError>> + Send + 'static,
    {
        let (head, body) = response.into_parts();
        Self { head: Some(head), ..Self::body(body) }
    }

    /// Reads a body.
    pub fn body<B>(body: B) -> Self
    where
        B: Body<Data: Buf, Error: Into<BoxError>> + Send + 'static,
    {
        let mut body = Box::pin(body);
        Self::of_chunks(stream_of(move |cx| {
            loop {
                return Poll::Ready(match ready!(body.as_mut().poll_frame(cx)) {
                    None => None,
                    Some(Err(error)) => Some(Err(chain(&*error.into()))),
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(mut data) => Some(Ok(data.copy_to_bytes(data.remaining()))),
                        // Trailers.
                        Err(_) => continue,
                    },
                });
            }
        }))
    }

    /// Reads a stream of bytes, such as the body of a framework that is not built on the crate `http`.
    ///
    /// ```
    /// use futures_util::stream;
    /// use sse_typed::{RawEvent, testing::Collect};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let mut events = Collect::bytes(stream::iter([Ok::<_, std::io::Error>("data: a\n"), Ok("\n")]));
    /// events.expect(RawEvent::new("message", "a")).await;
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bytes<St, B, X>(chunks: St) -> Self
    where
        St: Stream<Item = Result<B, X>> + Send + 'static,
        B: Into<Bytes>,
        X: Into<BoxError>,
    {
        let mut chunks = Box::pin(chunks);
        Self::of_chunks(stream_of(move |cx| {
            let chunk = ready!(chunks.as_mut().poll_next(cx));
            Poll::Ready(chunk.map(|chunk| chunk.map(Into::into).map_err(|error| chain(&*error.into()))))
        }))
    }

    /// Reads the events of an [`EventSource`], with its comments, connections and reconnects. Messages do not show the text on the
    /// wire.
    ///
    /// [`expect_broken`](Self::expect_broken) expects a fatal error of the source.
    pub fn source<S>(source: EventSource<E, S>) -> Self
    where
        E: DecodeEvent + 'static,
        S: HttpService + Sync,
    {
        let mut signals = source.with_signals();
        Self::of_items(stream_of(move |cx| {
            let signal = ready!(Pin::new(&mut signals).poll_next(cx));
            let what = signal.map(|signal| match signal {
                Ok(Signal::Event(event)) => What::Event(event),
                Ok(Signal::Comment(text)) => What::Comment(text),
                Ok(Signal::Open(head)) => What::Open(head),
                Ok(Signal::Reconnecting { after, cause }) => {
                    What::Reconnecting(after, cause.map(|cause| chain(&cause)))
                }
                Err(error) if error.is_fatal() => What::Broken(chain(&error)),
                Err(error) => What::Bad(chain(&error)),
            });
            Poll::Ready(what.map(|what| (what, Some(signals.source().last_event_id().to_owned()))))
        }))
    }

    /// Reads what any client receives: a stream of `Result`s of events, such as an
    /// [`EventStream`](crate::client::EventStream) or an [`EventReader`](crate::codec::EventReader).
    ///
    /// [`expect_bad_event`](Self::expect_bad_event) expects an error, and [`expect_broken`](Self::expect_broken) one that is the last
    /// item.
    pub fn received<St, X>(events: St) -> Self
    where
        E: Send + 'static,
        St: Stream<Item = Result<Event<E>, X>> + Send + 'static,
        X: Into<BoxError>,
    {
        let mut events = Box::pin(events);
        Self::of_items(stream_of(move |cx| {
            let item = ready!(events.as_mut().poll_next(cx));
            Poll::Ready(item.map(|item| match item {
                Ok(event) => (What::Event(event), None),
                Err(error) => (What::Bad(chain(&*error.into())), None),
            }))
        }))
    }

    /// Sends a GET request to a Tower service, such as an axum `Router`, and reads its response.
    ///
    /// The request is sent when this is awaited; it can be given headers and a last event ID before. The service takes
    /// requests with the body `http_body_util::Full<Bytes>`, or with any body.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use futures_util::stream;
    /// use sse_typed::{LastEventId, RawEvent, Sse, testing::Collect};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// async fn resumed(id: LastEventId) -> Sse<stream::Iter<std::array::IntoIter<RawEvent, 1>>> {
    ///     Sse::new(stream::iter([RawEvent::new("resumed", id.as_str().unwrap_or("at the start"))]))
    /// }
    /// let app: Router = Router::new().route("/", get(resumed));
    ///
    /// let mut events = Collect::get(app, "/").last_event_id("7").await;
    /// events.expect(RawEvent::new("resumed", "7")).await;
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn get<S>(service: S, uri: &str) -> CollectRequest<E>
    where
        WithBody<S, Full<Bytes>>: HttpService,
    {
        CollectRequest::get(WithBody::new(service), uri)
    }

    /// Sends a request to a Tower service, and reads its response. See [`get`](Self::get).
    ///
    /// ```
    /// # async fn test(app: axum::Router) {
    /// use sse_typed::{RawEvent, testing::Collect};
    ///
    /// let request = http::Request::post("/answers").body("What is the answer?").unwrap();
    /// let mut answer = Collect::<RawEvent>::request(app, request).await;
    /// # answer.expect_end().await;
    /// # }
    /// ```
    pub fn request<S, B>(service: S, request: http::Request<B>) -> CollectRequest<E>
    where
        WithBody<S, Full<Bytes>>: HttpService,
        B: Into<Bytes>,
    {
        CollectRequest::new(WithBody::new(service), request.map(Into::into))
    }

    fn starting_from(mut self, last_event_id: String) -> Self {
        if let Source::Wire(source) = &mut self.source {
            source.start_from(&last_event_id);
        }
        self.received_id.clone_from(&last_event_id);
        self.last_event_id = last_event_id;
        self
    }

    /// Sets how long each expectation waits. The default is 30 s.
    pub const fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The last event ID after everything that expectations have taken. Empty when there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The reconnection time after everything that expectations have taken. A client's [source](Self::source) reports only those of
    /// events.
    #[must_use]
    pub const fn reconnection_time(&self) -> Option<Duration> {
        self.reconnection_time
    }

    /// The last 16 KiB of the text that was received. Empty for the events of a client.
    ///
    /// ```
    /// use futures_util::stream;
    /// use sse_typed::{RawEvent, testing::Collect};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let mut events = Collect::stream(stream::iter([RawEvent::new("tick", "1")]));
    /// events.expect_only([RawEvent::new("tick", "1")]).await;
    /// assert_eq!(events.wire_text(), "event: tick\ndata: 1\n\n");
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn wire_text(&self) -> String {
        self.wire.to_text()
    }

    /// The received frames of the body, or items of the stream of bytes, as they came: those of the last 16 KiB. Empty for the
    /// events of a client.
    ///
    /// Only frames that an expectation has needed are received.
    ///
    /// ```
    /// use futures_util::stream;
    /// use sse_typed::{RawEvent, testing::Collect};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let body = stream::iter([Ok::<_, std::io::Error>("data: a\n"), Ok("\n")]);
    /// let mut events = Collect::bytes(body);
    /// events.expect_only([RawEvent::new("message", "a")]).await;
    /// assert_eq!(events.wire_frames(), ["data: a\n", "\n"]);
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn wire_frames(&self) -> Vec<Bytes> {
        self.wire.frames()
    }
}

/// A stream of what `poll` gives.
fn stream_of<T, F>(poll: F) -> PollFn<F>
where
    F: FnMut(&mut Context<'_>) -> Poll<Option<T>> + Unpin,
{
    PollFn(poll)
}

struct PollFn<F>(F);

impl<T, F: FnMut(&mut Context<'_>) -> Poll<Option<T>> + Unpin> Stream for PollFn<F> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        (self.0)(cx)
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

impl<E> fmt::Debug for Collect<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collect")
            .field("received", &self.taken)
            .field("pending", &self.pending.len())
            .field("last_event_id", &self.last_event_id)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
