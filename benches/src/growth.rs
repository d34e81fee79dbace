//! How cost grows: tables with a line per size and a column per contender.

use std::{collections::HashMap, future::poll_fn, hint::black_box, pin::pin, sync::Mutex, task::Poll, time::Duration};

use bytes::Bytes;
use cpu_time::ThreadTime;
use futures_util::{FutureExt, StreamExt};
use sse_typed::{
    Encoded, EventId, Hub,
    hub::{OnGap, Retention, Start, Topics},
};
use tokio::sync::broadcast;

use crate::{
    contender::{Group, Kind, Tally},
    decode,
    fan_out::{self, Workload},
    format::with_commas,
    input::{self, Input},
    market::Market,
    timing::{self, median},
};

/// A line: the size, and the nanoseconds per unit of each contender.
pub type Line = (String, Vec<(&'static str, f64)>);

pub struct Table {
    pub id: &'static str,
    pub title: &'static str,
    /// What to expect, and why cost grows if it does.
    pub note: &'static str,
    pub lines: fn() -> Vec<Line>,
}

pub const TABLES: [Table; 6] = [
    Table {
        id: "events",
        title: "decode: events in the stream, of 154 B each; ns per event",
        note: "The time does not depend on the length of the stream.",
        lines: events,
    },
    Table {
        id: "event-size",
        title: "decode: bytes of data in an event; ns per KiB",
        note: "The fixed cost of an event is spread over more bytes. From one chunk (16 KiB) on, the data is copied.",
        lines: event_size,
    },
    Table {
        id: "chunk-size",
        title: "decode: bytes in a chunk, events of 154 B; ns per event",
        note: "The exception: an event in many chunks takes as many calls and copies. The time grows linearly with the chunks.",
        lines: chunk_size,
    },
    Table {
        id: "subscribers",
        title: "fan-out: subscribed tasks; ns per delivery",
        note: "With few tasks, publishing dominates. Very many tasks do not fit into the caches.",
        lines: subscribers,
    },
    Table {
        id: "topics",
        title: "topics, each with one subscription; ns",
        note: "Contenders take turns, and each event is read before the next one is published. A topic is looked up in a hash table. With very many topics, neither the table nor the hubs fit into the caches.",
        lines: topics,
    },
    Table {
        id: "history",
        title: "events in the history of a hub; ns",
        note: "Another subscription has read each event live. A replay returns slices of many events.",
        lines: history,
    },
];

fn line(group: &mut Group, size: usize, per: f64) -> Line {
    let times = timing::measure(group).nanoseconds;
    let times = group.contenders.iter().zip(times).map(|(contender, time)| (contender.name, time / per));
    (with_commas(size as u64), times.collect())
}

fn decoders(input: Input) -> Group {
    let tally = Tally { events: input.data.len() as u64, bytes: input.data_bytes() };
    let input = std::rc::Rc::new(input);
    let contenders = vec![
        decode::contender!(&input, Kind::Ours, "sse-typed, lending", decode::lending),
        decode::contender!(&input, Kind::Ours, "sse-typed, owned", decode::owned),
        decode::contender!(&input, Kind::Peer, "sse-core", decode::sse_core),
        decode::contender!(&input, Kind::Peer, "sse-stream", decode::sse_stream),
    ];
    Group::new("growth", "growth", tally, contenders)
}

fn events() -> Vec<Line> {
    let sizes = [10, 100, 1_000, 10_000, 100_000];
    sizes.map(|size| line(&mut decoders(input::tokens(&input::WORDS, size)), size, 1.0)).into()
}

fn event_size() -> Vec<Line> {
    let sizes = [64, 1 << 10, 16 << 10, 256 << 10, 4 << 20];
    sizes.map(|size| line(&mut decoders(input::of_size(size)), size, size as f64 / 1024.0)).into()
}

fn chunk_size() -> Vec<Line> {
    let input = input::tokens(&input::WORDS, 1_000);
    let sizes = [1, 16, 64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10];
    sizes.map(|size| line(&mut decoders(input.in_chunks_of(size)), size, 1.0)).into()
}

fn subscribers() -> Vec<Line> {
    [1, 10, 100, 1_000, 10_000, 100_000]
        .map(|tasks| {
            let rounds = (10_000 / tasks as u64).max(1);
            let workload = Workload { tasks, audience: tasks, burst: 1, rounds, event: Market::trade };
            let contenders = vec![fan_out::hub(workload), fan_out::broadcast_bytes(workload)];
            let tally = Tally { events: workload.deliveries(), bytes: 0 };
            line(&mut Group::new("growth", "growth", tally, contenders), tasks, 1.0)
        })
        .into()
}

/// Calls `run` this many times in each of several samples. Returns the median time of one call.
fn each(times: usize, mut run: impl FnMut(usize)) -> f64 {
    let samples = (0..9).map(|_| {
        let began = ThreadTime::now();
        (0..times).for_each(&mut run);
        began.elapsed().as_nanos() as f64 / times as f64
    });
    median(samples.collect())
}

/// Each topic has one subscription, which reads each event before the next one is published.
fn topics() -> Vec<Line> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _guard = runtime.enter();
    // Not the neighbour of the topic before: their hubs may share cache lines.
    let topic_of = |n: usize, size: usize| n.wrapping_mul(7_919) % size;
    let event = &Market::trade(1);
    [10, 1_000, 100_000]
        .map(|size: usize| {
            let builder = Hub::builder_on_gap(OnGap::Ignore).retain(Retention::events(16));
            let topics = Topics::<usize, Market>::new(builder).idle(Duration::from_secs(3_600));
            let began = ThreadTime::now();
            let mut subscriptions: Vec<_> = (0..size).map(|topic| topics.subscribe(&topic, Start::Live)).collect();
            let made = began.elapsed().as_nanos() as f64 / size as f64;

            let began = ThreadTime::now();
            let channels: HashMap<usize, broadcast::Sender<Bytes>> =
                (0..size).map(|topic| (topic, broadcast::channel(16).0)).collect();
            let mut receivers: Vec<_> = (0..size).map(|topic| channels[&topic].subscribe()).collect();
            let made_channels = began.elapsed().as_nanos() as f64 / size as f64;
            let channels = Mutex::new(channels);

            let publish_and_read = |n: usize| {
                let topic = topic_of(n, size);
                topics.publish_now(&topic, event).expect("a topic");
                black_box(subscriptions[topic].next().now_or_never().flatten().expect("an event"));
            };
            let send_and_receive = |n: usize| {
                let topic = topic_of(n, size);
                let encoded = Encoded::new(event).expect("an event");
                let channels = channels.lock().expect("a map");
                channels[&topic].send(encoded.as_bytes().clone()).expect("a receiver");
                drop(channels);
                black_box(receivers[topic].try_recv().expect("an event"));
            };
            let [ours, theirs] = in_turns(10_000, publish_and_read, send_and_receive);
            let times = vec![
                ("sse-typed: make and subscribe", made),
                ("map of broadcasts: make and subscribe", made_channels),
                ("sse-typed: publish and read", ours),
                ("map of broadcasts: publish and read", theirs),
            ];
            (with_commas(size as u64), times)
        })
        .into()
}

/// Calls the two in turns, this many times in each of several samples. Returns the median times of one call.
fn in_turns(times: usize, mut one: impl FnMut(usize), mut other: impl FnMut(usize)) -> [f64; 2] {
    let mut samples = [Vec::new(), Vec::new()];
    for _ in 0..9 {
        let began = ThreadTime::now();
        (0..times).for_each(&mut one);
        samples[0].push(began.elapsed().as_nanos() as f64 / times as f64);
        let began = ThreadTime::now();
        (0..times).for_each(&mut other);
        samples[1].push(began.elapsed().as_nanos() as f64 / times as f64);
    }
    samples.map(median)
}

fn history() -> Vec<Line> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    [100, 10_000, 1_000_000]
        .map(|size: usize| {
            let hub = Hub::builder_on_gap(OnGap::Ignore).retain(Retention::events(size).bytes(usize::MAX)).build();
            let event = Market::trade(1);
            // The history is read live while it is published.
            let mut live = hub.subscribe(Start::Live);
            let ids: Vec<EventId> = (0..size)
                .map(|_| {
                    let id = hub.publish_now(&event).expect("a hub");
                    live.next().now_or_never().flatten().expect("an event");
                    id
                })
                .collect();
            let resume = each(1_000, |n| {
                let id = ids[n.wrapping_mul(7_919) % size].clone();
                drop(black_box(hub.subscribe(Start::after(id))));
            });
            // The whole history, in slices of many events.
            let replay = median((0..5).map(|_| replay(&runtime, &hub)).collect());
            let publish = each(10_000, |_| {
                hub.publish_now(&event).expect("a hub");
                black_box(live.next().now_or_never().flatten().expect("an event"));
            });
            let times = vec![
                ("to publish and read live, with one event trimmed", publish),
                ("to find a position by id", resume),
                ("to replay, per event", replay),
            ];
            (with_commas(size as u64), times)
        })
        .into()
}

fn replay(runtime: &tokio::runtime::Runtime, hub: &Hub<Market>) -> f64 {
    runtime.block_on(async {
        let began = ThreadTime::now();
        let mut replayed = 0;
        let mut events = pin!(hub.subscribe(Start::Earliest));
        // After the last event the subscription is pending, which ends the loop.
        while let Some(entries) = poll_fn(|context| match events.poll_next_unpin(context) {
            Poll::Pending => Poll::Ready(None),
            ready => ready,
        })
        .await
        {
            replayed += black_box(entries).len();
        }
        began.elapsed().as_nanos() as f64 / replayed as f64
    })
}
