//! The runs of a store in memory.
//!
//! The record of a run and its log are two things under two locks, so the log is the truth: a run has ended once its log is
//! closed.

mod table;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

pub(super) use self::table::Runs;
use super::{
    MemoryStore,
    error::{ErrorKind, MemoryStoreError},
    log::MemoryStoreLog,
};
use crate::hub::{
    log::{Block, End},
    store::{
        key::check_run_key,
        options::LogOptions,
        run_store::{Claimed, NewRun, ReadRun, Renewed, RunEnded, RunRecord, RunRef, RunStore},
    },
};

fn checked(key: &str) -> Result<Arc<str>, MemoryStoreError> {
    check_run_key(key).map_err(|fault| MemoryStoreError(ErrorKind::InvalidKey(fault)))
}

/// Every call completes at once. Leases run on the clock of Tokio.
///
/// A run whose lease has expired and that nobody has ended is removed once its keep time has passed since then. Runs to be
/// removed are removed when their key is next used, or soon after by other calls: there is no timer.
impl RunStore for MemoryStore {
    async fn claim(&self, key: &str, new: &NewRun) -> Result<Claimed, MemoryStoreError> {
        let key = checked(key)?;
        self.shared.with_runs(|runs| runs.claim(key, new))
    }

    async fn find(&self, key: &str) -> Result<Option<RunRecord>, MemoryStoreError> {
        let key = checked(key)?;
        Ok(self.shared.with_runs(|runs| runs.find(&key)))
    }

    fn run_log(&self, run: &RunRef, options: &LogOptions) -> MemoryStoreLog {
        self.open_log(&run.log_key(), Arc::new(options.of_run())).of_run()
    }

    async fn renew(
        &self,
        reader: &str,
        lease: Duration,
        own: &[RunRef],
        read: &[RunRef],
    ) -> Result<(Vec<Renewed>, Vec<ReadRun>), MemoryStoreError> {
        Ok(self.shared.with_runs(|runs| {
            let read = read.iter().map(|run| runs.read(reader, lease, run)).collect();
            (own.iter().map(|run| runs.renew(reader, lease, run)).collect(), read)
        }))
    }

    async fn end(&self, run: &RunRef, last: &Block, end: End) -> Result<RunEnded, MemoryStoreError> {
        Ok(self.shared.with_runs(|runs| runs.end(run, last, end, false)))
    }

    fn abandon(&self, run: &RunRef, last: &Block) {
        self.shared.with_runs(|runs| runs.end(run, last, End::Lost, true));
    }

    async fn release(&self, run: &RunRef) -> Result<(), MemoryStoreError> {
        self.shared.with_runs(|runs| runs.release(run));
        Ok(())
    }

    async fn ask_stop(&self, run: &RunRef) -> Result<Option<RunRecord>, MemoryStoreError> {
        Ok(self.shared.with_runs(|runs| runs.ask_stop(run)))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<RunRecord>, MemoryStoreError> {
        Ok(self.shared.with_runs(|runs| runs.list(prefix, after, limit)))
    }
}
