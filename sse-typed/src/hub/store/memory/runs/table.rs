use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use crate::{
    event::EventId,
    hub::{
        log::{Block, End},
        store::{
            memory::{error::MemoryStoreError, key::StoredKey, shared::Shared},
            run_store::{Claimed, InputHash, NewRun, ReadRun, Renewed, RunEnded, RunRecord, RunRef},
        },
    },
};

/// The runs of a store, by key.
#[derive(Default)]
pub(in super::super) struct Runs {
    by_key: BTreeMap<Arc<str>, StoredRun>,
    /// When a run may have to be removed: one entry for each run.
    timers: BTreeSet<(Instant, Arc<str>)>,
}

struct StoredRun {
    run: RunRef,
    since: SystemTime,
    owner: Box<str>,
    input: Option<InputHash>,
    lease_until: Instant,
    keep: Duration,
    is_stop_asked: bool,
    ended: Option<(End, Instant)>,
    /// The processes that read it, and until when they count.
    readers: Vec<(Box<str>, Instant)>,
    log: Arc<StoredKey>,
    /// Its entry among the timers.
    timer: Instant,
}

/// How many expired runs a call removes besides those that it asks for.
const REMOVED_PER_CALL: usize = 4;

/// A time that is never reached.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

fn after(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or_else(|| now + FAR)
}

impl StoredRun {
    /// How it ended, if it has. A log that was closed by itself is the end of its run as well.
    fn end(&mut self, now: Instant) -> Option<End> {
        if self.ended.is_none() {
            self.ended = self.log.lock(now).end().map(|end| (end, now));
        }
        self.ended.map(|(end, _)| end)
    }

    /// When it is removed, unless its lease is renewed.
    fn expires(&self) -> Instant {
        after(self.ended.map_or(self.lease_until, |(_, at)| at), self.keep)
    }

    fn lease_left(&self, now: Instant) -> Duration {
        self.lease_until.saturating_duration_since(now)
    }

    fn record(&mut self, now: Instant) -> RunRecord {
        let end = self.end(now);
        let mut record = RunRecord::new(self.run.clone(), self.since, self.owner.clone(), self.lease_left(now));
        if end.is_some() {
            record.lease_left = None;
        }
        (record.input, record.is_stop_asked, record.end) = (self.input, self.is_stop_asked, end);
        record.last = self.log.lock(now).newest();
        record
    }
}

/// The runs while they are locked.
pub(super) struct LockedRuns<'a> {
    shared: &'a Shared,
    runs: &'a mut Runs,
    now: Instant,
    /// The keys to report to the wakes, with their newest events.
    changes: Vec<(String, Option<EventId>)>,
}

impl Shared {
    /// Uses the runs under their lock, and then wakes what waits for the changes.
    ///
    /// The locks of the keys and of their histories may be taken under this one. The reverse order is not allowed.
    pub(super) fn with_runs<T>(&self, work: impl FnOnce(&mut LockedRuns<'_>) -> T) -> T {
        let mut guard = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut locked = LockedRuns { shared: self, runs: &mut guard, now: Instant::now(), changes: Vec::new() };
        locked.remove_expired();
        let output = work(&mut locked);
        let changes = locked.changes;
        drop(guard);
        for (key, newest) in changes {
            self.wakes.changed(&key, newest.as_ref());
        }
        output
    }
}

impl LockedRuns<'_> {
    pub(super) fn claim(&mut self, key: Arc<str>, new: &NewRun) -> Result<Claimed, MemoryStoreError> {
        let now = self.now;
        self.remove_if_expired(&key);
        if let Some(stored) = self.runs.by_key.get_mut(&key) {
            let (run, end) = (stored.run.run, stored.end(now));
            if run == new.run && end.is_none() {
                stored.lease_until = after(now, new.lease);
                return Ok(Claimed::Started(stored.record(now)));
            }
            if run == new.run || end.is_none() || new.replaces != Some(run) {
                return Ok(Claimed::Exists(stored.record(now)));
            }
            self.remove(&key);
        }
        let run = RunRef::new(&*key, new.run);
        let log = self.shared.open_key(&run.log_key()).map_err(|key_and_error| key_and_error.1)?;
        let lease_until = after(now, new.lease);
        let mut stored = StoredRun {
            run,
            since: SystemTime::now(),
            owner: new.owner.clone(),
            input: new.input,
            lease_until,
            keep: new.keep,
            is_stop_asked: false,
            ended: None,
            readers: Vec::new(),
            log,
            timer: after(lease_until, new.keep),
        };
        let record = stored.record(now);
        self.runs.timers.insert((stored.timer, Arc::clone(&key)));
        self.runs.by_key.insert(key, stored);
        Ok(Claimed::Started(record))
    }

    pub(super) fn find(&mut self, key: &str) -> Option<RunRecord> {
        self.remove_if_expired(key);
        let now = self.now;
        self.runs.by_key.get_mut(key).map(|stored| stored.record(now))
    }

    /// The run, if it is the current one of its key.
    fn current(&mut self, run: &RunRef) -> Option<&mut StoredRun> {
        self.remove_if_expired(&run.key);
        self.runs.by_key.get_mut(&*run.key).filter(|stored| stored.run.run == run.run)
    }

    pub(super) fn renew(&mut self, reader: &str, lease: Duration, run: &RunRef) -> Renewed {
        let now = self.now;
        let Some(stored) = self.current(run) else { return Renewed::Missing };
        if let Some(end) = stored.end(now) {
            return Renewed::Ended(end);
        }
        stored.lease_until = after(now, lease);
        stored.readers.retain(|(_, until)| *until > now);
        let is_read_elsewhere = stored.readers.iter().any(|(name, _)| **name != *reader);
        Renewed::Held { is_stop_asked: stored.is_stop_asked, is_read_elsewhere }
    }

    pub(super) fn read(&mut self, reader: &str, lease: Duration, run: &RunRef) -> ReadRun {
        let now = self.now;
        let Some(stored) = self.current(run) else { return ReadRun::Missing };
        if let Some(end) = stored.end(now) {
            return ReadRun::Ended(end);
        }
        let until = after(now, lease);
        match stored.readers.iter_mut().find(|(name, _)| **name == *reader) {
            Some((_, counts_until)) => *counts_until = until,
            None => stored.readers.push((reader.into(), until)),
        }
        ReadRun::Running(stored.lease_left(now))
    }

    /// Ends a run. One that is `lost` is not asked for its lease if `is_owner`.
    pub(super) fn end(&mut self, run: &RunRef, last: &Block, end: End, is_owner: bool) -> RunEnded {
        let now = self.now;
        let Some(stored) = self.current(run) else { return RunEnded::Missing };
        if let Some(end) = stored.end(now) {
            return RunEnded::Before(end);
        }
        let left = stored.lease_left(now);
        if end == End::Lost && !is_owner && !left.is_zero() {
            return RunEnded::Leased(left);
        }
        // The owner may append until its log is locked. It may have closed it as well.
        let mut history = stored.log.lock(now);
        let outcome = match history.end() {
            Some(end) => Err(end),
            None => Ok(history.append_last(last, end, now)),
        };
        drop(history);
        stored.ended = Some((outcome.as_ref().err().copied().unwrap_or(end), now));
        self.set_timer(run);
        match outcome {
            Ok(id) => {
                self.changes.push((run.log_key(), Some(id.clone())));
                self.changes.push((run.signal_key(), None));
                RunEnded::Now(id)
            }
            Err(end) => RunEnded::Before(end),
        }
    }

    pub(super) fn release(&mut self, run: &RunRef) {
        let now = self.now;
        if let Some(stored) = self.current(run) {
            stored.lease_until = stored.lease_until.min(now);
            self.set_timer(run);
        }
    }

    /// Sets the timer of a run that now expires before it.
    fn set_timer(&mut self, run: &RunRef) {
        let Some((key, stored)) = self.runs.by_key.get_key_value(&*run.key) else { return };
        let (key, expires) = (Arc::clone(key), stored.expires());
        let Some(stored) = self.runs.by_key.get_mut(&key).filter(|stored| expires < stored.timer) else { return };
        let replaced = std::mem::replace(&mut stored.timer, expires);
        self.runs.timers.remove(&(replaced, Arc::clone(&key)));
        self.runs.timers.insert((expires, key));
    }

    pub(super) fn ask_stop(&mut self, run: &RunRef) -> Option<RunRecord> {
        let now = self.now;
        let stored = self.current(run)?;
        let is_running = stored.end(now).is_none();
        stored.is_stop_asked |= is_running;
        let record = stored.record(now);
        if is_running {
            self.changes.push((run.signal_key(), None));
        }
        Some(record)
    }

    pub(super) fn list(&mut self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<RunRecord> {
        let now = self.now;
        let mut from = match after {
            Some(after) if after >= prefix => Bound::Excluded(Arc::<str>::from(after)),
            _ => Bound::Included(Arc::from(prefix)),
        };
        let mut records = Vec::new();
        while records.len() < limit {
            let next = self.runs.by_key.range_mut::<Arc<str>, _>((from.as_ref(), Bound::Unbounded)).next();
            let Some((key, stored)) = next.filter(|(key, _)| key.starts_with(prefix)) else { break };
            let (key, record) = (Arc::clone(key), stored.record(now));
            if stored.expires() > now {
                records.push(record);
            } else {
                self.remove(&key);
            }
            from = Bound::Excluded(key);
        }
        records
    }

    fn remove_if_expired(&mut self, key: &str) {
        let now = self.now;
        let Some(stored) = self.runs.by_key.get_mut(key) else { return };
        stored.end(now);
        if stored.expires() <= now {
            self.remove(key);
        }
    }

    /// Removes a few runs that have expired.
    fn remove_expired(&mut self) {
        for _ in 0..REMOVED_PER_CALL {
            if self.runs.timers.first().is_none_or(|(due, _)| *due > self.now) {
                break;
            }
            let Some((_, key)) = self.runs.timers.pop_first() else { break };
            let Some(stored) = self.runs.by_key.get_mut(&key) else { continue };
            stored.end(self.now);
            let expires = stored.expires();
            if expires <= self.now {
                self.remove(&key);
            } else {
                stored.timer = expires;
                self.runs.timers.insert((expires, key));
            }
        }
    }

    /// Removes the record of a key and the log of its run.
    fn remove(&mut self, key: &str) {
        let Some((key, stored)) = self.runs.by_key.remove_entry(key) else { return };
        self.runs.timers.remove(&(stored.timer, key));
        stored.log.lock(self.now).remove();
        self.shared.give_back(stored.log);
        self.changes.push((stored.run.log_key(), None));
        self.changes.push((stored.run.signal_key(), None));
    }

    /// How many runs and timers there are.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.runs.by_key.len(), self.runs.timers.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_no_clock_reaches_is_thirty_years() {
        let now = Instant::now();
        let year = Duration::from_secs(365 * 24 * 3600);
        assert_eq!(after(now, year), now + year);
        assert_eq!(after(now, Duration::MAX), now + 30 * year);
    }
}
