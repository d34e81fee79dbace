//! What is kept of runs in memory, because it ends with the process: leases, readers, and requests to stop.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::super::{hooks::Hooks, record::Millis};
use crate::runs::{NewRun, RunId, RunRef};

/// The leases of the runs of this opening of the folder. A run without one was claimed before, and its lease has expired.
pub(in super::super) struct Leases {
    hooks: Hooks,
    opened: Duration,
    by_key: Mutex<HashMap<Box<str>, Lease>>,
}

struct Lease {
    run: RunId,
    /// Times of the clock that is never set.
    until: Duration,
    /// How long it holds after a renewal.
    length: Duration,
    keep: Duration,
    is_stop_asked: bool,
    /// The processes that read the run, and until when they count.
    readers: Vec<(Box<str>, Duration)>,
}

impl Lease {
    const fn new(run: RunId, keep: Duration) -> Self {
        Self { run, until: Duration::ZERO, length: Duration::ZERO, keep, is_stop_asked: false, readers: Vec::new() }
    }

    /// Holds it from now on.
    fn hold(&mut self, now: Duration, length: Duration) {
        (self.until, self.length) = (now.saturating_add(length), length);
    }
}

impl Leases {
    pub(in super::super) fn new(hooks: Hooks) -> Self {
        Self { opened: (hooks.monotonic)(), hooks, by_key: Mutex::default() }
    }

    /// The clock of the host.
    pub(super) fn now(&self) -> Millis {
        self.hooks.now()
    }

    fn elapsed(&self) -> Duration {
        (self.hooks.monotonic)()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Lease>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, run: &RunRef, use_lease: impl FnOnce(&mut Lease) -> T) -> Option<T> {
        self.lock().get_mut(&*run.key).filter(|lease| lease.run == run.run).map(use_lease)
    }

    /// The lease of a run that is claimed. One whose claim is repeated is held anew.
    pub(super) fn claim(&self, key: &str, new: &NewRun) {
        let now = self.elapsed();
        let mut leases = self.lock();
        let lease = leases.entry(key.into()).or_insert_with(|| Lease::new(new.run, new.keep));
        if lease.run != new.run {
            *lease = Lease::new(new.run, new.keep);
        }
        lease.hold(now, new.lease);
    }

    /// Holds all leases anew: while the store was away, nobody could renew them.
    pub(in super::super) fn hold_all(&self) {
        let now = self.elapsed();
        for lease in self.lock().values_mut() {
            lease.until = lease.until.max(now.saturating_add(lease.length));
        }
    }

    /// How long the lease of a run still holds.
    pub(super) fn left(&self, run: &RunRef) -> Duration {
        self.with(run, |lease| lease.until).unwrap_or(self.opened).saturating_sub(self.elapsed())
    }

    /// How long ago the lease of a run expired.
    pub(super) fn expired_since(&self, run: &RunRef) -> Option<Duration> {
        self.elapsed().checked_sub(self.with(run, |lease| lease.until).unwrap_or(self.opened))
    }

    /// Renews the lease of a run that has not ended. Returns whether it should stop, and whether another process reads it.
    pub(super) fn renew(&self, run: &RunRef, reader: &str, lease: Duration, keep: Duration) -> (bool, bool) {
        let now = self.elapsed();
        let mut leases = self.lock();
        let held = leases.entry(run.key.clone()).or_insert_with(|| Lease::new(run.run, keep));
        if held.run != run.run {
            // Since the run was looked up, it has ended and its key has begun anew.
            return (false, false);
        }
        held.hold(now, lease);
        held.readers.retain(|(_, until)| *until > now);
        (held.is_stop_asked, held.readers.iter().any(|(name, _)| **name != *reader))
    }

    /// Counts a reader. Returns how long the lease of the run still holds.
    pub(super) fn read(&self, run: &RunRef, reader: &str, lease: Duration) -> Duration {
        let until = self.elapsed().saturating_add(lease);
        self.with(run, |lease| match lease.readers.iter_mut().find(|(name, _)| **name == *reader) {
            Some((_, counts_until)) => *counts_until = until,
            None => lease.readers.push((reader.into(), until)),
        });
        self.left(run)
    }

    pub(super) fn release(&self, run: &RunRef) {
        let now = self.elapsed();
        self.with(run, |lease| (lease.until, lease.length) = (lease.until.min(now), Duration::ZERO));
    }

    pub(super) fn ask_stop(&self, run: &RunRef) {
        self.with(run, |lease| lease.is_stop_asked = true);
    }

    pub(super) fn is_stop_asked(&self, run: &RunRef) -> bool {
        self.with(run, |lease| lease.is_stop_asked).unwrap_or(false)
    }

    /// Forgets a run that has ended or was removed.
    pub(in super::super) fn forget(&self, run: &RunRef) {
        let mut leases = self.lock();
        if leases.get(&*run.key).is_some_and(|lease| lease.run == run.run) {
            leases.remove(&*run.key);
        }
    }

    /// Forgets runs that are no longer kept.
    pub(in super::super) fn forget_expired(&self) {
        let now = self.elapsed();
        let mut leases = self.lock();
        leases.retain(|_, lease| lease.until.saturating_add(lease.keep) > now);
        if leases.capacity() / 8 > leases.len().max(64) {
            let len = leases.len();
            leases.shrink_to(len * 2);
        }
    }
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leases").field("runs", &self.lock().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;

    #[test]
    fn a_lease_is_forgotten_with_its_run_or_once_its_run_is_no_longer_kept() {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        let monotonic = Arc::new(move || Duration::from_secs(clock.load(Ordering::Relaxed)));
        let leases = Leases::new(Hooks { monotonic, ..Hooks::default() });
        let ten = Duration::from_secs(10);
        let mut runs = Vec::new();
        for n in 0..2_000 {
            let (key, new) = (n.to_string(), NewRun::new("owner", ten, ten));
            leases.claim(&key, &new);
            runs.push(RunRef::new(key, new.run));
        }
        leases.forget(&runs[0]);
        assert_eq!(leases.lock().len(), 1_999);
        seconds.store(19, Ordering::Relaxed);
        leases.forget_expired();
        assert_eq!(leases.lock().len(), 1_999);
        seconds.store(20, Ordering::Relaxed);
        leases.forget_expired();
        assert_eq!(leases.lock().len(), 0);
        let capacity = leases.lock().capacity();
        assert!(capacity < 1_000, "the memory of {capacity} leases is kept");
    }
}
