//! What is read of runs within one snapshot.

use std::ops::Bound;

use redb::ReadOnlyTable;

use super::{
    super::{
        engine::{Engine, LOGS, RUNS},
        error::FileStoreError,
        record::Row,
    },
    leases::Leases,
    record::{Record, StoredRun},
};
use crate::runs::RunRef;

/// The runs at one moment.
pub(super) struct RunSnapshot<'l> {
    runs: ReadOnlyTable<&'static str, &'static [u8]>,
    logs: ReadOnlyTable<&'static str, &'static [u8]>,
    leases: &'l Leases,
}

impl<'l> RunSnapshot<'l> {
    pub(super) fn new(engine: &Engine, leases: &'l Leases) -> Result<Self, FileStoreError> {
        let transaction = engine.begin_read()?;
        Ok(Self { runs: transaction.open_table(RUNS)?, logs: transaction.open_table(LOGS)?, leases })
    }

    fn with_log(&self, key: &str, record: &[u8]) -> Result<Option<StoredRun>, FileStoreError> {
        let record = Record::decode(record)?;
        let log = RunRef::new(key, record.run).log_key();
        let row = self.logs.get(&*log)?.map(|row| Row::decode(row.value())).transpose()?;
        Ok(StoredRun::new(key, record, row))
    }

    /// The run of a key, which may have expired.
    pub(super) fn find(&self, key: &str) -> Result<Option<StoredRun>, FileStoreError> {
        match self.runs.get(key)? {
            Some(record) => self.with_log(key, record.value()),
            None => Ok(None),
        }
    }

    /// A run, if it is the current one of its key and has not expired.
    pub(super) fn current(&self, run: &RunRef) -> Result<Option<StoredRun>, FileStoreError> {
        Ok(self.find(&run.key)?.filter(|stored| stored.run == *run && !stored.is_expired(self.leases)))
    }

    pub(super) fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredRun>, FileStoreError> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        for entry in self.runs.range::<&str>((from, Bound::Unbounded))? {
            let (key, record) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            found.extend(self.with_log(key.value(), record.value())?.filter(|stored| !stored.is_expired(self.leases)));
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }
}
