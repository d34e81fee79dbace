//! The bytes of a run.

use std::time::{Duration, UNIX_EPOCH};

use super::{
    super::{
        error::{FileStoreError, Kind},
        record::{Fields, Millis, Row, State, millis},
    },
    leases::Leases,
};
use crate::{
    hub::End,
    runs::{InputHash, NewRun, RunId, RunRecord, RunRef},
};

/// The version of a record that this version of the crate writes.
const VERSION: u8 = 1;

const HAS_INPUT: u8 = 1;

/// What is stored of a run besides its log, which says how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Record {
    pub(super) run: RunId,
    /// The number of its log.
    pub(super) log: u64,
    pub(super) since: Millis,
    pub(super) keep: Millis,
    pub(super) input: Option<InputHash>,
    pub(super) owner: Box<str>,
}

impl Record {
    pub(super) fn new(new: &NewRun, log: u64, since: Millis) -> Self {
        Self { run: new.run, log, since, keep: millis(new.keep), input: new.input, owner: new.owner.clone() }
    }

    pub(in super::super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, if self.input.is_some() { HAS_INPUT } else { 0 }];
        for number in [self.run.as_u64(), self.log, self.since, self.keep] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        if let Some(input) = &self.input {
            out.extend_from_slice(input.as_bytes());
        }
        out.extend_from_slice(self.owner.as_bytes());
        out
    }

    pub(in super::super) fn decode(bytes: &[u8]) -> Result<Self, FileStoreError> {
        let mut fields = Fields(bytes);
        match fields.u8()? {
            VERSION => {}
            0 => return Err(FileStoreError::corrupt("the record of a run has no version")),
            newer => return Err(Kind::NewerFormat { found: newer.into(), known: VERSION.into() }.into()),
        }
        let flags = fields.u8()?;
        if flags & !HAS_INPUT != 0 {
            return Err(FileStoreError::corrupt("the record of a run has unknown flags"));
        }
        Ok(Self {
            run: RunId::from_u64(fields.u64()?),
            log: fields.u64()?,
            since: fields.u64()?,
            keep: fields.u64()?,
            input: if flags & HAS_INPUT == 0 { None } else { Some(InputHash::from_bytes(fields.take()?)) },
            owner: str::from_utf8(fields.0)
                .map_err(|_| FileStoreError::corrupt("the owner of a run is not UTF-8"))?
                .into(),
        })
    }
}

/// A run with the row of its log, both from one snapshot.
#[derive(Clone, Debug)]
pub(in super::super) struct StoredRun {
    pub(super) run: RunRef,
    pub(super) record: Record,
    pub(super) row: Row,
}

impl StoredRun {
    /// Without its log, a run is removed.
    pub(super) fn new(key: &str, record: Record, row: Option<Row>) -> Option<Self> {
        let row = row.filter(|row| row.log == record.log && row.state != State::Removed)?;
        Some(Self { run: RunRef::new(key, record.run), record, row })
    }

    /// It has ended when its log is closed.
    pub(super) const fn end(&self) -> Option<End> {
        self.row.end()
    }

    pub(super) fn is_expired(&self, leases: &Leases) -> bool {
        match self.end() {
            // A clock that was set back keeps it longer.
            Some(_) => self.row.at.saturating_add(self.record.keep) <= leases.now(),
            None => leases.expired_since(&self.run).is_some_and(|since| millis(since) >= self.record.keep),
        }
    }

    /// When it expires, by the clock of the host, if its lease is not renewed.
    pub(super) fn expires(&self, leases: &Leases) -> Millis {
        let from = match self.end() {
            Some(_) => self.row.at,
            None => leases.now().saturating_add(millis(leases.left(&self.run))),
        };
        from.saturating_add(self.record.keep)
    }

    pub(super) fn to_record(&self, leases: &Leases) -> RunRecord {
        let since = UNIX_EPOCH.checked_add(Duration::from_millis(self.record.since)).unwrap_or(UNIX_EPOCH);
        let mut record = RunRecord::new(self.run.clone(), since, self.record.owner.clone(), leases.left(&self.run));
        record.input = self.record.input;
        record.is_stop_asked = leases.is_stop_asked(&self.run);
        record.end = self.end();
        if record.end.is_some() {
            record.lease_left = None;
        }
        record.last = (self.row.len() > 0).then(|| self.row.head().id());
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut new = NewRun::new("é", Duration::MAX, Duration::MAX);
        for input in [None, Some(InputHash::of(b"input"))] {
            new.input = input;
            let record = Record::new(&new, 7, 8);
            assert_eq!(Record::decode(&record.encode()).unwrap(), record);
        }
    }

    #[test]
    fn damage_and_a_newer_version_are_errors_that_say_so() {
        let bytes = Record::new(&NewRun::new("a", Duration::ZERO, Duration::ZERO), 7, 8).encode();
        for (at, value) in [(0, 0), (1, 2), (1, 1), (34, 0xff)] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let error = Record::decode(&damaged).unwrap_err();
            assert!(error.is_corrupt(), "{at}: {error}");
        }
        assert!(Record::decode(&bytes[..20]).unwrap_err().is_corrupt());
        let mut newer = bytes;
        newer[0] = VERSION + 1;
        assert!(Record::decode(&newer).unwrap_err().is_newer_format());
    }
}
