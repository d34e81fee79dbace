//! Encodes any sequence of events. Encoding each fails without writing a byte, or the event arrives unchanged. The only
//! exceptions are that CRLF and CR in text become LF, and that reconnection times are rounded up to milliseconds.
#![no_main]

use std::{fmt, time::Duration};

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use sse_typed::{
    DecodeEvent, Decoded, EncodeError, EncodeEvent, Event, RawEventRef,
    codec::{Decoder, Encoder, Item},
};

use self::hostile::{Hostile, normalised};

mod by_hand;
mod derived;
mod hostile;

#[derive(Debug, Arbitrary)]
enum Sent {
    Raw { event_type: Hostile, data: Hostile, id: Option<Hostile>, retry: Option<Duration> },
    ByHand { event: by_hand::Parts, id: Option<Hostile>, retry: Option<Duration> },
    Derived { event: derived::DerivedParts, id: Option<Hostile>, retry: Option<Duration> },
    Tagged { event: derived::TaggedParts, id: Option<Hostile> },
    Comment(Hostile),
    Retry(Duration),
}

/// The event that must be decoded.
enum Arrival {
    Comment(String),
    Event {
        id: Option<String>,
        retry: Option<Duration>,
        /// Checks the rest of the event.
        check: Box<dyn Fn(RawEventRef<'_>)>,
    },
}

fuzz_target!(|input: (Vec<Sent>, u8)| {
    let (sent, chunk_size) = input;
    let mut encoder = Encoder::new();
    let (mut expected, mut reconnection_time) = (Vec::new(), None);
    for sent in sent {
        let (length, events) = (encoder.len(), encoder.events());
        let arrivals = send(&sent, &mut encoder);
        if let (true, false) = (arrivals.is_empty(), matches!(sent, Sent::Retry(_))) {
            assert_eq!(encoder.len(), length, "bytes of a refused event: {sent:?}");
        }
        let is_event = matches!(arrivals.first(), Some(Arrival::Event { .. }));
        assert_eq!(encoder.events(), events + u64::from(is_event), "{sent:?}");
        match (&sent, arrivals.first()) {
            (Sent::Retry(retry), _) => reconnection_time = Some(rounded(*retry)),
            (_, Some(Arrival::Event { retry: Some(retry), .. })) => reconnection_time = Some(*retry),
            _ => {}
        }
        expected.extend(arrivals);
    }
    let stream = encoder.take();

    let mut decoder = Decoder::new().comments(true);
    let mut expected = expected.into_iter();
    for chunk in stream.chunks(usize::from(chunk_size).max(1)) {
        decoder.feed(stream.slice_ref(chunk));
        while let Some(item) = decoder.next_item() {
            let arrived = item.expect("no event is as large as the limit");
            check(arrived, expected.next().expect("an event that nobody sent"));
        }
    }
    assert!(expected.next().is_none(), "an event did not arrive");
    assert_eq!(decoder.reconnection_time(), reconnection_time);
});

/// Encodes one event. Returns the event that must be decoded, or `None` if encoding failed.
fn send(sent: &Sent, encoder: &mut Encoder) -> Vec<Arrival> {
    let arrival = match sent {
        Sent::Raw { event_type, data, id, retry } => {
            let (event_type, data) = (event_type.text(), data.text());
            // An untyped event may have any id that could be received.
            let id = id.as_ref().map(Hostile::text);
            let event = RawEventRef::new(&event_type, &data).with_id(id.as_deref()).with_retry(*retry).to_raw_event();
            let bad_id = id.as_ref().is_some_and(|id| id.contains(['\r', '\n', '\0']));
            let refused = bad_id || event_type.contains(['\r', '\n']);
            let event_type = if event_type.is_empty() { "message".to_owned() } else { event_type };
            encoded(encoder.encode(&event), refused).then(|| Arrival::Event {
                id,
                retry: retry.map(rounded),
                check: Box::new(move |arrived| {
                    assert_eq!((arrived.event_type(), arrived.data()), (&*event_type, &*normalised(&data)));
                }),
            })
        }
        Sent::ByHand { event: parts, id, retry } => {
            let event = envelope(parts.event(), id, *retry);
            encoded(encoder.encode(&event), parts.is_refused(event.id.is_some())).then(|| {
                let own_id = event.data.id().map(str::to_owned);
                Arrival::Event {
                    id: event.id.map(|id| id.to_string()).or(own_id),
                    retry: retry.map(rounded),
                    check: Box::new(move |arrived| event.data.assert_is(arrived)),
                }
            })
        }
        Sent::Derived { event: parts, id, retry } => {
            let event = envelope(parts.event(), id, *retry);
            encoded(encoder.encode(&event), parts.is_refused(event.id.is_some())).then(|| {
                let arrival = parts.arrival(event.id.as_ref(), *retry);
                let (own_id, own_retry) = match &arrival {
                    derived::Derived::Json { id, retry, .. } => (id.clone(), *retry),
                    _ => (None, None),
                };
                Arrival::Event {
                    id: event.id.map(|id| id.to_string()).or(own_id),
                    retry: retry.map(rounded).or(own_retry),
                    check: Box::new(move |arrived| assert_decodes(arrived, &arrival)),
                }
            })
        }
        Sent::Tagged { event: parts, id } => {
            let event = envelope(parts.event(), id, None);
            encoded(encoder.encode(&event), parts.is_refused()).then(|| Arrival::Event {
                id: event.id.map(|id| id.to_string()),
                retry: None,
                check: Box::new(move |arrived| assert_decodes(arrived, &event.data)),
            })
        }
        Sent::Comment(text) => {
            let text = text.text();
            encoder.comment(&text);
            return normalised(&text).split('\n').map(|line| Arrival::Comment(line.to_owned())).collect();
        }
        Sent::Retry(retry) => {
            encoder.retry(*retry);
            None
        }
    };
    arrival.into_iter().collect()
}

fn envelope<E: EncodeEvent>(event: E, id: &Option<Hostile>, retry: Option<Duration>) -> Event<E> {
    let mut event = Event::new(event);
    event.id = id.as_ref().and_then(Hostile::id);
    event.retry = retry;
    event
}

/// Whether the event was encoded. Checks that it was, unless encoding must fail.
fn encoded(result: Result<(), EncodeError>, refused: bool) -> bool {
    assert_eq!(result.is_err(), refused, "{result:?}");
    !refused
}

fn check(arrived: Item<'_>, expected: Arrival) {
    match (arrived, expected) {
        (Item::Comment(arrived), Arrival::Comment(text)) => assert_eq!(arrived, text),
        (Item::Event(arrived), Arrival::Event { id, retry, check }) => {
            assert_eq!((arrived.id(), arrived.retry()), (id.as_deref(), retry));
            check(arrived);
        }
        (arrived, _) => panic!("this is not what was sent: {arrived:?}"),
    }
}

fn assert_decodes<E: DecodeEvent + PartialEq + fmt::Debug>(arrived: RawEventRef<'_>, expected: &E) {
    match E::decode(arrived) {
        Ok(Decoded::Event(event)) => assert_eq!(&event, expected),
        other => panic!("{other:?} instead of {expected:?}"),
    }
}

fn rounded(retry: Duration) -> Duration {
    let millis = retry.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
