//! Untyped decoding, of events that are lent and of events that are kept; in chunks of 16 KiB, and of 64 B.

use std::hint::black_box;

use counts::{
    input::{Input, WORDS, tokens},
    sse_typed_counted_work,
};
use sse_typed::codec::{Decoder, Item};

fn main() {
    let large_chunks = tokens(&WORDS, 1_000);
    let small_chunks = large_chunks.in_chunks_of(64);
    sse_typed_counted_work(|| lend(&large_chunks) + keep(&large_chunks) + lend(&small_chunks));
}

fn lend(input: &Input) -> usize {
    let (mut decoder, mut events) = (Decoder::new(), 0);
    for chunk in &input.chunks {
        decoder.feed(chunk.clone());
        while let Some(item) = decoder.next_item() {
            events += usize::from(matches!(black_box(item), Ok(Item::Event(_))));
        }
    }
    events
}

fn keep(input: &Input) -> usize {
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
