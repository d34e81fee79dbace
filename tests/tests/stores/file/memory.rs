//! A storage in memory that a test takes apart: what was not synced is lost, torn or reordered, and calls fail.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use sse_typed::__private::{Files, Hooks, Storage};

/// A disk. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<(Mutex<Content>, Condvar)>);

#[derive(Debug, Default)]
struct Content {
    /// The file that exists, and one that is made.
    history: Option<Bytes>,
    new: Option<Bytes>,
    syncs: u64,
    /// What fails, from now on.
    fault: Option<Fault>,
    /// Syncs wait, and one does.
    syncs_wait: bool,
    sync_is_waiting: bool,
}

/// A file, which keeps what it is under another name.
type Bytes = Arc<Mutex<File>>;

#[derive(Debug, Default)]
struct File {
    /// As the process sees it.
    seen: Vec<u8>,
    /// As it is after a power loss that loses all that may be lost.
    synced: Vec<u8>,
    /// What was done since the last sync.
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Resize(u64),
    Write(u64, Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// This many more calls that write succeed, and then the power is lost: all calls fail.
    PowerLossAfter(u32),
    /// The next sync fails, and those behind it succeed.
    Sync,
    /// Writing fails, as on a disk that is full.
    Full,
    /// After so many calls that write, one fails as on a disk that is full.
    FullOnce(u32),
    /// So many more calls that write succeed, and then writing fails as with `Full`.
    FullAfter(u32),
    /// As `FullAfter`, and the first write that fails is done all the same.
    FullBehind(u32),
    /// The next write fails, and then the next sync.
    FullThenSync,
    /// Reading fails.
    Read,
}

impl Disk {
    pub(super) fn hooks(&self) -> Hooks {
        let disk = self.clone();
        let mut hooks = Hooks::default();
        hooks.files = Some(Arc::new(disk));
        hooks.reopen_after = Duration::from_millis(1);
        hooks
    }

    pub(super) fn set_fault(&self, fault: Option<Fault>) {
        self.content().fault = fault;
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.content().fault
    }

    /// Lets syncs wait, or go on.
    pub(super) fn let_syncs_wait(&self, wait: bool) {
        self.content().syncs_wait = wait;
        self.0.1.notify_all();
    }

    /// Blocks until a sync waits.
    pub(super) fn sync_waits(&self) {
        let content = self.0.1.wait_while(self.content(), |content| !content.sync_is_waiting);
        drop(content.unwrap());
    }

    pub(super) fn syncs(&self) -> u64 {
        self.content().syncs
    }

    /// What is on the disk after the power was lost: what was synced, and what `choose` makes of the changes since then.
    pub(super) fn after_power_loss(&self, mut choose: impl FnMut(Vec<Change>) -> Vec<Change>) -> Self {
        let content = self.content();
        let mut survive = |file: &Option<Bytes>| {
            file.as_ref().map(|file| {
                let file = file.lock().unwrap();
                let mut bytes = file.synced.clone();
                choose(file.pending.clone()).iter().for_each(|change| change.apply(&mut bytes));
                Arc::new(Mutex::new(File { seen: bytes.clone(), synced: bytes, pending: Vec::new() }))
            })
        };
        let content = Content { history: survive(&content.history), new: survive(&content.new), ..Content::default() };
        Self(Arc::new((Mutex::new(content), Condvar::new())))
    }

    /// A copy of which some bytes have another value.
    pub(super) fn damaged(&self, rng: &mut fastrand::Rng) -> Self {
        let copy = self.after_power_loss(|_| Vec::new());
        if let Some(file) = &copy.content().history {
            let mut file = file.lock().unwrap();
            let used = file.seen.iter().rposition(|byte| *byte != 0).unwrap_or(0);
            for _ in 0..rng.usize(1..20) {
                let at = rng.usize(..=used);
                file.seen[at] = rng.u8(..);
            }
            file.synced = file.seen.clone();
        }
        copy
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.0.lock().unwrap_or_else(|error| error.into_inner())
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Resize(size) => bytes.resize(usize::try_from(*size).unwrap(), 0),
            Self::Write(offset, data) => {
                let offset = usize::try_from(*offset).unwrap();
                if bytes.len() < offset + data.len() {
                    bytes.resize(offset + data.len(), 0);
                }
                bytes[offset..offset + data.len()].copy_from_slice(data);
            }
        }
    }
}

impl Content {
    /// Whether one more call that changes something succeeds.
    fn check(&mut self) -> io::Result<()> {
        match &mut self.fault {
            Some(Fault::PowerLossAfter(0)) => Err(io::Error::other("the power is lost")),
            Some(Fault::Full) => Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::FullThenSync) => {
                self.fault = Some(Fault::Sync);
                Err(io::ErrorKind::StorageFull.into())
            }
            Some(Fault::FullAfter(0) | Fault::FullBehind(0)) => {
                self.fault = Some(Fault::Full);
                Err(io::ErrorKind::StorageFull.into())
            }
            Some(Fault::FullOnce(0)) => {
                self.fault = None;
                Err(io::ErrorKind::StorageFull.into())
            }
            Some(
                Fault::PowerLossAfter(left) | Fault::FullOnce(left) | Fault::FullAfter(left) | Fault::FullBehind(left),
            ) => {
                *left -= 1;
                Ok(())
            }
            Some(Fault::Sync | Fault::Read) | None => Ok(()),
        }
    }
}

impl Files for Disk {
    fn exists(&self) -> io::Result<bool> {
        Ok(self.content().history.is_some())
    }

    fn open(&self) -> io::Result<Box<dyn Storage>> {
        let file = self.content().history.clone().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Opened { disk: self.clone(), file }))
    }

    fn create(&self) -> io::Result<Box<dyn Storage>> {
        let mut content = self.content();
        content.check()?;
        let file = Bytes::default();
        content.new = Some(Arc::clone(&file));
        Ok(Box::new(Opened { disk: self.clone(), file }))
    }

    fn publish(&self) -> io::Result<()> {
        let mut content = self.content();
        let outcome = content.check();
        // A power loss within it leaves it done or not.
        if outcome.is_ok() || content.syncs.is_multiple_of(2) {
            content.history = content.new.take();
        }
        outcome
    }
}

#[derive(Debug)]
struct Opened {
    disk: Disk,
    file: Bytes,
}

impl Opened {
    fn change(&self, change: Change) -> io::Result<()> {
        let is_done = self.disk.fault() == Some(Fault::FullBehind(0));
        let outcome = self.disk.content().check();
        if outcome.is_ok() || is_done {
            let mut file = self.file.lock().unwrap();
            change.apply(&mut file.seen);
            file.pending.push(change);
        }
        outcome
    }
}

impl Storage for Opened {
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.lock().unwrap().seen.len() as u64)
    }

    fn resize(&self, size: u64) -> io::Result<()> {
        self.change(Change::Resize(size))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if matches!(self.disk.fault(), Some(Fault::Read | Fault::PowerLossAfter(0))) {
            return Err(io::Error::other("a sector cannot be read"));
        }
        let file = self.file.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        let bytes = file.seen.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(Change::Write(offset, bytes.to_owned()))
    }

    fn sync(&self) -> io::Result<()> {
        let mut content = self.disk.content();
        content.sync_is_waiting = true;
        self.disk.0.1.notify_all();
        content = self.disk.0.1.wait_while(content, |content| content.syncs_wait).unwrap();
        content.sync_is_waiting = false;
        match content.fault {
            Some(Fault::Sync) => {
                content.fault = None;
                return Err(io::Error::other("the disk does not answer"));
            }
            // What is written already fits.
            Some(
                Fault::Full | Fault::FullAfter(_) | Fault::FullBehind(_) | Fault::FullOnce(_) | Fault::FullThenSync,
            ) => {}
            _ => content.check()?,
        }
        content.syncs += 1;
        let File { pending, synced, .. } = &mut *self.file.lock().unwrap();
        pending.drain(..).for_each(|change| change.apply(synced));
        Ok(())
    }
}
