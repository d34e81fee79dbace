use std::{
    fmt,
    hash::{Hash, Hasher},
    time::Duration,
};

use bytestring::ByteString;

use super::{Event, EventId, IntoEventId, MESSAGE};

/// An untyped event that borrows its values, usually from the chunk in which the decoder received them.
#[derive(Clone, Copy)]
pub struct RawEventRef<'a> {
    event_type: &'a str,
    data: &'a str,
    id: Option<&'a str>,
    retry: Option<Duration>,
    /// The last event ID of the blocks before this one. It applies if this block has no id.
    last_event_id: &'a str,
    /// The chunk that contains the values, or some of them.
    chunk: Option<&'a ByteString>,
}

impl<'a> RawEventRef<'a> {
    /// An event without id and reconnection time. An empty event type means `message`.
    #[must_use]
    #[inline]
    pub const fn new(event_type: &'a str, data: &'a str) -> Self {
        let event_type = if event_type.is_empty() { MESSAGE } else { event_type };
        Self { event_type, data, id: None, retry: None, last_event_id: "", chunk: None }
    }

    /// Sets the chunk that contains the values.
    #[inline]
    pub(crate) const fn in_chunk(mut self, chunk: &'a ByteString) -> Self {
        self.chunk = Some(chunk);
        self
    }

    /// Sets the value of the block's `id:` line, which may be empty.
    #[must_use]
    #[inline]
    pub const fn with_id(mut self, id: Option<&'a str>) -> Self {
        self.id = id;
        self
    }

    /// Sets the last event ID of the blocks before this one. It applies if the event's own block has no `id:` line.
    #[must_use]
    #[inline]
    pub const fn with_last_event_id(mut self, id: &'a str) -> Self {
        self.last_event_id = id;
        self
    }

    /// Sets the reconnection time of the block's `retry:` line.
    #[must_use]
    #[inline]
    pub const fn with_retry(mut self, retry: Option<Duration>) -> Self {
        self.retry = retry;
        self
    }

    /// The event type; `message` if the block has none.
    #[must_use]
    #[inline]
    pub const fn event_type(&self) -> &'a str {
        self.event_type
    }

    /// The data. Its lines are separated by LF.
    #[must_use]
    #[inline]
    pub const fn data(&self) -> &'a str {
        self.data
    }

    /// The id of the event's own block. `Some("")` clears the client's last event ID.
    #[must_use]
    #[inline]
    pub const fn id(&self) -> Option<&'a str> {
        self.id
    }

    /// The last event ID after this event: the [`id`](Self::id) of its own block, otherwise that of the last earlier block that
    /// had one. Empty if there is none.
    ///
    /// A client that reconnects after this event sends it as `Last-Event-ID`. It is a property of the stream, not of the event:
    /// comparisons of events ignore it, and [`to_raw_event`](Self::to_raw_event) does not copy it.
    #[must_use]
    #[inline]
    pub const fn last_event_id(&self) -> &'a str {
        match self.id {
            Some(id) => id,
            None => self.last_event_id,
        }
    }

    /// The reconnection time of the event's own block.
    #[must_use]
    #[inline]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Puts the decoded data into an [`Event`] with the id and reconnection time of this block.
    pub(crate) fn decoded_as<E>(&self, data: E) -> Event<E> {
        let id = self.id.filter(|id| !id.is_empty()).map(EventId::from_wire);
        Event { data, id, retry: self.retry }
    }

    /// Converts the event into an owned one. If one received chunk contains the whole event, the new event shares that chunk.
    /// If the event spans several chunks and is larger than 64 KiB, it shares the decoder's memory of that event. Otherwise the
    /// values are copied into one allocation.
    #[must_use]
    pub fn to_raw_event(&self) -> RawEvent {
        // Sharing the chunk takes half as long as allocating and copying. Sharing it once per value would take longer than that.
        let Some((chunk, event_type, data, id)) = self.spans_in_chunk() else { return self.detached() };
        RawEvent { event_type, data, id, retry: self.retry, text: chunk.clone() }
    }

    /// The spans of event type, data and id in the chunk, if it contains all of them.
    #[inline]
    fn spans_in_chunk(&self) -> Option<(&'a ByteString, Span, Span, Option<Span>)> {
        let chunk = self.chunk?;
        let event_type = match Span::find(chunk, self.event_type) {
            None if self.event_type == MESSAGE => Span { start: 0, end: 0 },
            span => span?,
        };
        let id = match self.id {
            None => None,
            Some(id) => Some(Span::find(chunk, id)?),
        };
        Some((chunk, event_type, Span::find(chunk, self.data)?, id))
    }

    /// The event in an allocation of its own.
    fn detached(&self) -> RawEvent {
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

/// A range of bytes in a text.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// The span of `value` in `text`, if it is a slice of it.
    fn find(text: &str, value: &str) -> Option<Self> {
        let start = value.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
        let end = start + value.len();
        (end <= text.len()).then_some(Self { start, end })
    }

    fn of(self, text: &str) -> &str {
        &text[self.start..self.end]
    }
}

/// An untyped event: an event type, data, id and reconnection time, as they are in its [block](crate::codec) on the
/// wire.
///
/// It is cheap to clone. It can be received: `connect::<RawEvent>()` is the untyped client. It can be sent: a received event is
/// sent with the same meaning.
///
/// A received event shares the chunk of bytes that it arrived in with the other events of that chunk, and keeps the whole chunk
/// allocated. To store a few of many events for long, store their [`detached`](Self::detached) copies.
#[derive(Clone)]
pub struct RawEvent {
    /// The values, or the chunk that contains them.
    text: ByteString,
    /// Empty for `message` if the text does not contain it.
    event_type: Span,
    data: Span,
    id: Option<Span>,
    retry: Option<Duration>,
}

impl RawEvent {
    /// An event without id and reconnection time. An empty event type means `message`.
    #[must_use]
    pub fn new(event_type: impl AsRef<str>, data: impl AsRef<str>) -> Self {
        RawEventRef::new(event_type.as_ref(), data.as_ref()).to_raw_event()
    }

    /// Sets the id.
    #[must_use]
    pub fn with_id(self, id: impl IntoEventId) -> Self {
        self.as_raw_ref().with_id(Some(id.into().as_str())).to_raw_event()
    }

    /// Sets the reconnection time.
    #[must_use]
    pub const fn with_retry(mut self, retry: Duration) -> Self {
        self.retry = Some(retry);
        self
    }

    /// The event type; `message` if the block has none.
    #[must_use]
    pub fn event_type(&self) -> &str {
        match self.event_type.of(&self.text) {
            "" => MESSAGE,
            event_type => event_type,
        }
    }

    /// The data. Its lines are separated by LF.
    #[must_use]
    pub fn data(&self) -> &str {
        self.data.of(&self.text)
    }

    /// The id of the event's own block. `Some("")` clears the client's last event ID.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.map(|span| span.of(&self.text))
    }

    /// The reconnection time of the event's own block.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// A copy of the event in its own allocation, which keeps no chunk allocated.
    #[must_use]
    pub fn detached(&self) -> Self {
        self.as_raw_ref().detached()
    }

    /// Borrows the event.
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

    const CHUNK: &str = "data: before\n\nid: 7\nevent: tick\ndata: now\n\ndata: after\n\n";

    /// An event whose values are slices of `chunk`.
    fn in_chunk<'a>(chunk: &'a ByteString, event_type: Option<&str>, data: &str, id: Option<&str>) -> RawEventRef<'a> {
        let slice = |value: &str| {
            let start = chunk.find(value).expect("a slice of the chunk");
            &chunk[start..start + value.len()]
        };
        RawEventRef::new(event_type.map_or("", slice), slice(data)).with_id(id.map(slice)).in_chunk(chunk)
    }

    #[test]
    fn an_event_shares_its_chunk_until_it_is_detached() {
        let chunk = ByteString::from(CHUNK);
        for event_type in [Some("tick"), None] {
            for id in [Some("7"), None] {
                let event = in_chunk(&chunk, event_type, "now", id);
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
    fn values_outside_the_chunk_are_copied() {
        let chunk = ByteString::from(CHUNK);
        let elsewhere = "7".to_owned();
        let event = in_chunk(&chunk, Some("tick"), "now", None).with_id(Some(&elsewhere));
        assert_eq!(event.to_raw_event().as_raw_ref(), event);
        assert_eq!(event.to_raw_event().text, "ticknow7");
    }

    #[test]
    fn a_constructed_event_has_the_given_values() {
        let typed = RawEvent::new("tick", "").with_id(EventId::from(7_u64));
        assert_eq!((typed.event_type(), typed.data(), typed.id()), ("tick", "", Some("7")));
        let untyped = RawEvent::new("", "now").with_retry(Duration::from_secs(1));
        assert_eq!((untyped.event_type(), untyped.data(), untyped.id()), (MESSAGE, "now", None));
        assert_eq!(untyped, RawEvent::new(MESSAGE, "now").with_retry(Duration::from_secs(1)));
    }
}
