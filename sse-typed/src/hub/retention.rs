use std::time::Duration;

/// How much history a log keeps: as much as all of its limits allow.
///
/// The newest event is kept whatever it weighs, so that those who listen can have it; only age makes it go. What is too
/// old goes when the log is next used: no timer runs.
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

    /// At most this many bytes, as the events stand on the wire.
    ///
    /// What the hub itself needs is not counted: some 20 bytes an event where events come in bursts, and some 140 where
    /// each is taken before the next one comes. Nor are the values of events that somebody has asked for, by
    /// [`only`](super::Subscription::only) or [`events`](super::Subscription::events): they are kept as long as their events,
    /// and need 200 to 500 bytes each besides what the type itself has on the heap.
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
}

/// 1,024 events, and at most 16 MiB, of any age.
impl Default for Retention {
    fn default() -> Self {
        Self::events(1024)
    }
}
