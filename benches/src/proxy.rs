//! A typed proxy of a language model: it decodes the stream of an upstream server, maps each token to a type of its own, and
//! encodes the body of its response.

use std::{
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use http_body::Frame;
use http_body_util::StreamBody;
use serde::Serialize;
use sse_typed::{
    EncodeEvent, EventStream, Sse,
    codec::{Decoder, Item},
};
use tokio::runtime::Runtime;

use crate::{
    contender::{
        Contender, Group,
        Kind::{self, Limit, Ours, Peer},
        Tally,
    },
    encode::{Sink, frames},
    input::{self, Input},
    typed::{Answer, Delta},
};

/// The event of the proxy.
#[derive(Serialize)]
struct Token {
    text: String,
    number: u64,
}

#[derive(EncodeEvent)]
#[sse(rename_all = "snake_case")]
enum Chat {
    Token(Token),
}

impl From<Delta> for Token {
    fn from(delta: Delta) -> Self {
        Self { text: delta.delta, number: delta.sequence_number }
    }
}

/// Each token arrives by itself, as a model makes them.
pub fn one_by_one() -> Group {
    let title = "proxy of a language model: decode, map and encode, one token of 154 B at a time";
    group("proxy/tokens", title, input::token_stream().in_events())
}

/// The proxy lags: each read of 16 KiB has many tokens.
pub fn lagging() -> Group {
    let title = "proxy of a language model: decode, map and encode, chunks of 16 KiB";
    group("proxy/chunks", title, input::token_stream())
}

fn group(id: &'static str, title: &'static str, input: Input) -> Group {
    let runtime = &Rc::new(tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"));
    let input = &Rc::new(input);
    let contenders = vec![
        contender(runtime, input, "sse-typed", Ours, |upstream, sink| {
            let body = StreamBody::new(upstream.map_ok(Frame::data));
            let tokens = EventStream::<Answer, _>::from_body(body).filter_map(|event| {
                std::future::ready(match event.map(|event| event.data) {
                    Ok(Answer::Delta(delta)) => Some(Chat::Token(delta.into())),
                    _ => None,
                })
            });
            frames(http::Response::from(Sse::new(tokens)).into_body(), sink);
        }),
        contender(runtime, input, "sse-stream both ways + from_str + to_string", Peer, |upstream, sink| {
            let tokens = sse_stream::SseByteStream::new(upstream).filter_map(|event| {
                std::future::ready(event.ok().and_then(|event| {
                    let token = token(event.event.as_deref()?, event.data.as_deref()?)?;
                    let data = serde_json::to_string(&token).ok()?;
                    Some(Ok::<_, Infallible>(sse_stream::Sse::default().event("token").data(data)))
                }))
            });
            frames(sse_stream::SseBody::new(tokens), sink);
        }),
        contender(runtime, input, "eventsource-stream + from_str + axum", Peer, |upstream, sink| {
            let tokens = eventsource_stream::Eventsource::eventsource(upstream).filter_map(|event| {
                std::future::ready(event.ok().and_then(|event| {
                    let token = token(&event.event, &event.data)?;
                    Some(axum::response::sse::Event::default().event("token").json_data(token))
                }))
            });
            let sse = axum::response::Sse::new(tokens).keep_alive(axum::response::sse::KeepAlive::default());
            frames(sse.into_response().into_body(), sink);
        }),
        serde_alone(input),
        copy(input),
    ];
    Group::new(id, title, tally(input), contenders)
}

fn tally(input: &Input) -> Tally {
    Tally { events: input.data.len() as u64, bytes: 0 }
}

/// A `match` on the event type, written by hand.
fn token(event_type: &str, data: &str) -> Option<Token> {
    match event_type {
        "response.output_text.delta" => serde_json::from_str::<Delta>(data).ok().map(Token::from),
        _ => None,
    }
}

/// A proxy whose output is checked once, and then timed.
fn contender(
    runtime: &Rc<Runtime>,
    input: &Rc<Input>,
    name: &'static str,
    kind: Kind,
    run: fn(Upstream, Sink<'_>),
) -> Contender {
    let (mut decoder, mut expected, mut sent) = (Decoder::new(), input.data.iter(), 0);
    let guard = runtime.enter();
    run(Upstream::new(input), &mut |frame| {
        sent += frame.len();
        decoder.feed(frame);
        while let Some(Ok(Item::Event(event))) = decoder.next_item() {
            let delta = expected.next().map(|data| serde_json::from_str::<Delta>(data).expect("a token"));
            let token =
                delta.map(|delta| serde_json::to_string(&Token::from(delta)).expect("JSON")).unwrap_or_default();
            assert_eq!((event.event_type(), event.data()), ("token", &*token), "{name}");
        }
    });
    drop(guard);
    assert_eq!(expected.next(), None, "{name}");
    let (runtime, input) = (Rc::clone(runtime), Rc::clone(input));
    Contender::new(name, kind, move || {
        let _guard = runtime.enter();
        let mut again = 0;
        run(Upstream::new(&input), &mut |frame| again += frame.len());
        assert_eq!(again, sent, "{name}");
        tally(&input)
    })
}

/// Parsing and writing of the JSON, without event streams.
fn serde_alone(input: &Rc<Input>) -> Contender {
    let (input, mut buffer) = (Rc::clone(input), Vec::new());
    Contender::new("serde_json alone: from_str, to_writer into a reused Vec", Limit, move || {
        for data in &input.data {
            let delta: Delta = serde_json::from_str(data).expect("a token");
            buffer.clear();
            serde_json::to_writer(&mut buffer, &Token::from(delta)).expect("JSON");
            std::hint::black_box(&buffer);
        }
        tally(&input)
    })
}

/// The proxy without types: the bytes of the upstream are copied into the body.
fn copy(input: &Rc<Input>) -> Contender {
    let input = Rc::clone(input);
    Contender::new("a byte copy", Limit, move || {
        let mut sent = 0;
        let chunks = Upstream::new(&input).map_ok(|chunk| Frame::data(Bytes::copy_from_slice(&chunk)));
        frames(StreamBody::new(chunks), &mut |frame| sent += std::hint::black_box(frame).len());
        assert_eq!(sent, input.bytes());
        tally(&input)
    })
}

/// The chunks of the upstream server. The stream is pending between two chunks.
#[derive(Clone)]
struct Upstream {
    chunks: std::vec::IntoIter<Bytes>,
    pause: bool,
}

impl Upstream {
    fn new(input: &Input) -> Self {
        Self { chunks: input.chunks.clone().into_iter(), pause: false }
    }
}

impl Stream for Upstream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pause = !self.pause;
        if self.pause { Poll::Ready(self.chunks.next().map(Ok)) } else { Poll::Pending }
    }
}
