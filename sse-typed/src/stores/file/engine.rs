//! The tables of a store.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError, WriteTransaction,
};

use super::{
    Durability,
    error::{FileStoreError, Kind},
    position::Mark,
    storage::{Backend, Files, Storage, SyncFailure},
};
use crate::panics;

/// By name: the format, the next number of a log, the number of the oldest mark that leads to the position before all events.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// The marks that were drawn, by their numbers.
pub(super) const MARKS: TableDefinition<'_, u64, u32> = TableDefinition::new("marks");
/// A [`Row`](super::record::Row) for each key.
pub(super) const LOGS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("logs");
/// A [`Record`](super::record::Record) for each number of a log and number of an event.
pub(super) const EVENTS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("events");
/// The keys of logs that may expire, by time and number of the log.
pub(super) const EXPIRY: TableDefinition<'_, &[u8; 16], &str> = TableDefinition::new("expiry");
/// Events of removed logs that are still to be deleted: by number of the log and first event, up to this one.
pub(super) const GARBAGE: TableDefinition<'_, &[u8; 16], u64> = TableDefinition::new("garbage");

/// A [`Record`](super::runs::Record) for each key of a run.
#[cfg(feature = "runs")]
pub(super) const RUNS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("runs");
/// The keys of runs that may have to be removed, by time and number of the log.
#[cfg(feature = "runs")]
pub(super) const RUN_EXPIRY: TableDefinition<'_, &[u8; 16], &str> = TableDefinition::new("run_expiry");

pub(super) const FORMAT_NAME: &str = "format";
pub(super) const NEXT_LOG: &str = "next_log";
pub(super) const FLOOR: &str = "floor";

/// The format that this version writes.
const FORMAT: u64 = 1;

/// How many marks are kept. Places that older ones name are unknown.
const MARKS_KEPT: u64 = 65_536;

/// An open store.
#[derive(Debug)]
pub(super) struct Engine {
    database: Database,
    sync_failure: Arc<SyncFailure>,
    marks: RwLock<Marks>,
}

impl Engine {
    /// Opens what is stored, repairs it after a crash, and makes it where nothing is. Draws a mark.
    pub(super) fn open(files: &dyn Files, durability: Durability, cache: usize) -> Result<Self, FileStoreError> {
        let cannot_open = |error| FileStoreError::io("cannot open the history", error);
        if !files.exists().map_err(cannot_open)? {
            // The engine cannot open what a crash leaves of making it.
            drop(Self::caught(files.create().map_err(cannot_open)?, Durability::Commit, cache)?);
            files.publish().map_err(cannot_open)?;
        }
        Self::caught(files.open().map_err(cannot_open)?, durability, cache)
    }

    /// A damaged file may make the engine panic.
    fn caught(storage: Box<dyn Storage>, durability: Durability, cache: usize) -> Result<Self, FileStoreError> {
        let (backend, sync_failure) = Backend::new(storage, durability);
        let opened = panics::catch_panic(|| Self::open_on(backend, Arc::clone(&sync_failure), cache));
        let opened = opened.unwrap_or_else(|| Err(FileStoreError::corrupt("it cannot be read")));
        opened.map_err(|error| if sync_failure.has_happened() { error.stopped() } else { error })
    }

    fn open_on(backend: Backend, sync_failure: Arc<SyncFailure>, cache: usize) -> Result<Self, FileStoreError> {
        let database = Database::builder().set_cache_size(cache).create_with_backend(backend)?;
        check_format(&database.begin_read()?)?;
        let transaction = database.begin_write()?;
        let marks = {
            let mut tables = Tables::open(&transaction)?;
            tables.meta.insert(FORMAT_NAME, FORMAT)?;
            let mut marks = Marks::read(&tables)?;
            marks.insert(tables.draw_mark()?);
            marks
        };
        transaction.commit()?;
        Ok(Self { database, sync_failure, marks: RwLock::new(marks) })
    }

    pub(super) fn begin_write(&self) -> Result<WriteTransaction, FileStoreError> {
        Ok(self.database.begin_write()?)
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransaction, FileStoreError> {
        Ok(self.database.begin_read()?)
    }

    pub(super) fn marks(&self) -> RwLockReadGuard<'_, Marks> {
        self.marks.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The mark that a committed transaction has drawn.
    pub(super) fn use_mark(&self, drawn: DrawnMark) {
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        marks.floor = drawn.number;
        marks.insert(drawn);
    }

    pub(super) fn sync_has_failed(&self) -> bool {
        self.sync_failure.has_happened()
    }
}

fn check_format(transaction: &ReadTransaction) -> Result<(), FileStoreError> {
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::TableDoesNotExist(_)) => {
            // Nothing was ever committed, or it is the file of another program.
            let is_empty = transaction.list_tables()?.next().is_none();
            return if is_empty { Ok(()) } else { Err(FileStoreError::corrupt("it is not the file of a store")) };
        }
        Err(error) => return Err(error.into()),
    };
    match meta.get(FORMAT_NAME)?.map(|format| format.value()) {
        Some(FORMAT) => Ok(()),
        Some(found) if found > FORMAT => Err(Kind::NewerFormat { found, known: FORMAT }.into()),
        _ => Err(FileStoreError::corrupt("it has no format")),
    }
}

/// The tables within a transaction that writes.
pub(super) struct Tables<'t> {
    pub(super) meta: Table<'t, &'static str, u64>,
    pub(super) marks: Table<'t, u64, u32>,
    pub(super) logs: Table<'t, &'static str, &'static [u8]>,
    pub(super) events: Table<'t, &'static [u8; 16], &'static [u8]>,
    pub(super) expiry: Table<'t, &'static [u8; 16], &'static str>,
    pub(super) garbage: Table<'t, &'static [u8; 16], u64>,
    #[cfg(feature = "runs")]
    pub(super) runs: Table<'t, &'static str, &'static [u8]>,
    #[cfg(feature = "runs")]
    pub(super) run_expiry: Table<'t, &'static [u8; 16], &'static str>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, FileStoreError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            marks: transaction.open_table(MARKS)?,
            logs: transaction.open_table(LOGS)?,
            events: transaction.open_table(EVENTS)?,
            expiry: transaction.open_table(EXPIRY)?,
            garbage: transaction.open_table(GARBAGE)?,
            #[cfg(feature = "runs")]
            runs: transaction.open_table(RUNS)?,
            #[cfg(feature = "runs")]
            run_expiry: transaction.open_table(RUN_EXPIRY)?,
        })
    }

    /// Draws a mark that no event has.
    pub(super) fn draw_mark(&mut self) -> Result<DrawnMark, FileStoreError> {
        let mark = Mark::random();
        let number = self.marks.last()?.map_or(0, |(number, _)| number.value()) + 1;
        self.marks.insert(number, mark.0)?;
        if let Some(oldest) = number.checked_sub(MARKS_KEPT) {
            self.marks.remove(oldest)?;
        }
        Ok(DrawnMark { number, mark })
    }
}

/// A mark, and how many were drawn up to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct DrawnMark {
    number: u64,
    mark: Mark,
}

impl DrawnMark {
    pub(super) const fn number(self) -> u64 {
        self.number
    }
}

/// The marks of this store.
#[derive(Debug)]
pub(super) struct Marks {
    numbers: HashMap<Mark, u64>,
    current: Mark,
    floor: u64,
}

impl Marks {
    fn read(tables: &Tables<'_>) -> Result<Self, FileStoreError> {
        let floor = tables.meta.get(FLOOR)?.map_or(0, |floor| floor.value());
        let mut marks = Self { numbers: HashMap::new(), current: Mark(0), floor };
        for entry in tables.marks.iter()? {
            let (number, mark) = entry?;
            marks.insert(DrawnMark { number: number.value(), mark: Mark(mark.value()) });
        }
        Ok(marks)
    }

    fn insert(&mut self, drawn: DrawnMark) {
        self.numbers.insert(drawn.mark, drawn.number);
        self.current = drawn.mark;
    }

    /// The mark of events that are stored now.
    pub(super) const fn current(&self) -> Mark {
        self.current
    }

    /// Whether this store has drawn it.
    pub(super) fn contains(&self, mark: Mark) -> bool {
        self.numbers.contains_key(&mark)
    }

    /// Whether a log that is not known, or has no events yet, had none when this mark was drawn.
    pub(super) fn names_beginning(&self, mark: Mark) -> bool {
        self.numbers.get(&mark).is_some_and(|number| *number >= self.floor)
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::{
        super::{folder::Folder, store::FileStore},
        *,
    };

    /// The error of opening a folder of the test's own whose record says that it has this format.
    fn reopened(test: &str, format: u64) -> FileStoreError {
        let path = env::temp_dir().join(format!("sse-typed-engine-{test}-{}", process::id()));
        let folder = Folder::open(&path).unwrap();
        let engine = Engine::open(&folder, Durability::Os, 0).unwrap();
        let transaction = engine.begin_write().unwrap();
        transaction.open_table(META).unwrap().insert(FORMAT_NAME, format).unwrap();
        transaction.commit().unwrap();
        drop((engine, folder));
        let error = FileStore::open(&path).unwrap_err();
        fs::remove_dir_all(path).unwrap();
        error
    }

    #[test]
    fn a_newer_format_is_an_error_that_says_so() {
        let error = reopened("newer", FORMAT + 1);
        assert!(error.is_newer_format());
        assert_eq!(
            error.to_string(),
            "the store has format 2, and this version of sse-typed reads formats up to 1: use a newer one"
        );
    }

    #[test]
    fn a_format_that_never_was_is_damage() {
        assert!(reopened("older", 0).is_corrupt());
    }
}
