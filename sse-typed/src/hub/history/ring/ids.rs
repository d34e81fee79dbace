use std::collections::{HashMap, VecDeque};

use super::capacity;
use crate::{event::EventId, hub::id::IdPrefix};

/// The ids of the positions of a ring.
#[derive(Debug)]
pub(in crate::hub) enum RingIds {
    /// Made from numbers, for a log in memory.
    Numbered(IdPrefix),
    /// Given by a log elsewhere: the id of the position before the first event, and the ids of the events with their
    /// numbers.
    FromLog { base: EventId, ids: VecDeque<EventId>, numbers: HashMap<EventId, u64> },
}

impl RingIds {
    /// The ids of a new log in memory.
    pub(in crate::hub) fn numbered() -> Self {
        Self::Numbered(IdPrefix::random())
    }

    /// The ids of a log elsewhere, from this position on.
    pub(in crate::hub) fn from_log(base: EventId) -> Self {
        Self::FromLog { base, ids: VecDeque::new(), numbers: HashMap::new() }
    }

    /// Removes the id of the oldest event; the oldest event is now `first`.
    pub(super) fn trim_oldest(&mut self, first: u64) {
        if let Self::FromLog { base, ids, numbers } = self
            && let Some(id) = ids.pop_front()
        {
            // A log that breaks its promise may give a later event the same id.
            if numbers.get(&id).is_some_and(|n| *n < first) {
                numbers.remove(&id);
            }
            *base = id;
        }
    }

    pub(super) fn shrink(&mut self) {
        if let Self::FromLog { ids, numbers, .. } = self {
            capacity::shrink_queue(ids);
            capacity::shrink_map(numbers);
        }
    }
}
