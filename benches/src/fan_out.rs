//! Fan-out: one event in, a delivery to each of many tasks out. All tasks run on one thread.

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
use http_body_util::BodyDataStream;
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
    Contender, Group,
    Kind::{self, Limit, Ours, Peer},
    Tally,
    encode::Market,
};

/// What a group of contenders does.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub tasks: usize,
    /// How many of them are given each event.
    pub audience: usize,
    /// Events that are published before the tasks run.
    pub burst: u64,
    /// How often.
    pub rounds: u64,
    /// What is published.
    pub event: fn(u64) -> Market,
}

impl Load {
    pub const fn deliveries(self) -> u64 {
        self.audience as u64 * self.burst * self.rounds
    }
}

/// What the idiom's receivers may be behind, and what the hub remembers.
pub const ROOM: usize = 256;

/// What a job is, or the answer of a model: a hub of its own for each.
pub fn alone() -> Group {
    let load = Load { tasks: 1, audience: 1, burst: 1, rounds: 10_000, event: Market::trade };
    group("fan-out/1", "one subscriber of one hub, JSON of 60 B, one event at a time", load)
}

pub fn one_small() -> Group {
    let load = Load { tasks: 1_000, audience: 1_000, burst: 1, rounds: 10, event: Market::trade };
    group("fan-out/1000", "fan-out to 1,000 tasks, JSON of 60 B, one event at a time", load)
}

pub fn one_large() -> Group {
    let load = Load { tasks: 1_000, audience: 1_000, burst: 1, rounds: 10, event: Market::report };
    group("fan-out/1000-large", "fan-out to 1,000 tasks, JSON of 500 B, one event at a time", load)
}

pub fn many() -> Group {
    let load = Load { tasks: 10_000, audience: 10_000, burst: 1, rounds: 2, event: Market::trade };
    group("fan-out/10000", "fan-out to 10,000 tasks, JSON of 60 B, one event at a time", load)
}

pub fn bursts() -> Group {
    let load = Load { tasks: 1_000, audience: 1_000, burst: 16, rounds: 4, event: Market::trade };
    group("fan-out/1000-bursts", "fan-out to 1,000 tasks, JSON of 60 B, in bursts of 16", load)
}

pub fn many_bursts() -> Group {
    let load = Load { tasks: 10_000, audience: 10_000, burst: 16, rounds: 1, event: Market::trade };
    group("fan-out/10000-bursts", "fan-out to 10,000 tasks, JSON of 60 B, in bursts of 16", load)
}

pub fn group(id: &'static str, title: &'static str, load: Load) -> Group {
    let contenders = vec![
        hub(load),
        hub_bodies(load),
        broadcast_bytes(load),
        broadcast_bytes_stream(load),
        idiom(load),
        waking(load),
        bytes_clone(load),
    ];
    Group::new(id, title, Tally { events: load.deliveries(), bytes: 0 }, contenders)
}

pub fn hub(load: Load) -> Contender {
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    let subscribe = {
        let hub = hub.clone();
        move || hub.subscribe(Start::Live)
    };
    tasks(
        "sse-typed, subscriptions",
        Ours,
        load,
        subscribe,
        |entries| entries.len() as u64,
        move |event| {
            hub.publish_now(event).expect("a hub");
        },
    )
}

fn hub_bodies(load: Load) -> Contender {
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    let size = wire_size(load);
    let count = move |frame: Result<Bytes, _>| frame.map_or(0, |frame| (frame.len() / size) as u64);
    let subscribe = {
        let hub = hub.clone();
        move || BodyDataStream::new(http::Response::from(Sse::new(hub.subscribe(Start::Live))).into_body())
    };
    tasks("sse-typed, HTTP bodies", Ours, load, subscribe, count, move |event| {
        hub.publish_now(event).expect("a hub");
    })
}

/// The size of an event on the wire, but for the last digits of its id: they are too few to matter in a frame of sixteen.
fn wire_size(load: Load) -> usize {
    const SHORTEST_ID: usize = "id: 0123456789abcdef-1\n".len();
    Encoded::new(&(load.event)(0)).expect("an event").as_bytes().len() + SHORTEST_ID
}

/// Encoded once, by hand, and handed out by tokio's channel.
pub fn broadcast_bytes(load: Load) -> Contender {
    let (sender, _) = broadcast::channel::<Bytes>(ROOM);
    let receivers = sender.clone();
    run_tasks(
        "broadcast of Bytes, recv",
        Peer,
        load,
        move |delivered| receive(receivers.subscribe(), delivered),
        move |event| {
            let encoded = Encoded::new(event).expect("an event");
            let _ = sender.send(encoded.as_bytes().clone());
        },
    )
}

/// Counts what a receiver is given.
pub async fn receive(mut receiver: broadcast::Receiver<Bytes>, delivered: Delivered) {
    loop {
        match receiver.recv().await {
            Ok(bytes) => delivered.add(u64::from(!bytes.is_empty())),
            Err(RecvError::Lagged(_)) => panic!("the ring is too small"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// The same as a stream, which is what a response is made of.
fn broadcast_bytes_stream(load: Load) -> Contender {
    let (sender, _) = broadcast::channel::<Bytes>(ROOM);
    let subscribe = {
        let sender = sender.clone();
        move || BroadcastStream::new(sender.subscribe())
    };
    let count = |bytes: Result<Bytes, _>| u64::from(!bytes.expect("the ring is too small").is_empty());
    tasks("broadcast of Bytes, BroadcastStream", Peer, load, subscribe, count, move |event| {
        let encoded = Encoded::new(event).expect("an event");
        let _ = sender.send(encoded.as_bytes().clone());
    })
}

/// What most servers do: the values are sent through tokio's channel, and each response encodes them anew.
fn idiom(load: Load) -> Contender {
    let (sender, _) = broadcast::channel::<Market>(ROOM);
    let subscribe = {
        let sender = sender.clone();
        move || {
            let stream = BroadcastStream::new(sender.subscribe());
            let events = stream.map(|event| event.expect("the ring is too small").axum());
            BodyDataStream::new(axum::response::Sse::new(events).into_response().into_body())
        }
    };
    let count = |frame: Result<Bytes, _>| u64::from(frame.is_ok_and(|frame| !frame.is_empty()));
    tasks("axum: broadcast of the enum, json_data each", Peer, load, subscribe, count, move |event| {
        let _ = sender.send(event.clone());
    })
}

/// No tasks, no waking: a counted reference for each.
fn bytes_clone(load: Load) -> Contender {
    let mut slots = vec![Bytes::new(); load.audience];
    Contender::new("a clone of Bytes", Limit, move || {
        let mut tally = Tally::default();
        for n in 0..load.rounds * load.burst {
            let encoded = Encoded::new(&(load.event)(n)).expect("an event");
            for slot in &mut slots {
                *slot = encoded.as_bytes().clone();
                tally.events += u64::from(!slot.is_empty());
            }
        }
        tally
    })
}

/// Nothing is delivered: each task is woken, sees that something has changed, and waits again.
fn waking(load: Load) -> Contender {
    let wakers: Arc<[AtomicWaker]> = (0..load.tasks).map(|_| AtomicWaker::new()).collect();
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
    run_tasks("waking a task", Limit, load, start, move |_| {
        published.fetch_add(1, Ordering::Release);
        wakers.iter().for_each(AtomicWaker::wake);
    })
}

/// Tasks that each read one stream.
pub fn tasks<S>(
    name: &'static str,
    kind: Kind,
    load: Load,
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
    run_tasks(name, kind, load, start, publish)
}

pub fn run_tasks<F>(
    name: &'static str,
    kind: Kind,
    load: Load,
    start: impl Fn(Delivered) -> F,
    publish: impl Fn(&Market) + 'static,
) -> Contender
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        for _ in 0..load.tasks {
            tokio::spawn(start(Delivered));
        }
        // All wait before the first event is published.
        for _ in 0..load.tasks {
            tokio::task::yield_now().await;
        }
    });
    let events: Vec<Market> = (0..load.burst).map(load.event).collect();
    Contender::new(name, kind, move || deliver(&runtime, load, &events, &publish))
}

fn deliver(runtime: &Runtime, load: Load, events: &[Market], publish: &impl Fn(&Market)) -> Tally {
    DELIVERED.set(0);
    let each = load.audience as u64 * load.burst;
    runtime.block_on(async {
        for round in 1..=load.rounds {
            GOAL.set(round * each);
            events.iter().for_each(publish);
            poll_fn(all_delivered).await;
        }
    });
    Tally { events: DELIVERED.get(), bytes: 0 }
}

// The tasks run on the thread that publishes: counting costs each of them next to nothing.
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
