//! Typed decoding: bytes in, values of an enum out.

use std::rc::Rc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body::Frame;
use http_body_util::StreamBody;
use serde::Deserialize;
use sse_typed::{
    DecodeEvent, Decoded, EventStream,
    codec::{Decoder, Item},
};

use crate::{
    contender::{
        Contender, Group,
        Kind::{Limit, Ours, Peer},
        Tally,
    },
    decode::{eventsource_stream, sse_core, sse_stream},
    drive::{drain, stream_of},
    input::{self, Input},
};

#[derive(Deserialize)]
pub struct Delta {
    pub output_index: u32,
    pub content_index: u32,
    pub delta: String,
    pub sequence_number: u64,
}

#[derive(Deserialize)]
pub struct Finished {
    pub sequence_number: u64,
}

/// Decoded by event type.
#[derive(DecodeEvent)]
pub enum Answer {
    #[sse(rename = "response.created")]
    Created(Finished),
    #[sse(rename = "response.output_text.delta")]
    Delta(Delta),
    #[sse(rename = "response.output_text.done")]
    Done(Finished),
    #[sse(rename = "response.completed", terminal)]
    Completed(Finished),
}

/// The event type is in the JSON too, as some servers write it.
#[derive(DecodeEvent)]
#[sse(tag = "type")]
enum TaggedAnswer {
    #[sse(rename = "response.created")]
    Created(Finished),
    #[sse(rename = "response.output_text.delta")]
    Delta(Delta),
    #[sse(rename = "response.output_text.done")]
    Done(Finished),
    #[sse(rename = "response.completed", terminal)]
    Completed(Finished),
}

/// With serde alone, as in most programs.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum SerdeAnswer {
    #[serde(rename = "response.created")]
    Created(Finished),
    #[serde(rename = "response.output_text.delta")]
    Delta(Delta),
    #[serde(rename = "response.output_text.done")]
    Done(Finished),
    #[serde(rename = "response.completed")]
    Completed(Finished),
}

macro_rules! tally {
    ($answer:ident, $tally:expr, $value:expr) => {
        match $value {
            $answer::Delta(delta) => count($tally, &delta),
            $answer::Created(end) | $answer::Done(end) | $answer::Completed(end) => {
                $tally.add(end.sequence_number as usize)
            }
        }
    };
}

fn count(tally: &mut Tally, delta: &Delta) {
    let numbers = u64::from(delta.output_index) + u64::from(delta.content_index) + delta.sequence_number;
    tally.add(delta.delta.len() + numbers as usize);
}

/// The tally of one answer.
pub fn tally_of(answer: Answer) -> Tally {
    let mut tally = Tally::default();
    tally!(Answer, &mut tally, answer);
    tally
}

/// The tally of this many events of the token stream, which begins again after its end.
pub fn tally_of_tokens(events: u64) -> Tally {
    let mut tally = Tally::default();
    for data in input::token_stream().data.iter().cycle().take(events as usize) {
        count(&mut tally, &parse(data));
    }
    tally
}

fn parse(data: &str) -> Delta {
    serde_json::from_str(data).expect("the data of a token")
}

pub fn token_stream() -> Group {
    let input = &Rc::new(input::token_stream());
    let mut tally = Tally::default();
    for data in &input.data {
        count(&mut tally, &parse(data));
    }
    let contenders = vec![
        contender(input, "sse-typed", |input| {
            let mut tally = Tally::default();
            ours::<Answer>(&input.chunks, |answer| tally!(Answer, &mut tally, answer));
            tally
        }),
        contender(input, "sse-typed, tag in the JSON too", |input| {
            let mut tally = Tally::default();
            ours::<TaggedAnswer>(&input.chunks, |answer| tally!(TaggedAnswer, &mut tally, answer));
            tally
        }),
        contender(input, "sse-typed, EventStream of a body", |input| {
            let mut tally = Tally::default();
            let body = StreamBody::new(stream_of(&input.chunks).map_ok(Frame::data));
            drain(EventStream::<Answer, _>::from_body(body), |event| {
                let Ok(event) = event else { return };
                tally!(Answer, &mut tally, event.data);
            });
            tally
        }),
        contender(input, "sse-core + match + from_str", |input| {
            let mut tally = Tally::default();
            let mut decoder = sse_core::SseDecoder::new();
            for chunk in &input.chunks {
                let mut chunk = chunk.clone();
                while let Some(Ok(event)) = decoder.next(&mut chunk) {
                    let sse_core::SseEvent::Message(message) = event else { continue };
                    by_event_type(&mut tally, &message.event, &message.data);
                }
            }
            tally
        }),
        contender(input, "sse-stream + match + from_str", |input| {
            let mut tally = Tally::default();
            drain(sse_stream::SseByteStream::new(stream_of(&input.chunks)), |event| {
                let Ok(sse_stream::Sse { event: Some(event), data: Some(data), .. }) = event else { return };
                by_event_type(&mut tally, &event, &data);
            });
            tally
        }),
        contender(input, "eventsource-stream + match + from_str", |input| {
            let mut tally = Tally::default();
            drain(eventsource_stream::Eventsource::eventsource(stream_of(&input.chunks)), |event| {
                let Ok(event) = event else { return };
                by_event_type(&mut tally, &event.event, &event.data);
            });
            tally
        }),
        contender(input, "sse-core + serde(tag)", |input| {
            let mut tally = Tally::default();
            sse_core(&input.chunks, |_, data, _| by_tag(&mut tally, data));
            tally
        }),
        contender(input, "sse-stream + serde(tag)", |input| {
            let mut tally = Tally::default();
            sse_stream(&input.chunks, |_, data, _| by_tag(&mut tally, data));
            tally
        }),
        contender(input, "eventsource-stream + serde(tag)", |input| {
            let mut tally = Tally::default();
            eventsource_stream(&input.chunks, |_, data, _| by_tag(&mut tally, data));
            tally
        }),
        contender(input, "serde_json::from_str alone", |input| {
            let mut tally = Tally::default();
            for data in &input.data {
                count(&mut tally, &parse(data));
            }
            tally
        }),
    ];
    Group::new("typed/tokens", "decode, typed: token stream, events of 154 B", tally, contenders)
}

fn contender(input: &Rc<Input>, name: &'static str, run: fn(&Input) -> Tally) -> Contender {
    let kind = match name {
        _ if name.starts_with("sse-typed") => Ours,
        _ if name.starts_with("serde_json") => Limit,
        _ => Peer,
    };
    let input = Rc::clone(input);
    Contender::new(name, kind, move || run(&input))
}

fn ours<E: DecodeEvent>(chunks: &[Bytes], mut each: impl FnMut(E)) {
    let mut decoder = Decoder::new();
    for chunk in chunks {
        decoder.feed(chunk.clone());
        while let Some(item) = decoder.next_item() {
            let Ok(Item::Event(event)) = item else { continue };
            if let Ok(Decoded::Event(event)) = E::decode(event) {
                each(event);
            }
        }
    }
}

/// A `match` on the event type, written by hand.
pub fn by_event_type(tally: &mut Tally, event_type: &str, data: &str) {
    match event_type {
        "response.output_text.delta" => count(tally, &parse(data)),
        "response.created" | "response.output_text.done" | "response.completed" => {
            let end: Finished = serde_json::from_str(data).expect("the data of an end");
            tally.add(end.sequence_number as usize);
        }
        _ => {}
    }
}

fn by_tag(tally: &mut Tally, data: &str) {
    let answer: SerdeAnswer = serde_json::from_str(data).expect("a tagged answer");
    tally!(SerdeAnswer, tally, answer);
}
