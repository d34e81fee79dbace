use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::time::Instant;

use super::{
    error::{ErrorKind, MemoryStoreError},
    key::{OpenedKey, StoredKey},
};
use crate::hub::{
    log::Wakes,
    store::{health::HealthReporter, key::check_key, options::LogOptions},
};

/// What the clones of a store and its logs share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) options: Arc<LogOptions>,
    pub(super) wakes: Wakes,
    pub(super) health: HealthReporter,
    keys: Mutex<Keys>,
    #[cfg(feature = "runs")]
    pub(super) runs: Mutex<super::runs::Runs>,
    /// A key has had a time to live.
    has_timers: AtomicBool,
}

#[derive(Default)]
pub(super) struct Keys {
    /// Keys that have a history, and keys of which there is a log.
    pub(super) by_name: HashMap<Arc<str>, Arc<StoredKey>>,
    /// When a key may have expired. Each key has one at most.
    timers: BTreeSet<(Instant, Arc<str>)>,
}

impl Keys {
    /// Removes a key that has no history and no log.
    fn forget(&mut self, name: &str) {
        self.by_name.remove(name);
        if self.by_name.capacity() / 8 > self.by_name.len().max(64) {
            self.by_name.shrink_to(self.by_name.len() * 2);
        }
    }
}

/// How many timers an append looks at.
const TIMERS_PER_APPEND: usize = 4;

impl Shared {
    pub(super) fn new(options: LogOptions) -> Self {
        Self { options: Arc::new(options), ..Self::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of a log.
    pub(super) fn open_key(&self, key: &str) -> OpenedKey {
        let name = check_key(key)
            .map_err(|fault| Box::new((key.to_owned(), MemoryStoreError(ErrorKind::InvalidKey(fault)))))?;
        let mut keys = self.lock();
        Ok(keys.by_name.get(&name).cloned().unwrap_or_else(|| {
            let stored = Arc::new(StoredKey::new(Arc::clone(&name)));
            keys.by_name.insert(name, Arc::clone(&stored));
            stored
        }))
    }

    /// Takes back the key of a log that is dropped. A key that has no history is forgotten with its last log.
    pub(super) fn give_back(&self, key: Arc<StoredKey>) {
        let mut keys = self.lock();
        let mut history = key.lock(Instant::now());
        let (is_unused, has_expired) = (history.is_unused(), history.take_has_expired());
        drop(history);
        // One is in the map, and one is this. Others are made under the lock only.
        if Arc::strong_count(&key) == 2 && is_unused {
            keys.forget(&key.name);
        }
        let expired = has_expired.then(|| Arc::clone(&key.name));
        // Under the lock, so that the last of several sees that it is the last.
        drop(key);
        drop(keys);
        if let Some(name) = expired {
            self.wakes.changed(&name, None);
        }
    }

    /// Sets the timer of a key that expires before it.
    pub(super) fn set_timer(&self, key: &StoredKey) {
        self.has_timers.store(true, Ordering::Relaxed);
        let mut keys = self.lock();
        let mut history = key.lock(Instant::now());
        let Some(due) = history.expires().filter(|_| history.needs_timer()) else { return };
        if let Some(replaced) = history.timer.replace(due) {
            keys.timers.remove(&(replaced, Arc::clone(&key.name)));
        }
        keys.timers.insert((due, Arc::clone(&key.name)));
    }

    /// Removes a few keys that have expired.
    pub(super) fn remove_expired(&self, now: Instant) {
        if !self.has_timers.load(Ordering::Relaxed) {
            return;
        }
        let mut removed = Vec::new();
        let mut locked = self.lock();
        let keys = &mut *locked;
        for _ in 0..TIMERS_PER_APPEND {
            if keys.timers.first().is_none_or(|(due, _)| *due > now) {
                break;
            }
            let Some((_, name)) = keys.timers.pop_first() else { break };
            let Some(stored) = keys.by_name.get(&name) else { continue };
            // It removes the history if that has expired.
            let mut history = stored.lock(now);
            let expires = history.expires();
            history.timer = expires;
            // It is reported below.
            history.take_has_expired();
            let is_unused = history.is_unused();
            drop(history);
            if let Some(due) = expires {
                keys.timers.insert((due, name));
            } else {
                if is_unused && Arc::strong_count(stored) == 1 {
                    keys.forget(&name);
                }
                removed.push(name);
            }
        }
        drop(locked);
        for name in removed {
            self.wakes.changed(&name, None);
        }
    }

    /// Removes the history of a key.
    pub(super) fn remove(&self, key: &str) -> Result<(), MemoryStoreError> {
        let name = check_key(key).map_err(|fault| MemoryStoreError(ErrorKind::InvalidKey(fault)))?;
        let mut keys = self.lock();
        if let Some(stored) = keys.by_name.get(&name) {
            let mut history = stored.lock(Instant::now());
            history.remove();
            let is_unused = history.is_unused();
            drop(history);
            if is_unused && Arc::strong_count(stored) == 1 {
                keys.forget(&name);
            }
        }
        drop(keys);
        self.wakes.changed(&name, None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::hub::{Block, EventLog as _, EventStore as _, MemoryStore};

    fn block() -> Block {
        Block::new("data: 1\n\n", false).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn two_logs_of_a_key_are_one_history_after_the_key_was_removed_or_has_expired() {
        let second = Duration::from_secs(1);
        let store = MemoryStore::new(LogOptions::new().idle_ttl(second));
        for expires in [false, true] {
            let log = store.log("key");
            log.append(&block()).await.unwrap();
            if expires {
                tokio::time::advance(2 * second).await;
                store.log("another").append(&block()).await.unwrap();
            } else {
                // The second time no timer will look at the key.
                store.remove("key").await.unwrap();
                tokio::time::advance(2 * second).await;
                store.log("another").append(&block()).await.unwrap();
                store.remove("key").await.unwrap();
            }
            let opened_later = store.log("key");
            let id = log.append(&block()).await.unwrap();
            assert_eq!(opened_later.head().await.unwrap(), id);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_of_a_removed_history_does_not_remove_the_next_one() {
        let second = Duration::from_secs(1);
        let store = MemoryStore::default();
        store.open("key", &LogOptions::new().idle_ttl(second)).append(&block()).await.unwrap();
        store.remove("key").await.unwrap();
        let id = store.log("key").append(&block()).await.unwrap();
        tokio::time::advance(2 * second).await;
        store.log("another").append(&block()).await.unwrap();
        assert_eq!(store.log("key").head().await.unwrap(), id);
    }
}
