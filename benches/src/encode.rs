//! Encoding: values to frames of an HTTP body.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    rc::Rc,
    slice,
    task::{Context, Poll, Waker},
};

use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use sse_typed::{
    Sse,
    codec::{Decoder, Item},
};
use tokio::runtime::Runtime;
use warp::Reply;

use crate::{
    contender::{
        Contender, Group,
        Kind::{self, Limit, Ours, Peer},
        Tally,
    },
    market::Market,
};

type Events = &'static [Market];

const EVENTS: u64 = 4096;

pub fn small() -> Group {
    let title = "encode: JSON of 60 B, through the HTTP body, one event at a time";
    group::<OneByOne>("encode/60", title, (0..EVENTS).map(Market::trade))
}

pub fn small_ready() -> Group {
    let title = "encode: JSON of 60 B, through the HTTP body, all events ready";
    group::<AllReady>("encode/60-ready", title, (0..EVENTS).map(Market::trade))
}

pub fn large() -> Group {
    let title = "encode: JSON of 500 B, through the HTTP body, one event at a time";
    group::<OneByOne>("encode/500", title, (0..EVENTS).map(Market::report))
}

pub fn large_ready() -> Group {
    let title = "encode: JSON of 500 B, through the HTTP body, all events ready";
    group::<AllReady>("encode/500-ready", title, (0..EVENTS).map(Market::report))
}

fn group<S: Source>(id: &'static str, title: &'static str, events: impl Iterator<Item = Market>) -> Group {
    // The stream of a response cannot borrow, so the events are leaked.
    let events: Events = Vec::leak(events.collect());
    let data: Vec<String> = events.iter().map(|event| event.json().expect("JSON")).collect();
    let tally = Tally { events: EVENTS, bytes: data.iter().map(|data| data.len() as u64).sum() };
    let runtime = Rc::new(tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"));
    let contender = |name, run: fn(Events, Sink<'_>)| {
        let kind = if str::starts_with(name, "sse-typed") { Ours } else { Peer };
        contender(&runtime, events, &data, tally, (name, kind), run)
    };
    let contenders = vec![
        contender("sse-typed", |events, sink| frames(ours(S::new(events)), sink)),
        contender("axum", |events, sink| {
            let stream = S::new(events).map(|event| event.axum());
            frames(axum::response::Sse::new(stream).into_response().into_body(), sink);
        }),
        contender("axum, keep-alive", |events, sink| {
            let stream = S::new(events).map(|event| event.axum());
            let sse = axum::response::Sse::new(stream).keep_alive(axum::response::sse::KeepAlive::default());
            frames(sse.into_response().into_body(), sink);
        }),
        contender("warp", |events, sink| {
            let stream = S::new(events).map(|event| event.warp());
            frames(warp::sse::reply(stream).into_response().into_body(), sink);
        }),
        contender("sse-stream + to_string", |events, sink| {
            let stream = S::new(events)
                .map(|event| event.json().map(|data| sse_stream::Sse::default().event(event.event_type()).data(data)));
            frames(sse_stream::SseBody::new(stream), sink);
        }),
        contender("russe + to_string", |events, sink| {
            let stream = S::new(events).map(|event| {
                let message = russe::Message {
                    data: event.json().expect("JSON").into(),
                    event: Some(event.event_type().into()),
                    retry: None,
                    id: None,
                };
                russe::Event::Message(message).into_bytestring().map(|text| Frame::data(text.into_bytes()))
            });
            frames(StreamBody::new(stream), sink);
        }),
        to_writer(events, tally),
    ];
    Group::new(id, title, tally, contenders)
}

/// With all defaults: a keep-alive, and batches of ready events.
fn ours(stream: impl Stream<Item = &'static Market> + 'static) -> impl Body<Data = Bytes, Error = Infallible> {
    http::Response::from(Sse::new(stream)).into_body()
}

pub type Sink<'a> = &'a mut dyn FnMut(Bytes);

/// A contender whose output is first checked with a decoder, and then timed.
fn contender(
    runtime: &Rc<Runtime>,
    events: Events,
    data: &[String],
    tally: Tally,
    (name, kind): (&'static str, Kind),
    run: fn(Events, Sink<'_>),
) -> Contender {
    let (mut decoder, mut expected, mut sent) = (Decoder::new(), data.iter(), 0);
    let guard = runtime.enter();
    run(events, &mut |frame| {
        sent += frame.len();
        decoder.feed(frame);
        while let Some(Ok(Item::Event(event))) = decoder.next_item() {
            assert_eq!(Some(event.data()), expected.next().map(|data| &**data), "{name}");
        }
    });
    drop(guard);
    assert_eq!(expected.next(), None, "{name}");
    let runtime = Rc::clone(runtime);
    Contender::new(name, kind, move || {
        let _guard = runtime.enter();
        let mut again = 0;
        run(events, &mut |frame| again += frame.len());
        assert_eq!(again, sent, "{name}");
        tally
    })
}

fn to_writer(events: Events, tally: Tally) -> Contender {
    let mut buffer = Vec::new();
    Contender::new("serde_json::to_writer into a reused Vec", Limit, move || {
        let mut sum = Tally::default();
        for event in events {
            buffer.clear();
            match event {
                Market::Trade(trade) => serde_json::to_writer(&mut buffer, trade),
                Market::Report(report) => serde_json::to_writer(&mut buffer, report),
            }
            .expect("JSON");
            sum.add(std::hint::black_box(&buffer).len());
        }
        assert_eq!(sum, tally);
        sum
    })
}

/// Reads all frames of a body. If it is pending, it is polled again.
pub fn frames<B: Body<Data = Bytes>>(body: B, sink: Sink<'_>) {
    let mut body = pin!(body);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match body.as_mut().poll_frame(&mut context) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    sink(data);
                }
            }
            Poll::Ready(Some(Err(_))) => panic!("a body failed"),
            Poll::Ready(None) => return,
            // The source has its next item at the next poll.
            Poll::Pending => {}
        }
    }
}

/// When the events of a stream are ready.
trait Source: Stream<Item = &'static Market> + Unpin + Send + Sync + 'static {
    fn new(events: Events) -> Self;
}

type AllReady = futures_util::stream::Iter<slice::Iter<'static, Market>>;

impl Source for AllReady {
    fn new(events: Events) -> Self {
        futures_util::stream::iter(events)
    }
}

/// Events one at a time. The stream is pending between two events, so that a body must send each event alone.
struct OneByOne {
    events: slice::Iter<'static, Market>,
    pause: bool,
}

impl Source for OneByOne {
    fn new(events: Events) -> Self {
        Self { events: events.iter(), pause: false }
    }
}

impl Stream for OneByOne {
    type Item = &'static Market;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<&'static Market>> {
        self.pause = !self.pause;
        if self.pause { Poll::Ready(self.events.next()) } else { Poll::Pending }
    }
}
