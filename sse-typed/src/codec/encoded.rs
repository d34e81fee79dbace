use bytes::Bytes;

use super::{Encoder, EventItem};
use crate::event::EncodeError;

/// One event that is already encoded. It is type-erased and cheap to clone: encode an event once and send it to many clients.
///
/// ```
/// use sse_typed::{Encoded, RawEvent};
///
/// let farewell = Encoded::new(&RawEvent::new("bye", "see you"))?;
/// assert_eq!(farewell.as_bytes(), "event: bye\ndata: see you\n\n");
/// # Ok::<(), sse_typed::EncodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Encoded {
    bytes: Bytes,
    events: u64,
    terminal: bool,
}

impl Encoded {
    /// Encodes an event, or an [`Event`](crate::Event) with its id.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the event cannot be encoded.
    pub fn new<I: EventItem + ?Sized>(event: &I) -> Result<Self, EncodeError> {
        let mut encoder = Encoder::new();
        encoder.encode(event)?;
        Ok(Self { events: encoder.events(), terminal: event.is_terminal(), bytes: encoder.take() })
    }

    /// The bytes of the block, including its empty line. They are empty for an event that is never on the wire (`#[sse(skip)]`).
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether this is a terminal event, which ends its stream.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }

    pub(super) const fn events(&self) -> u64 {
        self.events
    }
}
