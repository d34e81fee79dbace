//! Replay: clients that reconnect and read the history. Either another subscriber has read it live, or none has.

use futures_util::{FutureExt, StreamExt};
use sse_typed::{
    Encoded, Hub,
    hub::{OnGap, Retention, Start},
};

use crate::{
    contender::{
        Contender, Group,
        Kind::{Limit, Ours},
        Tally,
    },
    market::Market,
};

const EVENTS: u64 = 10_000;
const CLIENTS: u64 = 10;

pub fn replay() -> Group {
    let contenders = vec![ours("sse-typed, read live", true), ours("sse-typed, never read", false), copy()];
    let tally = Tally { events: EVENTS * CLIENTS, bytes: 0 };
    Group::new("replay", "replay of 10,000 events to 10 clients, JSON of 60 B", tally, contenders)
}

fn ours(name: &'static str, is_read: bool) -> Contender {
    let hub = Hub::builder_on_gap(OnGap::Ignore).retain(Retention::events(EVENTS as usize)).build();
    let mut live = hub.subscribe(Start::Live);
    for n in 0..EVENTS {
        hub.publish_now(&Market::trade(n)).expect("a hub");
        if is_read {
            live.next().now_or_never().flatten().expect("an event");
        }
    }
    Contender::new(name, Ours, move || {
        let mut tally = Tally::default();
        for _ in 0..CLIENTS {
            let mut late = hub.subscribe(Start::Earliest);
            while let Some(Some(entries)) = late.next().now_or_never() {
                tally.events += entries.len() as u64;
            }
        }
        tally
    })
}

/// The same bytes, copied once for each client.
fn copy() -> Contender {
    let history: Vec<_> = (0..EVENTS).map(|n| Encoded::new(&Market::trade(n)).expect("an event")).collect();
    let history: Vec<u8> = history.iter().flat_map(|event| event.as_bytes().to_vec()).collect();
    Contender::new("a copy of the bytes", Limit, move || {
        let mut tally = Tally::default();
        for _ in 0..CLIENTS {
            for chunk in history.chunks(32 << 10) {
                std::hint::black_box(bytes::Bytes::copy_from_slice(chunk));
            }
            tally.events += EVENTS;
        }
        tally
    })
}
