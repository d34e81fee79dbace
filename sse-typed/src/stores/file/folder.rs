//! The folder of a store, and the lock on it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{
    error::{FileStoreError, Kind},
    storage::{DiskFile, Files, Storage},
};

/// The file that holds everything.
const HISTORY: &str = "history";

/// Its name until it is complete. A crash leaves a history that can be opened, or none.
const NEW_HISTORY: &str = "history.new";

/// Is locked while the store is open.
const LOCK: &str = "LOCK";

/// How long [`Folder::open`] waits for a store of the same folder that is being closed.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// A folder that this process alone has open. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Creates the folder if it does not exist, and waits up to two seconds for another store to be closed.
    pub(super) fn open(path: &Path) -> Result<Self, FileStoreError> {
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir()) {
            return Err(Kind::NotAFolder(path.to_owned()).into());
        }
        fs::create_dir_all(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => Kind::NotAFolder(path.to_owned()).into(),
            _ => FileStoreError::at("create the folder", path)(error),
        })?;
        let lock_path = path.join(LOCK);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(FileStoreError::at("open", &lock_path))?;
        let start = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { path: path.to_owned(), _lock: lock }),
                Err(TryLockError::WouldBlock) if start.elapsed() < TIME_LIMIT => {
                    thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(Kind::AlreadyOpen(path.to_owned()).into()),
                Err(TryLockError::Error(error)) => return Err(FileStoreError::at("lock", &lock_path)(error)),
            }
        }
    }
}

impl Files for Folder {
    fn exists(&self) -> io::Result<bool> {
        self.path.join(HISTORY).try_exists()
    }

    fn open(&self) -> io::Result<Box<dyn Storage>> {
        let file = OpenOptions::new().read(true).write(true).open(self.path.join(HISTORY))?;
        Ok(Box::new(DiskFile::new(file)?))
    }

    fn create(&self) -> io::Result<Box<dyn Storage>> {
        let path = self.path.join(NEW_HISTORY);
        let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(path)?;
        Ok(Box::new(DiskFile::new(file)?))
    }

    fn publish(&self) -> io::Result<()> {
        fs::rename(self.path.join(NEW_HISTORY), self.path.join(HISTORY))?;
        sync_folder(&self.path)?;
        match self.path.canonicalize()?.parent() {
            Some(parent) => sync_folder(parent),
            None => Ok(()),
        }
    }
}

/// A file whose name is not on the disk is lost with all that was synced into it.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|folder| folder.sync_all()) {
        // A parent that may not be read was not made by us.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}

/// Elsewhere a folder cannot be opened as a file.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
