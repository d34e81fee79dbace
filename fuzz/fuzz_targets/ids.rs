//! Last event IDs, of one hub and of a merged stream: any text is accepted without a panic, and a stream that is resumed from any of
//! its own ids continues without a gap.
#![no_main]

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_util::Stream;
use http::{HeaderValue, Request};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use sse_typed::{
    EventId, EventItem, Gap, Hub, LastEventId, Merge, SseEvent,
    codec::{Decoder, Encoder, Item},
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
enum Part {
    Event(u8),
    #[sse(gap)]
    Missed(Gap),
}

#[derive(Debug, Arbitrary)]
struct Input {
    /// The parts that publish, one event each.
    published: Vec<bool>,
    /// How many events the client receives before it reconnects.
    received: u8,
    sent: Sent,
}

#[derive(Debug, Arbitrary)]
enum Sent {
    /// The id that the stream gave, unchanged.
    Own,
    /// The same with changes.
    Changed(Vec<Change>),
    Header(Vec<u8>),
    Text(String),
}

#[derive(Debug, Arbitrary)]
enum Change {
    Insert { at: u8, char: char },
    Remove { at: u8 },
    Cut { at: u8 },
    Repeat,
    End,
}

fuzz_target!(|input: Input| {
    let hubs: [Hub<Part>; 2] = [Hub::builder().build(), Hub::builder().build()];
    let merge = |id: LastEventId| {
        Merge::<Part>::new(id).add("a", |id| hubs[0].subscribe(id)).add("b", |id| hubs[1].subscribe(id))
    };
    let mut stream = Box::pin(merge(LastEventId::none()));
    for (n, second) in (0..=u8::MAX).zip(&input.published) {
        hubs[usize::from(*second)].publish_now(&Part::Event(n)).expect("an open hub");
    }
    let total = input.published.len().min(256);
    let (mut first, mut id) = (Vec::new(), LastEventId::none());
    while first.len() < usize::from(input.received) {
        let Some((events, last)) = next(&mut stream) else { break };
        first.extend(events);
        id = last;
    }
    match input.sent {
        Sent::Own if id.is_none() => {}
        Sent::Own => {
            let mut resumed = Box::pin(merge(received(id.as_str().unwrap_or_default().as_bytes())));
            while let Some((events, _)) = next(&mut resumed) {
                first.extend(events);
            }
            // The order of events of different parts is not promised.
            first.sort_by_key(|event| event.parse::<u8>().ok());
            let published: Vec<_> = (0..total).map(|n| n.to_string()).collect();
            assert_eq!(first, published, "resumed after {id:?}");
        }
        Sent::Changed(changes) => {
            let mut text = id.as_str().unwrap_or_default().to_owned();
            changes.iter().for_each(|change| change.apply(&mut text));
            resume(&hubs, &merge, received(text.as_bytes()));
        }
        Sent::Header(bytes) => resume(&hubs, &merge, received(&bytes)),
        Sent::Text(text) => {
            if let Ok(id) = EventId::new(text.clone()) {
                assert!(!text.contains(['\r', '\n', '\0']), "{id:?}");
                resume(&hubs, &merge, id.into());
            }
        }
    }
});

/// The last event ID of a request with this header.
fn received(header: &[u8]) -> LastEventId {
    let Ok(value) = HeaderValue::from_bytes(header) else { return LastEventId::none() };
    let request = Request::builder().header("last-event-id", value).body(()).expect("a valid header");
    LastEventId::of(&request)
}

/// A stream that is resumed with any id yields events or gaps, and then waits.
fn resume<S, I>(hubs: &[Hub<Part>; 2], merge: &impl Fn(LastEventId) -> S, id: LastEventId)
where
    S: Stream<Item = I>,
    I: EventItem,
{
    let mut merged = Box::pin(merge(id.clone()));
    for _ in 0..1000 {
        if next(&mut merged).is_none() {
            let mut single = Box::pin(hubs[0].subscribe(id));
            while next(&mut single).is_some() {}
            return;
        }
    }
    panic!("the stream repeats itself for {id:?}");
}

/// The data of the events of the next item, and the last event ID that a client has after it. `None` if the stream waits or ends.
fn next<S, I>(stream: &mut Pin<Box<S>>) -> Option<(Vec<String>, LastEventId)>
where
    S: Stream<Item = I>,
    I: EventItem,
{
    let Poll::Ready(Some(item)) = stream.as_mut().poll_next(&mut Context::from_waker(Waker::noop())) else {
        return None;
    };
    let mut encoder = Encoder::new();
    encoder.encode(&item).expect("the events can be encoded");
    let mut decoder = Decoder::new();
    decoder.feed(encoder.take());
    let mut events = Vec::new();
    while let Some(item) = decoder.next_item() {
        match item {
            Ok(Item::Event(event)) => events.push(event.data().to_owned()),
            other => panic!("{other:?}"),
        }
    }
    Some((
        events,
        EventId::new(decoder.last_event_id().to_owned()).map_or_else(|_| LastEventId::none(), LastEventId::from),
    ))
}

impl Change {
    fn apply(&self, text: &mut String) {
        let position = |at: u8, text: &str| {
            let at = usize::from(at) % (text.len() + 1);
            (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
        };
        match *self {
            Self::Insert { at, char } => text.insert(position(at, text), char),
            Self::Remove { at } => {
                let at = position(at, text);
                if at < text.len() {
                    text.remove(at);
                }
            }
            Self::Cut { at } => text.truncate(position(at, text)),
            Self::Repeat if text.len() < 2000 => text.push_str(&text.clone()),
            Self::Repeat => {}
            Self::End => text.push('!'),
        }
    }
}
