//! Fan-out: each event is delivered to many tasks. All tasks run on one thread.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, task::AtomicWaker};
use http_body::Frame;
use http_body_util::{BodyDataStream, StreamBody};
use sse_typed::{
    Encoded, Hub, Sse,
    hub::{OnGap, Start},
};
use tokio::{
    runtime::Runtime,
    sync::broadcast::{self, error::RecvError},
};
use tokio_stream::wrappers::BroadcastStream;

use crate::{
    contender::{
        Contender, Group,
        Kind::{self, Limit, Ours, Peer},
        Tally,
    },
    market::Market,
};

/// The work of a group of contenders.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    pub tasks: usize,
    /// How many of the tasks receive each event.
    pub audience: usize,
    /// How many events are published before the tasks run.
    pub burst: u64,
    /// How many bursts are published.
    pub rounds: u64,
    /// Makes the event with this number.
    pub event: fn(u64) -> Market,
}

impl Workload {
    pub const fn deliveries(self) -> u64 {
        self.audience as u64 * self.burst * self.rounds
    }
}

/// How many events a channel holds for a receiver that lags.
pub const CHANNEL_CAPACITY: usize = 256;

/// One subscriber, as of a job or of an answer of a language model.
const ONE: Workload = Workload { tasks: 1, audience: 1, burst: 1, rounds: 10_000, event: Market::trade };
const SMALL: Workload = Workload { tasks: 1_000, audience: 1_000, burst: 1, rounds: 10, event: Market::trade };
const LARGE: Workload = Workload { event: Market::report, ..SMALL };
const MANY: Workload = Workload { tasks: 10_000, audience: 10_000, burst: 1, rounds: 2, event: Market::trade };
const BURSTS: Workload = Workload { burst: 16, rounds: 4, ..SMALL };
const BURSTS_TO_MANY: Workload = Workload { burst: 16, rounds: 1, ..MANY };

pub fn one_subscriber() -> Group {
    group("fan-out/1", "one subscriber of one hub, JSON of 60 B, one event at a time", ONE)
}

pub fn one_body() -> Group {
    bodies("bodies/1", "one HTTP body of one hub, JSON of 60 B, one event at a time", ONE)
}

pub fn small_events() -> Group {
    group("fan-out/1000", "fan-out to 1,000 tasks, JSON of 60 B, one event at a time", SMALL)
}

pub fn small_events_to_bodies() -> Group {
    bodies("bodies/1000", "fan-out to 1,000 HTTP bodies, JSON of 60 B, one event at a time", SMALL)
}

pub fn large_events() -> Group {
    group("fan-out/1000-large", "fan-out to 1,000 tasks, JSON of 500 B, one event at a time", LARGE)
}

pub fn large_events_to_bodies() -> Group {
    bodies("bodies/1000-large", "fan-out to 1,000 HTTP bodies, JSON of 500 B, one event at a time", LARGE)
}

pub fn many_subscribers() -> Group {
    group("fan-out/10000", "fan-out to 10,000 tasks, JSON of 60 B, one event at a time", MANY)
}

pub fn many_bodies() -> Group {
    bodies("bodies/10000", "fan-out to 10,000 HTTP bodies, JSON of 60 B, one event at a time", MANY)
}

pub fn bursts() -> Group {
    group("fan-out/1000-bursts", "fan-out to 1,000 tasks, JSON of 60 B, in bursts of 16", BURSTS)
}

pub fn bursts_to_bodies() -> Group {
    bodies("bodies/1000-bursts", "fan-out to 1,000 HTTP bodies, JSON of 60 B, in bursts of 16", BURSTS)
}

pub fn bursts_to_many() -> Group {
    group("fan-out/10000-bursts", "fan-out to 10,000 tasks, JSON of 60 B, in bursts of 16", BURSTS_TO_MANY)
}

pub fn bursts_to_many_bodies() -> Group {
    bodies("bodies/10000-bursts", "fan-out to 10,000 HTTP bodies, JSON of 60 B, in bursts of 16", BURSTS_TO_MANY)
}

/// Streams that are read in tasks, without HTTP.
fn group(id: &'static str, title: &'static str, workload: Workload) -> Group {
    let contenders = vec![
        hub(workload),
        broadcast_bytes(workload),
        broadcast_bytes_stream(workload),
        waking(workload),
        bytes_clone(workload),
    ];
    Group::new(id, title, Tally { events: workload.deliveries(), bytes: 0 }, contenders)
}

/// Bodies of HTTP responses.
fn bodies(id: &'static str, title: &'static str, workload: Workload) -> Group {
    let contenders = vec![
        hub_bodies(workload),
        broadcast_bytes_body(workload),
        axum_broadcast(workload),
        waking(workload),
        bytes_clone(workload),
    ];
    Group::new(id, title, Tally { events: workload.deliveries(), bytes: 0 }, contenders)
}

pub fn hub(workload: Workload) -> Contender {
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    let subscribe = {
        let hub = hub.clone();
        move || hub.subscribe(Start::Live)
    };
    stream_tasks(
        "sse-typed, subscriptions",
        Ours,
        workload,
        subscribe,
        |entries| entries.len() as u64,
        move |event| {
            hub.publish_now(event).expect("a hub");
        },
    )
}

fn hub_bodies(workload: Workload) -> Contender {
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    let size = wire_size(workload);
    let count = move |frame: Result<Bytes, _>| frame.map_or(0, |frame| (frame.len() / size) as u64);
    let subscribe = {
        let hub = hub.clone();
        move || BodyDataStream::new(http::Response::from(Sse::new(hub.subscribe(Start::Live))).into_body())
    };
    stream_tasks("sse-typed, HTTP bodies", Ours, workload, subscribe, count, move |event| {
        hub.publish_now(event).expect("a hub");
    })
}

/// The size of an event on the wire, with the shortest id. The further digits do not change the number of events per frame.
fn wire_size(workload: Workload) -> usize {
    const SHORTEST_ID: usize = "id: 0123456789abcdef-1\n".len();
    Encoded::new(&(workload.event)(0)).expect("an event").as_bytes().len() + SHORTEST_ID
}

/// Encoded once by hand, and sent through tokio's channel.
pub fn broadcast_bytes(workload: Workload) -> Contender {
    let (sender, _) = broadcast::channel::<Bytes>(CHANNEL_CAPACITY);
    let receivers = sender.clone();
    run_tasks(
        "broadcast of Bytes, recv",
        Peer,
        workload,
        move |delivered| receive(receivers.subscribe(), delivered),
        move |event| {
            let encoded = Encoded::new(event).expect("an event");
            let _ = sender.send(encoded.as_bytes().clone());
        },
    )
}

/// Counts the events of a receiver.
pub async fn receive(mut receiver: broadcast::Receiver<Bytes>, delivered: Delivered) {
    loop {
        match receiver.recv().await {
            Ok(bytes) => delivered.add(u64::from(!bytes.is_empty())),
            Err(RecvError::Lagged(_)) => panic!("the channel is too small"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// The same as a stream, as responses need it.
fn broadcast_bytes_stream(workload: Workload) -> Contender {
    let (sender, _) = broadcast::channel::<Bytes>(CHANNEL_CAPACITY);
    let subscribe = {
        let sender = sender.clone();
        move || BroadcastStream::new(sender.subscribe())
    };
    let count = |bytes: Result<Bytes, _>| u64::from(!bytes.expect("the channel is too small").is_empty());
    stream_tasks("broadcast of Bytes, BroadcastStream", Peer, workload, subscribe, count, move |event| {
        let encoded = Encoded::new(event).expect("an event");
        let _ = sender.send(encoded.as_bytes().clone());
    })
}

/// The same as a body of frames.
fn broadcast_bytes_body(workload: Workload) -> Contender {
    let (sender, _) = broadcast::channel::<Bytes>(CHANNEL_CAPACITY);
    let subscribe = {
        let sender = sender.clone();
        move || {
            let frames = BroadcastStream::new(sender.subscribe()).map(|bytes| bytes.map(Frame::data));
            BodyDataStream::new(StreamBody::new(frames))
        }
    };
    let count = |bytes: Result<Bytes, _>| u64::from(!bytes.expect("the channel is too small").is_empty());
    stream_tasks("broadcast of Bytes, StreamBody", Peer, workload, subscribe, count, move |event| {
        let encoded = Encoded::new(event).expect("an event");
        let _ = sender.send(encoded.as_bytes().clone());
    })
}

/// The usual way: values are sent through tokio's channel, and each response encodes them again.
fn axum_broadcast(workload: Workload) -> Contender {
    let (sender, _) = broadcast::channel::<Market>(CHANNEL_CAPACITY);
    let subscribe = {
        let sender = sender.clone();
        move || {
            let stream = BroadcastStream::new(sender.subscribe());
            let events = stream.map(|event| event.expect("the channel is too small").axum());
            // As ours, with a keep-alive.
            let sse = axum::response::Sse::new(events).keep_alive(axum::response::sse::KeepAlive::default());
            BodyDataStream::new(sse.into_response().into_body())
        }
    };
    let count = |frame: Result<Bytes, _>| u64::from(frame.is_ok_and(|frame| !frame.is_empty()));
    stream_tasks("axum: broadcast of the enum, json_data each", Peer, workload, subscribe, count, move |event| {
        let _ = sender.send(event.clone());
    })
}

/// Without tasks and wakers: a clone of the bytes per delivery.
fn bytes_clone(workload: Workload) -> Contender {
    let mut slots = vec![Bytes::new(); workload.audience];
    Contender::new("a clone of Bytes", Limit, move || {
        let mut tally = Tally::default();
        for n in 0..workload.rounds * workload.burst {
            let encoded = Encoded::new(&(workload.event)(n)).expect("an event");
            for slot in &mut slots {
                *slot = encoded.as_bytes().clone();
                tally.events += u64::from(!slot.is_empty());
            }
        }
        tally
    })
}

/// Without delivery: each task is woken, sees a new count, and waits again.
fn waking(workload: Workload) -> Contender {
    let wakers: Arc<[AtomicWaker]> = (0..workload.tasks).map(|_| AtomicWaker::new()).collect();
    let published = Arc::new(AtomicU64::new(0));
    let next = Cell::new(0);
    let start = {
        let (wakers, published) = (Arc::clone(&wakers), Arc::clone(&published));
        move |delivered: Delivered| {
            let (wakers, published) = (Arc::clone(&wakers), Arc::clone(&published));
            let (own, mut seen) = (next.replace(next.get() + 1), 0);
            poll_fn(move |context| {
                wakers[own].register(context.waker());
                let now = published.load(Ordering::Acquire);
                delivered.add(now - seen);
                seen = now;
                Poll::<()>::Pending
            })
        }
    };
    run_tasks("waking a task", Limit, workload, start, move |_| {
        published.fetch_add(1, Ordering::Release);
        wakers.iter().for_each(AtomicWaker::wake);
    })
}

/// A contender whose tasks each read one stream.
pub fn stream_tasks<S>(
    name: &'static str,
    kind: Kind,
    workload: Workload,
    subscribe: impl Fn() -> S,
    count: impl Fn(S::Item) -> u64 + Clone + Send + 'static,
    publish: impl Fn(&Market) + 'static,
) -> Contender
where
    S: Stream + Send + 'static,
{
    let start = |delivered: Delivered| {
        let (stream, count) = (subscribe(), count.clone());
        async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(item) = stream.next().await {
                delivered.add(count(item));
            }
        }
    };
    run_tasks(name, kind, workload, start, publish)
}

/// A contender whose tasks run the future that `start` makes.
pub fn run_tasks<F>(
    name: &'static str,
    kind: Kind,
    workload: Workload,
    start: impl Fn(Delivered) -> F,
    publish: impl Fn(&Market) + 'static,
) -> Contender
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        for _ in 0..workload.tasks {
            tokio::spawn(start(Delivered));
        }
        // Every task waits before the first event is published.
        for _ in 0..workload.tasks {
            tokio::task::yield_now().await;
        }
    });
    let events: Vec<Market> = (0..workload.burst).map(workload.event).collect();
    Contender::new(name, kind, move || deliver(&runtime, workload, &events, &publish))
}

fn deliver(runtime: &Runtime, workload: Workload, events: &[Market], publish: &impl Fn(&Market)) -> Tally {
    DELIVERED.set(0);
    let each = workload.audience as u64 * workload.burst;
    runtime.block_on(async {
        for round in 1..=workload.rounds {
            GOAL.set(round * each);
            events.iter().for_each(publish);
            poll_fn(all_delivered).await;
        }
    });
    Tally { events: DELIVERED.get(), bytes: 0 }
}

// The tasks run on the thread that publishes, so counting is almost free.
thread_local! {
    static DELIVERED: Cell<u64> = const { Cell::new(0) };
    static GOAL: Cell<u64> = const { Cell::new(0) };
    static PUBLISHER: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// Counts deliveries.
#[derive(Clone, Copy)]
pub struct Delivered;

impl Delivered {
    pub fn add(self, events: u64) {
        let delivered = DELIVERED.get() + events;
        DELIVERED.set(delivered);
        if delivered >= GOAL.get() {
            PUBLISHER.with_borrow_mut(|waker| waker.take().map(Waker::wake));
        }
    }
}

fn all_delivered(context: &mut Context<'_>) -> Poll<()> {
    if DELIVERED.get() >= GOAL.get() {
        return Poll::Ready(());
    }
    PUBLISHER.set(Some(context.waker().clone()));
    Poll::Pending
}
