use std::{
    fmt,
    path::Path,
    sync::{
        Arc, Mutex,
        mpsc::{Sender, channel},
    },
    thread,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    committer::{Committer, Request},
    core::Core,
    engine::Engine,
    error::FileStoreError,
    folder::Folder,
    hooks::Hooks,
    job::{Job, Outcome},
    log::{FileLog, checked},
    reader::{self, Read},
};
use crate::hub::{AppendError, EventStore, Health, LogOptions, Wakes};

/// How many threads read.
const READERS: usize = 2;

/// How much may wait to be written, in KiB. Publishers wait while there is more.
const WAITING: u32 = 64 << 10;

/// When an append has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Once it is synced to the disk: it survives kill -9 and a power loss.
    #[default]
    Commit,
    /// Once it is written to the operating system: it survives kill -9. A power loss may leave a folder that cannot be opened any
    /// more because its history is [corrupt](FileStoreError::is_corrupt).
    Os,
}

/// Keeps histories of any number of keys in one folder, so that a restart loses nothing.
///
/// It is embedded: it needs no server and no runtime. One thread writes, and two threads read, so async callers never block.
/// Clones are the same store.
///
/// ```
/// # #[cfg(not(feature = "derive"))]
/// # fn main() {}
/// # #[cfg(feature = "derive")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use sse_typed::{Gap, Hub, SseEvent, hub::EventStore, stores::FileStore};
///
/// #[derive(Debug, PartialEq, SseEvent)]
/// enum Ride {
///     Position { lat: f64, lon: f64 },
///     #[sse(gap)]
///     Missed(Gap),
/// }
///
/// # let folder = std::env::temp_dir().join(format!("sse-typed-file-{}", std::process::id()));
/// let store = FileStore::open(&folder)?;
/// let hub = Hub::<Ride>::builder().build_on(store.log("rides"));
/// let id = hub.publish(&Ride::Position { lat: 10.8, lon: 106.6 }).await?;
/// # drop(hub);
///
/// // After a restart, a client that sends the id resumes after it.
/// store.close().await;
/// let store = FileStore::open(&folder)?;
/// let hub = Hub::<Ride>::builder().build_on(store.log("rides"));
/// let subscription = hub.subscribe(id);
/// # drop((subscription, hub));
/// # store.close().await;
/// # std::fs::remove_dir_all(folder)?;
/// # Ok(())
/// # }
/// ```
///
/// # Promises
///
/// - An append returns once its event is synced. Neither kill -9 nor a power loss loses an event whose id was returned. See
///   [`Durability`] for the other choice.
/// - Appends that wait at the same time are stored by one sync, whatever their keys are. A lone publisher never waits for
///   others.
/// - A log is closed by one record together with its last event. The first close wins.
/// - A read is contiguous, or it reports a gap. An id consists of the event's number and of a mark, which is drawn at random
///   each time the folder is opened. An id from before a wipe, a restored backup or a lost tail is a gap. It never leads to a
///   wrong position.
/// - A folder can be opened once at a time, by one process. A second opening waits up to two seconds for the first store to
///   be closed, and then [fails](FileStoreError::is_already_open).
///
/// # Failure
///
/// After an I/O error all calls fail at once, and the store opens the folder again every five seconds, for example until the disk
/// has space. Hubs on its logs keep their subscriptions meanwhile. [`health`](EventStore::health) shows the state, with the I/O
/// error.
///
/// After a failed sync the store stops for good, because the operating system may have dropped what it could not write. Check
/// the disk, and then restart the process, or drop all handles and call [`open`](Self::open).
///
/// # Keys
///
/// A key has 1 to 512 bytes and no NUL. Of another key, all methods of the log [fail](FileStoreError::is_invalid_key).
/// [`log`](EventStore::log) and [`open`](EventStore::open) do no I/O, and each append and close applies the options of its
/// log. A key that is [removed](EventStore::remove) can be appended to again, and its old ids are gaps. A removal of a key that is
/// not known is no error.
///
/// Hubs of one process on one key share its events. Processes cannot share a folder.
///
/// # Retention
///
/// Only appends trim, each at most two events. A log that is quiet keeps events that are older than its
/// [`Retention`](crate::hub::Retention) allows, and a log whose retention was lowered shrinks step by step. Logs that have
/// expired are removed within 60 s, and their events are deleted in the background. A client that has received all events of an expired log
/// resumes without a gap; any other gets one. The file does not shrink; its free space is
/// used again.
///
/// # Runs
///
/// With the feature `runs`, the store keeps runs: it is a `RunStore`. A claim and an end return once they are synced, and calls that wait at the
/// same time share a sync. Renewals cost no sync: leases, readers and requests to stop are kept in memory. A run that was claimed
/// before the folder was opened has an expired lease, so it is lost as soon as somebody looks. Leases do not expire while the
/// store is unavailable. An ended run is kept for its time by the clock of the host, also over restarts; when that clock is set
/// back, it is kept longer. Runs whose time is over are removed within 60 s, and are not found before. An append to the log
/// of a removed run fails with [`is_second_writer`](FileStoreError::is_second_writer). The key of a run has at most 495 bytes.
///
/// # Limits
///
/// - The folder must be on a local disk. Network file systems do not lock and sync reliably.
/// - It is not tested on Windows and macOS.
/// - The cache takes up to 64 MiB of memory. Up to 64 MiB of events may wait to be written; publishers wait when there are more.
#[derive(Clone)]
pub struct FileStore {
    pub(super) shared: Arc<Shared>,
}

impl FileStore {
    /// Opens the store in this folder with the default settings. It creates the folder if it does not exist.
    ///
    /// It blocks: for up to two seconds while another store of the same folder is being closed, and for less than a second for a
    /// million events while the history is repaired after a crash. Call it at startup, or in `spawn_blocking`.
    ///
    /// # Errors
    ///
    /// [`FileStoreError`] when the folder [is open](FileStoreError::is_already_open), the path [is not a
    /// folder](FileStoreError::is_not_a_folder), the folder [may not be used](FileStoreError::is_permission_denied), was written by a [newer
    /// version](FileStoreError::is_newer_format), is [damaged](FileStoreError::is_corrupt), or cannot be read or written.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, FileStoreError> {
        Self::builder().open(folder)
    }

    /// Sets how it is opened.
    pub fn builder() -> FileStoreBuilder {
        FileStoreBuilder::default()
    }

    /// Closes the store. It waits until all earlier appends are stored and the folder can be opened again. All handles fail from
    /// then on.
    ///
    /// Dropping all handles does the same, and does not wait for it.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the store is closed all the same.
    pub async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.shared.requests.send(Request::Close { reply }).is_ok() {
            // An error says that the thread has ended, and then it is closed.
            let _ = closed.await;
        }
    }

    /// Removes what has expired, as is done every 60 s.
    #[doc(hidden)]
    pub async fn sweep(&self) -> Result<(), FileStoreError> {
        self.shared.job(|reply| Job::Sweep { reply }).await.map_err(error_of)
    }
}

impl EventStore for FileStore {
    type Log = FileLog;

    fn open(&self, key: &str, options: &LogOptions) -> FileLog {
        FileLog::new(Arc::clone(&self.shared), key, Arc::new(options.clone()))
    }

    fn options(&self) -> &LogOptions {
        &self.shared.options
    }

    fn log(&self, key: &str) -> FileLog {
        FileLog::new(Arc::clone(&self.shared), key, Arc::clone(&self.shared.options))
    }

    async fn remove(&self, key: &str) -> Result<(), FileStoreError> {
        let key = checked(key)?;
        self.shared.job(|reply| Job::Remove { key, reply }).await.map_err(error_of)
    }

    fn wakes(&self) -> &Wakes {
        &self.shared.core.wakes
    }

    fn health(&self) -> Health {
        self.shared.core.health.health()
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("health", &self.health().state()).finish_non_exhaustive()
    }
}

/// How a [`FileStore`] is opened.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct FileStoreBuilder {
    durability: Durability,
    options: LogOptions,
    hooks: Hooks,
}

impl FileStoreBuilder {
    /// When an append has happened. By default, once it is synced to the disk.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The options of logs that have none of their own.
    pub fn options(mut self, options: LogOptions) -> Self {
        self.options = options;
        self
    }

    /// Replaces the storage and the clock.
    #[doc(hidden)]
    pub fn hooks(mut self, hooks: Hooks) -> Self {
        self.hooks = hooks;
        self
    }

    /// Opens the store in this folder. It creates the folder if it does not exist.
    ///
    /// It blocks as [`FileStore::open`] does.
    ///
    /// # Errors
    ///
    /// Those of [`FileStore::open`].
    pub fn open(self, folder: impl AsRef<Path>) -> Result<FileStore, FileStoreError> {
        let files = match &self.hooks.files {
            Some(files) => Arc::clone(files),
            None => Arc::new(Folder::open(folder.as_ref())?),
        };
        let engine = Engine::open(&*files, self.durability, self.hooks.cache)?;
        let core = Arc::new(Core::new(engine, &self.hooks));
        let (requests, to_write) = channel();
        let (reads, to_read) = channel();
        let committer = Committer::new(Arc::clone(&core), to_write, self.hooks, self.durability, files);
        spawn("sse-typed write", move || committer.run())?;
        let to_read = Arc::new(Mutex::new(to_read));
        for _ in 0..READERS {
            let (core, to_read, committer) = (Arc::clone(&core), Arc::clone(&to_read), requests.clone());
            spawn("sse-typed read", move || reader::run(&core, &to_read, &committer))?;
        }
        let waiting = Arc::new(Semaphore::new(WAITING as usize));
        Ok(FileStore { shared: Arc::new(Shared { core, requests, reads, waiting, options: Arc::new(self.options) }) })
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), FileStoreError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map(drop).map_err(|error| FileStoreError::io("cannot start a thread", error))
}

/// What handles of a store share. The threads end when it is dropped.
pub(super) struct Shared {
    core: Arc<Core>,
    pub(super) requests: Sender<Request>,
    reads: Sender<Read>,
    waiting: Arc<Semaphore>,
    options: Arc<LogOptions>,
}

impl Shared {
    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    pub(super) fn read(&self, read: Read) {
        // With the threads ended, the caller's channel is closed.
        let _ = self.reads.send(read);
    }

    /// Waits until an event of this size may wait to be written.
    pub(super) async fn permit(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let size = u32::try_from(bytes / 1024 + 1).unwrap_or(WAITING).min(WAITING);
        // It is never closed.
        Arc::clone(&self.waiting).acquire_many_owned(size).await.ok()
    }

    pub(super) async fn job<T>(&self, job: impl FnOnce(oneshot::Sender<Outcome<T>>) -> Job) -> Outcome<T> {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(Request::Job(job(reply))).is_err() {
            return Err(AppendError::Failed(FileStoreError::closed()));
        }
        answer.await.unwrap_or_else(|_| Err(AppendError::Unknown(FileStoreError::closed())))
    }
}

/// The error of a call that is never refused because a log is closed.
pub(super) fn error_of(error: AppendError<FileStoreError>) -> FileStoreError {
    match error {
        AppendError::Failed(error) | AppendError::Unknown(error) => error,
        AppendError::Closed(_) => FileStoreError::closed(),
    }
}
