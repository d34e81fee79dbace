//! The decoder agrees with the naive one on any bytes, split anywhere, with any limit.
//!
//! The first byte of the input selects the limit, the second the chunk boundaries, and the rest is the stream. So a seed is a
//! text file with two leading characters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_typed::codec::{Decoder, Item};

use self::naive::{NaiveItem, NaiveStream};

#[path = "../../sse-typed/src/codec/decoder/naive.rs"]
mod naive;

fuzz_target!(|input: &[u8]| {
    let [limit, cuts, stream @ ..] = input else { return };
    // Small inputs reach small limits. The other values are above the size of any input.
    let limit = if *limit < 128 { usize::from(*limit) } else { 16 << 20 };
    let expected = naive::decode(stream, limit);
    for cuts in [Cuts::None, Cuts::EveryByte, Cuts::Seeded(*cuts)] {
        for drained in [true, false] {
            assert_eq!(decode(stream, limit, cuts, drained), expected, "{cuts:?}, drained: {drained}");
        }
    }
});

#[derive(Clone, Copy, Debug)]
enum Cuts {
    None,
    EveryByte,
    Seeded(u8),
}

impl Cuts {
    fn chunks(self, stream: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::None => vec![stream],
            Self::EveryByte => stream.chunks(1).collect(),
            Self::Seeded(seed) => {
                // A linear congruential generator is random enough here. Chunks may be empty.
                let mut state = u32::from(seed);
                let (mut chunks, mut rest) = (Vec::new(), stream);
                while !rest.is_empty() {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let length = (state >> 24) as usize % 16;
                    let (chunk, behind) = rest.split_at(length.min(rest.len()));
                    chunks.push(chunk);
                    rest = behind;
                }
                chunks
            }
        }
    }
}

/// Decodes chunk by chunk. The items are the same if the next chunk is fed before all items are taken.
fn decode(stream: &[u8], limit: usize, cuts: Cuts, drained: bool) -> NaiveStream {
    let mut decoder = Decoder::new().max_event_size(limit).comments(true).updates(true);
    let mut items = Vec::new();
    for chunk in cuts.chunks(stream) {
        decoder.feed(chunk.to_vec());
        if drained {
            while take(&mut decoder, &mut items) {}
        } else {
            take(&mut decoder, &mut items);
        }
    }
    while take(&mut decoder, &mut items) {}
    let last_event_id = decoder.last_event_id().to_owned();
    let reconnection_time = decoder.reconnection_time();

    // After `restart` the decoder gives the same items, whatever was unfinished.
    decoder.restart();
    assert!(decoder.next_item().is_none(), "an item outlived the connection");
    assert_eq!(decoder.last_event_id(), last_event_id);
    assert_eq!(decoder.reconnection_time(), reconnection_time);
    let mut again = Vec::new();
    decoder.feed(stream.to_vec());
    while take(&mut decoder, &mut again) {}
    assert_eq!(again, items, "after a restart");

    NaiveStream { items, last_event_id, reconnection_time }
}

fn take(decoder: &mut Decoder, items: &mut Vec<NaiveItem>) -> bool {
    let item = match decoder.next_item() {
        None => return false,
        Some(Err(_)) => NaiveItem::TooLarge,
        Some(Ok(Item::Comment(text))) => NaiveItem::Comment(text.to_owned()),
        Some(Ok(Item::Update { id, retry })) => NaiveItem::Update { id: id.map(str::to_owned), retry },
        Some(Ok(Item::Event(event))) => {
            assert_eq!(event.to_raw_event().as_raw_ref(), event, "a copy");
            NaiveItem::Event {
                event_type: event.event_type().to_owned(),
                data: event.data().to_owned(),
                id: event.id().map(str::to_owned),
                retry: event.retry(),
            }
        }
        Some(Ok(item)) => panic!("an item that this target does not know: {item:?}"),
    };
    items.push(item);
    true
}
