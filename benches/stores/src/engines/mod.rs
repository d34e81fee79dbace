//! Two embedded engines under the workload of a file store: events of one log by their number, and a row of the log.

mod fjall;
mod redb;

use std::{error::Error, path::Path};

pub use self::{fjall::Fjall, redb::Redb};

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What a record of 200 bytes weighs with what a store adds to it.
pub const RECORD: usize = 217;

pub trait Engine: Sized {
    const NAME: &'static str;

    fn open(folder: &Path) -> Result<Self>;

    /// Appends events of these numbers and removes as many as `remove`, in one commit. It returns once that is synced.
    fn append(&self, events: std::ops::Range<u64>, remove: std::ops::Range<u64>) -> Result<()>;

    /// Reads up to `limit` events behind this number; returns the number of the last one.
    fn read(&self, after: u64, limit: usize) -> Result<Option<u64>>;

    /// The number of the newest event, as the row of the log has it.
    fn head(&self) -> Result<u64>;
}

/// The key of an event: logs apart, and in the order of their numbers.
fn key(n: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[7] = 1;
    key[8..].copy_from_slice(&n.to_be_bytes());
    key
}

fn number(key: &[u8]) -> Result<u64> {
    Ok(u64::from_be_bytes(key.get(8..16).ok_or("a key is too short")?.try_into()?))
}

/// Bytes that do not compress.
fn record() -> [u8; RECORD] {
    let mut record = [0; RECORD];
    fastrand::fill(&mut record);
    record
}
