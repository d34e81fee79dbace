//! Long operation: no event is lost or duplicated, and work and memory stay proportional.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{future::poll_fn, stream};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use sse_typed::{
    Client, RawEvent,
    client::{Ended, ReconnectPolicy},
};
use tokio::time::{Instant, sleep_until};

use crate::reading::Reading;

/// A reproducible random number generator.
#[derive(Clone, Debug)]
struct Chance(u64);

impl Chance {
    /// A number less than `limit`, by xorshift.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

const HOUR: Duration = Duration::from_secs(3600);
const EVERY: Duration = Duration::from_millis(200);
const EVENTS: u32 = 18_000;

/// How a connection ends after a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Ends,
    Breaks,
    Stalls,
}

/// One connection: the events after `last`, as they are published, in chunks, until the connection ends.
struct Connection {
    started: Instant,
    last: u32,
    unsent: Vec<u8>,
    left: u64,
    fate: Fate,
    chance: Chance,
}

impl Connection {
    async fn frame(mut self) -> Option<(Result<Frame<Bytes>, io::Error>, Self)> {
        if self.left == 0 {
            match self.fate {
                Fate::Ends => return None,
                Fate::Breaks => return Some((Err(lost()), self)),
                Fate::Stalls => std::future::pending().await,
            }
        }
        if self.unsent.is_empty() {
            if self.last > EVENTS {
                return None;
            }
            self.last += 1;
            sleep_until(self.started + EVERY * self.last).await;
            self.unsent = match self.last {
                n if n > EVENTS => b"event: bye\ndata\n\n".to_vec(),
                n if n % 50 == 0 => format!("id: {n}\r\nevent: value\r\ndata: {n}\r\n\r\n:\r\n").into_bytes(),
                n => format!("id: {n}\nevent: value\ndata: {n}\n\n").into_bytes(),
            };
        }
        let piece = (1 + self.chance.below(40)).min(self.left).min(self.unsent.len() as u64);
        self.left -= piece;
        let rest = self.unsent.split_off(usize::try_from(piece).unwrap());
        let piece = std::mem::replace(&mut self.unsent, rest);
        Some((Ok(Frame::data(piece.into())), self))
    }
}

fn lost() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

type AnyBody = UnsyncBoxBody<Bytes, io::Error>;

#[tokio::test(start_paused = true)]
async fn an_hour_of_a_flapping_server_that_replays_loses_and_duplicates_no_event() {
    let started = Instant::now();
    let chance = Arc::new(Mutex::new(Chance(0x5e5e_7e57)));
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&outcomes);
    let service = tower::service_fn(move |request: Request<Full<Bytes>>| {
        let mut chance = chance.lock().unwrap();
        let last = request.headers().get("last-event-id").map_or(0, |id| id.to_str().unwrap().parse().unwrap());
        let (outcome, answer) = match chance.below(8) {
            0 => ("hung up", Err(lost())),
            1 => {
                let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
                ("503", Ok(Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).body(body).unwrap()))
            }
            n => {
                let (name, fate) = match n {
                    2..5 => ("ended", Fate::Ends),
                    5..7 => ("broken", Fate::Breaks),
                    _ => ("stalled", Fate::Stalls),
                };
                let left = chance.below(2000);
                let pieces = Chance(1 + chance.below(u64::MAX - 1));
                let connection = Connection { started, last, unsent: Vec::new(), left, fate, chance: pieces };
                let body: AnyBody = StreamBody::new(stream::unfold(connection, Connection::frame)).boxed_unsync();
                (name, Ok(Response::builder().header("content-type", "text/event-stream").body(body).unwrap()))
            }
        };
        recorded.lock().unwrap().push(outcome);
        std::future::ready(answer)
    });
    let policy = ReconnectPolicy::default().seed(1);
    let request = Client::new(service).get("/").reconnect(policy).idle_timeout(Duration::from_secs(10));
    let mut source = request.connect::<Reading>();
    let mut next = 1;
    while let Some(event) = source.next().await {
        match event.unwrap().data {
            Reading::Value(value) => {
                assert_eq!(value, next);
                next += 1;
            }
            Reading::Bye => break,
        }
    }
    assert_eq!((next, source.next().await.is_none()), (i64::from(EVENTS) + 1, true));
    assert_eq!(source.ended(), Some(Ended::Terminal));
    assert!(started.elapsed() >= HOUR);
    let outcomes = outcomes.lock().unwrap();
    for outcome in ["hung up", "503", "ended", "broken", "stalled"] {
        let times = outcomes.iter().filter(|other| **other == outcome).count();
        assert!(times >= 20, "{outcome}: {times} of {}", outcomes.len());
    }
}

/// One event in chunks of 1 KiB, which records how it is read.
struct OneEvent {
    chunks: usize,
    sent: usize,
    polls: Arc<AtomicUsize>,
    alive: Arc<Alive>,
}

const CHUNK: usize = 1024;

#[derive(Default)]
struct Alive {
    now: AtomicUsize,
    most: AtomicUsize,
}

struct Chunk(Vec<u8>, Arc<Alive>);

impl Chunk {
    fn new(bytes: Vec<u8>, alive: &Arc<Alive>) -> Self {
        let now = alive.now.fetch_add(1, Ordering::Relaxed) + 1;
        alive.most.fetch_max(now, Ordering::Relaxed);
        Self(bytes, Arc::clone(alive))
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.1.now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Body for OneEvent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        let mut bytes = vec![b'7'; CHUNK];
        self.sent += 1;
        match self.sent {
            1 => bytes[..6].copy_from_slice(b"data: "),
            n if n == self.chunks => bytes[CHUNK - 2..].copy_from_slice(b"\n\n"),
            n if n > self.chunks => return Poll::Ready(None),
            _ => {}
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(Chunk::new(bytes, &self.alive))))))
    }
}

#[tokio::test]
async fn the_work_for_an_event_of_64_mib_in_chunks_of_1_kib_is_proportional() {
    for size in [1 << 20, 8 << 20, 64 << 20] {
        let chunks = size / CHUNK;
        let (polls, alive) = (Arc::new(AtomicUsize::new(0)), Arc::new(Alive::default()));
        let (polled, living) = (Arc::clone(&polls), Arc::clone(&alive));
        let service = tower::service_fn(move |_: Request<Full<Bytes>>| {
            let body = OneEvent { chunks, sent: 0, polls: Arc::clone(&polled), alive: Arc::clone(&living) };
            let response = Response::builder().header("content-type", "text/event-stream").body(body).unwrap();
            std::future::ready(Ok::<_, Infallible>(response))
        });
        let mut stream = Client::new(service).get("/").max_event_size(size).send::<RawEvent>().await.unwrap();
        let mut next = pin!(stream.next());
        let mut turns = 0;
        let event = poll_fn(|cx| {
            turns += 1;
            next.as_mut().poll(cx)
        });
        let event = event.await.unwrap().unwrap();
        assert_eq!(event.data.data().len(), size - "data: \n\n".len());
        // Each chunk is polled once and dropped when it was read, and the task yields at regular intervals.
        assert_eq!(polls.load(Ordering::Relaxed), chunks);
        assert!(alive.most.load(Ordering::Relaxed) <= 2, "{} chunks were kept", alive.most.load(Ordering::Relaxed));
        assert!((chunks / 64..=chunks / 16).contains(&turns), "{turns} turns for {chunks} chunks");
    }
}
