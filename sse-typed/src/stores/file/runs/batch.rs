//! What one transaction changes of runs.

use std::sync::Arc;

use redb::ReadableTable;

use super::{
    super::{
        batch::Batch,
        core::Core,
        error::FileStoreError,
        record::{Row, State, halves, pair},
    },
    leases::Leases,
    record::{Record, StoredRun},
};
use crate::{
    event::EventId,
    hub::{Block, End},
    runs::{Claimed, NewRun, RunEnded, RunRef},
};

/// A change of a run.
#[derive(Debug)]
pub(in super::super) enum RunChange {
    Claim {
        key: Arc<str>,
        new: NewRun,
    },
    End {
        run: RunRef,
        last: Block,
        end: End,
        /// The owner ends it, whatever its lease.
        is_owner: bool,
    },
    /// Removes the run of a key if it has expired.
    Expire {
        key: Arc<str>,
    },
}

impl RunChange {
    pub(in super::super) fn size(&self) -> usize {
        match self {
            Self::End { last, .. } => last.as_bytes().len(),
            Self::Claim { .. } | Self::Expire { .. } => 0,
        }
    }

    pub(in super::super) fn apply(&self, batch: &mut Batch<'_>, leases: &Leases) -> Result<RunChanged, FileStoreError> {
        match self {
            Self::Claim { key, new } => batch.claim(key, new, leases),
            Self::End { run, last, end, is_owner } => {
                let ended = batch.end_run(run, last, *end, *is_owner, leases)?;
                let of_now = match &ended {
                    RunEnded::Now(id) => Some((run.clone(), id.clone())),
                    _ => None,
                };
                Ok(RunChanged { outcome: RunOutcome::Ended(ended), ended: of_now, removed: None })
            }
            Self::Expire { key } => {
                let expired = batch.run(key)?.filter(|stored| stored.is_expired(leases));
                if let Some(stored) = &expired {
                    batch.remove_run(stored)?;
                }
                Ok(RunChanged { outcome: RunOutcome::Expired, ended: None, removed: expired.map(|stored| stored.run) })
            }
        }
    }
}

/// What a change of a run has done, once the transaction is committed.
#[derive(Debug)]
pub(in super::super) struct RunChanged {
    pub(in super::super) outcome: RunOutcome,
    /// The run that was ended, and its last event.
    pub(in super::super) ended: Option<(RunRef, EventId)>,
    /// The run whose record and log were removed.
    pub(in super::super) removed: Option<RunRef>,
}

#[derive(Debug)]
pub(in super::super) enum RunOutcome {
    Claimed(Box<Claimed>),
    Ended(RunEnded),
    Expired,
}

impl RunChanged {
    pub(in super::super) fn wake(&self, core: &Core) {
        let ended = self.ended.iter().map(|(run, last)| (run, Some(last)));
        for (run, newest) in ended.chain(self.removed.iter().map(|run| (run, None))) {
            core.leases.forget(run);
            core.wakes.changed(&run.log_key(), newest);
            core.wakes.changed(&run.signal_key(), None);
        }
    }
}

impl Batch<'_> {
    /// The run of a key, as this transaction has left it.
    fn run(&mut self, key: &str) -> Result<Option<StoredRun>, FileStoreError> {
        let Some(record) = self.tables.runs.get(key)?.map(|record| Record::decode(record.value())).transpose()? else {
            return Ok(None);
        };
        let row = self.stored(&RunRef::new(key, record.run).log_key().into())?;
        Ok(StoredRun::new(key, record, row))
    }

    fn claim(&mut self, key: &Arc<str>, new: &NewRun, leases: &Leases) -> Result<RunChanged, FileStoreError> {
        let outcome =
            |claimed, removed| RunChanged { outcome: RunOutcome::Claimed(Box::new(claimed)), ended: None, removed };
        let mut replaced = None;
        if let Some(stored) = self.run(key)? {
            let (run, has_ended) = (stored.record.run, stored.end().is_some());
            if !stored.is_expired(leases) {
                if run == new.run && !has_ended {
                    leases.claim(key, new);
                    return Ok(outcome(Claimed::Started(stored.to_record(leases)), None));
                }
                if run == new.run || !has_ended || new.replaces != Some(run) {
                    return Ok(outcome(Claimed::Exists(stored.to_record(leases)), None));
                }
            }
            self.remove_run(&stored)?;
            replaced = Some(stored.run);
        }
        let run = RunRef::new(&**key, new.run);
        let row = self.new_run_row(&run)?;
        let stored = StoredRun { record: Record::new(new, row.log, leases.now()), row, run };
        self.tables.runs.insert(&**key, &stored.record.encode()[..])?;
        leases.claim(key, new);
        self.tables.run_expiry.insert(&pair(stored.expires(leases), row.log), &**key)?;
        self.rows.insert(stored.run.log_key().into(), (row, true));
        Ok(outcome(Claimed::Started(stored.to_record(leases)), replaced))
    }

    /// The row of the log of a new run. Its numbers begin with the random number of the run, so that an id of another run of
    /// the key is not one of its own.
    fn new_run_row(&mut self, run: &RunRef) -> Result<Row, FileStoreError> {
        let mut row = self.new_row()?;
        row.head = run.run.as_u64() >> 2;
        (row.base, row.first, row.at) = (row.head, row.head + 1, self.now);
        Ok(row)
    }

    fn end_run(
        &mut self,
        run: &RunRef,
        last: &Block,
        end: End,
        is_owner: bool,
        leases: &Leases,
    ) -> Result<RunEnded, FileStoreError> {
        let current = self.run(&run.key)?.filter(|stored| stored.run == *run && !stored.is_expired(leases));
        let Some(mut stored) = current else { return Ok(RunEnded::Missing) };
        if let Some(end) = stored.end() {
            return Ok(RunEnded::Before(end));
        }
        let left = leases.left(run);
        if end == End::Lost && !is_owner && !left.is_zero() {
            return Ok(RunEnded::Leased(left));
        }
        self.append(&mut stored.row, last, true)?;
        (stored.row.at, stored.row.state) = (self.now, State::Closed(end));
        // The entry of the claim is left.
        self.tables.run_expiry.insert(&pair(stored.expires(leases), stored.row.log), &*run.key)?;
        self.rows.insert(run.log_key().into(), (stored.row, true));
        Ok(RunEnded::Now(stored.row.head().id()))
    }

    /// Removes a run and its log. The key of the log is never used again, so its row is not kept.
    fn remove_run(&mut self, stored: &StoredRun) -> Result<(), FileStoreError> {
        let key = stored.run.log_key().into();
        self.remove_events(&key, stored.row)?;
        self.rows.remove(&key);
        self.tables.logs.remove(&*key)?;
        self.tables.runs.remove(&*stored.run.key)?;
        self.changes();
        Ok(())
    }

    /// Removes runs that have expired. It looks at `limit` of them at most. Returns the runs, and whether nothing else has
    /// expired.
    pub(in super::super) fn expire_runs(
        &mut self,
        leases: &Leases,
        limit: usize,
    ) -> Result<(Vec<RunRef>, bool), FileStoreError> {
        let mut removed = Vec::new();
        for _ in 0..limit {
            let (due, key) = match self.tables.run_expiry.first()? {
                Some((due, key)) if halves(due.value()).0 <= leases.now() => (*due.value(), key.value().to_owned()),
                _ => return Ok((removed, true)),
            };
            self.tables.run_expiry.pop_first()?;
            self.changes();
            // Of a run that was replaced the entry is left.
            let log = halves(&due).1;
            let stored = match self.run(&key) {
                // It stays, and is the error of calls for its key.
                Err(error) if error.is_corrupt() || error.is_newer_format() => continue,
                stored => stored?,
            };
            let Some(stored) = stored.filter(|stored| stored.record.log == log) else { continue };
            if stored.is_expired(leases) {
                self.remove_run(&stored)?;
                removed.push(stored.run);
            } else {
                // The clocks may differ.
                let expires = stored.expires(leases).max(leases.now().saturating_add(1));
                self.tables.run_expiry.insert(&pair(expires, log), &key[..])?;
            }
        }
        Ok((removed, false))
    }
}
