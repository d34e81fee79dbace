use std::cell::Cell;

use bytes::Bytes;

use super::error::{PublishError, PublishErrorKind};
use crate::{
    codec::{EncodeEvent, Encoder},
    hub::log::Block,
};

thread_local! {
    /// The encoder for all hubs on which a thread publishes. An encoder for each hub would be a buffer for each topic.
    static ENCODER: Cell<Option<Encoder>> = const { Cell::new(None) };
}

/// Encodes an event without its id, and calls `f` with the block.
pub(super) fn with_block<E: EncodeEvent, T>(event: &E, f: impl FnOnce(&[u8]) -> T) -> Result<T, PublishError> {
    // The event's own code and the tasks that `f` wakes may publish as well; they find no encoder here. Neither does a
    // thread that is ending.
    let mut encoder = ENCODER.try_with(Cell::take).ok().flatten().unwrap_or_default();
    let result = match encoder.encode_without_id(event) {
        Err(error) => Err(PublishErrorKind::Encode(error).into()),
        Ok(()) if encoder.is_empty() => Err(PublishErrorKind::NeverSent(event.event_type().to_owned()).into()),
        Ok(()) => Ok(f(encoder.as_bytes())),
    };
    // Cleared now, because the next event may come much later.
    encoder.clear();
    let _ = ENCODER.try_with(|kept| kept.set(Some(encoder)));
    result
}

/// Encodes an event for a log elsewhere.
pub(crate) fn encode_block<E: EncodeEvent>(event: &E) -> Result<Block, PublishError> {
    with_block(event, |block| Block::encoded(Bytes::copy_from_slice(block), event.is_terminal()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawEvent;

    #[test]
    fn a_thread_does_not_keep_the_buffer_of_a_large_event() {
        let large = RawEvent::new("large", "x".repeat(1 << 20));
        assert_eq!(with_block(&large, <[u8]>::len).unwrap(), "event: large\ndata: \n\n".len() + (1 << 20));
        let capacity = ENCODER.take().unwrap().capacity();
        assert!(capacity <= 64 << 10, "{capacity}");
    }

    #[test]
    fn the_hubs_of_a_thread_encode_into_the_same_buffer() {
        let event = RawEvent::new("large", "x".repeat(32 << 10));
        let encode = || with_block(&event, <[u8]>::as_ptr).unwrap();
        let buffer = encode();
        assert_eq!(encode(), buffer);
        // While the block of one event is in use, another event is encoded into another buffer.
        with_block(&event, |block| assert_ne!(encode(), block.as_ptr())).unwrap();
    }
}
