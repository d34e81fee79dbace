use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;

use super::{ring::Run, trace};
use crate::{
    codec::{DecodeEvent, Decoded, Decoder, Item},
    event::{Event, EventId},
};

/// Reads a segment's events: [`decode`] for an event type that can be read.
pub(super) type Decode<E> = fn(&Bytes) -> Vec<Entry<E>>;

/// An event as it was read.
#[derive(Debug)]
pub(super) struct Entry<E> {
    /// Where its bytes end in the segment.
    pub(super) end: usize,
    /// `None` when it cannot be read.
    pub(super) event: Option<Event<Arc<E>>>,
}

/// The events of a segment.
pub(super) type Events<E> = Arc<OnceLock<Vec<Entry<E>>>>;

/// What was read of the ring's segments, for all who want values: each segment is read once, on first demand.
pub(super) struct DecodedSegments<E>(Mutex<VecDeque<(u64, Events<E>)>>);

impl<E> DecodedSegments<E> {
    /// The events of the segment that a run lies in. `oldest` is the number of the oldest segment that is kept.
    pub(super) fn of(&self, run: &Run, oldest: u64, decode: Decode<E>) -> Events<E> {
        if run.is_apart() {
            let events = Events::default();
            events.get_or_init(|| decode(&run.segment.bytes));
            return events;
        }
        let events = {
            let mut segments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            while segments.front().is_some_and(|(first, _)| *first < oldest) {
                segments.pop_front();
            }
            let index = segments.partition_point(|(first, _)| *first < run.segment.first);
            match segments.get(index) {
                Some((first, events)) if *first == run.segment.first => Arc::clone(events),
                _ => {
                    let events = Events::default();
                    if run.segment.first >= oldest {
                        segments.insert(index, (run.segment.first, Arc::clone(&events)));
                    }
                    events
                }
            }
        };
        // User's code runs outside of the lock; whoever comes second waits for its result.
        events.get_or_init(|| decode(&run.segment.bytes));
        events
    }
}

impl<E> Default for DecodedSegments<E> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<E> fmt::Debug for DecodedSegments<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodedSegments").finish_non_exhaustive()
    }
}

/// Reads blocks that our encoder wrote: each ends in an empty line, and has no other.
pub(super) fn decode<E: DecodeEvent>(segment: &Bytes) -> Vec<Entry<E>> {
    let mut entries = Vec::new();
    let mut start = 0;
    for blank in memchr::memmem::find_iter(segment, b"\n\n") {
        let end = blank + 2;
        entries.push(Entry { end, event: decode_block(segment.slice(start..end)) });
        start = end;
    }
    entries
}

fn decode_block<E: DecodeEvent>(block: Bytes) -> Option<Event<Arc<E>>> {
    let mut decoder = Decoder::new().max_event_size(usize::MAX);
    decoder.feed(block);
    let Ok(Item::Event(raw)) = decoder.next_item()? else { return None };
    match E::decode(raw) {
        Ok(Decoded::Event(data)) => {
            let mut event = Event::new(Arc::new(data));
            event.id = raw.id().filter(|id| !id.is_empty()).map(|id| EventId::from_wire(id.into()));
            event.retry = raw.retry();
            Some(event)
        }
        Ok(Decoded::Unknown | Decoded::Ignored) => {
            trace::withheld(raw.event_type(), &"it is not one of the type's events");
            None
        }
        Err(error) => {
            trace::withheld(raw.event_type(), &error);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::RawEvent,
        hub::{
            Retention,
            id::Epoch,
            ring::{Names, Read, Ring},
        },
    };

    #[test]
    fn what_was_read_goes_with_its_segment() {
        let mut ring = Ring::new(Retention::events(3), Names::Numbered(Epoch::random()));
        let segments = DecodedSegments::<RawEvent>::default();
        for n in 0..100 {
            ring.push(None, b"data: 1\n\n", false, std::time::Duration::ZERO);
            let Read::Run(run) = ring.read(n) else { panic!("there is something to read") };
            let events = segments.of(&run, ring.oldest_segment(), decode);
            let event = events.get().unwrap()[0].event.as_ref().unwrap();
            assert_eq!(event.id.as_ref(), Some(&run.last_id()));
            assert!(Arc::ptr_eq(&events, &segments.of(&run, ring.oldest_segment(), decode)), "read once");
        }
        assert_eq!(segments.0.lock().unwrap().len(), 3);
    }
}
