//! The property that all types are tested for.

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

/// The number of cases for each property. A failure prints its case, and writes no file.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A type that the property is tested for.
pub(crate) trait RoundTrip: SseEvent + Clone + Debug + PartialEq {
    /// The value that a client receives if this one is sent.
    fn into_received(self) -> Self;

    /// Whether encoding may fail.
    fn may_fail(&self) -> bool;

    /// Whether it is never on the wire.
    fn is_skipped(&self) -> bool {
        false
    }
}

/// Plain text as a client receives it.
pub(crate) fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A reconnection time as a client receives it: rounded up to milliseconds, at most 64 bits of them.
pub(crate) fn rounded(retry: Duration) -> Duration {
    let millis = u64::try_from(retry.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    Duration::from_millis(millis)
}

/// An untyped event as a client receives it.
pub(crate) fn raw(event: &RawEvent) -> RawEvent {
    let mut arrived = RawEvent::new(event.event_type(), with_lf(event.data()));
    if let Some(id) = event.id() {
        arrived = arrived.with_id(EventId::new(id).unwrap());
    }
    if let Some(retry) = event.retry() {
        arrived = arrived.with_retry(rounded(retry));
    }
    arrived
}

/// Whether an event type is not valid in an `event:` line.
pub(crate) fn has_invalid_event_type(event: &RawEvent) -> bool {
    event.event_type().contains(['\r', '\n'])
}

/// Encodes an event between two others, and decodes all three.
pub(crate) fn round_trips<E: RoundTrip>(event: &E) -> Result<(), TestCaseError> {
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
            prop_assert_eq!(received, event.clone().into_received(), "{:?}", wire);
        }
        other => return Err(TestCaseError::fail(format!("{event:?} came back as {other:?} from {wire:?}"))),
    }
    round_trips_in_streams(event)
}

/// Encodes an event twice as a stream of bytes, and decodes the stream in chunks of seven bytes.
fn round_trips_in_streams<E: RoundTrip>(event: &E) -> Result<(), TestCaseError> {
    let written = EventBytes::new(stream::iter([event.clone(), event.clone()]));
    let wire = written.try_collect::<BytesMut>().now_or_never();
    let wire = wire.expect("always ready").map_err(|error| TestCaseError::fail(error.to_string()))?;
    let chunks = wire.chunks(7).map(|chunk| Ok::<_, Infallible>(chunk.to_vec()));
    let read = EventReader::<_, E>::new(stream::iter(chunks)).map_ok(|event| event.data);
    let arrived = event.clone().into_received();
    // The stream ends after a terminal event.
    let expected = if event.is_terminal() { vec![arrived] } else { vec![arrived.clone(), arrived] };
    let mut read = pin!(read.try_collect::<Vec<_>>());
    let mut cx = Context::from_waker(Waker::noop());
    // The reader yields to the executor within a large event.
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

/// Like [`round_trips`], with an id and reconnection time in the envelope, which take precedence over those of the event.
pub(crate) fn round_trips_in_an_envelope<E: RoundTrip>(
    event: &E,
    id: &EventId,
    retry: Duration,
) -> Result<(), TestCaseError> {
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
        // The id cannot be parsed into the type of the field.
        return Ok(());
    };
    prop_assert_eq!(received.event_type(), event.event_type());
    Ok(())
}
