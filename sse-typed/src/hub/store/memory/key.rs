use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::error::MemoryStoreError;
use crate::{
    event::{EventId, Gap, GapReason},
    hub::{
        history::{Ring, RingIds},
        id::IdPrefix,
        log::{Block, End, EndFlags, Page},
        store::options::LogOptions,
    },
};

/// The history of one key.
pub(super) struct StoredKey {
    pub(super) name: Arc<str>,
    history: Mutex<KeyHistory>,
}

/// The key of a log, or its name and the error of each call.
pub(super) type OpenedKey = Result<Arc<StoredKey>, Box<(String, MemoryStoreError)>>;

/// The state under the lock of a [`StoredKey`].
pub(super) struct KeyHistory {
    prefix: IdPrefix,
    /// There is none before the first event.
    ring: Option<Box<Ring>>,
    end: Option<End>,
    /// When it is removed.
    expires: Option<Instant>,
    /// It has expired and was removed since this was last taken: its followers are to be woken.
    has_expired: bool,
    /// The timer of the store at which this key is looked at.
    pub(super) timer: Option<Instant>,
    created: Instant,
}

impl StoredKey {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self { name, history: Mutex::new(KeyHistory::new()) }
    }

    /// Locks the history. One that has expired is removed first.
    pub(super) fn lock(&self, now: Instant) -> MutexGuard<'_, KeyHistory> {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        if history.is_expired(now) {
            history.remove();
            history.has_expired = true;
        } else if let Some(ring) = &mut history.ring
            && ring.has_max_age()
        {
            let age = now.saturating_duration_since(history.created);
            history.trim(age);
        }
        history
    }
}

impl KeyHistory {
    fn new() -> Self {
        let created = Instant::now();
        Self {
            prefix: IdPrefix::random(),
            ring: None,
            end: None,
            expires: None,
            has_expired: false,
            timer: None,
            created,
        }
    }

    fn trim(&mut self, age: Duration) {
        if let Some(ring) = &mut self.ring {
            ring.trim(age);
        }
    }

    fn is_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether it has expired and was removed since the last call. The caller then reports the change.
    pub(super) const fn take_has_expired(&mut self) -> bool {
        mem::replace(&mut self.has_expired, false)
    }

    pub(super) const fn expires(&self) -> Option<Instant> {
        self.expires
    }

    /// Whether it expires before its timer.
    pub(super) fn needs_timer(&self) -> bool {
        self.expires.is_some_and(|expires| self.timer.is_none_or(|timer| expires < timer))
    }

    /// Removes all of it. Ids of its events are unknown from now on.
    pub(super) fn remove(&mut self) {
        *self = Self { timer: self.timer, has_expired: self.has_expired, ..Self::new() };
    }

    /// Whether it is as if it had never been used, and no timer will look at it.
    pub(super) const fn is_unused(&self) -> bool {
        self.ring.is_none() && self.end.is_none() && self.timer.is_none()
    }

    pub(super) const fn end(&self) -> Option<End> {
        self.end
    }

    fn head_number(&self) -> u64 {
        self.ring.as_ref().map_or(0, |ring| ring.head())
    }

    pub(super) fn head(&self) -> EventId {
        self.prefix.id(self.head_number())
    }

    pub(super) fn before_last(&self, n: u64) -> EventId {
        let oldest = self.ring.as_ref().map_or(0, |ring| ring.oldest());
        self.prefix.id(self.head_number().saturating_sub(n).max(oldest))
    }

    /// The newest event, if there was one.
    #[cfg(feature = "runs")]
    pub(super) fn newest(&self) -> Option<EventId> {
        self.ring.as_ref().map(|ring| self.prefix.id(ring.head()))
    }

    /// Appends the last event of a run, and closes its log. It is open. It is removed with its record.
    #[cfg(feature = "runs")]
    pub(super) fn append_last(&mut self, last: &Block, end: End, now: Instant) -> EventId {
        let everything = crate::hub::Retention::events(usize::MAX).bytes(usize::MAX);
        self.append(Some(last), Some(end), &LogOptions::new().retain(everything), now)
    }

    /// Whether nothing is after this position, and something may come.
    pub(super) fn is_waited_for(&self, position: &str) -> bool {
        self.end.is_none() && self.prefix.parse(position) == Some(self.head_number())
    }

    pub(super) fn page(&mut self, after: &str, limit: usize) -> Page {
        let (page, is_all) = match &mut self.ring {
            Some(ring) => {
                let page = ring.page(after, limit);
                // Segments that the read has joined. This ring has no decoded values, so they are bytes alone.
                drop(mem::take(ring.trimmed_segments()));
                page
            }
            None if self.prefix.parse(after) == Some(0) => (Page::contiguous(Vec::new()), true),
            None => (Page::after_gap(Gap::new(None, GapReason::UnknownId), self.prefix.id(0), Vec::new()), true),
        };
        match self.end {
            Some(end) if is_all => page.closed(end),
            _ => page,
        }
    }

    /// Appends an event, if there is one, and closes the history, if there is an end. It is open.
    pub(super) fn append(
        &mut self,
        block: Option<&Block>,
        end: Option<End>,
        options: &LogOptions,
        now: Instant,
    ) -> EventId {
        if let Some(block) = block {
            let (prefix, retention) = (self.prefix, options.retention());
            let ring = self.ring.get_or_insert_with(|| Box::new(Ring::new(retention, RingIds::Numbered(prefix))));
            ring.set_retention(retention);
            let ends = EndFlags { terminal: block.is_terminal(), closes_log: end.is_some() };
            ring.push(None, block.as_bytes(), ends, now.saturating_duration_since(self.created));
        }
        self.end = end;
        let closed = options.closed_ttl_after().filter(|_| end.is_some());
        self.expires =
            [options.idle_ttl_after(), closed].into_iter().flatten().min().and_then(|ttl| now.checked_add(ttl));
        self.head()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_old_events_leave_nothing_in_memory_but_the_retained_events() {
        let (mut history, options) = (KeyHistory::new(), LogOptions::new());
        let start = history.head();
        for _ in 0..100 {
            let newest = history.head();
            let block = Block::new("data: 1\n\n".to_owned(), false).unwrap();
            history.append(Some(&block), None, &options, Instant::now());
            // A live reader, whose reads make a segment of each event.
            assert_eq!(history.page(newest.as_str(), 10).entries.len(), 1);
        }
        // One that resumes, whose read joins the segments.
        assert_eq!(history.page(start.as_str(), 100).entries.len(), 100);
        assert_eq!(history.ring.unwrap().trimmed_segments().len(), 0);
    }
}
