//! The end of a stream, which may leave an event unfinished.

use std::fmt;

use bytes::Bytes;

use super::{
    Decoder,
    line::{Field, classify},
    step::{LineState, Stop},
    text::Span,
};
use crate::event::MESSAGE;

/// An event without the empty line that ends it, at the end of a stream. [The standard][standard] discards it.
///
/// [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnfinishedEvent {
    event_type: String,
    bytes: usize,
}

impl UnfinishedEvent {
    /// The event type, as far as it was received; `message` if the block has none.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The size of the received part of the event, in bytes, measured as for [`Decoder::max_event_size`].
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// How many characters of an event type a message contains.
const SHOWN_CHARS: usize = 100;

impl fmt::Display for UnfinishedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .event_type
            .char_indices()
            .nth(SHOWN_CHARS)
            .map_or(&*self.event_type, |(end, _)| &self.event_type[..end]);
        write!(f, "event `{}` of {} bytes", shown.escape_debug(), self.bytes)
    }
}

impl Decoder {
    /// Ends the stream leniently: [`next_item`](Self::next_item) then also returns an event without its empty line, or without
    /// the end of its last line.
    ///
    /// The standard discards the unfinished event, and so does the decoder unless `finish` is called. Some servers omit the
    /// last empty line, as in `data: [DONE]`. Some send an event type without data, as in `event: complete`, which becomes an
    /// event with empty data. Call `finish` only if the transport has confirmed the end of the body. After a broken
    /// connection, the event may be incomplete.
    ///
    /// An `id` or `retry` line without its line end is ignored, because part of an id is a different id. A block with neither
    /// data nor an event type does not change the last event ID, because its data may be missing.
    ///
    /// ```
    /// use sse_typed::codec::{Decoder, Item};
    ///
    /// let mut decoder = Decoder::new();
    /// decoder.feed("data: [DONE]\n");
    /// assert!(decoder.next_item().is_none());
    /// assert_eq!(decoder.unfinished().unwrap().to_string(), "event `message` of 7 bytes");
    /// decoder.finish();
    /// let Some(Ok(Item::Event(event))) = decoder.next_item() else { panic!("no event") };
    /// assert_eq!(event.data(), "[DONE]");
    /// ```
    pub const fn finish(&mut self) {
        self.finishing = true;
    }

    /// The event that has begun and has no empty line yet. Call it after [`next_item`](Self::next_item) has returned `None`. At
    /// the end of a stream it is the event that the end has cut off. `None` for an event that was
    /// [too large](super::EventTooLarge).
    #[must_use]
    pub fn unfinished(&self) -> Option<UnfinishedEvent> {
        if self.dispatched || self.discarding {
            return None;
        }
        let block = &self.block;
        let mut event_type = block.event_type.get(&self.chunk);
        let (field, value) = match self.line {
            LineState::Field(field) => (field, &*self.line_text),
            LineState::Name => {
                let (field, start) = classify(self.line_text.as_bytes());
                (field, &self.line_text[start..])
            }
            LineState::Start | LineState::Retry(_) | LineState::Unknown | LineState::Ignored => (Field::Unknown, ""),
        };
        if field == Field::Event {
            event_type = value;
        }
        if block.data.is_absent() && block.event_type.is_absent() && !matches!(field, Field::Data | Field::Event) {
            return None;
        }
        // The received part of a longer line is counted already.
        let is_counted = self.line != LineState::Name || !matches!(field, Field::Data | Field::Event | Field::Id);
        let bytes = block.size + if is_counted { 0 } else { value.len() };
        let event_type = if event_type.is_empty() { MESSAGE } else { event_type };
        Some(UnfinishedEvent { event_type: event_type.to_owned(), bytes })
    }

    /// Ends the stream after `finish`, when all chunks are used up.
    #[cold]
    pub(super) fn end_of_stream(&mut self) -> Option<Stop> {
        if self.utf8.discard_unfinished() {
            self.begin_chunk(Bytes::from_static("\u{FFFD}".as_bytes()));
            return None;
        }
        let field = match self.line {
            LineState::Name => classify(self.line_text.as_bytes()).0,
            LineState::Field(field) => field,
            LineState::Start | LineState::Retry(_) | LineState::Unknown | LineState::Ignored => Field::Unknown,
        };
        if !matches!(field, Field::Data | Field::Event) {
            self.line = LineState::Start;
        }
        if self.line != LineState::Start
            && let Some(stop) = self.end_of_line(Span { start: 0, end: 0 })
        {
            // This line made the event too large. The next call continues here.
            return Some(stop);
        }
        self.finishing = false;
        let block = &mut self.block;
        if block.data.is_absent() {
            if block.event_type.get(&self.chunk).is_empty() {
                // The end may have cut off its data, so its id is not the id of a received event.
                self.discarding = false;
                block.clear();
                return Some(Stop::Exhausted);
            }
            block.data.copy("");
        }
        Some(self.end_of_block().unwrap_or(Stop::Exhausted))
    }
}
