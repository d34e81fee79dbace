//! Topics: many hubs with one subscriber each, and one event per topic in turn.

use std::{cell::Cell, collections::HashMap, rc::Rc};

use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyDataStream;
use sse_typed::{
    Encoded, Hub, Sse,
    hub::{OnGap, Start, Topics},
};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use crate::{
    contender::{
        Contender, Group,
        Kind::{Limit, Ours, Peer},
        Tally,
    },
    fan_out::{CHANNEL_CAPACITY, Workload, receive, run_tasks, stream_tasks},
    market::Market,
};

pub fn ten() -> Group {
    group("topics/10", "10 topics with one subscriber each, JSON of 60 B", 10)
}

pub fn thousand() -> Group {
    group("topics/1000", "1,000 topics with one subscriber each, JSON of 60 B", 1_000)
}

pub fn ten_thousand() -> Group {
    group("topics/10000", "10,000 topics with one subscriber each, JSON of 60 B", 10_000)
}

fn group(id: &'static str, title: &'static str, topics: usize) -> Group {
    // Each event is delivered before the next one is published.
    let workload = Workload { tasks: topics, audience: 1, burst: 1, rounds: 10_000, event: Market::trade };
    let contenders = vec![
        ours(workload),
        our_bodies(workload),
        broadcast_bytes(workload),
        axum_broadcast(workload),
        encode(workload),
    ];
    Group::new(id, title, Tally { events: workload.deliveries(), bytes: 0 }, contenders)
}

/// The keys in turn, in an order that defeats caches.
fn keys(workload: Workload) -> impl Fn() -> Rc<str> {
    let keys: Vec<Rc<str>> = (0..workload.tasks).map(|n| format!("symbol-{n}").into()).collect();
    let turn = Cell::new(0_usize);
    move || {
        let n = turn.replace(turn.get().wrapping_add(7_919));
        Rc::clone(&keys[n % keys.len()])
    }
}

fn names(workload: Workload) -> impl Fn() -> String {
    let next = Cell::new(0);
    move || format!("symbol-{}", next.replace(next.get() + 1) % workload.tasks)
}

fn ours(workload: Workload) -> Contender {
    let topics = Topics::<String, Market>::new(Hub::builder_on_gap(OnGap::Ignore));
    let (subscriber, name, key) = (topics.clone(), names(workload), keys(workload));
    stream_tasks(
        "sse-typed, Topics",
        Ours,
        workload,
        move || subscriber.subscribe(&*name(), Start::Live),
        |entries| entries.len() as u64,
        move |event| {
            topics.publish_now(&*key(), event).expect("a topic");
        },
    )
}

fn our_bodies(workload: Workload) -> Contender {
    let topics = Topics::<String, Market>::new(Hub::builder_on_gap(OnGap::Ignore));
    let (subscriber, name, key) = (topics.clone(), names(workload), keys(workload));
    let subscribe = move || {
        let response = http::Response::from(Sse::new(subscriber.subscribe(&*name(), Start::Live)));
        BodyDataStream::new(response.into_body())
    };
    let count = |frame: Result<Bytes, _>| u64::from(frame.is_ok_and(|frame| !frame.is_empty()));
    stream_tasks("sse-typed, Topics, HTTP bodies", Ours, workload, subscribe, count, move |event| {
        topics.publish_now(&*key(), event).expect("a topic");
    })
}

fn broadcast_bytes(workload: Workload) -> Contender {
    let name = names(workload);
    let channels: HashMap<String, broadcast::Sender<Bytes>> =
        (0..workload.tasks).map(|_| (name(), broadcast::channel(CHANNEL_CAPACITY).0)).collect();
    let channels = Rc::new(std::sync::Mutex::new(channels));
    let (receivers, key) = (Rc::clone(&channels), keys(workload));
    run_tasks(
        "a map of broadcasts of Bytes",
        Peer,
        workload,
        move |delivered| receive(receivers.lock().expect("a map")[&name()].subscribe(), delivered),
        move |event| {
            let encoded = Encoded::new(event).expect("an event");
            let _ = channels.lock().expect("a map")[&*key()].send(encoded.as_bytes().clone());
        },
    )
}

/// Encoding alone: no topic is looked up, and no task is woken.
fn encode(workload: Workload) -> Contender {
    let event = (workload.event)(0);
    Contender::new("encoding the event", Limit, move || {
        let mut tally = Tally::default();
        for _ in 0..workload.deliveries() {
            let encoded = std::hint::black_box(Encoded::new(&event).expect("an event"));
            tally.events += u64::from(!encoded.as_bytes().is_empty());
        }
        tally
    })
}

fn axum_broadcast(workload: Workload) -> Contender {
    let name = names(workload);
    let channels: HashMap<String, broadcast::Sender<Market>> =
        (0..workload.tasks).map(|_| (name(), broadcast::channel(CHANNEL_CAPACITY).0)).collect();
    let channels = Rc::new(std::sync::Mutex::new(channels));
    let (receivers, key) = (Rc::clone(&channels), keys(workload));
    let subscribe = move || {
        let stream = BroadcastStream::new(receivers.lock().expect("a map")[&name()].subscribe());
        let events = stream.map(|event| event.expect("the channel is too small").axum());
        let sse = axum::response::Sse::new(events).keep_alive(axum::response::sse::KeepAlive::default());
        BodyDataStream::new(sse.into_response().into_body())
    };
    let count = |frame: Result<Bytes, _>| u64::from(frame.is_ok_and(|frame| !frame.is_empty()));
    stream_tasks("axum: a map of broadcasts of the enum, HTTP bodies", Peer, workload, subscribe, count, move |event| {
        let _ = channels.lock().expect("a map")[&*key()].send(event.clone());
    })
}
