use std::{fmt, time::Duration};

use bytestring::ByteString;

use super::{EventId, MESSAGE};

/// An untyped event, borrowed from the decoder: names and data lie where they were received.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawEventRef<'a> {
    event_type: &'a str,
    data: &'a str,
    id: Option<&'a str>,
    retry: Option<Duration>,
}

impl<'a> RawEventRef<'a> {
    /// An event as a decoder would lend it. An empty event type is `message`.
    #[must_use]
    #[inline]
    pub const fn new(event_type: &'a str, data: &'a str) -> Self {
        let event_type = if event_type.is_empty() { MESSAGE } else { event_type };
        Self { event_type, data, id: None, retry: None }
    }

    /// With the `id:` of its block, which may be empty.
    #[must_use]
    #[inline]
    pub const fn with_id(mut self, id: Option<&'a str>) -> Self {
        self.id = id;
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

    /// The reconnection time that the event's own block carried.
    #[must_use]
    #[inline]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Copies the event into one allocation of its own.
    #[must_use]
    pub fn to_raw_event(&self) -> RawEvent {
        RawEvent::from_parts(self.event_type, self.data, self.id, self.retry)
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

/// An untyped event: an event type, data, and the id and reconnection time of its block.
///
/// It is one allocation, and cheap to clone. It can be sent (what came from a wire goes out with the same meaning) and
/// received: `connect::<RawEvent>()` is the untyped client.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawEvent {
    /// Event type, data and id, one behind the other.
    text: ByteString,
    type_end: usize,
    data_end: usize,
    has_id: bool,
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
    pub fn with_id(self, id: impl Into<EventId>) -> Self {
        Self::from_parts(self.event_type(), self.data(), Some(id.into().as_str()), self.retry)
    }

    /// With a reconnection time.
    #[must_use]
    pub const fn with_retry(mut self, retry: Duration) -> Self {
        self.retry = Some(retry);
        self
    }

    fn from_parts(event_type: &str, data: &str, id: Option<&str>, retry: Option<Duration>) -> Self {
        let mut text = String::with_capacity(event_type.len() + data.len() + id.map_or(0, str::len));
        text.push_str(event_type);
        let type_end = text.len();
        text.push_str(data);
        let data_end = text.len();
        text.push_str(id.unwrap_or_default());
        Self { text: text.into(), type_end, data_end, has_id: id.is_some(), retry }
    }

    /// The event type; `message` when the block names none.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.text[..self.type_end]
    }

    /// The data; its lines are separated by LF.
    #[must_use]
    pub fn data(&self) -> &str {
        &self.text[self.type_end..self.data_end]
    }

    /// The id that the event's own block carried. `Some("")` made the client forget its last event ID.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.has_id.then(|| &self.text[self.data_end..])
    }

    /// The reconnection time that the event's own block carried.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Lends the event.
    #[must_use]
    pub fn as_raw_ref(&self) -> RawEventRef<'_> {
        RawEventRef { event_type: self.event_type(), data: self.data(), id: self.id(), retry: self.retry }
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
