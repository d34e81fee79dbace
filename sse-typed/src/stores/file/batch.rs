//! What one transaction stores.

use std::{collections::HashMap, sync::Arc};

use redb::{ReadableTable, WriteTransaction};

use super::{
    engine::{DrawnMark, FLOOR, NEXT_LOG, Tables},
    error::FileStoreError,
    job::Applied,
    position::Mark,
    record::{Millis, Record, Row, State, event_key, halves, pair},
    writer::{Verdict, Writer},
};
use crate::hub::{Block, End, LogOptions};

/// How many events an append trims at most. With more than one, a history that was retained by other limits before shrinks.
const TRIMMED_AT_ONCE: u32 = 2;

/// What is appended to a log, or closes it.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) key: Arc<str>,
    pub(super) options: Arc<LogOptions>,
    pub(super) block: Option<Block>,
    pub(super) end: Option<End>,
    /// The writer of a log that has a sole one.
    pub(super) writer: Option<Arc<Writer>>,
    /// Its log is that of a run, which has a row for as long as the run is kept.
    pub(super) is_of_run: bool,
}

/// Changes logs within a transaction.
pub(super) struct Batch<'t> {
    pub(super) tables: Tables<'t>,
    /// The rows that were read, and whether they have changed.
    pub(super) rows: HashMap<Arc<str>, (Row, bool)>,
    /// The mark of the events that are stored.
    mark: Mark,
    pub(super) now: Millis,
    changes: Option<Changes>,
}

/// What a transaction changes besides the tables.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    /// The mark to be used from now on, if it is another.
    pub(super) mark: Option<DrawnMark>,
}

impl<'t> Batch<'t> {
    pub(super) fn new(transaction: &'t WriteTransaction, mark: Mark, now: Millis) -> Result<Self, FileStoreError> {
        let tables = Tables::open(transaction)?;
        Ok(Self { tables, rows: HashMap::new(), mark, now, changes: None })
    }

    pub(super) fn changes(&mut self) -> &mut Changes {
        self.changes.get_or_insert_default()
    }

    pub(super) fn write(&mut self, write: &Write) -> Result<Applied, FileStoreError> {
        let mut row = match self.stored(&write.key)? {
            row if write.is_of_run && row.is_none_or(|row| row.state == State::Removed) => {
                return Ok(Applied::SecondWriter);
            }
            Some(row) => row,
            None => self.new_row()?,
        };
        let verdict = write.writer.as_ref().map_or(Verdict::Write, |writer| writer.check(write, row.head(), row.end()));
        match (verdict, row.end()) {
            (Verdict::Repeated(position), _) => return Ok(Applied::Repeated(position)),
            (_, Some(end)) => return Ok(Applied::Closed(end)),
            (Verdict::SecondWriter, None) => return Ok(Applied::SecondWriter),
            (Verdict::Write, None) => {}
        }
        row.configure(&write.options);
        row.at = self.now;
        row.state = write.end.map_or(State::Open, State::Closed);
        if let Some(block) = &write.block {
            self.append(&mut row, block, write.end.is_some())?;
            self.trim(&mut row, &write.options)?;
        }
        self.rows.insert(Arc::clone(&write.key), (row, true));
        if let Some(writer) = &write.writer {
            writer.begin(write, row.head());
        }
        Ok(Applied::Stored(row.head()))
    }

    /// The row as this transaction has left it.
    pub(super) fn stored(&mut self, key: &Arc<str>) -> Result<Option<Row>, FileStoreError> {
        if let Some((row, _)) = self.rows.get(key) {
            return Ok(Some(*row));
        }
        let stored = self.tables.logs.get(&**key)?.map(|row| Row::decode(row.value())).transpose()?;
        if let Some(row) = stored {
            self.rows.insert(Arc::clone(key), (row, false));
        }
        Ok(stored)
    }

    pub(super) fn new_row(&mut self) -> Result<Row, FileStoreError> {
        let log = self.tables.meta.get(NEXT_LOG)?.map_or(1, |next| next.value());
        self.tables.meta.insert(NEXT_LOG, log + 1)?;
        Ok(Row::empty(log, self.mark))
    }

    pub(super) fn append(&mut self, row: &mut Row, block: &Block, last: bool) -> Result<(), FileStoreError> {
        let record = Record {
            mark: self.mark,
            before: row.head_mark,
            at: self.now,
            terminal: block.is_terminal(),
            last,
            bytes: block.as_bytes(),
        };
        row.head = next_number(row.head)?;
        row.head_mark = self.mark;
        row.bytes = row.bytes.saturating_add(size(record.bytes));
        self.tables.events.insert(&event_key(row.log, row.head), &record.encode()[..])?;
        Ok(())
    }

    fn trim(&mut self, row: &mut Row, options: &LogOptions) -> Result<(), FileStoreError> {
        let retention = options.retention();
        let (events, bytes) = (retention.max_events() as u64, retention.max_bytes() as u64);
        let oldest_kept =
            retention.max_age().map(|age| self.now.saturating_sub(age.as_millis().try_into().unwrap_or(u64::MAX)));
        for _ in 0..TRIMMED_AT_ONCE {
            // The newest event is kept.
            if row.len() <= 1 {
                break;
            }
            let key = event_key(row.log, row.first);
            let is_surplus = row.len() > events || row.bytes > bytes || {
                let at = match oldest_kept {
                    Some(_) => {
                        self.tables.events.get(&key)?.map(|event| Record::decode(event.value()).map(|event| event.at))
                    }
                    None => None,
                };
                at.transpose()?.zip(oldest_kept).is_some_and(|(at, oldest_kept)| at < oldest_kept)
            };
            if !is_surplus {
                break;
            }
            let removed = self.tables.events.remove(&key)?;
            let removed = removed.ok_or_else(|| FileStoreError::corrupt("an event is missing"))?;
            row.bytes = row.bytes.saturating_sub(size(Record::decode(removed.value())?.bytes));
            row.first += 1;
        }
        Ok(())
    }

    /// Removes the history of a log and its end, and forgets its ids.
    pub(super) fn remove(&mut self, key: &Arc<str>) -> Result<bool, FileStoreError> {
        let is_known = |row: &Row| row.state != State::Removed || row.head > row.base;
        let Some(row) = self.stored(key)?.filter(is_known) else { return Ok(false) };
        self.remove_events(key, row)?;
        if let Some((row, _)) = self.rows.get_mut(key) {
            // No event has this number, so the position is another than that after the newest event.
            row.head = next_number(row.head)?;
            (row.base, row.head_mark, row.first) = (row.head, self.mark, row.head + 1);
        }
        Ok(true)
    }

    /// Removes the history of a log and its end. Its events are deleted later, some with each transaction.
    pub(super) fn remove_events(&mut self, key: &Arc<str>, mut row: Row) -> Result<(), FileStoreError> {
        if row.len() > 0 {
            self.tables.garbage.insert(&pair(row.log, row.first), row.head)?;
        }
        (row.first, row.bytes, row.at, row.state) = (row.head + 1, 0, self.now, State::Removed);
        self.rows.insert(Arc::clone(key), (row, true));
        Ok(())
    }

    /// Removes logs that have expired. It looks at `limit` of them at most. When a row is deleted it draws a mark, because
    /// a new log of that key counts from one again.
    pub(super) fn expire(&mut self, limit: usize) -> Result<Expired, FileStoreError> {
        let mut expired = Expired::default();
        let mut deleted = false;
        for _ in 0..limit {
            let due = match self.tables.expiry.first()? {
                Some((due, key)) if halves(due.value()).0 <= self.now => Arc::<str>::from(key.value()),
                _ => {
                    expired.all = true;
                    break;
                }
            };
            self.tables.expiry.pop_first()?;
            self.changes();
            let Some(mut row) = self.stored(&due)? else { continue };
            row.due = None;
            self.rows.insert(Arc::clone(&due), (row, true));
            if row.expires().is_none_or(|expires| expires > self.now) {
                continue;
            }
            if row.state == State::Removed {
                self.rows.remove(&due);
                self.tables.logs.remove(&*due)?;
                deleted = true;
            } else {
                self.remove_events(&due, row)?;
                expired.keys.push(due);
            }
        }
        if deleted {
            let drawn = self.tables.draw_mark()?;
            self.tables.meta.insert(FLOOR, drawn.number())?;
            self.changes().mark = Some(drawn);
        }
        Ok(expired)
    }

    /// Deletes at most `limit` events of removed logs. Returns whether there are more.
    pub(super) fn delete_removed(&mut self, limit: u64) -> Result<bool, FileStoreError> {
        let mut left = limit;
        while left > 0 {
            let Some((key, to)) = self.tables.garbage.first()?.map(|(key, to)| (*key.value(), to.value())) else {
                return Ok(false);
            };
            let (log, from) = halves(&key);
            let count = (to + 1).saturating_sub(from).min(left);
            for n in from..from + count {
                self.tables.events.remove(&event_key(log, n))?;
            }
            self.changes();
            self.tables.garbage.pop_first()?;
            if from + count <= to {
                self.tables.garbage.insert(&pair(log, from + count), to)?;
            }
            left -= count;
        }
        Ok(self.tables.garbage.first()?.is_some())
    }

    /// Writes the rows that have changed. Without any change there is nothing to commit.
    pub(super) fn finish(mut self) -> Result<Option<Changes>, FileStoreError> {
        for (key, (mut row, has_changed)) in std::mem::take(&mut self.rows) {
            if has_changed {
                self.changes();
                self.index(&key, &mut row)?;
                self.tables.logs.insert(&*key, &row.encode()[..])?;
            }
        }
        Ok(self.changes)
    }

    /// Lets the table of expiry have an entry that is not after the row expires. An entry that is too early is moved when its
    /// time comes: so an append does not write there.
    fn index(&mut self, key: &str, row: &mut Row) -> Result<(), FileStoreError> {
        let Some(expires) = row.expires() else { return Ok(()) };
        if row.due.is_some_and(|due| due <= expires) {
            return Ok(());
        }
        if let Some(due) = row.due {
            self.tables.expiry.remove(&pair(due, row.log))?;
        }
        self.tables.expiry.insert(&pair(expires, row.log), key)?;
        row.due = Some(expires);
        Ok(())
    }
}

/// What [`Batch::expire`] has done.
#[derive(Debug, Default)]
pub(super) struct Expired {
    /// The logs that were removed.
    pub(super) keys: Vec<Arc<str>>,
    /// Nothing else has expired.
    pub(super) all: bool,
}

fn next_number(head: u64) -> Result<u64, FileStoreError> {
    head.checked_add(1).filter(|n| *n < u64::MAX).ok_or_else(|| FileStoreError::corrupt("a log has no number left"))
}

fn size(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}
