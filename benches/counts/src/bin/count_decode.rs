//! Untyped decoding of borrowed and of owned events, in chunks of 16 KiB, and of borrowed events in chunks of 64 B.

use std::hint::black_box;

use counts::{
    input::{Input, WORDS, tokens},
    sse_typed_counted_work,
};
use sse_typed::codec::{Decoder, Item};

fn main() {
    let large_chunks = tokens(&WORDS, 1_000);
    let small_chunks = large_chunks.in_chunks_of(64);
    sse_typed_counted_work(|| {
        decode_borrowed(&large_chunks) + decode_owned(&large_chunks) + decode_borrowed(&small_chunks)
    });
}

fn decode_borrowed(input: &Input) -> usize {
    let (mut decoder, mut events) = (Decoder::new(), 0);
    for chunk in &input.chunks {
        decoder.feed(chunk.clone());
        while let Some(item) = decoder.next_item() {
            events += usize::from(matches!(black_box(item), Ok(Item::Event(_))));
        }
    }
    events
}

fn decode_owned(input: &Input) -> usize {
    let (mut decoder, mut events) = (Decoder::new(), 0);
    for chunk in &input.chunks {
        decoder.feed(chunk.clone());
        while let Some(Ok(Item::Event(event))) = decoder.next_item() {
            black_box(event.to_raw_event());
            events += 1;
        }
    }
    events
}
