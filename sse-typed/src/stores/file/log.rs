use std::{fmt, sync::Arc};

use tokio::sync::oneshot;

use super::{
    batch::Write,
    error::{FileStoreError, Kind},
    job::{Job, Outcome},
    read::Snapshot,
    reader::Read,
    store::Shared,
    writer::Writer,
};
use crate::{
    event::EventId,
    hub::{AppendError, Block, End, EventLog, LogOptions, Page, Wakes, check_key},
};

/// The history of one key in a [`FileStore`](super::FileStore).
///
/// Several logs of one key are the same history. Each holds the store open.
///
/// # Sole writer
///
/// A log with the option [`sole_writer`](LogOptions::sole_writer) and its clones are one writer. An append or a close whose
/// outcome is [`Unknown`](AppendError::Unknown) is stored once, however often it is retried, if the retry has the same bytes and
/// the log appends nothing else before it. An append after an event of another writer, or after a removal, fails with
/// [`is_second_writer`](FileStoreError::is_second_writer). A new log does not know which event is the newest, so its first append
/// always succeeds.
///
/// # Errors
///
/// All methods fail when the key is [invalid](FileStoreError::is_invalid_key), and while the [health](crate::hub::EventStore::health)
/// of the store is bad. An append or a close whose transaction fails is [`Failed`](AppendError::Failed) if it is certain that
/// nothing was stored, and [`Unknown`](AppendError::Unknown) otherwise: always after a failed sync, and seldom after other
/// errors. Those that follow are `Failed`.
///
/// # Cancel safety
///
/// Reading and waiting change nothing. An append or a close whose future is dropped has happened, or not.
#[derive(Clone)]
pub struct FileLog {
    shared: Arc<Shared>,
    name: Arc<str>,
    /// What is wrong with the name.
    fault: Option<FileStoreError>,
    options: Arc<LogOptions>,
    /// If it is the sole one.
    writer: Option<Arc<Writer>>,
    is_of_run: bool,
}

impl FileLog {
    pub(super) fn new(shared: Arc<Shared>, key: &str, options: Arc<LogOptions>) -> Self {
        let (name, fault) = match checked(key) {
            Ok(name) => (name, None),
            Err(fault) => (key.into(), Some(fault)),
        };
        let writer = options.is_sole_writer().then(Arc::default);
        Self { shared, name, fault, options, writer, is_of_run: false }
    }

    /// Of a run: nothing is appended once the run was removed.
    #[cfg(feature = "runs")]
    pub(super) fn of_run(self) -> Self {
        Self { is_of_run: true, ..self }
    }

    fn key(&self) -> Result<&Arc<str>, FileStoreError> {
        self.fault.clone().map_or(Ok(&self.name), Err)
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, FileStoreError> + Send + 'static,
    ) -> Result<T, FileStoreError> {
        let (reply, answer) = oneshot::channel();
        self.shared.read(Read::new(Arc::clone(self.key()?), reply, read));
        answer.await.unwrap_or_else(|_| Err(FileStoreError::closed()))
    }

    async fn write(&self, block: Option<&Block>, end: Option<End>) -> Outcome<EventId> {
        let key = Arc::clone(self.key().map_err(AppendError::Failed)?);
        let permit = self.shared.permit(block.map_or(0, |block| block.as_bytes().len())).await;
        let write = Write {
            key,
            options: Arc::clone(&self.options),
            block: block.cloned(),
            end,
            writer: self.writer.clone(),
            is_of_run: self.is_of_run,
        };
        self.shared.job(|reply| Job::Write { write, reply, _permit: permit }).await
    }
}

pub(super) fn checked(key: &str) -> Result<Arc<str>, FileStoreError> {
    check_key(key).map_err(|fault| Kind::InvalidKey(fault).into())
}

impl EventLog for FileLog {
    type Error = FileStoreError;

    async fn append(&self, block: &Block) -> Outcome<EventId> {
        self.write(Some(block), None).await
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Outcome<EventId> {
        self.write(last, Some(end)).await
    }

    async fn read_after(&self, after: &str, limit: usize) -> Result<Page, FileStoreError> {
        let after = after.to_owned();
        self.read(move |log| log.page(&after, limit)).await
    }

    async fn wait_after(&self, after: &EventId) -> Result<(), FileStoreError> {
        // Registered before the read, so that no news between the two is missed.
        let woken = self.shared.core().wakes.wait(self.key()?);
        let after = after.clone();
        if self.read(move |log| Ok(log.is_head(after.as_str()))).await? {
            woken.await;
        }
        Ok(())
    }

    async fn head(&self) -> Result<EventId, FileStoreError> {
        self.read(|log| Ok(log.head().id())).await
    }

    async fn before_last(&self, n: u64) -> Result<EventId, FileStoreError> {
        self.read(move |log| Ok(log.before_last(n)?.id())).await
    }

    fn wakes(&self) -> Option<(&Wakes, &str)> {
        Some((&self.shared.core().wakes, &self.name))
    }
}

impl fmt::Debug for FileLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLog").field("key", &self.name).field("options", &self.options).finish_non_exhaustive()
    }
}
