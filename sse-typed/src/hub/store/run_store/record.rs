use std::{
    fmt,
    time::{Duration, SystemTime},
};

use sha2::{Digest, Sha256};

use super::run_id::{RunId, RunRef};
use crate::{event::EventId, hub::log::End};

/// The SHA-256 hash of the input of a run, by which a store recognizes that a key is used again for another input.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InputHash([u8; 32]);

impl InputHash {
    /// The hash of an input.
    #[must_use]
    pub fn of(input: &[u8]) -> Self {
        Self(Sha256::digest(input).into())
    }

    /// A hash that a store has kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for InputHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InputHash(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A run that a process wants to start: see [`RunStore::claim`](super::RunStore::claim).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewRun {
    /// The id of the new run. The process draws it, so a claim whose reply was lost can be repeated.
    pub run: RunId,
    /// Which run of the key may be replaced, once it has ended. Without one, only a key without a record can be claimed.
    pub replaces: Option<RunId>,
    /// The process that wants to run it, for people who read the record.
    pub owner: Box<str>,
    /// How long the process owns the run without renewing the lease.
    pub lease: Duration,
    /// How long the record and the log are kept after the end.
    pub keep: Duration,
    /// The hash of the input, if the run has one.
    pub input: Option<InputHash>,
}

impl NewRun {
    /// A new run with a random id and without an input, for a key without a record.
    #[must_use]
    pub fn new(owner: impl Into<Box<str>>, lease: Duration, keep: Duration) -> Self {
        Self { run: RunId::random(), replaces: None, owner: owner.into(), lease, keep, input: None }
    }
}

/// What a store knows of the current run of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunRecord {
    /// The run.
    pub run: RunRef,
    /// When it was claimed, by the clock of the store.
    pub since: SystemTime,
    /// The process that runs it.
    pub owner: Box<str>,
    /// The hash of its input, if it has one.
    pub input: Option<InputHash>,
    /// How long its lease still holds. Zero when it has expired: the run is lost as soon as somebody ends it as such. `None`
    /// when the run has ended.
    pub lease_left: Option<Duration>,
    /// Whether somebody asked it to stop.
    pub is_stop_asked: bool,
    /// How it ended, if it has.
    pub end: Option<End>,
    /// Its newest event, if it has one.
    pub last: Option<EventId>,
}

impl RunRecord {
    /// A run without an input and without events, whose lease holds for this long.
    #[must_use]
    pub fn new(run: RunRef, since: SystemTime, owner: impl Into<Box<str>>, lease_left: Duration) -> Self {
        Self {
            run,
            since,
            owner: owner.into(),
            input: None,
            lease_left: Some(lease_left),
            is_stop_asked: false,
            end: None,
            last: None,
        }
    }
}

/// The outcome of a claim: see [`RunStore::claim`](super::RunStore::claim).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claimed {
    /// The process owns the run from now on.
    Started(RunRecord),
    /// The key has a run already.
    Exists(RunRecord),
}
