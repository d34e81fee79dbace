//! Several hubs on one stream that can be resumed.

mod cuts;
mod ends;
mod ids;
mod logs;
mod positions;
mod tasks;
mod types;

use std::task::Poll;

use sse_typed::{
    EventItem, Gap, LastEventId, Merge, SseEvent,
    codec::{DecodeEvent, Decoded, Decoder, Encoder, Item},
    hub::{Hub, Merged},
};

use crate::common::{Feed, last_event_id, poll};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case", prefix = "chat_")]
enum Chat {
    Said(u64),
    Greeting(String),
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Over,
}

/// The event type of the client.
#[derive(Clone, Debug, PartialEq, SseEvent)]
enum All {
    #[sse(nested)]
    Feed(Feed),
    #[sse(nested)]
    Chat(Box<Chat>),
}

fn tick(n: u64) -> All {
    All::Feed(Feed::Tick(n))
}

fn said(n: u64) -> All {
    All::Chat(Box::new(Chat::Said(n)))
}

fn chat() -> Hub<Chat> {
    Hub::<Chat>::builder().build()
}

/// The ticks of one hub, and the messages of another.
fn merge<L>(feed: &Hub<Feed, L>, chat: &Hub<Chat>, id: LastEventId) -> Merge<All> {
    Merge::new(id).add("feed", |id| feed.subscribe(id)).add("chat", |id| chat.subscribe(id))
}

/// A client like a browser: it decodes the events that it receives, and keeps the last event ID.
struct Client {
    decoder: Decoder,
}

impl Client {
    fn new() -> Self {
        Self { decoder: Decoder::new() }
    }

    fn id(&self) -> LastEventId {
        last_event_id(self.decoder.last_event_id())
    }

    /// The connection is cut after these bytes.
    fn cut(&mut self) {
        self.decoder.restart();
    }

    fn feed<E: DecodeEvent>(&mut self, bytes: impl Into<bytes::Bytes>) -> Vec<E> {
        self.feed_with_ids(bytes).into_iter().map(|(event, _)| event).collect()
    }

    /// The events in these bytes, and the last event ID after each.
    fn feed_with_ids<E: DecodeEvent>(&mut self, bytes: impl Into<bytes::Bytes>) -> Vec<(E, String)> {
        self.decoder.feed(bytes.into());
        let mut seen = Vec::new();
        loop {
            let event = match self.decoder.next_item() {
                None => return seen,
                Some(Ok(Item::Event(raw))) => E::decode(raw).unwrap(),
                other => panic!("{other:?}"),
            };
            let Decoded::Event(event) = event else { panic!("not an event of the stream") };
            seen.push((event, self.decoder.last_event_id().to_owned()));
        }
    }

    /// The events that are ready, and whether the stream is still open.
    fn read<E: SseEvent>(&mut self, merge: &mut Merge<E>) -> (Vec<E>, bool) {
        let mut seen = Vec::new();
        loop {
            match poll(merge) {
                Poll::Pending => return (seen, true),
                Poll::Ready(None) => return (seen, false),
                Poll::Ready(Some(item)) => {
                    let events = self.feed(wire(&item));
                    assert_eq!(events.len(), item.len());
                    if let Some(id) = item.last_id() {
                        assert_eq!(id.as_str(), self.decoder.last_event_id());
                    }
                    seen.extend(events);
                    if item.is_terminal() {
                        return (seen, false);
                    }
                }
            }
        }
    }
}

/// An item as it is on the wire.
fn wire<E: SseEvent>(item: &Merged<E>) -> bytes::Bytes {
    let mut encoder = Encoder::new();
    encoder.encode(item).unwrap();
    assert_eq!(encoder.events(), item.len() as u64);
    encoder.take()
}

/// Whether a client with this last event ID is answered 204.
fn is_over<E>(merge: &Merge<E>) -> bool {
    futures_util::Stream::size_hint(merge) == (0, Some(0))
}
