use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
};

use super::capacity;
use crate::{event::EventId, hub::id::IdPrefix};

/// The ids of the positions of a ring.
#[derive(Debug)]
pub(in crate::hub) enum RingIds {
    /// Made from numbers, for a log in memory.
    Numbered(IdPrefix),
    /// Given by a log elsewhere.
    FromLog(LogIds),
}

/// The ids that a log elsewhere has given.
#[derive(Debug)]
pub(in crate::hub) struct LogIds {
    /// The id of the position before the first event.
    base: EventId,
    /// There are none in the ring of most quiet hubs.
    events: Option<Box<EventIds>>,
}

/// The ids of the events, and their numbers.
#[derive(Debug, Default)]
struct EventIds {
    ids: VecDeque<EventId>,
    numbers: HashMap<EventId, u64>,
}

impl RingIds {
    /// The ids of a new log in memory.
    pub(in crate::hub) fn numbered() -> Self {
        Self::Numbered(IdPrefix::random())
    }

    /// The ids of a log elsewhere, from this position on.
    pub(in crate::hub) fn from_log(base: EventId) -> Self {
        Self::FromLog(LogIds { base, events: None })
    }

    /// Removes the id of the oldest event; the oldest event is now `first`.
    pub(super) fn trim_oldest(&mut self, first: u64) {
        if let Self::FromLog(LogIds { base, events: Some(events) }) = self
            && let Some(id) = events.ids.pop_front()
        {
            // A log that breaks its promise may give a later event the same id.
            if events.numbers.get(&id).is_some_and(|n| *n < first) {
                events.numbers.remove(&id);
            }
            *base = id;
        }
    }

    pub(super) fn shrink(&mut self) {
        if let Self::FromLog(LogIds { events: Some(events), .. }) = self {
            capacity::shrink_queue(&mut events.ids);
            capacity::shrink_map(&mut events.numbers);
        }
    }
}

impl LogIds {
    /// The capacities for the ids and for their numbers.
    #[cfg(test)]
    pub(super) fn capacities(&self) -> (usize, usize) {
        self.events.as_ref().map_or((0, 0), |events| (events.ids.capacity(), events.numbers.capacity()))
    }

    /// The id of the position after the event at this index. Without one, the id of the position before all events.
    pub(super) fn get(&self, index: Option<usize>) -> &EventId {
        let events = self.events.as_ref();
        index.and_then(|index| events?.ids.get(index)).unwrap_or(&self.base)
    }

    /// The id of the position after all events.
    pub(super) fn newest(&self) -> &EventId {
        self.events.as_ref().and_then(|events| events.ids.back()).unwrap_or(&self.base)
    }

    /// The number of the event with this id, or `oldest` if it is the id of the position before all events.
    pub(super) fn number(&self, id: &str, oldest: u64) -> Option<u64> {
        let event = self.events.as_ref().and_then(|events| events.numbers.get(id).copied());
        event.or_else(|| (self.base.as_str() == id).then_some(oldest))
    }

    pub(super) fn push(&mut self, id: EventId, n: u64) {
        let events = self.events.get_or_insert_default();
        events.numbers.insert(id.clone(), n);
        events.ids.push_back(id);
    }

    /// The ids of the events at these indexes.
    pub(super) fn range(&self, indexes: Range<usize>) -> Box<[EventId]> {
        let ids = self.events.iter().flat_map(|events| events.ids.iter());
        ids.skip(indexes.start).take(indexes.len()).cloned().collect()
    }

    /// The ids of the newest events, at most this many.
    pub(super) fn last(&self, count: usize) -> Box<[EventId]> {
        let Some(events) = &self.events else { return Box::default() };
        events.ids.range(events.ids.len().saturating_sub(count)..).cloned().collect()
    }
}
