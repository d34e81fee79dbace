//! What tests and benchmarks replace: the storage and the clock.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{record::Millis, storage::Files};

type Now = dyn Fn() -> SystemTime + Send + Sync;
type Monotonic = dyn Fn() -> Duration + Send + Sync;

/// Not part of the public API.
#[derive(Clone)]
#[non_exhaustive]
pub struct Hooks {
    /// Used instead of a folder.
    pub files: Option<Arc<dyn Files>>,
    /// How much of the history is kept in memory, at most, in bytes.
    pub cache: usize,
    /// The clock by which events age and logs expire.
    pub now: Arc<Now>,
    /// A clock that is never set, by which the leases of runs expire.
    pub monotonic: Arc<Monotonic>,
    /// How long after an I/O error the storage is opened again.
    pub reopen_after: Duration,
}

impl Hooks {
    pub(super) fn now(&self) -> Millis {
        let since = (self.now)().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }
}

impl Default for Hooks {
    fn default() -> Self {
        let start = Instant::now();
        Self {
            files: None,
            cache: 64 << 20,
            now: Arc::new(SystemTime::now),
            monotonic: Arc::new(move || start.elapsed()),
            reopen_after: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("reopen_after", &self.reopen_after).finish_non_exhaustive()
    }
}
