//! The threads that read.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender},
    },
};

use tokio::sync::oneshot;

use super::{committer::Request, core::Core, engine::Engine, error::FileStoreError, read::Snapshot};
use crate::panics;

/// Reads, answers, and returns an error after which the engine must be opened again.
type ReadAndAnswer = dyn FnOnce(&Core) -> Option<FileStoreError> + Send;

/// A read, with the channel for its answer.
pub(super) struct Read(Box<ReadAndAnswer>);

impl Read {
    pub(super) fn new<T: Send + 'static>(
        key: Arc<str>,
        reply: oneshot::Sender<Result<T, FileStoreError>>,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, FileStoreError> + Send + 'static,
    ) -> Self {
        Self::of_engine(reply, move |engine| read(&Snapshot::new(engine, &key)?))
    }

    /// A read of more than a log.
    pub(super) fn of_engine<T: Send + 'static>(
        reply: oneshot::Sender<Result<T, FileStoreError>>,
        read: impl FnOnce(&Engine) -> Result<T, FileStoreError> + Send + 'static,
    ) -> Self {
        Self(Box::new(move |core| {
            // The caller has dropped its future.
            if reply.is_closed() {
                return None;
            }
            let outcome = core.with_engine(read);
            let broken = outcome.as_ref().err().filter(|error| error.breaks_engine()).cloned();
            let _ = reply.send(outcome);
            broken
        }))
    }
}

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").finish_non_exhaustive()
    }
}

/// Reads until all handles are dropped.
pub(super) fn run(core: &Core, reads: &Mutex<Receiver<Read>>, committer: &Sender<Request>) {
    loop {
        // One of the threads waits for the next read, the others for the lock.
        let read = reads.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Read(read)) = read else { return };
        // A waker that panics harms nobody but its own task.
        if let Some(Some(error)) = panics::catch_panic(|| read(core)) {
            // The committer ends after the readers.
            let _ = committer.send(Request::Broken(error));
        }
    }
}
