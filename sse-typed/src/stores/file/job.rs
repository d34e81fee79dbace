//! What is stored together with others by one transaction.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

#[cfg(feature = "runs")]
use super::runs::{RunChange, RunChanged, RunOutcome};
use super::{
    batch::{Batch, Expired, Write},
    core::Core,
    engine::Engine,
    error::{FileStoreError, Kind},
    position::Position,
    record::Millis,
    writer::Writer,
};
use crate::{
    event::EventId,
    hub::{AppendError, End, Wakes},
};

pub(super) type Outcome<T> = Result<T, AppendError<FileStoreError>>;

/// A change, with the channel for its outcome.
#[derive(Debug)]
pub(super) enum Job {
    Write {
        write: Write,
        reply: oneshot::Sender<Outcome<EventId>>,
        /// Its part of what may wait to be written.
        _permit: Option<OwnedSemaphorePermit>,
    },
    Remove {
        key: Arc<str>,
        reply: oneshot::Sender<Outcome<()>>,
    },
    #[cfg(feature = "runs")]
    Run {
        change: RunChange,
        reply: oneshot::Sender<Outcome<RunOutcome>>,
    },
    /// Removes the logs and runs that have expired: for tests, which do not wait until that is done by itself.
    Sweep {
        reply: oneshot::Sender<Outcome<()>>,
    },
}

/// What a job has changed, once the transaction is committed.
#[derive(Debug)]
pub(super) enum Applied {
    Stored(Position),
    /// The retry of a write that was stored before.
    Repeated(Position),
    SecondWriter,
    Closed(End),
    Removed(bool),
    Expired(Expired),
    #[cfg(feature = "runs")]
    Run(RunChanged),
}

impl Applied {
    /// Whether events of removed logs are to be deleted.
    pub(super) const fn leaves_garbage(&self) -> bool {
        match self {
            Self::Removed(is_known) => *is_known,
            Self::Expired(_) => true,
            #[cfg(feature = "runs")]
            Self::Run(changed) => changed.removed.is_some(),
            Self::Stored(_) | Self::Repeated(_) | Self::SecondWriter | Self::Closed(_) => false,
        }
    }
}

impl Job {
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Write { write, .. } => write.block.as_ref().map_or(0, |block| block.as_bytes().len()),
            #[cfg(feature = "runs")]
            Self::Run { change, .. } => change.size(),
            Self::Remove { .. } | Self::Sweep { .. } => 0,
        }
    }

    pub(super) const fn as_write(&self) -> Option<&Write> {
        match self {
            Self::Write { write, .. } => Some(write),
            #[cfg(feature = "runs")]
            Self::Run { .. } => None,
            Self::Remove { .. } | Self::Sweep { .. } => None,
        }
    }

    /// Tells the writer of a log that has a sole one what has become of the transaction.
    pub(super) fn settle(&self, outcome: impl FnOnce(&Writer)) {
        if let Some(writer) = self.as_write().and_then(|write| write.writer.as_ref()) {
            outcome(writer);
        }
    }

    pub(super) fn apply(&self, batch: &mut Batch<'_>, core: &Core) -> Result<Applied, FileStoreError> {
        Ok(match self {
            Self::Write { write, .. } => batch.write(write)?,
            Self::Remove { key, .. } => Applied::Removed(batch.remove(key)?),
            Self::Sweep { .. } => Applied::Expired(expire(batch, core, usize::MAX)?),
            #[cfg(feature = "runs")]
            Self::Run { change, .. } => Applied::Run(change.apply(batch, &core.leases)?),
        })
    }

    /// Wakes tasks that wait for what the committed transaction has changed.
    pub(super) fn wake(&self, applied: &Applied, core: &Core) {
        let wakes = &core.wakes;
        match (self, applied) {
            (Self::Write { write, .. }, Applied::Stored(position)) => {
                // A close without an event changes no id.
                let newest = write.block.as_ref().map(|_| position.id());
                wakes.changed(&write.key, newest.as_ref());
            }
            (Self::Remove { key, .. }, Applied::Removed(true)) => wakes.changed(key, None),
            (Self::Sweep { .. }, Applied::Expired(expired)) => expired.wake(wakes),
            #[cfg(feature = "runs")]
            (Self::Run { .. }, Applied::Run(changed)) => changed.wake(core),
            _ => {}
        }
    }

    /// Answers the caller after the transaction was committed. The caller may have dropped its future.
    pub(super) fn conclude(self, applied: Result<Applied, FileStoreError>) {
        match (self, applied) {
            (job, Err(error)) => job.fail(AppendError::Failed(error)),
            (Self::Write { reply, .. }, Ok(Applied::Stored(position) | Applied::Repeated(position))) => {
                drop(reply.send(Ok(position.id())));
            }
            (Self::Write { reply, .. }, Ok(Applied::SecondWriter)) => {
                drop(reply.send(Err(AppendError::Failed(Kind::SecondWriter.into()))));
            }
            (Self::Write { reply, .. }, Ok(Applied::Closed(end))) => drop(reply.send(Err(AppendError::Closed(end)))),
            #[cfg(feature = "runs")]
            (Self::Run { reply, .. }, Ok(Applied::Run(changed))) => drop(reply.send(Ok(changed.outcome))),
            #[cfg(feature = "runs")]
            (Self::Run { reply, .. }, Ok(_)) => drop(reply),
            // Not an outcome of a write.
            (Self::Write { reply, .. }, Ok(_)) => drop(reply),
            (Self::Remove { reply, .. } | Self::Sweep { reply }, Ok(_)) => drop(reply.send(Ok(()))),
        }
    }

    pub(super) fn fail(self, error: AppendError<FileStoreError>) {
        match self {
            Self::Write { reply, .. } => drop(reply.send(Err(error))),
            #[cfg(feature = "runs")]
            Self::Run { reply, .. } => drop(reply.send(Err(error))),
            Self::Remove { reply, .. } | Self::Sweep { reply } => drop(reply.send(Err(error))),
        }
    }
}

/// Removes logs and runs that have expired, at most `limit` of each.
#[cfg_attr(not(feature = "runs"), expect(unused_variables, reason = "runs have leases"))]
pub(super) fn expire(batch: &mut Batch<'_>, core: &Core, limit: usize) -> Result<Expired, FileStoreError> {
    #[cfg_attr(not(feature = "runs"), expect(unused_mut, reason = "runs expire as well"))]
    let mut expired = batch.expire(limit)?;
    #[cfg(feature = "runs")]
    {
        let (runs, all) = batch.expire_runs(&core.leases, limit)?;
        expired.keys.extend(runs.iter().flat_map(|run| [run.log_key().into(), run.signal_key().into()]));
        expired.all &= all;
    }
    Ok(expired)
}

impl Expired {
    pub(super) fn wake(&self, wakes: &Wakes) {
        for key in &self.keys {
            wakes.changed(key, None);
        }
    }
}

/// Why a transaction has failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: FileStoreError,
    /// Whether it may be stored all the same.
    pub(super) is_unknown: bool,
}

impl Failure {
    pub(super) fn outcome(&self) -> AppendError<FileStoreError> {
        let error = self.error.clone();
        if self.is_unknown { AppendError::Unknown(error) } else { AppendError::Failed(error) }
    }
}

/// Runs a transaction. One that changes nothing costs no sync.
pub(super) fn transact<T>(
    engine: &Engine,
    now: Millis,
    work: impl FnOnce(&mut Batch<'_>) -> Result<T, FileStoreError>,
) -> Result<T, Failure> {
    let not_stored = |error| Failure { error, is_unknown: false };
    let transaction = engine.begin_write().map_err(not_stored)?;
    let (output, mark) = {
        let mut batch = Batch::new(&transaction, engine.marks().current(), now).map_err(not_stored)?;
        let output = work(&mut batch).map_err(not_stored)?;
        match batch.finish().map_err(not_stored)? {
            Some(changes) => (output, changes.mark),
            // Dropped without a commit.
            None => return Ok(output),
        }
    };
    transaction.commit().map_err(|error| Failure { error: error.into(), is_unknown: true })?;
    if let Some(mark) = mark {
        engine.use_mark(mark);
    }
    Ok(output)
}
