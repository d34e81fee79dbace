//! The runs of a store.
//!
//! | file | contents |
//! |---|---|
//! | `prelude.lua` | what is stored of a run, and what the scripts have in common |
//! | `claim.lua`, `find.lua`, `list.lua`, `renew.lua`, `end.lua` | one call each |
//! | `scripts` | the arguments of the scripts |
//! | `reply` | their replies |
//!
//! A run has a record, which is a hash, and a log, which is a stream. It has ended when its log is closed. All keys that have runs
//! are in one index, which is a sorted set. Records and the index have a NUL in their names, so that they are no logs.

mod reply;
mod scripts;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use self::scripts::Change;
pub(super) use self::scripts::Scripts;
use super::{
    error::{Kind, RedisError},
    log::RedisLog,
    queue::{Fence, Queue},
    store::{RedisStore, Shared},
    trace,
};
use crate::{
    hub::{Block, End, LogOptions, check_run_key},
    runs::{Claimed, NewRun, ReadRun, Renewed, RunEnded, RunRecord, RunRef, RunStore},
};

fn checked(key: &str) -> Result<Arc<str>, RedisError> {
    check_run_key(key).map_err(|fault| Kind::InvalidKey(fault).into())
}

/// Leases, keep times and the start of a run are measured by the clock of the server, in milliseconds.
///
/// A run that nobody ends is removed by the server once its keep time has passed since its lease expired. One call of a script
/// renews up to 250 runs or lists up to 100. For more, several calls are made.
///
/// # Errors
///
/// Those of [`RedisLog`]; and [`is_damaged_run`](RedisError::is_damaged_run), [`is_newer_format`](RedisError::is_newer_format) or
/// [`is_wrong_type`](RedisError::is_wrong_type) if the record of the key is none that this version can read. A renewal reports
/// such a run as [`Missing`](Renewed::Missing), so that the other leases are renewed.
impl RunStore for RedisStore {
    async fn claim(&self, key: &str, new: &NewRun) -> Result<Claimed, RedisError> {
        let key = checked(key)?;
        let (is_new, record) = self.shared().claim_run(&key, new).await?;
        Ok(if is_new { Claimed::Started(record) } else { Claimed::Exists(record) })
    }

    async fn find(&self, key: &str) -> Result<Option<RunRecord>, RedisError> {
        let key = checked(key)?;
        self.shared().find_run(&key, Change::Find).await
    }

    fn run_log(&self, run: &RunRef, options: &LogOptions) -> RedisLog {
        let shared = self.shared();
        let options = shared.shared_options(&options.of_run());
        let queue = checked(&run.key).map(|_| {
            let fence = Fence { record: shared.run_record(&run.key), run: run.run.to_string() };
            Arc::new(Queue::of_run(Arc::from(run.log_key()), options.is_sole_writer(), fence))
        });
        if let Err(error) = &queue {
            trace::invalid_key(error);
        }
        RedisLog::new(Arc::clone(shared), queue, options)
    }

    async fn renew(
        &self,
        reader: &str,
        lease: Duration,
        own: &[RunRef],
        read: &[RunRef],
    ) -> Result<(Vec<Renewed>, Vec<ReadRun>), RedisError> {
        self.shared().renew_runs(reader, lease, own, read).await
    }

    async fn end(&self, run: &RunRef, last: &Block, end: End) -> Result<RunEnded, RedisError> {
        self.shared().end_run(run, last, end, false).await
    }

    /// The end is sent by a task of the store's runtime. If that has ended, or the call fails, the run is lost with its lease.
    fn abandon(&self, run: &RunRef, last: &Block) {
        let (store, run, last) = (self.clone(), run.clone(), last.clone());
        self.shared().runtime().spawn(async move {
            // The lease expires in any case.
            let _ = store.shared().end_run(&run, &last, End::Lost, true).await;
        });
    }

    async fn release(&self, run: &RunRef) -> Result<(), RedisError> {
        self.shared().find_run(&run.key, Change::Release(run)).await.map(drop)
    }

    /// Since the store last connected, or since the first call that the server accepted after it had refused one for want of
    /// memory or of replicas, or as a replica.
    fn reachable_since(&self) -> Option<Instant> {
        Some(self.shared().commands().reachable_since())
    }

    async fn ask_stop(&self, run: &RunRef) -> Result<Option<RunRecord>, RedisError> {
        self.shared().find_run(&run.key, Change::Stop(run)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<RunRecord>, RedisError> {
        self.shared().list_runs(prefix, after, limit).await
    }
}

impl Shared {
    /// The name of the record of a key in the server. Keys of logs have no NUL.
    pub(super) fn run_record(&self, key: &str) -> String {
        self.stream(&format!("\0run:{key}"))
    }

    /// The name of the index of all keys that have runs.
    pub(super) fn run_index(&self) -> String {
        self.stream("\0runs")
    }
}
