//! Tests of `EventReader` and `EventBytes`, with bytes split and polled in all ways.

use std::{
    cell::Cell,
    collections::VecDeque,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use proptest::prelude::*;

use super::{
    DecodeEvent, Decoded, EncodeEvent, Encoded, EventBytes, EventKind, EventReader, EventWriter, ReadError, ReadItem,
};
use crate::event::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Event, EventId, RawEvent, RawEventRef};

/// A stream with a fixed result for each poll, in order. After the last it ends, and must not be polled again.
struct Script<T> {
    steps: VecDeque<Poll<T>>,
    polls: Rc<Cell<usize>>,
    /// The waker of the last poll, if that was pending.
    waker: Rc<Cell<Option<Waker>>>,
    ended: bool,
}

impl<T> Unpin for Script<T> {}

impl<T> Script<T> {
    fn new(steps: impl IntoIterator<Item = Poll<T>>) -> Self {
        Self { steps: steps.into_iter().collect(), polls: Rc::default(), waker: Rc::default(), ended: false }
    }

    fn ready(steps: impl IntoIterator<Item = T>) -> Self {
        Self::new(steps.into_iter().map(Poll::Ready))
    }
}

impl<T> Stream for Script<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        assert!(!self.ended, "polled after its end");
        self.polls.set(self.polls.get() + 1);
        match self.steps.pop_front() {
            Some(Poll::Ready(item)) => Poll::Ready(Some(item)),
            Some(Poll::Pending) => {
                self.waker.set(Some(cx.waker().clone()));
                Poll::Pending
            }
            None => {
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<St: Stream + Unpin>(stream: &mut St) -> Poll<Option<St::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

/// All items up to the end. Checks that the stream is fused.
fn all<St: FusedStream + Unpin>(mut stream: St) -> Vec<St::Item> {
    let mut items = Vec::new();
    for _ in 0..1_000_000 {
        match poll(&mut stream) {
            Poll::Pending => assert!(!stream.is_terminated()),
            Poll::Ready(Some(item)) => items.push(item),
            Poll::Ready(None) => {
                assert!(stream.is_terminated());
                assert!(matches!(poll(&mut stream), Poll::Ready(None)), "fused");
                return items;
            }
        }
    }
    panic!("no end");
}

type Chunk = Result<Bytes, &'static str>;

/// The input in chunks of `size`.
fn chunks(input: &[u8], size: usize) -> Script<Chunk> {
    Script::ready(input.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))))
}

fn reader<E>(source: Script<Chunk>) -> EventReader<Script<Chunk>, E> {
    EventReader::new(source)
}

/// `type=data` of an event, or the error.
fn shown(item: Result<Event<RawEvent>, ReadError<&'static str>>) -> String {
    match item {
        Ok(event) => format!("{}={}", event.data.event_type(), event.data.data()),
        Err(error) => format!("{error}{}", if error.is_fatal() { "!" } else { "" }),
    }
}

/// A hand-written type: ticks are numbers, `ping` is ignored, `end` is terminal, `bad` cannot be sent and `silent` is not.
#[derive(Clone, Debug, PartialEq)]
enum Clock {
    Tick(u64),
    End,
    Bad,
    Silent,
}

impl EventKind for Clock {
    fn event_type(&self) -> &str {
        match self {
            Self::Tick(_) => "tick",
            Self::End => "end",
            Self::Bad => "bad",
            Self::Silent => "silent",
        }
    }

    fn is_terminal(&self) -> bool {
        *self == Self::End
    }
}

impl EncodeEvent for Clock {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Silent => return Ok(()),
            Self::Bad => return Err(EncodeError::new(EncodeErrorKind::Data, "never")),
            Self::Tick(_) | Self::End => {}
        }
        event.event_type(self.event_type())?;
        match self {
            Self::Tick(n) => event.json(n),
            _ => event.text(""),
        }
    }
}

impl DecodeEvent for Clock {
    const EVENT_TYPES: &'static [&'static str] = &["tick", "end"];

    fn decode(event: RawEventRef<'_>) -> Result<Decoded<Self>, DecodeError> {
        Ok(match event.event_type() {
            "tick" => match event.data().parse() {
                Ok(n) => Decoded::Event(Self::Tick(n)),
                Err(error) => return Err(DecodeError::new(DecodeErrorKind::Data, "tick", error)),
            },
            "end" => Decoded::Event(Self::End),
            "ping" => Decoded::Ignored,
            _ => Decoded::Unknown,
        })
    }
}

const STREAM: &str = ": hi\nid: 1\nevent: tick\ndata: 1\n\nid: 2\n\nretry: 70\n\nevent: ping\nid: 3\ndata\n\nevent: other\ndata\n\n\
                      event: tick\ndata: x\n\nevent: tick\ndata: é\ndata: 2\n\nevent: tick\ndata: 2\n\nevent: end\ndata\n\n\
                      event: tick\ndata: 9\n\n";

#[test]
fn a_reader_yields_typed_events_and_errors_and_ends_after_a_terminal_event() {
    for size in 1..=STREAM.len() {
        let mut events = reader::<Clock>(chunks(STREAM.as_bytes(), size));
        let mut found = Vec::new();
        while let Poll::Ready(Some(item)) = poll_through(&mut events) {
            let item = item.map(|event| event.data).map_err(|error| {
                assert!(matches!(error, ReadError::Decode { .. }) && !error.is_fatal(), "{error}");
            });
            found.push((item, events.last_event_id().to_owned()));
        }
        let expected = [
            (Ok(Clock::Tick(1)), "1"),
            (Err(()), "3"),
            (Err(()), "3"),
            (Ok(Clock::Tick(2)), "3"),
            (Ok(Clock::End), "3"),
        ];
        assert_eq!(found, expected.map(|(item, id)| (item, id.to_owned())), "in chunks of {size}");
        assert_eq!((events.unknown_events(), events.reconnection_time()), (1, Some(Duration::from_millis(70))));
        assert!(events.is_terminated());
    }
}

/// Polls once, and again while the stream only yields to the executor.
fn poll_through<St: Stream + Unpin>(stream: &mut St) -> Poll<Option<St::Item>> {
    loop {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let polled = Pin::new(&mut *stream).poll_next(&mut Context::from_waker(&waker));
        if polled.is_ready() || wakes.0.load(Ordering::SeqCst) == 0 {
            return polled;
        }
    }
}

#[test]
fn comments_and_blocks_without_data_are_items_on_request() {
    for size in 1..=STREAM.len() {
        let items = all(reader::<Clock>(chunks(STREAM.as_bytes(), size)).items());
        let items: Vec<_> = items.into_iter().map(Result::ok).collect();
        let update = |id: Option<&str>, retry: Option<u64>| {
            Some(ReadItem::Update { id: id.map(str::to_owned), retry: retry.map(Duration::from_millis) })
        };
        let first = Event::new(Clock::Tick(1)).id(1_u64);
        let expected = [
            Some(ReadItem::Comment("hi".to_owned())),
            Some(ReadItem::Event(first)),
            update(Some("2"), None),
            update(None, Some(70)),
            update(Some("3"), None),
            None,
            None,
            Some(ReadItem::Event(Event::new(Clock::Tick(2)))),
            Some(ReadItem::Event(Event::new(Clock::End))),
        ];
        assert_eq!(items, expected, "in chunks of {size}");
    }
    let ignored = reader::<Clock>(chunks(b"event: ping\ndata\n\n", 4)).items();
    assert!(!ignored.is_terminated());
    assert!(all(ignored).is_empty(), "an ignored event without an id and a reconnection time is no item");
}

#[test]
fn an_error_says_whether_it_comes_from_the_source_the_decoder_or_the_type() {
    let source = || {
        let steps: [Chunk; 4] = [
            Ok("data: too long\n\nevent: tick\ndata: x\n\nevent: y\ndata\n\n".into()),
            Ok("eve".into()),
            Err("broke"),
            Ok("x".into()),
        ];
        Script::ready(steps)
    };
    let events = reader::<Clock>(source()).max_event_size(7).unknown_is_error(true).lenient_end(true);
    let errors: Vec<_> = all(events).into_iter().map(Result::unwrap_err).collect();
    assert!(matches!(&errors[0], ReadError::TooLarge(error) if error.limit() == 7));
    assert!(matches!(&errors[1], ReadError::Decode { event, .. } if event.data() == "x"));
    assert!(matches!(&errors[2], ReadError::Unknown(event) if event.event_type() == "y"));
    assert!(matches!(&errors[3], ReadError::Source("broke")), "and the unfinished event is not taken");
    let fatal: Vec<_> = errors.iter().map(ReadError::is_fatal).collect();
    assert_eq!(fatal, [false, false, false, true]);
    assert_eq!(errors[3].to_string(), "the event stream broke off: broke");
    let polls = source();
    let counted = Rc::clone(&polls.polls);
    all(reader::<RawEvent>(polls));
    assert_eq!(counted.get(), 3, "once per chunk, and never after the error");
}

#[test]
fn an_end_within_an_event_is_an_error_unless_the_end_is_lenient() {
    for end in ["", "\n", "\r", "\r\n"] {
        let input = format!("data: a\n\nevent: done\ndata: é{end}");
        for size in 1..=input.len() {
            let read = |change: fn(EventReader<_, RawEvent>) -> EventReader<_, RawEvent>| {
                let events = change(reader(chunks(input.as_bytes(), size)));
                all(events).into_iter().map(shown).collect::<Vec<_>>()
            };
            let bytes = if end.is_empty() { 6 } else { 7 };
            let message =
                format!("the event stream ended within an event: event `done` of {bytes} bytes was discarded!");
            assert_eq!(read(|events| events), ["message=a", &message], "{end:?} in chunks of {size}");
            assert_eq!(read(|events| events.lenient_end(true)), ["message=a", "done=é"], "{end:?} in chunks of {size}");
            let missing = "the event stream ended without its terminal event!";
            let strict = read(|events| events.lenient_end(true).require_terminal(true));
            assert_eq!(strict, ["message=a", "done=é", missing], "{end:?} in chunks of {size}");
        }
    }
    let end = |input: &str| all(reader::<Clock>(chunks(input.as_bytes(), 5)).lenient_end(true).require_terminal(true));
    assert_eq!(end("event: end").len(), 1, "a terminal event without data or line end");
    assert_eq!(all(reader::<RawEvent>(chunks(b"id: 7\n: x", 3))).len(), 0, "nothing was cut off");
}

#[test]
fn a_reader_registers_the_last_waker_and_yields_if_a_source_has_no_events() {
    let source = Script::new([Poll::Pending, Poll::Pending, Poll::Ready(Ok(Bytes::from("data: a\n\n")))]);
    let (waker, polls) = (Rc::clone(&source.waker), Rc::clone(&source.polls));
    let mut events = reader::<RawEvent>(source);
    let wakes: [Arc<Wakes>; 2] = Default::default();
    for (n, wakes) in wakes.iter().enumerate() {
        let task = Waker::from(Arc::clone(wakes));
        assert!(Pin::new(&mut events).poll_next(&mut Context::from_waker(&task)).is_pending());
        assert!(waker.take().is_some_and(|waker| waker.will_wake(&task)));
        assert_eq!((wakes.0.load(Ordering::SeqCst), polls.get()), (0, n + 1));
    }
    assert!(matches!(poll(&mut events), Poll::Ready(Some(Ok(_)))));

    let mut comments = reader::<RawEvent>(Script::ready((0..1000).map(|_| Ok(Bytes::from(":\n\n")))));
    let task = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&task));
    assert!(Pin::new(&mut comments).poll_next(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(task.0.load(Ordering::SeqCst), 1);
    let mut unknown = reader::<Clock>(chunks(&b"event: x\ndata\n\n".repeat(1000), usize::MAX));
    assert!(Pin::new(&mut unknown).poll_next(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(task.0.load(Ordering::SeqCst), 2);
    assert!((1..100).contains(&unknown.unknown_events()));
}

#[test]
fn a_reader_resumes_from_an_id_and_returns_its_source() {
    let mut events = reader::<RawEvent>(chunks(b"data: a\n\n", 99)).with_last_event_id("41");
    assert_eq!(events.last_event_id(), "41");
    assert!(poll(&mut events).is_ready());
    assert_eq!(events.last_event_id(), "41");
    assert!(events.into_source().steps.is_empty());
}

#[test]
fn a_source_that_is_not_an_event_stream_has_ignored_lines() {
    let mut events = reader::<RawEvent>(chunks(b"{\"error\":\"no such file\"}", 3));
    assert!(matches!(poll(&mut events), Poll::Ready(None)));
    assert_eq!(events.ignored_lines().unwrap().text(), "{\"error\":\"no such file\"}");
}

fn bytes<I: super::EventItem>(source: Script<I>) -> EventBytes<Script<I>> {
    EventBytes::new(source)
}

/// Chunks as text, and errors.
fn texts(items: Vec<Result<Bytes, EncodeError>>) -> Vec<String> {
    items
        .into_iter()
        .map(|item| item.map_or_else(|error| error.to_string(), |chunk| String::from_utf8(chunk.to_vec()).unwrap()))
        .collect()
}

#[test]
fn ready_events_are_one_chunk_and_a_terminal_event_is_the_last() {
    use Clock::{End, Silent, Tick};
    let steps = [
        Poll::Ready(Tick(1)),
        Poll::Ready(Tick(2)),
        Poll::Pending,
        Poll::Ready(Silent),
        Poll::Pending,
        Poll::Ready(End),
        Poll::Ready(Tick(3)),
    ];
    let chunks = texts(all(bytes(Script::new(steps)).ids_from(7)));
    assert_eq!(
        chunks,
        ["id: 7\nevent: tick\ndata: 1\n\nid: 8\nevent: tick\ndata: 2\n\n", "id: 9\nevent: end\ndata: \n\n"]
    );
    let each = texts(all(bytes(Script::ready((0..3).map(Tick))).batch(1)));
    assert_eq!(each.len(), 3);
    let two = texts(all(bytes(Script::ready((0..3).map(Tick))).batch(each[0].len() + 1)));
    assert_eq!(two, [each[..2].concat(), each[2].clone()]);
    assert!(all(bytes(Script::<Clock>::ready([]))).is_empty());
}

#[test]
fn an_event_that_cannot_be_encoded_is_an_error_in_its_place() {
    use Clock::{Bad, Tick};
    let chunks = texts(all(bytes(Script::ready([Bad, Tick(1), Tick(2), Bad, Bad, Tick(3)]))));
    let bad = "event `bad` cannot be sent because of its data: never";
    assert_eq!(chunks, [bad, "event: tick\ndata: 1\n\nevent: tick\ndata: 2\n\n", bad, bad, "event: tick\ndata: 3\n\n"]);
    let last = texts(all(bytes(Script::ready([Tick(1), Bad]))));
    assert_eq!(last, ["event: tick\ndata: 1\n\n", bad]);
}

#[test]
fn large_encoded_events_are_not_copied() {
    let large = Encoded::new(&RawEvent::new("large", "x".repeat(8 << 10))).unwrap();
    let chunks = all(bytes(Script::ready([large.clone(), large.clone()])));
    assert!(chunks.iter().all(|chunk| chunk.as_ref().unwrap().as_ptr() == large.as_bytes().as_ptr()));
    assert_eq!(chunks.len(), 2);
}

#[test]
fn small_encoded_events_share_a_chunk() {
    let small = Encoded::new(&Clock::Tick(1)).unwrap();
    let silent = Encoded::new(&Clock::Silent).unwrap();
    assert_eq!((small.events(), silent.events()), (1, 0));
    let mut bytes = bytes(Script::ready([small.clone(), small.clone()]));
    let Poll::Ready(Some(Ok(chunk))) = poll(&mut bytes) else { panic!("no chunk") };
    assert_eq!(chunk, [&small.as_bytes()[..], small.as_bytes()].concat());
    assert_eq!(bytes.events(), 2);
}

#[test]
fn an_encoded_or_wrapped_terminal_event_ends_the_bytes() {
    let end = Encoded::new(&Clock::End).unwrap();
    assert!(end.is_terminal());
    assert_eq!(texts(all(bytes(Script::ready([end.clone(), end])))), ["event: end\ndata: \n\n"]);
    let wrapped = all(bytes(Script::ready([Event::new(Clock::End), Event::new(Clock::End)])));
    assert_eq!(texts(wrapped), ["event: end\ndata: \n\n"]);
}

#[test]
fn a_writer_yields_if_a_source_sends_nothing() {
    let mut silent = bytes(Script::ready((0..100_000).map(|_| Clock::Silent)));
    let task = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&task));
    assert!(Pin::new(&mut silent).poll_next(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(task.0.load(Ordering::SeqCst), 1);
    assert!(all(silent).is_empty());
}

#[test]
fn a_writer_registers_the_last_waker() {
    let source = Script::new([Poll::Ready(Clock::Tick(1)), Poll::Pending, Poll::Pending, Poll::Ready(Clock::Tick(2))]);
    let waker = Rc::clone(&source.waker);
    let mut chunks = bytes(source);
    for is_ready in [true, false] {
        let task = Waker::from(Arc::new(Wakes::default()));
        assert_eq!(Pin::new(&mut chunks).poll_next(&mut Context::from_waker(&task)).is_ready(), is_ready);
        assert!(waker.take().is_some_and(|waker| waker.will_wake(&task)));
    }
    assert!(poll(&mut chunks).is_ready());
}

#[tokio::test]
async fn neither_stream_uses_the_coop_budget_of_the_task() {
    let mut written = bytes(Script::ready((0..1000).map(Clock::Tick))).batch(1);
    let mut read = reader::<Clock>(chunks(&b"event: tick\ndata: 1\n\n".repeat(1000), 21));
    for _ in 0..1000 {
        assert!(std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut written).poll_next(cx).is_ready())).await);
        assert!(std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut read).poll_next(cx).is_ready())).await);
    }
    assert!(tokio::task::coop::has_budget_remaining());
}

fn raw_events() -> impl Strategy<Value = Vec<Event<RawEvent>>> {
    let event = ("[a-z]{1,5}", "[a-zé:\n ]{0,12}", prop::option::of("[0-9é]{1,3}"), prop::option::of(0_u64..99));
    let event = event.prop_map(|(event_type, data, id, retry)| {
        let mut event = Event::new(RawEvent::new(event_type, data));
        event.id = id.map(|id| EventId::new(id).unwrap());
        event.retry = retry.map(Duration::from_millis);
        event
    });
    prop::collection::vec(event, 0..12)
}

proptest! {
    #[test]
    fn split_and_polled_in_any_way_written_events_are_read_back(
        events in raw_events(),
        pauses in prop::collection::vec(any::<bool>(), 24),
        batch in 1_usize..80,
        size in 1_usize..40,
        dropped_at in prop::option::of(0_usize..20),
    ) {
        let paused = |n: usize| pauses[n % pauses.len()];
        let steps = events.iter().enumerate().flat_map(|(n, event)| paused(n).then_some(Poll::Pending).into_iter().chain([Poll::Ready(event.clone())]));
        let chunks: Vec<_> = all(bytes(Script::new(steps)).batch(batch)).into_iter().map(Result::unwrap).collect();
        prop_assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
        let wire = chunks.concat();
        let steps = wire.chunks(size).enumerate().flat_map(|(n, chunk)| paused(n).then_some(Poll::Pending).into_iter().chain([Poll::Ready(Ok(Bytes::copy_from_slice(chunk)))]));
        let steps: Vec<_> = steps.collect();
        if let Some(polls) = dropped_at {
            let mut events = reader::<RawEvent>(Script::new(steps.clone()));
            for _ in 0..polls {
                let _ = poll(&mut events);
            }
        }
        let read: Vec<_> = all(reader::<RawEvent>(Script::new(steps))).into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), events.len());
        for (read, sent) in read.iter().zip(&events) {
            prop_assert_eq!((read.data.event_type(), read.data.data()), (sent.data.event_type(), sent.data.data()));
            prop_assert_eq!((&read.id, read.retry), (&sent.id, sent.retry));
        }
    }
}
