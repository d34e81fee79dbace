use std::{future::Future, time::Duration};

use tokio::time::Instant;

use super::{
    record::{Claimed, NewRun, RunRecord},
    run_id::RunRef,
};
use crate::{
    event::EventId,
    hub::{
        log::{Block, End, EventLog},
        store::{event_store::EventStore, options::LogOptions},
    },
};

/// A store that also keeps runs: which process runs what, with a lease.
///
/// A run has a record under its key and a log of its own under [`RunRef::log_key`]. One process, the owner, appends to the log.
/// *Closing the log is the fence*: whoever ends the run closes its log, the first close wins, and afterwards the owner's appends
/// fail with [`Closed`](crate::hub::AppendError::Closed). So no token is needed on appends.
///
/// The key of a run has 1 to 495 bytes of UTF-8 without NUL: the key of its log is 17 bytes longer. Another key is an error of
/// [`claim`](Self::claim) and [`find`](Self::find), and has no run for the other methods.
///
/// The feature `testing` has a suite of tests for stores of runs: `sse_typed::testing::run_store`.
///
/// # Errors
///
/// All methods fail if the engine does. A call that failed has happened or not, and can be repeated: each has the same outcome
/// then, but for [`end`](Self::end).
///
/// # Cancel safety
///
/// A call whose future is dropped has happened or not.
pub trait RunStore: EventStore {
    /// Makes the record of a run, in one step, if the key has none, or if its record is of the run
    /// [`replaces`](NewRun::replaces) and that has ended. The claim of a run that exists already under the same id has the
    /// same outcome as the first time, for as long as it has not ended.
    ///
    /// The log of a replaced run is removed.
    fn claim(&self, key: &str, new: &NewRun) -> impl Future<Output = Result<Claimed, StoreErrorOf<Self>>> + Send;

    /// The record of a key, if it has one. A record that was kept for its time after the end is removed.
    fn find(&self, key: &str) -> impl Future<Output = Result<Option<RunRecord>, StoreErrorOf<Self>>> + Send;

    /// The log of a run, like [`open`](EventStore::open). The record of the run and its log are in one place of the engine, so
    /// that one step can change both. The log is kept as long as the record, whatever the options say.
    fn run_log(&self, run: &RunRef, options: &LogOptions) -> Self::Log;

    /// Renews the leases of a process's own runs, and looks at runs that the process reads, in one round trip.
    ///
    /// Both lists of answers are in the order of the questions. `reader` names the process. Its reading of a run counts as a
    /// reader for the owner for as long as `lease`.
    fn renew(
        &self,
        reader: &str,
        lease: Duration,
        own: &[RunRef],
        read: &[RunRef],
    ) -> impl Future<Output = Result<(Vec<Renewed>, Vec<ReadRun>), StoreErrorOf<Self>>> + Send;

    /// Ends a run: closes its log with the last event, and writes the end to the record, in one step.
    ///
    /// An end that is repeated after its reply was lost returns [`Before`](RunEnded::Before).
    /// With [`End::Lost`] only a run whose lease has expired is ended. Any process may end any run.
    fn end(
        &self,
        run: &RunRef,
        last: &Block,
        end: End,
    ) -> impl Future<Output = Result<RunEnded, StoreErrorOf<Self>>> + Send;

    /// Ends a run of this process as lost, whatever its lease, without waiting: its task is dropped, perhaps with the runtime.
    ///
    /// The default does nothing: the lease expires.
    fn abandon(&self, run: &RunRef, last: &Block) {
        let _ = (run, last);
    }

    /// Lets the lease of a run of this process expire now, so that [`end`](Self::end) can end it as lost. A run without a
    /// record, or that has ended, is left as it is.
    fn release(&self, run: &RunRef) -> impl Future<Output = Result<(), StoreErrorOf<Self>>> + Send;

    /// Since when this process reaches the engine without an interruption. `None` if the engine is in this process.
    ///
    /// While an engine is away, no owner can renew its leases. So a process ends no run as lost before it has reached the
    /// engine for one lease. The default is `None`.
    fn reachable_since(&self) -> Option<Instant> {
        None
    }

    /// Notes in the record that the run should stop, and reports [`RunRef::signal_key`] to the wakes of every process.
    /// Returns the record, or `None` if the key has no record of this run.
    fn ask_stop(&self, run: &RunRef) -> impl Future<Output = Result<Option<RunRecord>, StoreErrorOf<Self>>> + Send;

    /// The records whose keys begin with a prefix, in the order of their keys, after the key `after`, at most `limit`.
    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<RunRecord>, StoreErrorOf<Self>>> + Send;
}

/// The error of a store.
type StoreErrorOf<S> = <<S as EventStore>::Log as EventLog>::Error;

/// The outcome of a [renewal](RunStore::renew) of a process's own run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Renewed {
    /// The process owns the run for another lease.
    Held {
        /// Somebody asked it to stop.
        is_stop_asked: bool,
        /// Another process reads the run.
        is_read_elsewhere: bool,
    },
    /// The run has ended.
    Ended(End),
    /// The store has no record of the run.
    Missing,
}

/// What a [renewal](RunStore::renew) says about a run that the process reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadRun {
    /// Its lease holds for this long. Zero when it has expired.
    Running(Duration),
    /// The run has ended.
    Ended(End),
    /// The store has no record of the run.
    Missing,
}

/// The outcome of [ending](RunStore::end) a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunEnded {
    /// This call has ended it, and the last event has this id.
    Now(EventId),
    /// It had already ended.
    Before(End),
    /// It cannot be lost: its lease holds for this long.
    Leased(Duration),
    /// The store has no record of the run.
    Missing,
}
