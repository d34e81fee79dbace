use std::{
    fmt,
    hash::{Hash, Hasher},
    time::Duration,
};

use bytestring::ByteString;

use super::{Event, EventId, IntoEventId, MESSAGE};

/// An untyped event, borrowed from the decoder: names and data lie where they were received.
#[derive(Clone, Copy)]
pub struct RawEventRef<'a> {
    event_type: &'a str,
    data: &'a str,
    id: Option<&'a str>,
    retry: Option<Duration>,
    /// Of the blocks before this one, unless the decoder knows that of this one.
    last_event_id: &'a str,
    /// Where the values may lie, all of them or some.
    chunk: Option<&'a ByteString>,
}

impl<'a> RawEventRef<'a> {
    /// An event as a decoder would lend it. An empty event type is `message`.
    #[must_use]
    #[inline]
    pub const fn new(event_type: &'a str, data: &'a str) -> Self {
        let event_type = if event_type.is_empty() { MESSAGE } else { event_type };
        Self { event_type, data, id: None, retry: None, last_event_id: "", chunk: None }
    }

    /// With the text that its values are pieces of.
    #[inline]
    pub(crate) const fn in_chunk(mut self, chunk: &'a ByteString) -> Self {
        self.chunk = Some(chunk);
        self
    }

    /// With the `id:` of its block, which may be empty.
    #[must_use]
    #[inline]
    pub const fn with_id(mut self, id: Option<&'a str>) -> Self {
        self.id = id;
        self
    }

    /// With the last event ID of the blocks before it. It counts if the event's own block has no `id:`.
    #[must_use]
    #[inline]
    pub const fn with_last_event_id(mut self, id: &'a str) -> Self {
        self.last_event_id = id;
        self
    }

    /// With the `retry:` of its block.
    #[must_use]
    #[inline]
    pub const fn with_retry(mut self, retry: Option<Duration>) -> Self {
        self.retry = retry;
        self
    }

    /// The event type; `message` when the block names none.
    #[must_use]
    #[inline]
    pub const fn event_type(&self) -> &'a str {
        self.event_type
    }

    /// The data; its lines are separated by LF.
    #[must_use]
    #[inline]
    pub const fn data(&self) -> &'a str {
        self.data
    }

    /// The id that the event's own block carried. `Some("")` made the client forget its last event ID.
    #[must_use]
    #[inline]
    pub const fn id(&self) -> Option<&'a str> {
        self.id
    }

    /// The last event ID as of this event: the [`id`](Self::id) of its own block, or else that of the last block before it
    /// that had one. Empty when there is none.
    ///
    /// It is what a client that reconnects behind this event sends as `Last-Event-ID`. It belongs to the stream and not to
    /// the event: events are compared without it, and [`to_raw_event`](Self::to_raw_event) leaves it behind.
    #[must_use]
    #[inline]
    pub const fn last_event_id(&self) -> &'a str {
        match self.id {
            Some(id) => id,
            None => self.last_event_id,
        }
    }

    /// The reconnection time that the event's own block carried.
    #[must_use]
    #[inline]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// What it was decoded into, with what travels beside it.
    pub(crate) fn envelope<E>(&self, data: E) -> Event<E> {
        let id = self.id.filter(|id| !id.is_empty()).map(EventId::from_wire);
        Event { data, id, retry: self.retry }
    }

    /// The event as one that is owned. If it lies in one chunk of what was received, it shares that; else it is copied into
    /// one allocation.
    #[must_use]
    pub fn to_raw_event(&self) -> RawEvent {
        // A count of references takes half as long as an allocation that is filled. One for each value would take longer.
        let Some((chunk, event_type, data, id)) = self.places() else { return self.copied() };
        RawEvent { event_type, data, id, retry: self.retry, text: chunk.clone() }
    }

    /// Where event type, data and id lie in the chunk, if all do.
    #[inline]
    fn places(&self) -> Option<(&'a ByteString, Span, Span, Option<Span>)> {
        let chunk = self.chunk?;
        let event_type = match Span::within(chunk, self.event_type) {
            None if self.event_type == MESSAGE => Span { start: 0, end: 0 },
            place => place?,
        };
        let id = match self.id {
            None => None,
            Some(id) => Some(Span::within(chunk, id)?),
        };
        Some((chunk, event_type, Span::within(chunk, self.data)?, id))
    }

    fn copied(&self) -> RawEvent {
        let mut text = String::with_capacity(self.event_type.len() + self.data.len() + self.id.map_or(0, str::len));
        let mut push = |value: &str| {
            let start = text.len();
            text.push_str(value);
            Span { start, end: text.len() }
        };
        let (event_type, data, id) = (push(self.event_type), push(self.data), self.id.map(push));
        RawEvent { text: text.into(), event_type, data, id, retry: self.retry }
    }
}

impl fmt::Debug for RawEventRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawEventRef")
            .field("event_type", &self.event_type)
            .field("data", &self.data)
            .field("id", &self.id)
            .field("retry", &self.retry)
            .finish()
    }
}

impl PartialEq for RawEventRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.event_type, self.data, self.id, self.retry) == (other.event_type, other.data, other.id, other.retry)
    }
}

impl Eq for RawEventRef<'_> {}

impl Hash for RawEventRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.event_type, self.data, self.id, self.retry).hash(state);
    }
}

/// A piece of a text.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Where `value` lies in `text`, if it does.
    fn within(text: &str, value: &str) -> Option<Self> {
        let start = value.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
        let end = start + value.len();
        (end <= text.len()).then_some(Self { start, end })
    }

    fn of(self, text: &str) -> &str {
        &text[self.start..self.end]
    }
}

/// An untyped event: an event type, data, and the id and reconnection time of its block.
///
/// It is cheap to clone. It can be sent (what came from a wire goes out with the same meaning) and received:
/// `connect::<RawEvent>()` is the untyped client.
///
/// An event that was received shares the chunk of bytes that it lay in with the other events of that chunk, and keeps it
/// alive. Who keeps few events of many for long keeps them [`detached`](Self::detached).
#[derive(Clone)]
pub struct RawEvent {
    /// What holds the values: they alone, or the chunk that they came in.
    text: ByteString,
    /// Empty for `message`, if that is not in the text.
    event_type: Span,
    data: Span,
    id: Option<Span>,
    retry: Option<Duration>,
}

impl RawEvent {
    /// An event without id and reconnection time. An empty event type is `message`.
    #[must_use]
    pub fn new(event_type: impl AsRef<str>, data: impl AsRef<str>) -> Self {
        RawEventRef::new(event_type.as_ref(), data.as_ref()).to_raw_event()
    }

    /// With an id.
    #[must_use]
    pub fn with_id(self, id: impl IntoEventId) -> Self {
        self.as_raw_ref().with_id(Some(id.into().as_str())).to_raw_event()
    }

    /// With a reconnection time.
    #[must_use]
    pub const fn with_retry(mut self, retry: Duration) -> Self {
        self.retry = Some(retry);
        self
    }

    /// The event type; `message` when the block names none.
    #[must_use]
    pub fn event_type(&self) -> &str {
        match self.event_type.of(&self.text) {
            "" => MESSAGE,
            event_type => event_type,
        }
    }

    /// The data; its lines are separated by LF.
    #[must_use]
    pub fn data(&self) -> &str {
        self.data.of(&self.text)
    }

    /// The id that the event's own block carried. `Some("")` made the client forget its last event ID.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.map(|span| span.of(&self.text))
    }

    /// The reconnection time that the event's own block carried.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The event in an allocation of its own, which keeps nothing else alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        self.as_raw_ref().copied()
    }

    /// Lends the event.
    #[must_use]
    pub fn as_raw_ref(&self) -> RawEventRef<'_> {
        let event = RawEventRef::new(self.event_type(), self.data());
        event.with_id(self.id()).with_retry(self.retry).in_chunk(&self.text)
    }
}

impl PartialEq for RawEvent {
    fn eq(&self, other: &Self) -> bool {
        self.as_raw_ref() == other.as_raw_ref()
    }
}

impl Eq for RawEvent {}

impl Hash for RawEvent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_raw_ref().hash(state);
    }
}

impl From<RawEventRef<'_>> for RawEvent {
    fn from(event: RawEventRef<'_>) -> Self {
        event.to_raw_event()
    }
}

impl fmt::Debug for RawEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawEvent")
            .field("event_type", &self.event_type())
            .field("data", &self.data())
            .field("id", &self.id())
            .field("retry", &self.retry)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventId;

    const CHUNK: &str = "data: before\n\nid: 7\nevent: tick\ndata: now\n\ndata: behind\n\n";

    /// An event whose values are these pieces of `chunk`.
    fn lent<'a>(chunk: &'a ByteString, event_type: Option<&str>, data: &str, id: Option<&str>) -> RawEventRef<'a> {
        let piece = |value: &str| {
            let start = chunk.find(value).expect("a piece of the chunk");
            &chunk[start..start + value.len()]
        };
        RawEventRef::new(event_type.map_or("", piece), piece(data)).with_id(id.map(piece)).in_chunk(chunk)
    }

    #[test]
    fn an_event_shares_its_chunk_until_it_is_detached() {
        let chunk = ByteString::from(CHUNK);
        for event_type in [Some("tick"), None] {
            for id in [Some("7"), None] {
                let event = lent(&chunk, event_type, "now", id);
                let shared = event.to_raw_event();
                assert_eq!(shared.as_raw_ref(), event);
                assert_eq!(shared.text.as_ptr(), chunk.as_ptr());
                assert_eq!(shared.as_raw_ref().to_raw_event().text.as_ptr(), chunk.as_ptr());
                let own = shared.detached();
                assert_eq!(own, shared);
                assert_eq!(own.text, [event.event_type(), "now", id.unwrap_or_default()].concat());
            }
        }
    }

    #[test]
    fn values_from_elsewhere_are_copied() {
        let chunk = ByteString::from(CHUNK);
        let elsewhere = "7".to_owned();
        let event = lent(&chunk, Some("tick"), "now", None).with_id(Some(&elsewhere));
        assert_eq!(event.to_raw_event().as_raw_ref(), event);
        assert_eq!(event.to_raw_event().text, "ticknow7");
    }

    #[test]
    fn an_event_that_was_never_received_is_what_was_said() {
        let typed = RawEvent::new("tick", "").with_id(EventId::from(7_u64));
        assert_eq!((typed.event_type(), typed.data(), typed.id()), ("tick", "", Some("7")));
        let untyped = RawEvent::new("", "now").with_retry(Duration::from_secs(1));
        assert_eq!((untyped.event_type(), untyped.data(), untyped.id()), (MESSAGE, "now", None));
        assert_eq!(untyped, RawEvent::new(MESSAGE, "now").with_retry(Duration::from_secs(1)));
    }
}
