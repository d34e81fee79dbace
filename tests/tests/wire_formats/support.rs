//! Decodes and encodes streams without a socket, and creates in-process clients.

use std::fmt::Debug;

use sse_typed::{
    Client, DecodeEvent, Decoded, EncodeEvent,
    client::{EventStream, WithBody},
    codec::{Decoder, Encoder, Item},
    event::DecodeErrorKind,
    testing::{Answer, ScriptedServer},
};

/// The result of decoding one event.
#[derive(Debug, PartialEq)]
pub(crate) enum Read<E> {
    Event(E),
    Unknown(String),
    Ignored,
    Bad { event_type: String, kind: DecodeErrorKind, path: Option<String> },
}

/// The result of decoding a whole stream.
#[derive(Debug, PartialEq)]
pub(crate) struct Whole<E> {
    pub(crate) items: Vec<Read<E>>,
    pub(crate) comments: usize,
    pub(crate) last_event_id: String,
    pub(crate) retry_millis: Option<u128>,
}

/// Decodes a whole stream in one chunk and byte by byte. Both results must be equal.
pub(crate) fn whole<E: DecodeEvent + Debug + PartialEq>(wire: &str) -> Whole<E> {
    let once = read_chunks::<E>(wire.as_bytes(), wire.len());
    // Megabytes in chunks of one byte are tested with the codec.
    let small = if wire.len() > 1 << 16 { 1 << 10 } else { 1 };
    assert_eq!(once, read_chunks::<E>(wire.as_bytes(), small), "however it is cut");
    once
}

/// The result of decoding each event of a stream.
pub(crate) fn read<E: DecodeEvent + Debug + PartialEq>(wire: &str) -> Vec<Read<E>> {
    whole(wire).items
}

/// The events of a stream without errors.
pub(crate) fn events<E: DecodeEvent + Debug + PartialEq>(wire: &str) -> Vec<E> {
    let items = read(wire).into_iter().map(|item| match item {
        Read::Event(event) => event,
        other => panic!("not an event: {other:?}"),
    });
    items.collect()
}

/// The only event of a stream.
pub(crate) fn event<E: DecodeEvent + Debug + PartialEq>(wire: &str) -> E {
    let mut events = events(wire);
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

fn read_chunks<E: DecodeEvent>(wire: &[u8], size: usize) -> Whole<E> {
    let mut decoder = Decoder::new().comments(true);
    let mut items = Vec::new();
    let mut comments = 0;
    for chunk in wire.chunks(size.max(1)) {
        decoder.feed(chunk.to_vec());
        while let Some(item) = decoder.next_item() {
            let Item::Event(event) = item.expect("no event over the limit") else {
                comments += 1;
                continue;
            };
            items.push(match E::decode(event) {
                Ok(Decoded::Event(event)) => Read::Event(event),
                Ok(Decoded::Unknown) => Read::Unknown(event.event_type().to_owned()),
                Ok(_) => Read::Ignored,
                Err(error) => Read::Bad {
                    event_type: error.event_type().to_owned(),
                    kind: error.kind(),
                    path: error.path().map(str::to_owned),
                },
            });
        }
    }
    let retry_millis = decoder.reconnection_time().map(|time| time.as_millis());
    Whole { items, comments, last_event_id: decoder.last_event_id().to_owned(), retry_millis }
}

/// The encoded events.
pub(crate) fn wire<'e, E: EncodeEvent + 'e>(events: impl IntoIterator<Item = &'e E>) -> String {
    let mut encoder = Encoder::new();
    for event in events {
        encoder.encode(event).unwrap();
    }
    String::from_utf8(encoder.take().to_vec()).unwrap()
}

/// An in-process service that answers each request with the next of the replies, and a client of it.
pub(crate) fn serve(
    replies: impl IntoIterator<Item = Answer>,
) -> (ScriptedServer, Client<WithBody<ScriptedServer, http_body_util::Full<bytes::Bytes>>>) {
    let service = ScriptedServer::new(replies);
    (service.clone(), Client::new(service))
}

/// The events of a POST to a service that answers with `wire`, up to the end of the stream.
pub(crate) async fn post<E: DecodeEvent>(wire: &str) -> (Vec<E>, EventStream<E>) {
    let (_, client) = serve([Answer::stream().send(wire)]);
    let mut stream = client.post("/stream").json(&serde_json::json!({ "stream": true })).send::<E>().await.unwrap();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event.unwrap().data);
    }
    (events, stream)
}
