//! The file below the engine.

use std::{
    fmt,
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::{StorageBackend, backends::FileBackend};

use super::Durability;

/// Bytes that can be read and written anywhere. Tests implement it to lose, tear and refuse writes.
pub trait Storage: fmt::Debug + Send + Sync + 'static {
    /// How many bytes there are.
    fn size(&self) -> io::Result<u64>;

    /// Makes it longer, with zeros, or shorter.
    fn resize(&self, size: u64) -> io::Result<()>;

    /// Reads as many bytes as `out` has.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes`.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Returns once all that was written before cannot be lost any more.
    fn sync(&self) -> io::Result<()>;
}

/// Where the storage is.
pub trait Files: Send + Sync + 'static {
    /// Whether there is one.
    fn exists(&self) -> io::Result<bool>;

    /// Opens it.
    fn open(&self) -> io::Result<Box<dyn Storage>>;

    /// Makes an empty one that does not exist yet for [`exists`](Self::exists). One that was made before is overwritten.
    fn create(&self) -> io::Result<Box<dyn Storage>>;

    /// From now on the one that was created, and is closed, exists. This cannot be lost any more when it returns, and a crash
    /// leaves it done or not.
    fn publish(&self) -> io::Result<()>;
}

/// A file on a disk.
#[derive(Debug)]
pub(super) struct DiskFile(FileBackend);

impl DiskFile {
    pub(super) fn new(file: File) -> io::Result<Self> {
        FileBackend::new(file).map(Self).map_err(|error| io::Error::other(error.to_string()))
    }
}

impl Storage for DiskFile {
    fn size(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn resize(&self, size: u64) -> io::Result<()> {
        self.0.set_len(size)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// Whether a sync has failed. What it was to write may be lost then, although a later sync would succeed.
#[derive(Debug, Default)]
pub(super) struct SyncFailure(AtomicBool);

impl SyncFailure {
    pub(super) fn has_happened(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What the engine writes to.
#[derive(Debug)]
pub(super) struct Backend {
    storage: Box<dyn Storage>,
    durability: Durability,
    sync_failure: Arc<SyncFailure>,
}

impl Backend {
    pub(super) fn new(storage: Box<dyn Storage>, durability: Durability) -> (Self, Arc<SyncFailure>) {
        let sync_failure = Arc::new(SyncFailure::default());
        (Self { storage, durability, sync_failure: Arc::clone(&sync_failure) }, sync_failure)
    }

    /// Nothing is tried after a failed sync.
    fn check(&self) -> io::Result<()> {
        if self.sync_failure.has_happened() { Err(io::Error::other("an earlier sync failed")) } else { Ok(()) }
    }
}

/// Our `LOCK` file excludes other processes: this needs no locks.
impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.storage.size()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.storage.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.storage.resize(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        if self.durability == Durability::Os {
            return Ok(());
        }
        self.storage.sync().inspect_err(|_| self.sync_failure.0.store(true, Ordering::Release))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.storage.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        // A store that was closed in order survives a power loss whatever its durability.
        if self.durability == Durability::Os && !self.sync_failure.has_happened() {
            self.storage.sync()
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk whose syncs fail.
    #[derive(Debug)]
    struct FailingSync;

    impl Storage for FailingSync {
        fn size(&self) -> io::Result<u64> {
            Ok(0)
        }

        fn resize(&self, _: u64) -> io::Result<()> {
            Ok(())
        }

        fn read(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
            Ok(())
        }

        fn write(&self, _: u64, _: &[u8]) -> io::Result<()> {
            Ok(())
        }

        fn sync(&self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn nothing_is_written_after_a_failed_sync() {
        let (backend, failure) = Backend::new(Box::new(FailingSync), Durability::Commit);
        backend.write(0, b"a").unwrap();
        assert_eq!(backend.sync_data().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(failure.has_happened());
        for tried in [backend.write(0, b"a"), backend.set_len(1), backend.sync_data()] {
            assert_eq!(tried.unwrap_err().to_string(), "an earlier sync failed");
        }
        backend.close().unwrap();
    }

    #[test]
    fn with_the_durability_of_the_system_only_closing_syncs() {
        let (backend, failure) = Backend::new(Box::new(FailingSync), Durability::Os);
        backend.sync_data().unwrap();
        assert!(!failure.has_happened());
        assert!(backend.close().is_err());
    }
}
