use std::cell::Cell;

use bytes::Bytes;

use super::{Block, PublishError, error::Kind};
use crate::codec::{EncodeEvent, Encoder};

thread_local! {
    /// The encoder of all hubs that a thread publishes on. An encoder for each hub would be a buffer for each topic.
    static ENCODER: Cell<Option<Encoder>> = const { Cell::new(None) };
}

/// Encodes an event without its id, and lends the block.
pub(super) fn with_block<E: EncodeEvent, T>(event: &E, lend: impl FnOnce(&[u8]) -> T) -> Result<T, PublishError> {
    // The event's code, and tasks that are woken, may publish as well, and find no encoder here. A thread that ends has none.
    let mut encoder = ENCODER.try_with(Cell::take).ok().flatten().unwrap_or_default();
    let lent = match encoder.encode_without_id(event) {
        Err(error) => Err(Kind::Encode(error).into()),
        Ok(()) if encoder.is_empty() => Err(Kind::NeverSent(event.event_type().to_owned()).into()),
        Ok(()) => Ok(lend(encoder.as_bytes())),
    };
    // At once, because the next event may be long in coming.
    encoder.clear();
    let _ = ENCODER.try_with(|kept| kept.set(Some(encoder)));
    lent
}

/// Encodes an event for a log that is elsewhere.
pub(super) fn block<E: EncodeEvent>(event: &E) -> Result<Block, PublishError> {
    with_block(event, |block| Block::encoded(Bytes::copy_from_slice(block), event.is_terminal()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawEvent;

    #[test]
    fn a_thread_does_not_keep_the_room_of_a_large_event() {
        let large = RawEvent::new("large", "x".repeat(1 << 20));
        assert_eq!(with_block(&large, <[u8]>::len).unwrap(), "event: large\ndata: \n\n".len() + (1 << 20));
        let room = ENCODER.take().unwrap().room();
        assert!(room <= 64 << 10, "{room}");
    }

    #[test]
    fn the_hubs_of_a_thread_encode_in_the_same_room() {
        let event = RawEvent::new("large", "x".repeat(32 << 10));
        let encode = || with_block(&event, <[u8]>::as_ptr).unwrap();
        let room = encode();
        assert_eq!(encode(), room);
        // While one event's block is lent, another is encoded apart from it.
        with_block(&event, |block| assert_ne!(encode(), block.as_ptr())).unwrap();
    }
}
