//! Topics: many histories with one subscriber each, and an event for one after another.

use std::{cell::Cell, collections::HashMap, rc::Rc};

use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyDataStream;
use sse_typed::{
    Encoded, Hub,
    hub::{OnGap, Start, Topics},
};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use crate::{
    Contender, Group,
    Kind::{Limit, Ours, Peer},
    Tally,
    encode::Market,
    fan_out::{Load, ROOM, receive, run_tasks, tasks},
};

pub fn few() -> Group {
    group("topics/10", "10 topics with one subscriber each, JSON of 60 B", 10)
}

pub fn some() -> Group {
    group("topics/1000", "1,000 topics with one subscriber each, JSON of 60 B", 1_000)
}

pub fn many() -> Group {
    group("topics/10000", "10,000 topics with one subscriber each, JSON of 60 B", 10_000)
}

fn group(id: &'static str, title: &'static str, topics: usize) -> Group {
    // Events come one at a time: each is delivered before the next is published.
    let load = Load { tasks: topics, audience: 1, burst: 1, rounds: 10_000, event: Market::trade };
    let contenders = vec![ours(load), broadcast_bytes(load), idiom(load), encode(load)];
    Group::new(id, title, Tally { events: load.deliveries(), bytes: 0 }, contenders)
}

/// The keys, one after another, in an order that no cache likes.
fn keys(load: Load) -> impl Fn() -> Rc<str> {
    let keys: Vec<Rc<str>> = (0..load.tasks).map(|n| format!("symbol-{n}").into()).collect();
    let turn = Cell::new(0_usize);
    move || {
        let n = turn.replace(turn.get().wrapping_add(7_919));
        Rc::clone(&keys[n % keys.len()])
    }
}

fn names(load: Load) -> impl Fn() -> String {
    let next = Cell::new(0);
    move || format!("symbol-{}", next.replace(next.get() + 1) % load.tasks)
}

fn ours(load: Load) -> Contender {
    let topics = Topics::<String, Market>::new(Hub::builder_on_gap(OnGap::Ignore));
    let (subscriber, name, key) = (topics.clone(), names(load), keys(load));
    tasks(
        "sse-typed, Topics",
        Ours,
        load,
        move || subscriber.subscribe(&*name(), Start::Live),
        |entries| entries.len() as u64,
        move |event| {
            topics.publish_now(&*key(), event).expect("a topic");
        },
    )
}

fn broadcast_bytes(load: Load) -> Contender {
    let name = names(load);
    let channels: HashMap<String, broadcast::Sender<Bytes>> =
        (0..load.tasks).map(|_| (name(), broadcast::channel(ROOM).0)).collect();
    let channels = Rc::new(std::sync::Mutex::new(channels));
    let (receivers, key) = (Rc::clone(&channels), keys(load));
    run_tasks(
        "a map of broadcasts of Bytes",
        Peer,
        load,
        move |delivered| receive(receivers.lock().expect("a map")[&name()].subscribe(), delivered),
        move |event| {
            let encoded = Encoded::new(event).expect("an event");
            let _ = channels.lock().expect("a map")[&*key()].send(encoded.as_bytes().clone());
        },
    )
}

/// The event alone: nobody is found, and nobody is woken.
fn encode(load: Load) -> Contender {
    let event = (load.event)(0);
    Contender::new("encoding the event", Limit, move || {
        let mut tally = Tally::default();
        for _ in 0..load.deliveries() {
            let encoded = std::hint::black_box(Encoded::new(&event).expect("an event"));
            tally.events += u64::from(!encoded.as_bytes().is_empty());
        }
        tally
    })
}

fn idiom(load: Load) -> Contender {
    let name = names(load);
    let channels: HashMap<String, broadcast::Sender<Market>> =
        (0..load.tasks).map(|_| (name(), broadcast::channel(ROOM).0)).collect();
    let channels = Rc::new(std::sync::Mutex::new(channels));
    let (receivers, key) = (Rc::clone(&channels), keys(load));
    let subscribe = move || {
        let stream = BroadcastStream::new(receivers.lock().expect("a map")[&name()].subscribe());
        let events = stream.map(|event| event.expect("the ring is too small").axum());
        BodyDataStream::new(axum::response::Sse::new(events).into_response().into_body())
    };
    let count = |frame: Result<Bytes, _>| u64::from(frame.is_ok_and(|frame| !frame.is_empty()));
    tasks("axum: a map of broadcasts of the enum", Peer, load, subscribe, count, move |event| {
        let _ = channels.lock().expect("a map")[&*key()].send(event.clone());
    })
}
