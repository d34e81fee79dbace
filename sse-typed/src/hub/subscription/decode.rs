use std::sync::Arc;

use bytes::Bytes;

use crate::{
    codec::{DecodeEvent, Decoded, Decoder, Item},
    event::{Event, EventId},
    hub::{history::Segment, trace},
};

/// A decoded event of a segment.
#[derive(Debug)]
pub(super) struct DecodedEvent<E> {
    /// The byte of the segment at which it ends.
    pub(super) end: usize,
    /// `None` when it cannot be decoded.
    pub(super) event: Option<Event<Arc<E>>>,
}

/// [`decoded_events`] of an event type that can be decoded.
pub(super) type DecodeFn<E> = fn(&Segment) -> &[DecodedEvent<E>];

/// The decoded events of a segment. The first call decodes them, and concurrent calls wait for it.
pub(super) fn decoded_events<E: DecodeEvent + Send + Sync + 'static>(segment: &Segment) -> &[DecodedEvent<E>] {
    // A log has one hub, and the hub one event type, so it is always this type.
    segment.decoded.get_or_decode(|| decode::<E>(segment)).map_or(&[], |events| events)
}

/// Decodes blocks that the encoder wrote: each ends in an empty line, and has no other.
fn decode<E: DecodeEvent>(segment: &Segment) -> Vec<DecodedEvent<E>> {
    // The exact capacity, because the events are kept for as long as the segment.
    let mut events = Vec::with_capacity(segment.len());
    let mut start = 0;
    for blank in memchr::memmem::find_iter(&segment.bytes, b"\n\n") {
        let end = blank + 2;
        events.push(DecodedEvent { end, event: decode_block(segment.bytes.slice(start..end)) });
        start = end;
    }
    events
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
            trace::undecodable(raw.event_type(), &"it is not one of the type's events");
            None
        }
        Err(error) => {
            trace::undecodable(raw.event_type(), &error);
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
            history::{Retention, Ring, RingIds, RingRead},
            log::EndFlags,
        },
    };

    /// The segment of events with these data.
    fn segment(data: impl IntoIterator<Item = String>) -> Arc<Segment> {
        let retention = Retention::default().bytes(usize::MAX);
        let mut ring = Ring::new(retention, RingIds::numbered());
        for data in data {
            ring.push(None, format!("event: a\ndata: {data}\n\n").as_bytes(), EndFlags::default(), Duration::ZERO);
        }
        let RingRead::Slice(slice) = ring.read(0) else { panic!("there is something to read") };
        slice.segment
    }

    #[test]
    fn an_event_of_any_size_can_be_decoded() {
        let size = (16 << 20) + 1;
        let segment = segment(["x".repeat(size)]);
        let [DecodedEvent { event: Some(event), .. }] = decoded_events::<RawEvent>(&segment) else {
            panic!("it cannot be decoded")
        };
        assert_eq!(event.data.data().len(), size);
    }

    #[test]
    fn decoded_events_take_no_more_memory_than_they_need() {
        for count in [1, 3, 100] {
            let segment = segment((0..count).map(|n| n.to_string()));
            assert_eq!(decoded_events::<RawEvent>(&segment).len(), count);
            assert_eq!(decode::<RawEvent>(&segment).capacity(), count);
        }
    }
}
