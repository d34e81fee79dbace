use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;

use super::{
    error::{ErrorKind, MemoryStoreError},
    key::{KeyHistory, OpenedKey, StoredKey},
    shared::Shared,
};
use crate::{
    event::EventId,
    hub::{
        log::{AppendError, Block, End, EventLog, Page, Wakes},
        store::options::LogOptions,
    },
};

/// The log of one key of a [`MemoryStore`](super::MemoryStore).
///
/// Two logs of one key are the same history. Every call completes at once, except `wait_after`.
pub struct MemoryStoreLog {
    shared: Arc<Shared>,
    /// Taken when the log is dropped.
    key: Option<OpenedKey>,
    options: Arc<LogOptions>,
    /// The newest event that a sole writer knows.
    newest: Mutex<Option<Box<EventId>>>,
}

impl MemoryStoreLog {
    pub(super) fn new(shared: Arc<Shared>, key: OpenedKey, options: Arc<LogOptions>) -> Self {
        Self { shared, key: Some(key), options, newest: Mutex::default() }
    }

    /// Of a run: a sole writer does not append once the run was removed.
    #[cfg(feature = "runs")]
    pub(super) fn of_run(self) -> Self {
        if let Ok(key) = self.key() {
            let head = key.lock(Instant::now()).head();
            *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(head));
        }
        self
    }

    fn key(&self) -> Result<&Arc<StoredKey>, MemoryStoreError> {
        match &self.key {
            Some(Ok(key)) => Ok(key),
            Some(Err(invalid)) => Err(invalid.1.clone()),
            None => Err(MemoryStoreError(ErrorKind::InvalidKey("the log is dropped"))),
        }
    }

    fn name(&self) -> &str {
        match &self.key {
            Some(Ok(key)) => &key.name,
            Some(Err(invalid)) => &invalid.0,
            None => "",
        }
    }

    /// Looks at the history. If it has expired, its followers are woken.
    fn look<T>(&self, look: impl FnOnce(&mut KeyHistory) -> T) -> Result<T, MemoryStoreError> {
        let key = self.key()?;
        let mut history = key.lock(Instant::now());
        let seen = look(&mut history);
        let has_expired = history.take_has_expired();
        drop(history);
        if has_expired {
            self.shared.wakes.changed(&key.name, None);
        }
        Ok(seen)
    }

    fn write(&self, block: Option<&Block>, end: Option<End>) -> Result<EventId, AppendError<MemoryStoreError>> {
        let key = self.key().map_err(AppendError::Failed)?;
        let now = Instant::now();
        let mut history = key.lock(now);
        if history.take_has_expired() {
            drop(history);
            self.shared.wakes.changed(&key.name, None);
            history = key.lock(now);
        }
        if let Some(end) = history.end() {
            return Err(AppendError::Closed(end));
        }
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if self.options.is_sole_writer() && newest.as_ref().is_some_and(|newest| **newest != history.head()) {
            return Err(AppendError::Failed(MemoryStoreError(ErrorKind::SecondWriter)));
        }
        let id = history.append(block, end, &self.options, now);
        if self.options.is_sole_writer() {
            *newest = Some(Box::new(id.clone()));
        }
        drop(newest);
        let needs_timer = history.needs_timer();
        drop(history);
        if needs_timer {
            self.shared.set_timer(key);
        }
        self.shared.remove_expired(now);
        // A close without an event changes no id.
        self.shared.wakes.changed(self.name(), block.map(|_| &id));
        Ok(id)
    }
}

impl EventLog for MemoryStoreLog {
    type Error = MemoryStoreError;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<MemoryStoreError>> {
        self.write(Some(block), None)
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<MemoryStoreError>> {
        self.write(last, Some(end))
    }

    async fn read_after(&self, after: &str, limit: usize) -> Result<Page, MemoryStoreError> {
        self.look(|history| history.page(after, limit))
    }

    async fn wait_after(&self, after: &EventId) -> Result<(), MemoryStoreError> {
        let woken = self.shared.wakes.wait(self.name());
        if self.look(|history| history.is_waited_for(after.as_str()))? {
            woken.await;
        }
        Ok(())
    }

    async fn head(&self) -> Result<EventId, MemoryStoreError> {
        self.look(|history| history.head())
    }

    async fn before_last(&self, n: u64) -> Result<EventId, MemoryStoreError> {
        self.look(|history| history.before_last(n))
    }

    fn wakes(&self) -> Option<(&Wakes, &str)> {
        Some((&self.shared.wakes, self.name()))
    }
}

impl Drop for MemoryStoreLog {
    fn drop(&mut self) {
        if let Some(Ok(key)) = self.key.take() {
            self.shared.give_back(key);
        }
    }
}

impl fmt::Debug for MemoryStoreLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStoreLog")
            .field("key", &self.name())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
