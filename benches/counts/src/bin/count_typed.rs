//! Typed decoding by event type, and of an enum whose tag is in the JSON too.

use std::hint::black_box;

use counts::{
    input::{Input, WORDS, tokens},
    sse_typed_counted_work,
};
use serde::Deserialize;
use sse_typed::{
    DecodeEvent, Decoded,
    codec::{Decoder, Item},
};

#[derive(Deserialize)]
struct Delta {
    output_index: u32,
    content_index: u32,
    delta: String,
    sequence_number: u64,
}

impl Delta {
    fn is_read(&self) -> bool {
        let Self { output_index, content_index, delta, sequence_number } = self;
        output_index == content_index && !delta.is_empty() && *sequence_number < 1_000
    }
}

#[derive(DecodeEvent)]
enum Answer {
    #[sse(rename = "response.output_text.delta")]
    Delta(Delta),
    #[sse(rename = "response.completed", terminal)]
    Completed,
}

#[derive(DecodeEvent)]
#[sse(tag = "type")]
enum TaggedAnswer {
    #[sse(rename = "response.output_text.delta")]
    Delta(Delta),
    #[sse(rename = "response.completed", terminal)]
    Completed,
}

fn main() {
    let input = tokens(&WORDS, 1_000);
    sse_typed_counted_work(|| {
        decode::<Answer>(&input, |answer| matches!(answer, Answer::Delta(delta) if delta.is_read()))
            + decode::<TaggedAnswer>(&input, |answer| matches!(answer, TaggedAnswer::Delta(delta) if delta.is_read()))
    });
}

fn decode<E: DecodeEvent>(input: &Input, is_delta: fn(&E) -> bool) -> usize {
    let (mut decoder, mut events) = (Decoder::new(), 0);
    for chunk in &input.chunks {
        decoder.feed(chunk.clone());
        while let Some(Ok(Item::Event(event))) = decoder.next_item() {
            if let Ok(Decoded::Event(event)) = E::decode(event) {
                events += usize::from(is_delta(black_box(&event)));
            }
        }
    }
    events
}
