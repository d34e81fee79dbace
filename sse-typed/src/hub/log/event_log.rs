use std::{any::Any, error::Error, future::Future};

use super::{
    block::Block,
    end::{AppendError, End},
    page::Page,
    wakes::Wakes,
};
use crate::event::EventId;

/// A log that stores the history of a hub and gives events their ids. Many processes may share it.
///
/// A hub appends to it and follows it: the events that the hub reads go to its subscriptions, whichever process has
/// published them. So the order of events is the log's. A hub has a [`MemoryLog`](crate::hub::MemoryLog) unless it is
/// built on another log.
///
/// # What a log promises
///
/// - Appended events have one order, which is the same for all readers.
/// - An id names a position: the one right after its event. There is also a position before the first event; an empty
///   log returns it as its [`head`](Self::head). A position does not change when events are appended or trimmed.
/// - Ids do not end in `!`: hubs mark the ids of terminal events with it.
/// - A read from a position is contiguous, with no event missing after the position, or it reports a gap. It is a gap
///   when events after the position were trimmed, and when the log does not know the position. The position may come
///   from a client and can be any text.
/// - The log itself is closed, not the hub. Closing stores the last event and the end in one step, the first close
///   wins, and nothing is appended after it. The [page](Page::closed) reports the end to all readers for as long as the
///   log exists.
///
/// The feature `testing` has a test suite for implementations: `sse_typed::testing::event_log`.
///
/// # Cancel safety
///
/// Reading and waiting change nothing. When the future of an append or a close is dropped, the call has either happened
/// or not.
///
/// # Failure
///
/// An append or a close that fails is the publisher's error. All other calls are retried with back-off until they
/// succeed. A panic is treated like an error, and so is a call that does not answer within 30 seconds. Only
/// [`wait_after`](Self::wait_after) may take longer.
pub trait EventLog: Send + Sync + 'static {
    /// The error of the log.
    type Error: Error + Send + Sync + 'static;

    /// Appends an event after all others, and returns its id.
    ///
    /// # Errors
    ///
    /// [`AppendError`] says whether the event was stored.
    fn append(&self, block: &Block) -> impl Future<Output = Result<EventId, AppendError<Self::Error>>> + Send;

    /// Appends the last event, if there is one, and closes the log for all publishers. Returns the position after all
    /// events, which is the id of the last event if there is one.
    ///
    /// The last event and the end are one record: a crash leaves both or neither. The first of two closes wins.
    ///
    /// # Errors
    ///
    /// [`AppendError`] says whether the log was closed. [`Closed`](AppendError::Closed) holds the end that the log
    /// already has.
    fn close(
        &self,
        last: Option<&Block>,
        end: End,
    ) -> impl Future<Output = Result<EventId, AppendError<Self::Error>>> + Send;

    /// Reads the next events after the position that `after` names, at most `limit`. It may return fewer, to bound the
    /// bytes of a page. A page without events means that there is nothing after the position yet.
    fn read_after(&self, after: &str, limit: usize) -> impl Future<Output = Result<Page, Self::Error>> + Send;

    /// Waits until there may be an event after this position, or the log may be closed. It never misses either. It may
    /// return too early; a log that does so repeatedly is asked less often, so its events arrive later.
    fn wait_after(&self, after: &EventId) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The position after all events.
    fn head(&self) -> impl Future<Output = Result<EventId, Self::Error>> + Send;

    /// The position before the newest `n` events, as far as they are retained.
    fn before_last(&self, n: u64) -> impl Future<Output = Result<EventId, Self::Error>> + Send;

    /// The wake-ups of the [store](crate::hub::EventStore) that this log belongs to, and the key of the log in them.
    ///
    /// One task for each store follows the hubs of its logs. A log without wake-ups is followed by a task for each hub.
    fn wakes(&self) -> Option<(&Wakes, &str)> {
        None
    }

    /// The [`MemoryLog`](crate::hub::MemoryLog), if this log is one: a hub reads its history directly.
    #[doc(hidden)]
    fn as_memory_log(&self) -> Option<&dyn Any> {
        None
    }
}
