use std::{io, ops::Range, path::Path};

use redb::{Database, ReadableDatabase, StorageBackend, TableDefinition};
use sse_typed::__private::Storage;

use super::{Engine, Result, key, number, record};
use crate::slow::SlowDisk;

const EVENTS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("events");
const LOGS: TableDefinition<'_, &str, u64> = TableDefinition::new("logs");

/// As much as the store gives it.
const CACHE: usize = 64 << 20;

/// A copy-on-write B-tree in one file. Each commit is one sync.
pub struct Redb(Database);

impl Redb {
    /// Opens it on a disk in memory.
    pub fn on(disk: SlowDisk) -> Result<Self> {
        Self::with_tables(Database::builder().set_cache_size(CACHE).create_with_backend(Backend(disk))?)
    }

    fn with_tables(database: Database) -> Result<Self> {
        let transaction = database.begin_write()?;
        transaction.open_table(EVENTS)?;
        transaction.open_table(LOGS)?;
        transaction.commit()?;
        Ok(Self(database))
    }
}

#[derive(Debug)]
struct Backend(SlowDisk);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        Storage::read(&self.0, offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.resize(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        Storage::write(&self.0, offset, data)
    }
}

impl Engine for Redb {
    const NAME: &'static str = "redb 4";

    fn open(folder: &Path) -> Result<Self> {
        Self::with_tables(Database::builder().set_cache_size(CACHE).create(folder.join("redb"))?)
    }

    fn append(&self, events: Range<u64>, remove: Range<u64>) -> Result<()> {
        let transaction = self.0.begin_write()?;
        {
            let mut table = transaction.open_table(EVENTS)?;
            for n in events.clone() {
                table.insert(&key(n), &record()[..])?;
            }
            for n in remove {
                table.remove(&key(n))?;
            }
            transaction.open_table(LOGS)?.insert("log", events.end - 1)?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn read(&self, after: u64, limit: usize) -> Result<Option<u64>> {
        let table = self.0.begin_read()?.open_table(EVENTS)?;
        let mut last = None;
        for entry in table.range::<&[u8; 16]>(&key(after + 1)..&key(u64::MAX))?.take(limit) {
            let (key, value) = entry?;
            std::hint::black_box(value.value().to_vec());
            last = Some(number(key.value())?);
        }
        Ok(last)
    }

    fn head(&self) -> Result<u64> {
        Ok(self.0.begin_read()?.open_table(LOGS)?.get("log")?.map_or(0, |row| row.value()))
    }
}
