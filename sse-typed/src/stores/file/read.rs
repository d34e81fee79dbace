//! What is read of a log, each within one snapshot.

use redb::{ReadOnlyTable, ReadTransaction};

use super::{
    engine::{EVENTS, Engine, LOGS, Marks},
    error::FileStoreError,
    position::{Mark, Position},
    record::{Record, Row, event_key, halves},
};
use crate::{
    event::{Gap, GapReason},
    hub::{End, LogEntry, Page},
};

/// How many bytes of events a page has, unless its first event alone has more.
const PAGE: usize = 1 << 20;

/// A log at one moment.
pub(super) struct Snapshot<'e> {
    engine: &'e Engine,
    transaction: ReadTransaction,
    row: Row,
}

/// What is known of a position.
enum Lookup {
    /// Behind the event with this number, and all that follows it is kept.
    Behind(u64),
    /// It is known, and this number of events after it are trimmed.
    Trimmed(u64),
    Unknown,
}

impl<'e> Snapshot<'e> {
    pub(super) fn new(engine: &'e Engine, key: &str) -> Result<Self, FileStoreError> {
        let transaction = engine.begin_read()?;
        let stored = transaction.open_table(LOGS)?.get(key)?.map(|row| Row::decode(row.value())).transpose()?;
        let row = match stored {
            Some(row) => row,
            None => Row::empty(0, engine.marks().current()),
        };
        Ok(Self { engine, transaction, row })
    }

    /// The position after all events.
    pub(super) const fn head(&self) -> Position {
        self.row.head()
    }

    /// How it has ended, if it has.
    pub(super) const fn end(&self) -> Option<End> {
        self.row.end()
    }

    /// The position before the newest events, as far as they are kept.
    pub(super) fn before_last(&self, n: u64) -> Result<Position, FileStoreError> {
        self.position_after(self.row.head - n.min(self.row.len()))
    }

    /// Whether there is neither an event nor the end after this position.
    pub(super) fn is_head(&self, after: &str) -> bool {
        self.end().is_none() && Position::parse(after).is_some_and(|position| self.is_current(position))
    }

    /// The events after a position, which may be any text.
    pub(super) fn page(&self, after: &str, limit: usize) -> Result<Page, FileStoreError> {
        let lookup = match Position::parse(after) {
            Some(position) => self.find(position)?,
            None => Lookup::Unknown,
        };
        let (from, gap) = match lookup {
            Lookup::Behind(n) => (n, None),
            Lookup::Trimmed(missed) => (self.row.first - 1, Some(Gap::new(Some(missed), GapReason::Trimmed))),
            Lookup::Unknown => (self.row.first - 1, Some(Gap::new(None, GapReason::UnknownId))),
        };
        let entries = self.entries(from, limit)?;
        let is_whole = from + entries.len() as u64 == self.row.head;
        let page = match gap {
            Some(gap) => Page::after_gap(gap, self.position_after(from)?.id(), entries),
            None => Page::contiguous(entries),
        };
        Ok(match self.end() {
            Some(end) if is_whole => page.closed(end),
            _ => page,
        })
    }

    fn is_current(&self, position: Position) -> bool {
        position == self.row.head() || (position.n == 0 && self.row.head == 0 && self.marks_beginning(position.mark))
    }

    fn find(&self, position: Position) -> Result<Lookup, FileStoreError> {
        let Position { n, mark } = position;
        let known = if n > self.row.head || n < self.row.base {
            false
        } else if n == self.row.head {
            self.is_current(position)
        } else if n + 1 >= self.row.first {
            self.mark_before(n + 1)? == mark || (n == 0 && self.marks_beginning(mark))
        } else if self.marks(|marks| marks.contains(mark)) {
            return Ok(Lookup::Trimmed(self.row.first - 1 - n));
        } else {
            false
        };
        Ok(if known { Lookup::Behind(n) } else { Lookup::Unknown })
    }

    /// Whether a position before all events, with this mark, is that of this log.
    fn marks_beginning(&self, mark: Mark) -> bool {
        self.marks(|marks| marks.names_beginning(mark))
    }

    fn marks<T>(&self, look: impl FnOnce(&Marks) -> T) -> T {
        look(&self.engine.marks())
    }

    /// The position after the event with this number: that of the newest, or one before an event that is kept.
    fn position_after(&self, n: u64) -> Result<Position, FileStoreError> {
        let mark = if n == self.row.head { self.row.head_mark } else { self.mark_before(n + 1)? };
        Ok(Position { n, mark })
    }

    /// The mark of the event before this one, which is kept.
    fn mark_before(&self, n: u64) -> Result<Mark, FileStoreError> {
        let event = self.events()?.get(&event_key(self.row.log, n))?.ok_or_else(missing)?;
        Ok(Record::decode(event.value())?.before)
    }

    fn events(&self) -> Result<ReadOnlyTable<&'static [u8; 16], &'static [u8]>, FileStoreError> {
        Ok(self.transaction.open_table(EVENTS)?)
    }

    fn entries(&self, after: u64, limit: usize) -> Result<Vec<LogEntry>, FileStoreError> {
        let mut entries = Vec::new();
        if after == self.row.head || limit == 0 {
            return Ok(entries);
        }
        let (mut n, mut mark, mut bytes) = (after, None, 0);
        let range = event_key(self.row.log, after + 1)..=event_key(self.row.log, self.row.head);
        for event in self.events()?.range::<&[u8; 16]>(&range.start()..=&range.end())?.take(limit) {
            let (key, event) = event?;
            let record = Record::decode(event.value())?;
            bytes += record.bytes.len();
            if bytes > PAGE && !entries.is_empty() {
                break;
            }
            n += 1;
            // Each event names the one before it: nothing is missing between them.
            if halves(key.value()).1 != n || mark.is_some_and(|mark| mark != record.before) {
                return Err(missing());
            }
            mark = Some(record.mark);
            let id = Position { n, mark: record.mark }.id();
            let block = record.block()?;
            entries.push(if record.last { LogEntry::last(id, block) } else { LogEntry::new(id, block) });
        }
        if entries.is_empty() { Err(missing()) } else { Ok(entries) }
    }
}

fn missing() -> FileStoreError {
    FileStoreError::corrupt("an event is missing")
}
