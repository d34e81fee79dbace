//! The runs of a store.
//!
//! | file | contents |
//! |---|---|
//! | `record` | what is stored of a run |
//! | `leases` | what is kept in memory: leases, readers, requests to stop |
//! | `batch` | claims, ends and removals within a transaction |
//! | `read` | reads within a snapshot |
//!
//! A run has a record under its key, and a log. It has ended when its log is closed: so one change of the log ends both.

mod batch;
mod leases;
mod read;
mod record;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;

#[cfg(fuzzing)]
pub(super) use self::record::Record;
pub(super) use self::{
    batch::{RunChange, RunChanged, RunOutcome},
    leases::Leases,
};
use self::{read::RunSnapshot, record::StoredRun};
use super::{
    committer::Request,
    error::{FileStoreError, Kind},
    job::Job,
    log::FileLog,
    reader::Read,
    store::{FileStore, error_of},
};
use crate::{
    hub::{Block, End, EventStore, LogOptions, check_run_key},
    runs::{Claimed, NewRun, ReadRun, Renewed, RunEnded, RunRecord, RunRef, RunStore},
};

impl FileStore {
    fn leases(&self) -> &Arc<Leases> {
        &self.shared.core().leases
    }

    async fn read_runs<T: Send + 'static>(
        &self,
        read: impl FnOnce(&RunSnapshot<'_>) -> Result<T, FileStoreError> + Send + 'static,
    ) -> Result<T, FileStoreError> {
        let (reply, answer) = oneshot::channel();
        let leases = Arc::clone(self.leases());
        self.shared.read(Read::of_engine(reply, move |engine| read(&RunSnapshot::new(engine, &leases)?)));
        answer.await.unwrap_or_else(|_| Err(FileStoreError::closed()))
    }

    async fn change_run(&self, change: RunChange) -> Result<RunOutcome, FileStoreError> {
        self.shared.job(|reply| Job::Run { change, reply }).await.map_err(error_of)
    }
}

fn checked(key: &str) -> Result<Arc<str>, FileStoreError> {
    check_run_key(key).map_err(|fault| Kind::InvalidKey(fault).into())
}

/// Claims and ends are durable before they are acknowledged, and those that wait at the same time are stored by one sync.
///
/// Leases, readers and requests to stop are kept in memory: renewals cost no sync. A run of an earlier opening of the folder has
/// an expired lease. Leases run on a clock that is never set, and hold anew
/// when the store works again after it was away. The keep time of an ended run runs on the clock of the host: a clock
/// that is set back keeps runs longer. Runs whose time is over are removed within 60 s, and are not found before.
impl RunStore for FileStore {
    async fn claim(&self, key: &str, new: &NewRun) -> Result<Claimed, FileStoreError> {
        let change = RunChange::Claim { key: checked(key)?, new: new.clone() };
        match self.change_run(change).await? {
            RunOutcome::Claimed(claimed) => Ok(*claimed),
            _ => Err(FileStoreError::closed()),
        }
    }

    async fn find(&self, key: &str) -> Result<Option<RunRecord>, FileStoreError> {
        let key = checked(key)?;
        let name = Arc::clone(&key);
        match self.read_runs(move |runs| runs.find(&name)).await? {
            Some(stored) if stored.is_expired(self.leases()) => {
                self.change_run(RunChange::Expire { key }).await?;
                Ok(None)
            }
            stored => Ok(stored.map(|stored| stored.to_record(self.leases()))),
        }
    }

    fn run_log(&self, run: &RunRef, options: &LogOptions) -> FileLog {
        self.open(&run.log_key(), &options.of_run()).of_run()
    }

    async fn renew(
        &self,
        reader: &str,
        lease: Duration,
        own: &[RunRef],
        read: &[RunRef],
    ) -> Result<(Vec<Renewed>, Vec<ReadRun>), FileStoreError> {
        let all = [own, read].concat();
        let stored = self.read_runs(move |runs| all.iter().map(|run| runs.current(run)).collect::<Result<Vec<_>, _>>());
        let stored = stored.await?;
        let leases = self.leases();
        let (of_own, of_read) = stored.split_at_checked(own.len()).unwrap_or((&stored, &[]));
        let seen = of_read.iter().map(|stored| match stored {
            None => ReadRun::Missing,
            Some(stored) => match stored.end() {
                Some(end) => ReadRun::Ended(end),
                None => ReadRun::Running(leases.read(&stored.run, reader, lease)),
            },
        });
        let seen = seen.collect();
        let renewed = of_own.iter().map(|stored| match stored {
            None => Renewed::Missing,
            Some(stored) => match stored.end() {
                Some(end) => Renewed::Ended(end),
                None => {
                    let keep = Duration::from_millis(stored.record.keep);
                    let (is_stop_asked, is_read_elsewhere) = leases.renew(&stored.run, reader, lease, keep);
                    Renewed::Held { is_stop_asked, is_read_elsewhere }
                }
            },
        });
        Ok((renewed.collect(), seen))
    }

    async fn end(&self, run: &RunRef, last: &Block, end: End) -> Result<RunEnded, FileStoreError> {
        let change = RunChange::End { run: run.clone(), last: last.clone(), end, is_owner: false };
        match self.change_run(change).await? {
            RunOutcome::Ended(ended) => Ok(ended),
            _ => Err(FileStoreError::closed()),
        }
    }

    /// The end is stored by the thread that writes. If the process ends before, the run is lost with its lease.
    fn abandon(&self, run: &RunRef, last: &Block) {
        let change = RunChange::End { run: run.clone(), last: last.clone(), end: End::Lost, is_owner: true };
        let (reply, _) = oneshot::channel();
        // With the thread ended, the lease is that of an earlier opening.
        let _ = self.shared.requests.send(Request::Job(Job::Run { change, reply }));
    }

    async fn release(&self, run: &RunRef) -> Result<(), FileStoreError> {
        self.leases().release(run);
        Ok(())
    }

    async fn ask_stop(&self, run: &RunRef) -> Result<Option<RunRecord>, FileStoreError> {
        let asked = run.clone();
        let Some(stored) = self.read_runs(move |runs| runs.current(&asked)).await? else { return Ok(None) };
        if stored.end().is_none() {
            self.leases().ask_stop(run);
            self.wakes().changed(&run.signal_key(), None);
        }
        Ok(Some(stored.to_record(self.leases())))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<RunRecord>, FileStoreError> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let found: Vec<StoredRun> = self.read_runs(move |runs| runs.list(&prefix, after.as_deref(), limit)).await?;
        Ok(found.into_iter().map(|stored| stored.to_record(self.leases())).collect())
    }
}
