use std::{fmt, mem};

use bytes::Bytes;

use crate::event::MESSAGE;

/// One event as a log stores it: its lines on the wire (a block) without an id, and whether it is terminal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Block {
    bytes: Bytes,
    terminal: bool,
}

impl Block {
    /// An event that a log has stored.
    ///
    /// ```
    /// use sse_typed::hub::Block;
    ///
    /// assert!(Block::new("event: tick\ndata: 1\n\n", false).is_ok());
    /// assert!(Block::new("data: 1\n\ndata: 2\n\n", false).is_err());
    /// let error = Block::new("id: 7\ndata: 1\n\n", false).unwrap_err();
    /// assert_eq!(error.to_string(), "not an event of a hub: it has an id");
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidBlock`] when the bytes are not one event exactly as a hub encodes it. Bytes that were changed in the
    /// log therefore cannot forge events or ids, and cannot be sent as an event that clients do not read as one.
    pub fn new(bytes: impl Into<Bytes>, terminal: bool) -> Result<Self, InvalidBlock> {
        let bytes = bytes.into();
        check(&bytes).map_err(InvalidBlock)?;
        Ok(Self { bytes, terminal })
    }

    /// An event that the encoder has written. It is not checked.
    pub(in crate::hub) const fn encoded(bytes: Bytes, terminal: bool) -> Self {
        Self { bytes, terminal }
    }

    /// The lines of the event, and the empty line after them.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether the event ends the streams that send it.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }
}

/// Checks that an [`EventWriter`](crate::codec::EventWriter) can have written these bytes for an event without its id,
/// and says why not. It writes fields in any order.
fn check(bytes: &[u8]) -> Result<(), &'static str> {
    let text = str::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    let lines = text.strip_suffix("\n\n").ok_or("does not end in an empty line")?;
    if memchr::memchr(b'\r', lines.as_bytes()).is_some() {
        return Err("has a carriage return");
    }
    let (mut has_data, mut has_retry) = (false, false);
    for line in lines.split('\n') {
        if line.starts_with("data: ") {
            has_data = true;
        } else if let Some(name) = line.strip_prefix("event: ") {
            if name.is_empty() || name == MESSAGE {
                return Err("has an `event:` line for the default event type");
            }
        } else if let Some(millis) = line.strip_prefix("retry: ") {
            if !millis.parse::<u64>().is_ok_and(|number| number.to_string() == millis) {
                return Err("has a `retry:` line that is not a number of milliseconds in 64 bits");
            }
            if mem::replace(&mut has_retry, true) {
                return Err("has two `retry:` lines");
            }
        } else {
            return Err(match line.split(':').next() {
                Some("id") => "has an id",
                Some("") if line.is_empty() => "has an empty line within",
                Some("") => "has a comment",
                _ => "has a line that is not `event: `, `retry: ` or `data: ` and a value",
            });
        }
    }
    if has_data { Ok(()) } else { Err("has no data") }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("bytes", &self.bytes).field("terminal", &self.terminal).finish()
    }
}

/// Bytes that are not one event: see [`Block::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidBlock(&'static str);

impl fmt::Display for InvalidBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an event of a hub: it {}", self.0)
    }
}

impl std::error::Error for InvalidBlock {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        RawEvent,
        codec::{Decoder, EncodeEvent, Encoder, EventKind, EventWriter, Item},
        event::EncodeError,
    };

    #[test]
    fn bytes_that_no_hub_writes_are_no_block_and_the_error_says_why() {
        for (bytes, why) in [
            (&b""[..], "does not end in an empty line"),
            (b"\n", "does not end in an empty line"),
            (b"data: 1", "does not end in an empty line"),
            (b"data: 1\n", "does not end in an empty line"),
            (b"\n\n", "has an empty line within"),
            (b"data: a\n\n\n", "has an empty line within"),
            (b"data: 1\n\ndata: 2\n\n", "has an empty line within"),
            (b"data: 1\r\n\n", "has a carriage return"),
            (b"data: \rid: 7\n\n", "has a carriage return"),
            (b"data: \xff\n\n", "is not UTF-8"),
            (b"id\ndata: 1\n\n", "has an id"),
            (b"id: 7\ndata: 1\n\n", "has an id"),
            (b"id:7\ndata: 1\n\n", "has an id"),
            (b": c\n\n", "has a comment"),
            (b"data: 1\n:\n\n", "has a comment"),
            (b"event: x\n\n", "has no data"),
            (b"retry: 7\n\n", "has no data"),
            (b"foo\n\n", "has a line that is not `event: `, `retry: ` or `data: ` and a value"),
            (b"idea: x\ndata: 1\n\n", "has a line that is not `event: `, `retry: ` or `data: ` and a value"),
            (b"data\n\n", "has a line that is not `event: `, `retry: ` or `data: ` and a value"),
            (b"data:1\n\n", "has a line that is not `event: `, `retry: ` or `data: ` and a value"),
            (b"event:x\ndata: 1\n\n", "has a line that is not `event: `, `retry: ` or `data: ` and a value"),
            (b"\xef\xbb\xbfdata: 1\n\n", "has a line that is not `event: `, `retry: ` or `data: ` and a value"),
            (b"Data: 1\n\n", "has a line that is not `event: `, `retry: ` or `data: ` and a value"),
            (b"event: \ndata: 1\n\n", "has an `event:` line for the default event type"),
            (b"event: message\ndata: 1\n\n", "has an `event:` line for the default event type"),
            (b"retry: \ndata: 1\n\n", "has a `retry:` line that is not a number of milliseconds in 64 bits"),
            (b"retry: 07\ndata: 1\n\n", "has a `retry:` line that is not a number of milliseconds in 64 bits"),
            (b"retry: +7\ndata: 1\n\n", "has a `retry:` line that is not a number of milliseconds in 64 bits"),
            (b"retry: 7s\ndata: 1\n\n", "has a `retry:` line that is not a number of milliseconds in 64 bits"),
            (
                b"retry: 18446744073709551616\ndata: 1\n\n",
                "has a `retry:` line that is not a number of milliseconds in 64 bits",
            ),
            (b"retry: 7\nretry: 7\ndata: 1\n\n", "has two `retry:` lines"),
        ] {
            let error = Block::new(bytes, false).unwrap_err().to_string();
            assert_eq!(error, format!("not an event of a hub: it {why}"), "{:?}", bytes.escape_ascii().to_string());
        }
    }

    #[test]
    fn bytes_that_a_hub_writes_are_a_block() {
        for bytes in [
            "data: \n\n",
            "event: a\ndata: id: 7\ndata: \n\n",
            "retry: 7\nevent:  a\0\ndata: \0\u{feff}\n\n",
            // A hundred days, and the longest time.
            "retry: 8640000000\ndata: 1\n\n",
            "retry: 18446744073709551615\ndata: 1\n\n",
            // From an `EncodeEvent` that was implemented by hand.
            "data: 1\nevent: a\ndata: 2\nretry: 0\n\n",
        ] {
            assert!(Block::new(bytes, true).unwrap().is_terminal(), "{bytes:?}");
            assert_eq!(rewritten(bytes.as_bytes()).as_deref(), Some(bytes.as_bytes()), "{bytes:?}");
        }
    }

    /// An event that is encoded by arbitrary calls.
    #[derive(Debug)]
    struct Calls(Vec<Call>);

    #[derive(Clone, Debug)]
    enum Call {
        EventType(String),
        Id(String),
        Retry(Duration),
        Text(String),
        Json(String),
    }

    impl EventKind for Calls {
        fn event_type(&self) -> &str {
            ""
        }
    }

    impl EncodeEvent for Calls {
        fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
            for call in &self.0 {
                match call {
                    Call::EventType(name) => event.event_type(name)?,
                    Call::Id(id) => event.id(id)?,
                    Call::Retry(retry) => event.retry(*retry),
                    Call::Text(text) => event.text(text)?,
                    Call::Json(text) => event.json(text)?,
                }
            }
            Ok(())
        }
    }

    /// The block that a hub encodes. `None` if the event is never sent.
    fn encoded<E: EncodeEvent>(event: &E) -> Option<Bytes> {
        let mut encoder = Encoder::new();
        encoder.encode_without_id(event).ok()?;
        Some(encoder.take()).filter(|bytes| !bytes.is_empty())
    }

    /// The bytes that an encoder writes when it is called for each line of these bytes, as far as there is a call for
    /// it.
    fn rewritten(bytes: &[u8]) -> Option<Bytes> {
        let text = str::from_utf8(bytes).ok()?;
        let calls = text.split('\n').filter_map(|line| {
            let (field, value) = line.split_once(':')?;
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "event" => Some(Call::EventType(value)),
                "id" => Some(Call::Id(value)),
                "retry" => Some(Call::Retry(Duration::from_millis(value.parse().ok()?))),
                "data" => Some(Call::Text(value)),
                _ => None,
            }
        });
        encoded(&Calls(calls.collect()))
    }

    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "\n", "\r", "\0", ":", " ", "id: 7", "data: ", "event: ", "retry: 1", "message", "\u{feff}"
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ];
        prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
    }

    fn call() -> impl Strategy<Value = Call> {
        prop_oneof![
            hostile().prop_map(Call::EventType),
            hostile().prop_map(Call::Id),
            (any::<u64>(), 0..1_000_000_000_u32)
                .prop_map(|(secs, nanos)| Call::Retry(Duration::new(secs >> (nanos % 64), nanos))),
            hostile().prop_map(Call::Text),
            hostile().prop_map(Call::Json),
        ]
    }

    /// Bytes that are a block or nearly one.
    fn almost() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            8 => prop::sample::select(vec![
                "data: 1", "data: ", "data:", "data", "data:  x", "event: a", "event: ", "event: message", "event:a", "retry: 1",
                "retry: 01", "retry: 10000000000", "retry: x", "id: 1", "id", ": c", "", "foo", "foo: 1", "data: \r", "data: \0",
                " data: 1", "event: \0",
            ])
            .prop_map(|line| line.as_bytes().to_vec()),
            1 => hostile().prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 0..6),
        ];
        let end = prop::sample::select(vec![&b"\n\n"[..], b"\n\n", b"\n\n", b"\n", b"", b"\n\n\n"]);
        (prop::collection::vec(line, 0..5), end).prop_map(|(lines, end)| [&lines.join(&b'\n')[..], end].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_event_that_a_hub_encodes_is_a_block(calls in prop::collection::vec(call(), 0..6)) {
            if let Some(bytes) = encoded(&Calls(calls)) {
                prop_assert_eq!(Block::new(bytes.clone(), false).map(|block| block.bytes), Ok(bytes.clone()));
                prop_assert_eq!(rewritten(&bytes), Some(bytes));
            }
        }

        #[test]
        fn bytes_are_a_block_if_and_only_if_an_encoder_writes_them(bytes in almost()) {
            let is_block = Block::new(bytes.clone(), false).is_ok();
            prop_assert_eq!(is_block, rewritten(&bytes).is_some_and(|again| again == bytes), "{}", bytes.escape_ascii());
        }

        #[test]
        fn an_untyped_event_comes_back_byte_for_byte(event_type in hostile(), data in hostile(), retry in any::<Option<u64>>()) {
            let mut event = RawEvent::new(event_type, data);
            if let Some(retry) = retry {
                event = event.with_retry(Duration::from_millis(retry));
            }
            if let Some(bytes) = encoded(&event) {
                let block = Block::new(bytes.clone(), false).unwrap();
                let mut decoder = Decoder::new();
                decoder.feed(block.bytes);
                let Some(Ok(Item::Event(event))) = decoder.next_item() else {
                    return Err(TestCaseError::fail("no event"));
                };
                prop_assert_eq!(encoded(&event.to_raw_event()), Some(bytes));
            }
        }
    }
}
