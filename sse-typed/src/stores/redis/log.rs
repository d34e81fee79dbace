use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use super::{
    append::Outcome,
    error::RedisError,
    page,
    position::Position,
    queue::Queue,
    record::{self, Content, Record},
    store::Shared,
};
use crate::{
    event::EventId,
    hub::{AppendError, Block, End, EventLog, LogOptions, Page, Wakes},
};

/// How many bytes of events one read asks for, about.
const PAGE_BYTES: usize = 1 << 20;

/// How many events a read asks for whose size is not known yet.
///
/// Reads of up to this many events end at [`PAGE_BYTES`] by a script. For more events it would take the server many times as long as
/// the plain command, and their size is known.
const SMALL_PAGE: usize = 16;

/// The history of one key in a [`RedisStore`](super::RedisStore).
///
/// Its clones are the same log. Another log of the key has the same history.
///
/// # Errors
///
/// All methods fail with an [invalid key](RedisError::is_invalid_key) if the key is none, and with an
/// [unreachable server](RedisError::is_unreachable) while the store is not connected. An append that was on its way when the
/// connection broke, or that got no reply in time, is [`Unknown`](AppendError::Unknown): it may be stored, even later. An
/// append that the server refused, or that was not sent, is [`Failed`](AppendError::Failed).
///
/// # Cancel safety
///
/// Reading and waiting change nothing. An append or a close whose future is dropped has happened, or not, or happens soon.
#[derive(Clone)]
pub struct RedisLog {
    shared: Arc<Shared>,
    queue: Result<Arc<Queue>, RedisError>,
    options: Arc<LogOptions>,
}

impl RedisLog {
    pub(super) fn new(shared: Arc<Shared>, queue: Result<Arc<Queue>, RedisError>, options: Arc<LogOptions>) -> Self {
        Self { shared, queue, options }
    }

    fn queue(&self) -> Result<&Arc<Queue>, RedisError> {
        self.queue.as_ref().map_err(Clone::clone)
    }

    async fn write(&self, block: Option<&Block>, end: Option<End>) -> Outcome {
        let queue = self.queue().map_err(AppendError::Failed)?;
        queue.append(&self.shared, &self.options, block, end).await
    }

    /// The records from an entry on that a page of at most `limit` events needs.
    async fn records(&self, from: &str, limit: usize) -> Result<Vec<Record>, RedisError> {
        let queue = self.queue()?;
        let stream = self.shared.stream(queue.key());
        // The events, the entry at the position before them, and the end after them.
        let count = limit.saturating_add(2);
        let records = if limit <= SMALL_PAGE {
            self.shared.page(&stream, from, count, PAGE_BYTES).await
        } else {
            let mut command = redis::cmd("XRANGE");
            command.arg(stream).arg(from).arg("+").arg("COUNT").arg(count);
            self.shared.read(&command).await.and_then(record::records)
        };
        if matches!(&records, Err(error) if error.is_unreachable()) {
            // The events may have become so large that the reply took too long. The next read must not ask for the same.
            queue.average.store(0, Ordering::Relaxed);
        }
        records
    }

    fn key_text(&self) -> &str {
        self.queue.as_ref().map_or("", |queue| queue.key())
    }

    /// How many events a read may ask for.
    fn limit(&self, wanted: usize) -> Result<usize, RedisError> {
        let most = match self.queue()?.average.load(Ordering::Relaxed) {
            0 => SMALL_PAGE,
            average => (PAGE_BYTES / average).max(1),
        };
        Ok(wanted.clamp(1, most))
    }

    fn note_size(&self, page: &Page) {
        let bytes: usize = page.entries.iter().map(|entry| entry.block.as_bytes().len()).sum();
        if let Some(average) = bytes.checked_div(page.entries.len())
            && let Ok(queue) = &self.queue
        {
            queue.average.store(average.max(1), Ordering::Relaxed);
        }
    }

    /// The newest record, and the position after all events.
    async fn newest(&self) -> Result<(Option<Record>, Position), RedisError> {
        let newest = self.shared.newest(self.queue()?.key()).await?;
        let head = match &newest {
            None => Position::BEGINNING,
            Some(Record { content: Content::Stored { before, block: None, .. }, .. }) => *before,
            Some(record) => record.position,
        };
        Ok((newest, head))
    }
}

impl EventLog for RedisLog {
    type Error = RedisError;

    async fn append(&self, block: &Block) -> Outcome {
        self.write(Some(block), None).await
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Outcome {
        self.write(last, Some(end)).await
    }

    async fn read_after(&self, after: &str, limit: usize) -> Result<Page, RedisError> {
        let limit = self.limit(limit)?;
        let position = Position::parse(after);
        let skipped = |record: &Record| self.shared.note_skipped(self.key_text(), record);
        if let Some(position) = position {
            let records = self.records(&position.entry.to_string(), limit).await?;
            if let Ok(page) = page::after(records, position, limit, skipped) {
                self.note_size(&page);
                return Ok(page);
            }
        }
        let oldest = self.records("-", limit).await?;
        let reason = page::reason(position, &oldest);
        let page = page::after_gap(oldest, reason, limit, skipped);
        self.note_size(&page);
        Ok(page)
    }

    async fn wait_after(&self, after: &EventId) -> Result<(), RedisError> {
        // Registered before the read, so that no change between the two is missed.
        let woken = self.shared.wakes().wait(self.queue()?.key());
        let (newest, head) = self.newest().await?;
        let is_closed = matches!(newest, Some(Record { content: Content::Stored { end: Some(_), .. }, .. }));
        if !is_closed && head.to_string() == after.as_str() {
            woken.await;
        }
        Ok(())
    }

    async fn head(&self) -> Result<EventId, RedisError> {
        Ok(self.newest().await?.1.id())
    }

    async fn before_last(&self, n: u64) -> Result<EventId, RedisError> {
        let head = self.newest().await?.1;
        if n == 0 || head == Position::BEGINNING {
            return Ok(head.id());
        }
        let before = self.shared.before_last(self.queue()?.key(), n).await?;
        Ok(before.unwrap_or(head).id())
    }

    fn wakes(&self) -> Option<(&Wakes, &str)> {
        let queue = self.queue.as_ref().ok()?;
        Some((self.shared.wakes(), queue.key()))
    }
}

impl fmt::Debug for RedisLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLog")
            .field("key", &self.key_text())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
