use std::future::Future;

use super::{health::Health, options::LogOptions};
use crate::hub::log::{EventLog, Wakes};

/// Keeps the histories of many keys, and may be shared by many processes.
///
/// A store is a handle: its clones share one connection, one wake-up path and one task that follows all keys.
/// [`log`](Self::log) gives the log of one key for
/// [`HubBuilder::build_on`](crate::hub::HubBuilder::build_on).
///
/// # Keys
///
/// A key is 1 to 512 bytes of UTF-8 without NUL. Any other key is an error of each method of its log. A hub on such a key
/// fails at once: publishing returns the error of the log, and a subscription has ended from the start.
/// Two hubs on one key share its events, also in two processes. Two event types must not share a key.
///
/// # What a store promises
///
/// - The log of each key keeps what [`EventLog`] promises. The keys are independent of each other.
/// - [`open`](Self::open) does no I/O and starts no task. A key that has no events takes no room in the engine.
/// - Each log returns the store's [`Wakes`] from [`EventLog::wakes`], and the store reports every new event, every close
///   and every removal there once it can be read, whichever process appended it.
/// - After an interruption of its wake-up path the store calls [`Wakes::all_changed`].
/// - While the engine does not answer, appends fail, reads are retried, and [`health`](Self::health) says so.
///
/// The feature `testing` has a suite of tests for stores: `sse_typed::testing::event_store`.
pub trait EventStore: Clone + Send + Sync + 'static {
    /// The log of one key.
    type Log: EventLog;

    /// The log of a key, with options of its own.
    fn open(&self, key: &str, options: &LogOptions) -> Self::Log;

    /// The options of [`log`](Self::log).
    fn options(&self) -> &LogOptions;

    /// The log of a key, with the store's own options.
    fn log(&self, key: &str) -> Self::Log {
        self.open(key, self.options())
    }

    /// Removes the history of a key and its end. Afterwards the key is as if it had never been used, and ids of its old events
    /// are gaps.
    ///
    /// # Errors
    ///
    /// If the engine fails; the key may be removed in spite of it.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has removed the key or has not.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), <Self::Log as EventLog>::Error>> + Send;

    /// The wake-ups of this store.
    fn wakes(&self) -> &Wakes;

    /// Whether the engine answers.
    fn health(&self) -> Health;
}
