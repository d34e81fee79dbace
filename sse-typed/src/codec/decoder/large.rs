//! Large events that span several chunks, which owned events share instead of copying them.

use bytestring::ByteString;

use super::{
    Decoder,
    line_ends::LineEnds,
    text::{MAX_IDLE_CAPACITY, Span},
};

/// A larger event is shared, in bytes. Its buffer would otherwise be freed after it.
pub(super) const LARGE_EVENT: usize = MAX_IDLE_CAPACITY;

/// The state of the chunk while the text of a large event replaces it.
pub(super) struct ReplacedChunk {
    chunk: ByteString,
    position: usize,
    line_ends: LineEnds,
}

impl ReplacedChunk {
    pub(super) fn unread(&self) -> usize {
        self.chunk.len() - self.position
    }
}

impl Decoder {
    /// Moves the values of an event that spans several chunks into one shared text, which replaces the chunk until the next item
    /// is read. So an owned event shares the text, as it shares a chunk, and a large event is in memory once.
    #[cold]
    #[inline(never)]
    pub(super) fn share_large_event(&mut self) {
        if !self.block.data.is_in_buffer() {
            return;
        }
        self.copy_from_chunk();
        let block = &mut self.block;
        let mut text = block.data.take_buffer();
        block.data.set(Span { start: 0, end: text.len() });
        text.reserve_exact(block.event_type.get("").len() + block.id.get("").len());
        block.event_type.move_into(&mut text);
        block.id.move_into(&mut text);
        text.shrink_to_fit();
        let text = ByteString::from(text);
        let replaced = ReplacedChunk {
            position: std::mem::replace(&mut self.position, text.len()),
            line_ends: std::mem::replace(&mut self.line_ends, LineEnds::none_in(text.len())),
            chunk: std::mem::replace(&mut self.chunk, text),
        };
        self.replaced_chunk = Some(Box::new(replaced));
    }

    /// Continues with the chunk that a large event has replaced.
    #[cold]
    pub(super) fn restore_chunk(&mut self) {
        if let Some(replaced) = self.replaced_chunk.take() {
            ReplacedChunk { chunk: self.chunk, position: self.position, line_ends: self.line_ends } = *replaced;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::codec::{
        Item,
        decoder::{naive, tests::decode},
    };

    const LARGE: usize = MAX_IDLE_CAPACITY + 4_000;

    #[test]
    fn an_owned_copy_of_a_large_event_in_several_chunks_shares_its_text() {
        let input = format!("id: 7\nevent: report\ndata: {}\n\ndata: next\n\n", "x".repeat(LARGE));
        let mut decoder = Decoder::new();
        let (first, second) = input.split_at(1_000);
        decoder.feed(Bytes::copy_from_slice(first.as_bytes()));
        assert!(decoder.next_item().is_none());
        decoder.feed(Bytes::copy_from_slice(second.as_bytes()));
        let owned = {
            let Some(Ok(Item::Event(event))) = decoder.next_item() else { panic!("no event") };
            let owned = event.to_raw_event();
            assert_eq!(owned.data().as_ptr(), event.data().as_ptr());
            owned
        };
        assert!(format!("{decoder:?}").contains("unread: 12,"), "{decoder:?}");
        let Some(Ok(Item::Event(next))) = decoder.next_item() else { panic!("no second event") };
        assert_eq!((next.data(), next.last_event_id()), ("next", "7"));
        assert_eq!((owned.event_type(), owned.id(), owned.data().len()), ("report", Some("7"), LARGE));
    }

    #[test]
    fn a_connection_that_ends_with_a_large_event_leaves_only_its_id() {
        let mut decoder = Decoder::new();
        decoder.feed("id: 7\ndata: ");
        assert!(decoder.next_item().is_none());
        decoder.feed(format!("{}\n\ndata: lost\n\n", "x".repeat(LARGE)));
        assert!(decoder.next_item().is_some());
        decoder.restart();
        decoder.feed("data: a\n\n");
        let Some(Ok(Item::Event(event))) = decoder.next_item() else { panic!("no event") };
        assert_eq!((event.data(), event.last_event_id()), ("a", "7"));
    }

    #[test]
    fn streams_with_large_events_decode_as_the_naive_decoder_does() {
        let large = "é".repeat(LARGE / 2);
        let blocks = [
            format!("data: {large}\n\n"),
            format!("id: 1\r\nevent: big\r\ndata: {large}\r\ndata: {large}\r\n\r\n"),
            format!("event: {large}\ndata: a\n\n"),
            format!("id: {large}\nretry: 5\ndata: a\ndata: b\n\n"),
            "data: small\n\n: comment\n\nid: 2\n\n".to_owned(),
            format!("data: {large}\r\ndata\r\r"),
        ];
        let input = [blocks.concat(), blocks.concat()].concat();
        let expected = naive::decode(input.as_bytes(), usize::MAX);
        for chunk in [31, 1_000, 16 << 10, 70_001, input.len()] {
            let mut decoder = Decoder::new().comments(true).updates(true).max_event_size(usize::MAX);
            let found = decode(&mut decoder, input.as_bytes(), (chunk..input.len()).step_by(chunk));
            assert!(found == expected, "chunks of {chunk} bytes");
        }
    }
}
