use std::{ops::Range, path::Path};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Engine, Result, key, number, record};

/// A log-structured merge tree in a folder. Each commit is an entry of its journal, and one sync.
pub struct Fjall {
    database: Database,
    events: Keyspace,
    logs: Keyspace,
}

impl Engine for Fjall {
    const NAME: &'static str = "fjall 3";

    fn open(folder: &Path) -> Result<Self> {
        let database = Database::builder(folder.join("fjall")).cache_size(64 << 20).open()?;
        let events = database.keyspace("events", KeyspaceCreateOptions::default)?;
        let logs = database.keyspace("logs", KeyspaceCreateOptions::default)?;
        Ok(Self { database, events, logs })
    }

    fn append(&self, events: Range<u64>, remove: Range<u64>) -> Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for n in events.clone() {
            batch.insert(&self.events, key(n), record());
        }
        for n in remove {
            batch.remove(&self.events, key(n));
        }
        batch.insert(&self.logs, "log", (events.end - 1).to_be_bytes());
        batch.commit()?;
        Ok(())
    }

    fn read(&self, after: u64, limit: usize) -> Result<Option<u64>> {
        let mut last = None;
        for entry in self.events.range(key(after + 1)..key(u64::MAX)).take(limit) {
            let (key, value) = entry.into_inner()?;
            std::hint::black_box(value.to_vec());
            last = Some(number(&key)?);
        }
        Ok(last)
    }

    fn head(&self) -> Result<u64> {
        Ok(self.logs.get("log")?.map_or(Ok(0), |row| row[..].try_into().map(u64::from_be_bytes))?)
    }
}
