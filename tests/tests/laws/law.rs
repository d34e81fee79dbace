//! The law itself.

use std::{
    convert::Infallible,
    fmt::Debug,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::BytesMut;
use futures_util::{FutureExt, TryStreamExt, stream};
use proptest::prelude::*;
use sse_typed::{
    Decoded, Event, EventId, RawEvent, SseEvent,
    codec::{Decoder, Encoder, EventBytes, EventReader, Item},
};

/// So many cases for each property. A failure prints its case; none is written into the tree.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A type that keeps the law.
pub(crate) trait Lawful: SseEvent + Clone + Debug + PartialEq {
    /// What arrives when this is sent.
    fn arrives(self) -> Self;

    /// Whether it may be refused.
    fn may_fail(&self) -> bool;

    /// Whether it is never sent.
    fn is_skipped(&self) -> bool {
        false
    }
}

/// Plain text as it arrives.
pub(crate) fn lf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A reconnection time as it arrives: in milliseconds, rounded up, as far as 64 bits go.
pub(crate) fn rounded(retry: Duration) -> Duration {
    let millis = u64::try_from(retry.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    Duration::from_millis(millis)
}

/// An untyped event as it arrives.
pub(crate) fn raw(event: &RawEvent) -> RawEvent {
    let mut arrived = RawEvent::new(event.event_type(), lf(event.data()));
    if let Some(id) = event.id() {
        arrived = arrived.with_id(EventId::new(id).unwrap());
    }
    if let Some(retry) = event.retry() {
        arrived = arrived.with_retry(rounded(retry));
    }
    arrived
}

/// Whether an event type cannot stand in an `event:` line.
pub(crate) fn is_bad_type(event: &RawEvent) -> bool {
    event.event_type().contains(['\r', '\n'])
}

/// Sends an event between two others and reads all three.
pub(crate) fn holds<E: Lawful>(event: &E) -> Result<(), TestCaseError> {
    let before = RawEvent::new("before", "1").with_id(1_u64);
    let behind = RawEvent::new("behind", "2");
    let mut encoder = Encoder::new();
    encoder.encode(&before).unwrap();
    let len = encoder.len();
    let encoded = encoder.encode(event);
    if let Err(error) = &encoded {
        prop_assert_eq!(encoder.len(), len, "not one byte");
        prop_assert!(event.may_fail(), "refused without a reason: {}", error);
    }
    encoder.encode(&behind).unwrap();
    let wire = encoder.take();

    let mut decoder = Decoder::new().comments(true);
    decoder.feed(wire.clone());
    let mut items = Vec::new();
    while let Some(item) = decoder.next_item() {
        match item.unwrap() {
            Item::Event(event) => items.push(event.to_raw_event()),
            item => return Err(TestCaseError::fail(format!("nobody wrote {item:?}"))),
        }
    }
    prop_assert_eq!(items.first(), Some(&before), "{:?}", wire);
    prop_assert_eq!(items.last(), Some(&behind), "{:?}", wire);
    if encoded.is_err() || event.is_skipped() {
        prop_assert_eq!(items.len(), 2, "{:?}", wire);
        return Ok(());
    }
    prop_assert_eq!(items.len(), 3, "{:?}", wire);
    let received = E::decode(items[1].as_raw_ref());
    match received {
        Ok(Decoded::Event(received)) => {
            prop_assert_eq!(received.event_type(), event.event_type());
            prop_assert_eq!(received, event.clone().arrives(), "{:?}", wire);
        }
        other => return Err(TestCaseError::fail(format!("{event:?} came back as {other:?} from {wire:?}"))),
    }
    holds_for_streams(event)
}

/// Sends an event twice as a stream of bytes, and reads it in pieces of seven as a stream of events.
fn holds_for_streams<E: Lawful>(event: &E) -> Result<(), TestCaseError> {
    let written = EventBytes::new(stream::iter([event.clone(), event.clone()]));
    let wire = written.try_collect::<BytesMut>().now_or_never();
    let wire = wire.expect("always ready").map_err(|error| TestCaseError::fail(error.to_string()))?;
    let chunks = wire.chunks(7).map(|chunk| Ok::<_, Infallible>(chunk.to_vec()));
    let read = EventReader::<_, E>::new(stream::iter(chunks)).map_ok(|event| event.data);
    let arrived = event.clone().arrives();
    // Nothing comes behind a terminal event.
    let expected = if event.is_terminal() { vec![arrived] } else { vec![arrived.clone(), arrived] };
    let mut read = pin!(read.try_collect::<Vec<_>>());
    let mut cx = Context::from_waker(Waker::noop());
    // Within a large event it yields to the executor.
    let read = (0..1000).find_map(|_| match read.as_mut().poll(&mut cx) {
        Poll::Ready(read) => Some(read),
        Poll::Pending => None,
    });
    prop_assert_eq!(
        read.expect("an end").map_err(|error| TestCaseError::fail(error.to_string()))?,
        expected,
        "{:?}",
        wire
    );
    Ok(())
}

/// As [`holds`], with id and reconnection time around the event, which win over those inside it.
pub(crate) fn holds_in_an_envelope<E: Lawful>(event: &E, id: &EventId, retry: Duration) -> Result<(), TestCaseError> {
    let mut encoder = Encoder::new();
    if encoder.encode(&Event::new(event.clone()).id(id.clone()).retry(retry)).is_err() || event.is_skipped() {
        prop_assert!(encoder.is_empty());
        return Ok(());
    }
    let mut decoder = Decoder::new();
    decoder.feed(encoder.take());
    let item = decoder.next_item();
    let Some(Ok(Item::Event(received))) = item else {
        return Err(TestCaseError::fail(format!("no event: {item:?}")));
    };
    prop_assert_eq!((received.id(), received.retry()), (Some(id.as_str()), Some(rounded(retry))));
    let Ok(Decoded::Event(received)) = E::decode(received) else {
        // An id of another type than the field's.
        return Ok(());
    };
    prop_assert_eq!(received.event_type(), event.event_type());
    Ok(())
}
