//! Events without an `event:` line, for formats whose event types are in the JSON only.

use sse_typed::{
    EncodeError, EncodeEvent, Encoded, EventKind, EventWriter, HubEvent,
    codec::{Decoder, Item},
};

/// Sends an event with its data alone. `E` reads it, because its `tag` is in the data.
///
/// A page with an `EventSource` receives all of these events in `onmessage`. Each event is written twice, which costs a copy.
#[derive(Clone, Debug, PartialEq)]
pub struct DataOnly<E>(pub E);

impl<E: EventKind> EventKind for DataOnly<E> {
    fn event_type(&self) -> &str {
        "message"
    }

    fn is_terminal(&self) -> bool {
        self.0.is_terminal()
    }

    fn is_error(&self) -> bool {
        self.0.is_error()
    }
}

impl<E: EncodeEvent> EncodeEvent for DataOnly<E> {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        let mut decoder = Decoder::new();
        decoder.feed(Encoded::new(&self.0)?.as_bytes().clone());
        match decoder.next_item() {
            Some(Ok(Item::Event(named))) => event.text(named.data()),
            _ => Ok(()),
        }
    }
}

impl<E: HubEvent> HubEvent for DataOnly<E> {
    fn failed(reason: String) -> Option<Self> {
        E::failed(reason).map(Self)
    }

    fn stopped() -> Option<Self> {
        E::stopped().map(Self)
    }

    fn lost() -> Option<Self> {
        E::lost().map(Self)
    }
}
