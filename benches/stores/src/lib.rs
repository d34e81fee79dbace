//! What the benchmarks of the stores share.

pub mod engines;
pub mod slow;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// A folder of the benchmark's own, deleted with the value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty folder below the current one, so that it is on a disk and not in memory.
    pub fn new(name: &str) -> io::Result<Self> {
        let path = std::env::current_dir()?.join(format!(".bench-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The bytes of the files in it, as the file system has allocated them.
    #[must_use]
    pub fn size(&self) -> u64 {
        size(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return allocated(path) };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}

#[cfg(unix)]
fn allocated(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    // Blocks of 512 bytes, whatever the file system's are.
    fs::metadata(path).map_or(0, |metadata| metadata.blocks() * 512)
}

#[cfg(not(unix))]
fn allocated(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// How long it takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let output = work();
    (output, start.elapsed())
}

/// `count` in a second.
#[must_use]
pub fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
