//! Encoding: values in, frames of an HTTP body out.

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
use serde::Serialize;
use sse_typed::{
    EncodeEvent, Sse,
    codec::{Decoder, Item},
};
use tokio::runtime::Runtime;
use warp::Reply;

use crate::{
    Contender, Group,
    Kind::{Limit, Ours, Peer},
    Tally,
    input::Numbers,
};

/// JSON of 60 bytes.
#[derive(Clone, Serialize)]
pub struct Trade {
    pub symbol: String,
    pub cents: u64,
    pub size: u64,
    pub at: u64,
}

/// JSON of 500 bytes: strings, numbers, a list.
#[derive(Clone, Serialize)]
pub struct Report {
    pub title: String,
    pub text: String,
    pub levels: Vec<Level>,
    pub sequence: u64,
}

#[derive(Clone, Serialize)]
pub struct Level {
    pub cents: u64,
    pub size: u64,
}

#[derive(Clone, EncodeEvent)]
#[sse(rename_all = "snake_case")]
pub enum Market {
    Trade(Trade),
    Report(Report),
}

impl Market {
    /// Numbers of the same length whatever `n` is.
    pub fn trade(n: u64) -> Self {
        Self::Trade(Trade {
            symbol: "KIWI".to_owned(),
            cents: 10_000 + n % 80_000,
            size: 1_000 + n % 9_000,
            at: 17_000_000_000 + n,
        })
    }

    pub fn report(n: u64) -> Self {
        let mut numbers = Numbers::new();
        let levels = (0..8).map(|_| Level { cents: 10_000 + numbers.below(80_000), size: 100 + numbers.below(900) });
        Self::Report(Report {
            title: "the state of the book, in brief".to_owned(),
            text: "Many of these sentences are long enough to be looked at for characters that JSON escapes. "
                .repeat(2)
                + "None of them is here.",
            levels: levels.collect(),
            sequence: 1_000_000 + n,
        })
    }

    pub fn event_type(&self) -> &'static str {
        match self {
            Self::Trade(_) => "trade",
            Self::Report(_) => "report",
        }
    }

    /// By hand, as a program does that has no derive for it.
    pub fn json(&self) -> serde_json::Result<String> {
        match self {
            Self::Trade(trade) => serde_json::to_string(trade),
            Self::Report(report) => serde_json::to_string(report),
        }
    }

    pub fn axum(&self) -> Result<axum::response::sse::Event, axum::Error> {
        let event = axum::response::sse::Event::default().event(self.event_type());
        match self {
            Self::Trade(trade) => event.json_data(trade),
            Self::Report(report) => event.json_data(report),
        }
    }

    fn warp(&self) -> Result<warp::sse::Event, serde_json::Error> {
        let event = warp::sse::Event::default().event(self.event_type());
        match self {
            Self::Trade(trade) => event.json_data(trade),
            Self::Report(report) => event.json_data(report),
        }
    }
}

type Events = &'static [Market];

const EVENTS: u64 = 4096;

pub fn small() -> Group {
    group("encode/60", "encode: JSON of 60 B, through the HTTP body", (0..EVENTS).map(Market::trade))
}

pub fn large() -> Group {
    group("encode/500", "encode: JSON of 500 B, through the HTTP body", (0..EVENTS).map(Market::report))
}

fn group(id: &'static str, title: &'static str, events: impl Iterator<Item = Market>) -> Group {
    // For as long as the program runs: streams that servers send borrow nothing.
    let events: Events = Vec::leak(events.collect());
    let data: Vec<String> = events.iter().map(|event| event.json().expect("JSON")).collect();
    let tally = Tally { events: EVENTS, bytes: data.iter().map(|data| data.len() as u64).sum() };
    let runtime = Rc::new(tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"));
    let contender = |name, run: fn(Events, Sink<'_>)| {
        let kind = if str::starts_with(name, "sse-typed") { Ours } else { Peer };
        contender(&runtime, events, &data, tally, (name, kind), run)
    };
    let contenders = vec![
        contender("sse-typed", |events, sink| frames(ours(OneByOne::new(events)), sink)),
        contender("sse-typed, all ready", |events, sink| frames(ours(futures_util::stream::iter(events)), sink)),
        contender("axum", |events, sink| {
            let stream = OneByOne::new(events).map(|event| event.axum());
            frames(axum::response::Sse::new(stream).into_response().into_body(), sink);
        }),
        contender("axum, keep-alive", |events, sink| {
            let stream = OneByOne::new(events).map(|event| event.axum());
            let sse = axum::response::Sse::new(stream).keep_alive(axum::response::sse::KeepAlive::default());
            frames(sse.into_response().into_body(), sink);
        }),
        contender("warp", |events, sink| {
            let stream = OneByOne::new(events).map(|event| event.warp());
            frames(warp::sse::reply(stream).into_response().into_body(), sink);
        }),
        contender("sse-stream + to_string", |events, sink| {
            let stream = OneByOne::new(events)
                .map(|event| event.json().map(|data| sse_stream::Sse::default().event(event.event_type()).data(data)));
            frames(sse_stream::SseBody::new(stream), sink);
        }),
        contender("russe + to_string", |events, sink| {
            let stream = OneByOne::new(events).map(|event| {
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

/// With all its defaults, which are a keep-alive and batches of what is ready.
fn ours(stream: impl Stream<Item = &'static Market> + 'static) -> impl Body<Data = Bytes, Error = Infallible> {
    http::Response::from(Sse::new(stream)).into_body()
}

type Sink<'a> = &'a mut dyn FnMut(Bytes);

/// A contender that is first read with a decoder, and then timed.
fn contender(
    runtime: &Rc<Runtime>,
    events: Events,
    data: &[String],
    tally: Tally,
    (name, kind): (&'static str, crate::Kind),
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

/// Takes all frames of a body, as a server does that writes each at once.
fn frames<B: Body<Data = Bytes>>(body: B, sink: Sink<'_>) {
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
            // The next event is there.
            Poll::Pending => {}
        }
    }
}

/// Events that come one at a time: between two of them there is nothing, and a body must let go what it has.
struct OneByOne {
    events: slice::Iter<'static, Market>,
    pause: bool,
}

impl OneByOne {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_of_the_size_that_is_said() {
        for (event, size) in [(Market::trade(7), 60), (Market::report(7), 500)] {
            let json = event.json().unwrap();
            assert_eq!(json.len(), size, "{json}");
        }
    }
}
