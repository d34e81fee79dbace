//! The end of a stream, which may leave an event unfinished.

use std::fmt;

use bytes::Bytes;

use super::{
    Decoder,
    line::{Field, classify},
    step::{Line, Stop},
    text::Span,
};
use crate::event::MESSAGE;

/// An event that a stream has begun and not ended with an empty line. [The standard][standard] discards it.
///
/// [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnfinishedEvent {
    event_type: String,
    bytes: usize,
}

impl UnfinishedEvent {
    /// The event type, as far as it was received; `message` when the block names none.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// How much of the event was received, in bytes, counted as for [`Decoder::max_event_size`].
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// How many characters of an event type are shown.
const SHOWN: usize = 100;

impl fmt::Display for UnfinishedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            self.event_type.char_indices().nth(SHOWN).map_or(&*self.event_type, |(end, _)| &self.event_type[..end]);
        write!(f, "event `{}` of {} bytes", shown.escape_debug(), self.bytes)
    }
}

impl Decoder {
    /// Ends the stream leniently: an event that lacks its empty line, or the end of its last line, is an item of
    /// [`next_item`](Self::next_item).
    ///
    /// The standard discards such an event, and so does a decoder that is not told of the end. Some servers leave out the
    /// last empty line, as in `data: [DONE]`, and some send an event type without data, as in `event: complete`; that
    /// one is an event with empty data here. Call this only at an end that the transport has confirmed: behind a broken
    /// connection, the event may be half of one.
    ///
    /// An `id` or `retry` line without its line end is ignored, because half an id is another id. A block that has neither
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

    /// The event that is begun and not ended, once [`next_item`](Self::next_item) has given `None`. At the end of a stream
    /// it is what the end has cut off. An event that was [too large](super::EventTooLarge) is none.
    #[must_use]
    pub fn unfinished(&self) -> Option<UnfinishedEvent> {
        if self.dispatched || self.discarding {
            return None;
        }
        let block = &self.block;
        let mut event_type = block.event_type.get(&self.chunk);
        let (field, value) = match self.line {
            Line::Field(field) => (field, &*self.line_text),
            Line::Name => {
                let (field, start) = classify(self.line_text.as_bytes());
                (field, &self.line_text[start..])
            }
            Line::Start | Line::Retry(_) | Line::Unknown | Line::Ignored => (Field::Unknown, ""),
        };
        if field == Field::Event {
            event_type = value;
        }
        if block.data.is_absent() && block.event_type.is_absent() && !matches!(field, Field::Data | Field::Event) {
            return None;
        }
        // What was read of a longer line is counted already.
        let is_counted = self.line != Line::Name || !matches!(field, Field::Data | Field::Event | Field::Id);
        let bytes = block.size + if is_counted { 0 } else { value.len() };
        let event_type = if event_type.is_empty() { MESSAGE } else { event_type };
        Some(UnfinishedEvent { event_type: event_type.to_owned(), bytes })
    }

    /// All chunks are used up, and no other will come.
    #[cold]
    pub(super) fn end_of_stream(&mut self) -> Option<Stop> {
        if self.utf8.take_unfinished() {
            self.begin_chunk(Bytes::from_static("\u{FFFD}".as_bytes()));
            return None;
        }
        let field = match self.line {
            Line::Name => classify(self.line_text.as_bytes()).0,
            Line::Field(field) => field,
            Line::Start | Line::Retry(_) | Line::Unknown | Line::Ignored => Field::Unknown,
        };
        if !matches!(field, Field::Data | Field::Event) {
            self.line = Line::Start;
        }
        if self.line != Line::Start
            && let Some(stop) = self.end_of_line(Span { start: 0, end: 0 })
        {
            // It is too large by this line: the next call comes back here.
            return Some(stop);
        }
        self.finishing = false;
        let block = &mut self.block;
        if block.data.is_absent() {
            if block.event_type.get(&self.chunk).is_empty() {
                // Its data may be what the end has cut off, so its id is not that of a received event.
                self.discarding = false;
                block.clear();
                return Some(Stop::Exhausted);
            }
            block.data.copy("");
        }
        Some(self.end_of_block().unwrap_or(Stop::Exhausted))
    }
}
