//! Replay: clients that reconnect and read the history, which was published while another subscriber read it.

use std::{convert::Infallible, rc::Rc, sync::Arc};

use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyDataStream, StreamBody};
use sse_typed::{
    Encoded, Hub, Sse,
    codec::{Decoder, Item},
    hub::{OnGap, Retention, Start},
};
use tokio::runtime::Runtime;

use crate::{
    contender::{
        Contender, Group,
        Kind::{self, Limit, Ours, Peer},
        Tally,
    },
    market::Market,
};

const EVENTS: u64 = 10_000;
const CLIENTS: u64 = 10;

/// Subscriptions, without HTTP.
pub fn replay() -> Group {
    let title = "replay of 10,000 events to 10 subscriptions, JSON of 60 B";
    let contenders = vec![subscriptions(), list_of_bytes(), copy()];
    Group::new("replay", title, tally(), contenders)
}

/// Bodies of HTTP responses.
pub fn to_bodies() -> Group {
    let runtime = &Rc::new(tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"));
    let (hub, list) = (hub(), encoded());
    let events: Arc<[Market]> = (0..EVENTS).map(Market::trade).collect();
    let contenders = vec![
        bodies("sse-typed, HTTP body", Ours, runtime, move || {
            let response = http::Response::from(Sse::new(hub.subscribe(Start::Earliest)));
            BodyDataStream::new(response.into_body())
        }),
        bodies("list of Bytes, StreamBody", Peer, runtime, move || {
            let frames = numbers().map({
                let list = Arc::clone(&list);
                move |n| Ok::<_, Infallible>(Frame::data(list[n].clone()))
            });
            BodyDataStream::new(StreamBody::new(frames))
        }),
        bodies("axum: list of the enum, json_data each", Peer, runtime, move || {
            let events = Arc::clone(&events);
            let sse = axum::response::Sse::new(numbers().map(move |n| events[n].axum()));
            let sse = sse.keep_alive(axum::response::sse::KeepAlive::default());
            BodyDataStream::new(sse.into_response().into_body())
        }),
        copy(),
    ];
    let title = "replay of 10,000 events to 10 HTTP bodies, JSON of 60 B";
    Group::new("bodies/replay", title, tally(), contenders)
}

const fn tally() -> Tally {
    Tally { events: EVENTS * CLIENTS, bytes: 0 }
}

/// A hub with a full history. Another subscriber has received each event by itself.
fn hub() -> Hub<Market> {
    let hub = Hub::builder_on_gap(OnGap::Ignore).retain(Retention::events(EVENTS as usize)).build();
    let mut live = hub.subscribe(Start::Live);
    for n in 0..EVENTS {
        hub.publish_now(&Market::trade(n)).expect("a hub");
        live.next().now_or_never().flatten().expect("an event");
    }
    hub
}

fn encoded() -> Arc<[Bytes]> {
    (0..EVENTS).map(|n| Encoded::new(&Market::trade(n)).expect("an event").as_bytes().clone()).collect()
}

fn numbers() -> impl Stream<Item = usize> + Send + Sync + Unpin + 'static {
    stream::iter(0..EVENTS as usize)
}

/// Reads the items that are ready.
fn read<S: Stream>(stream: S, mut each: impl FnMut(S::Item)) {
    let mut stream = std::pin::pin!(stream);
    while let Some(Some(item)) = stream.next().now_or_never() {
        each(item);
    }
}

fn subscriptions() -> Contender {
    let hub = hub();
    Contender::new("sse-typed, subscription", Ours, move || {
        let mut tally = Tally::default();
        for _ in 0..CLIENTS {
            read(hub.subscribe(Start::Earliest), |entries| tally.events += entries.len() as u64);
        }
        tally
    })
}

/// A list of the encoded events, which each client reads one by one.
fn list_of_bytes() -> Contender {
    let list = encoded();
    Contender::new("list of Bytes, a clone each", Peer, move || {
        let mut tally = Tally::default();
        for _ in 0..CLIENTS {
            read(numbers(), |n| tally.events += u64::from(!std::hint::black_box(list[n].clone()).is_empty()));
        }
        tally
    })
}

/// A contender whose bodies are decoded once to check them. The timed runs count their bytes.
fn bodies<S, E>(name: &'static str, kind: Kind, runtime: &Rc<Runtime>, body: impl Fn() -> S + 'static) -> Contender
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let (mut decoder, mut events, mut sent) = (Decoder::new(), 0, 0);
    let guard = runtime.enter();
    read(body(), |frame| {
        let frame = frame.unwrap_or_default();
        sent += frame.len();
        decoder.feed(frame);
        while let Some(Ok(Item::Event(event))) = decoder.next_item() {
            let expected = Market::trade(events);
            assert_eq!((event.event_type(), event.data()), ("trade", &*expected.json().expect("JSON")), "{name}");
            events += 1;
        }
    });
    drop(guard);
    assert_eq!(events, EVENTS, "{name}");
    let runtime = Rc::clone(runtime);
    Contender::new(name, kind, move || {
        let _guard = runtime.enter();
        for _ in 0..CLIENTS {
            let mut again = 0;
            read(body(), |frame| again += std::hint::black_box(frame.unwrap_or_default()).len());
            assert_eq!(again, sent, "{name}");
        }
        tally()
    })
}

/// The same bytes, copied once for each client.
fn copy() -> Contender {
    let history: Vec<u8> = encoded().iter().flat_map(|event| event.to_vec()).collect();
    Contender::new("a copy of the bytes", Limit, move || {
        let mut tally = Tally::default();
        for _ in 0..CLIENTS {
            for chunk in history.chunks(32 << 10) {
                std::hint::black_box(Bytes::copy_from_slice(chunk));
            }
            tally.events += EVENTS;
        }
        tally
    })
}
