//! The derives: the effect of each attribute on encoding and decoding.

use std::fmt::Debug;

use sse_typed::{
    DecodeError, DecodeEvent, Decoded, EncodeEvent, Encoded, RawEvent, SseEvent,
    codec::{Decoder, Item},
};

mod enums;
mod forms;
mod hygiene;
mod run_ends;
mod serde_attributes;
mod structs;
mod tagged;

/// The bytes of an event.
#[track_caller]
fn wire<E: EncodeEvent>(event: &E) -> String {
    String::from_utf8(Encoded::new(event).unwrap().as_bytes().to_vec()).unwrap()
}

/// Decodes encoded text that contains one event.
#[track_caller]
fn read<E: DecodeEvent>(wire: &str) -> Result<Decoded<E>, DecodeError> {
    let mut decoder = Decoder::new();
    decoder.feed(wire.to_owned());
    match decoder.next_item() {
        Some(Ok(Item::Event(event))) => E::decode(event),
        other => panic!("no event in {wire:?}: {other:?}"),
    }
}

/// Decodes an event that must be valid.
#[track_caller]
fn event<E: DecodeEvent>(wire: &str) -> E {
    match read(wire) {
        Ok(Decoded::Event(event)) => event,
        Ok(Decoded::Unknown) => panic!("an unknown event: {wire:?}"),
        Ok(_) => panic!("an ignored event: {wire:?}"),
        Err(error) => panic!("{error}: {wire:?}"),
    }
}

/// Decodes an event that must fail, and returns the message.
#[track_caller]
fn failure<E: DecodeEvent + Debug>(wire: &str) -> String {
    match read::<E>(wire) {
        Err(error) => error.to_string(),
        Ok(decoded) => panic!("no error: {decoded:?}"),
    }
}

/// Checks that the event encodes to this text, and the text decodes to this event.
#[track_caller]
fn both_ways<E: SseEvent + Debug + PartialEq>(value: &E, text: &str) {
    assert_eq!(wire(value), text);
    assert_eq!(&event::<E>(text), value);
}

/// Decodes encoded text into an untyped event.
fn raw(wire: &str) -> RawEvent {
    event(wire)
}
