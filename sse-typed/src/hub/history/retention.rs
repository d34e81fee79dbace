use std::time::Duration;

/// How much history a log retains. All limits apply at the same time.
///
/// The newest event is retained whatever its size, so that every subscriber can receive it; only age trims it. Events
/// that are too old are trimmed when the log is next used: there is no timer.
///
/// ```
/// use std::time::Duration;
/// use sse_typed::hub::Retention;
///
/// let retention = Retention::events(10_000).bytes(64 << 20).age(Duration::from_secs(3600));
/// assert_ne!(retention, Retention::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) age: Option<Duration>,
}

impl Retention {
    /// At most this many events (at least one), and at most 16 MiB.
    #[must_use]
    pub const fn events(events: usize) -> Self {
        Self { events: if events == 0 { 1 } else { events }, bytes: 16 << 20, age: None }
    }

    /// At most this many bytes of events, as they are on the wire.
    ///
    /// The hub's own memory does not count: about 20 bytes for each event where events come in bursts, and about 140
    /// bytes where each event is read before the next one is published. Decoded values do not count either. They exist
    /// for events that [`only`](crate::Subscription::only) or [`events`](crate::Subscription::events) has read, are
    /// retained together with their events, and take 200 to 500 bytes each plus the heap memory of the type itself.
    #[must_use]
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// No event older than this.
    #[must_use]
    pub const fn age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    #[cfg(any(feature = "file", feature = "redis"))]
    pub(crate) const fn max_events(self) -> usize {
        self.events
    }

    #[cfg(any(feature = "file", feature = "redis"))]
    pub(crate) const fn max_bytes(self) -> usize {
        self.bytes
    }

    #[cfg(any(feature = "file", feature = "redis"))]
    pub(crate) const fn max_age(self) -> Option<Duration> {
        self.age
    }
}

/// 1,024 events and at most 16 MiB, of any age.
impl Default for Retention {
    fn default() -> Self {
        Self::events(1024)
    }
}
