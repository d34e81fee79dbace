//! Parts of the API that need no scripted stream.

use std::{error::Error, io};

use bytes::Bytes;
use futures_util::stream;

use super::{DecodeEvent, Decoded, EncodeEvent, Encoder, EventKind, EventReader, EventWriter, Nests, ReadError};
use crate::{
    RawEvent,
    event::{DecodeError, EncodeError, RawEventRef},
};

/// An event type with the defaults of the traits, that knows no event on the wire.
#[derive(Debug)]
struct Unknown;

impl EventKind for Unknown {
    fn event_type(&self) -> &str {
        "unknown"
    }
}

impl DecodeEvent for Unknown {
    const EVENT_TYPES: &'static [&'static str] = &[];

    fn decode(_: RawEventRef<'_>) -> Result<Decoded<Self>, DecodeError> {
        Ok(Decoded::Unknown)
    }
}

/// An event with an id of its own.
struct Numbered;

impl EventKind for Numbered {
    fn event_type(&self) -> &str {
        "numbered"
    }
}

impl EncodeEvent for Numbered {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        event.event_type("numbered")?;
        event.id(7)?;
        event.text("a")
    }
}

fn source(input: &'static str) -> stream::Iter<std::vec::IntoIter<Result<Bytes, io::Error>>> {
    stream::iter(vec![Ok(Bytes::from_static(input.as_bytes()))])
}

#[tokio::test]
async fn the_events_of_a_reader_can_be_awaited() {
    let mut events = EventReader::<_, RawEvent>::new(source("data: a\n\ndata: b\n\n"));
    assert_eq!(events.next().await.unwrap().unwrap().data.data(), "a");
    assert_eq!(events.try_next().await.unwrap().unwrap().data.data(), "b");
    assert!(events.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn each_unknown_event_is_counted() {
    let mut events = EventReader::<_, Unknown>::new(source("event: a\ndata\n\nevent: b\ndata\n\nevent: c\ndata\n\n"));
    assert!(events.next().await.is_none());
    assert_eq!(events.unknown_events(), 3);
}

#[test]
fn an_event_is_neither_terminal_nor_an_error_unless_its_type_says_so() {
    assert!(!Unknown.is_terminal() && !Unknown.is_error());
}

#[test]
fn a_failed_source_is_the_source_of_the_error() {
    let error = ReadError::Source(io::Error::other("broken"));
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("broken"));
}

#[test]
fn every_event_type_nests_itself() {
    let mut encoder = Encoder::new();
    let written = encoder.write_block(None, None, |event| <Numbered as Nests<Numbered>>::encode_part(&Numbered, event));
    assert!(written.is_ok());
    assert_eq!(encoder.take(), "event: numbered\nid: 7\ndata: a\n\n");
}

#[cfg(feature = "hub")]
#[test]
fn encoded_events_are_appended_and_an_event_can_be_encoded_without_its_id() {
    let mut encoder = Encoder::new();
    encoder.encode_without_id(&Numbered).unwrap();
    assert_eq!(encoder.as_bytes(), b"event: numbered\ndata: a\n\n");
    encoder.append(b"data: b\n\ndata: c\n\n", 2);
    assert_eq!((encoder.take(), encoder.events()), ("event: numbered\ndata: a\n\ndata: b\n\ndata: c\n\n".into(), 3));
}
