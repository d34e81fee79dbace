//! What is stored together with others by one transaction.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    batch::{Batch, Expired, Write},
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
    /// Removes the logs that have expired: for tests, which do not wait until that is done by itself.
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
}

impl Job {
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Write { write, .. } => write.block.as_ref().map_or(0, |block| block.as_bytes().len()),
            Self::Remove { .. } | Self::Sweep { .. } => 0,
        }
    }

    pub(super) const fn as_write(&self) -> Option<&Write> {
        match self {
            Self::Write { write, .. } => Some(write),
            Self::Remove { .. } | Self::Sweep { .. } => None,
        }
    }

    /// Tells the writer of a log that has a sole one what has become of the transaction.
    pub(super) fn settle(&self, outcome: impl FnOnce(&Writer)) {
        if let Some(writer) = self.as_write().and_then(|write| write.writer.as_ref()) {
            outcome(writer);
        }
    }

    pub(super) fn apply(&self, batch: &mut Batch<'_>) -> Result<Applied, FileStoreError> {
        Ok(match self {
            Self::Write { write, .. } => batch.write(write)?,
            Self::Remove { key, .. } => Applied::Removed(batch.remove(key)?),
            Self::Sweep { .. } => Applied::Expired(batch.expire(usize::MAX)?),
        })
    }

    /// Wakes tasks that wait for what the committed transaction has changed.
    pub(super) fn wake(&self, applied: &Applied, wakes: &Wakes) {
        match (self, applied) {
            (Self::Write { write, .. }, Applied::Stored(position)) => {
                // A close without an event changes no id.
                let newest = write.block.as_ref().map(|_| position.id());
                wakes.changed(&write.key, newest.as_ref());
            }
            (Self::Remove { key, .. }, Applied::Removed(true)) => wakes.changed(key, None),
            (Self::Sweep { .. }, Applied::Expired(expired)) => expired.wake(wakes),
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
            // Not an outcome of a write.
            (Self::Write { reply, .. }, Ok(Applied::Removed(_) | Applied::Expired(_))) => drop(reply),
            (Self::Remove { reply, .. } | Self::Sweep { reply }, Ok(_)) => drop(reply.send(Ok(()))),
        }
    }

    pub(super) fn fail(self, error: AppendError<FileStoreError>) {
        match self {
            Self::Write { reply, .. } => drop(reply.send(Err(error))),
            Self::Remove { reply, .. } | Self::Sweep { reply } => drop(reply.send(Err(error))),
        }
    }
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
