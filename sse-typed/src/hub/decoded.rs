use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use super::{ring::Segment, trace};
use crate::{
    codec::{DecodeEvent, Decoded, Decoder, Item},
    event::{Event, EventId},
};

/// An event as it was read.
#[derive(Debug)]
pub(super) struct Entry<E> {
    /// Where its bytes end in the segment.
    pub(super) end: usize,
    /// `None` when it cannot be read.
    pub(super) event: Option<Event<Arc<E>>>,
}

/// The events of a segment as values, for all who want them: read once, on first demand, and gone with the segment.
///
/// Segments know nothing of the event type, and most are never read. So it is a thin pointer to who knows what.
#[derive(Default)]
pub(super) struct Values(OnceLock<Box<Erased>>);

type Erased = Box<dyn Any + Send + Sync>;

/// [`values`] of an event type that can be read.
pub(super) type Read<E> = fn(&Segment) -> &[Entry<E>];

/// The events of a segment. Whoever comes second waits for the first one's result.
pub(super) fn values<E: DecodeEvent + Send + Sync + 'static>(segment: &Segment) -> &[Entry<E>] {
    let read = segment.values.0.get_or_init(|| Box::new(Box::new(decode::<E>(segment))));
    // A log has one hub, and that one type.
    read.downcast_ref::<Vec<Entry<E>>>().map_or(&[], |entries| entries)
}

impl Values {
    /// Whether there are any: to drop them runs user's code then.
    pub(super) fn are_there(&self) -> bool {
        self.0.get().is_some()
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").field("are_there", &self.are_there()).finish_non_exhaustive()
    }
}

/// Reads blocks that our encoder wrote: each ends in an empty line, and has no other.
fn decode<E: DecodeEvent>(segment: &Segment) -> Vec<Entry<E>> {
    // Exactly as many, because they are kept as long as the segment.
    let mut entries = Vec::with_capacity(segment.len());
    let mut start = 0;
    for blank in memchr::memmem::find_iter(&segment.bytes, b"\n\n") {
        let end = blank + 2;
        entries.push(Entry { end, event: decode_block(segment.bytes.slice(start..end)) });
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
            event.id = raw.id().filter(|id| !id.is_empty()).map(EventId::from_wire);
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
    use std::time::Duration;

    use super::*;
    use crate::{
        RawEvent,
        hub::{
            Retention,
            id::{Ends, Epoch},
            ring::{self, Names, Ring},
        },
    };

    /// The segment of events with these data.
    fn segment(data: impl IntoIterator<Item = String>) -> Arc<Segment> {
        let retention = Retention::default().bytes(usize::MAX);
        let mut ring = Ring::new(retention, Names::Numbered(Epoch::random()));
        for data in data {
            ring.push(None, format!("event: a\ndata: {data}\n\n").as_bytes(), Ends::default(), Duration::ZERO);
        }
        let ring::Read::Run(run) = ring.read(0) else { panic!("there is something to read") };
        run.segment
    }

    #[test]
    fn an_event_of_any_size_can_be_read_as_a_value() {
        let size = (16 << 20) + 1;
        let segment = segment(["x".repeat(size)]);
        let [Entry { event: Some(event), .. }] = values::<RawEvent>(&segment) else { panic!("it cannot be read") };
        assert_eq!(event.data.data().len(), size);
    }

    #[test]
    fn values_take_no_more_room_than_they_need() {
        for count in [1, 3, 100] {
            let segment = segment((0..count).map(|n| n.to_string()));
            assert_eq!(values::<RawEvent>(&segment).len(), count);
            let entries = segment.values.0.get().unwrap().downcast_ref::<Vec<Entry<RawEvent>>>().unwrap();
            assert_eq!(entries.capacity(), count);
        }
    }
}
