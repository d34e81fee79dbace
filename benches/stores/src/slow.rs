//! A disk in memory whose sync takes as long as that of a usual disk, whatever the machine has.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use sse_typed::__private::{Files, Storage};

/// Clones are the same disk.
#[derive(Clone, Debug)]
pub struct SlowDisk {
    bytes: Arc<Mutex<Vec<u8>>>,
    exists: Arc<AtomicBool>,
    sync: Duration,
}

impl SlowDisk {
    #[must_use]
    pub fn new(sync: Duration) -> Self {
        Self { bytes: Arc::default(), exists: Arc::default(), sync }
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn range(offset: u64, len: usize) -> io::Result<std::ops::Range<usize>> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        Ok(offset..offset + len)
    }
}

impl Files for SlowDisk {
    fn exists(&self) -> io::Result<bool> {
        Ok(self.exists.load(Ordering::Relaxed))
    }

    fn open(&self) -> io::Result<Box<dyn Storage>> {
        Ok(Box::new(self.clone()))
    }

    fn create(&self) -> io::Result<Box<dyn Storage>> {
        self.bytes().clear();
        self.open()
    }

    fn publish(&self) -> io::Result<()> {
        self.exists.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Storage for SlowDisk {
    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn resize(&self, size: u64) -> io::Result<()> {
        self.bytes().resize(usize::try_from(size).map_err(io::Error::other)?, 0);
        Ok(())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let range = Self::range(offset, out.len())?;
        out.copy_from_slice(self.bytes().get(range).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let range = Self::range(offset, bytes.len())?;
        self.bytes().get_mut(range).ok_or(io::ErrorKind::UnexpectedEof)?.copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        if !self.sync.is_zero() {
            thread::sleep(self.sync);
        }
        Ok(())
    }
}
