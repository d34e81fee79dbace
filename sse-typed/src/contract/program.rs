//! The decoder and encoder of a contract's type, as function pointers.

use bytes::Bytes;

use super::block::Block;
use crate::{
    codec::{DecodeEvent, Decoded, Decoder, EncodeEvent, Encoded, EventKind, Item},
    event::{DecodeError, RawEventRef},
};

/// The code of a type. It has none if the contract was read from a file.
#[derive(Clone, Copy, Default)]
pub(super) struct Program {
    decode: Option<fn(RawEventRef<'_>) -> Result<Outcome, DecodeError>>,
    encode_again: Option<fn(RawEventRef<'_>) -> Option<Bytes>>,
}

/// What a decoder makes of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Event { event_type: String, terminal: bool },
    Unknown,
    Ignored,
}

impl Program {
    pub(super) fn both<E: EncodeEvent + DecodeEvent>() -> Self {
        Self { decode: Some(decode::<E>), encode_again: Some(encode_again::<E>) }
    }

    pub(super) fn received<E: DecodeEvent>() -> Self {
        Self { decode: Some(decode::<E>), encode_again: None }
    }

    /// `None` without a decoder.
    pub(super) fn decode(&self, block: &Block) -> Option<Result<Outcome, DecodeError>> {
        self.decode.map(|decode| decode(block.as_raw_ref()))
    }

    /// The block that the type writes for the event that it reads from this one. `None` if it does not read it, or cannot write
    /// it.
    pub(super) fn encode_again(&self, block: &Block) -> Option<Block> {
        let bytes = self.encode_again.and_then(|encode| encode(block.as_raw_ref()))?;
        let mut decoder = Decoder::new();
        decoder.feed(bytes);
        while let Some(item) = decoder.next_item() {
            if let Ok(Item::Event(event)) = item {
                return Some(Block {
                    id: event.id().map(str::to_owned),
                    event: event.event_type().to_owned(),
                    retry: event.retry().and_then(|retry| u64::try_from(retry.as_millis()).ok()),
                    data: event.data().to_owned(),
                });
            }
        }
        None
    }

    pub(super) const fn can_encode_again(&self) -> bool {
        self.encode_again.is_some()
    }
}

fn decode<E: DecodeEvent>(event: RawEventRef<'_>) -> Result<Outcome, DecodeError> {
    E::decode(event).map(|decoded| match decoded {
        Decoded::Event(event) => {
            Outcome::Event { event_type: event.event_type().to_owned(), terminal: EventKind::is_terminal(&event) }
        }
        Decoded::Unknown => Outcome::Unknown,
        Decoded::Ignored => Outcome::Ignored,
    })
}

fn encode_again<E: EncodeEvent + DecodeEvent>(event: RawEventRef<'_>) -> Option<Bytes> {
    match E::decode(event) {
        Ok(Decoded::Event(event)) => Encoded::new(&event).ok().map(|encoded| encoded.as_bytes().clone()),
        _ => None,
    }
}
