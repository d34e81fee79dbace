use std::{
    collections::VecDeque,
    error::Error,
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use http::response;
use tokio::task::coop::poll_proceed;

use super::wire::WireLog;
use crate::{
    codec::{DecodeEvent, Decoded, Decoder, Item},
    event::Event,
};

/// What was received, and when.
#[derive(Debug)]
pub(super) struct Arrival<E> {
    pub(super) what: What<E>,
    /// Since the collection began.
    pub(super) at: Duration,
    /// The bytes of its block.
    pub(super) wire: Range<u64>,
    /// Behind it.
    pub(super) last_event_id: String,
}

#[derive(Debug)]
pub(super) enum What<E> {
    Event(Event<E>),
    /// An event that cannot be read as an `E`, and why.
    Bad(String),
    Comment(String),
    /// A block without data.
    Update {
        id: Option<String>,
        retry: Option<Duration>,
    },
    /// A client has a response.
    Open(Box<response::Parts>),
    /// A client will reconnect after this time.
    Reconnecting(Duration, Option<String>),
    /// The stream has ended.
    End,
    /// The stream has failed: with an error of the body, or a fatal error of the client.
    Broken(String),
}

impl<E> Arrival<E> {
    pub(super) const fn data(&self) -> Option<&E> {
        match &self.what {
            What::Event(event) => Some(&event.data),
            _ => None,
        }
    }
}

impl<E> What<E> {
    /// Whether the stream is over, and nothing can follow.
    pub(super) const fn is_last(&self) -> bool {
        matches!(self, Self::End | Self::Broken(_))
    }
}

pub(super) type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>>;
pub(super) type Items<E> = Pin<Box<dyn Stream<Item = (What<E>, Option<String>)> + Send>>;

/// Where the arrivals come from.
pub(super) enum Source<E> {
    /// The bytes of a stream, which are read here.
    Wire(Box<WireSource>),
    /// The items of a client, each with the last event ID behind it if that is known.
    Items(Items<E>),
}

pub(super) struct WireSource {
    chunks: Chunks,
    /// What was received and not fed to the decoder: it is fed by line, so that it is known where a block ends.
    unread: VecDeque<Bytes>,
    decoder: Decoder,
    fed: u64,
    block_start: u64,
}

impl WireSource {
    pub(super) fn new(chunks: Chunks) -> Self {
        let decoder = Decoder::new().comments(true).updates(true);
        Self { chunks, unread: VecDeque::new(), decoder, fed: 0, block_start: 0 }
    }

    pub(super) fn start_from(&mut self, last_event_id: &str) {
        self.decoder = std::mem::take(&mut self.decoder).with_last_event_id(last_event_id);
    }

    /// The next arrival, and the bytes of its block.
    fn poll_next<E: DecodeEvent>(
        &mut self,
        cx: &mut Context<'_>,
        log: &mut WireLog,
        last_event_id: &mut String,
    ) -> Poll<(What<E>, Range<u64>)> {
        loop {
            if let Some(item) = self.decoder.next_item() {
                let what = match item {
                    Ok(Item::Event(raw)) => match E::decode(raw) {
                        Ok(Decoded::Event(event)) => What::Event(raw.decoded_as(event)),
                        Ok(Decoded::Ignored) => What::Update { id: raw.id().map(str::to_owned), retry: raw.retry() },
                        Ok(Decoded::Unknown) => What::Bad(format!(
                            "event `{}` is of no type that is known here: {:?}",
                            raw.event_type().escape_debug(),
                            raw.data()
                        )),
                        Err(error) => What::Bad(error.to_string()),
                    },
                    Ok(Item::Comment(text)) => What::Comment(text.to_owned()),
                    Ok(Item::Update { id, retry }) => What::Update { id: id.map(str::to_owned), retry },
                    Err(error) => What::Bad(error.to_string()),
                };
                self.decoder.last_event_id().clone_into(last_event_id);
                return Poll::Ready((what, std::mem::replace(&mut self.block_start, self.fed)..self.fed));
            }
            if let Some(line) = self.unread.pop_front() {
                self.fed += line.len() as u64;
                self.decoder.feed(line);
                continue;
            }
            let what = match ready!(self.chunks.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => {
                    log.push(&chunk);
                    self.unread.extend(in_lines(chunk));
                    continue;
                }
                Some(Err(error)) => What::Broken(error),
                None => match self.decoder.unfinished() {
                    Some(event) => What::Broken(format!("the body ended within an event: {event}")),
                    None => What::End,
                },
            };
            return Poll::Ready((what, self.block_start..self.fed));
        }
    }
}

/// The chunk, cut behind each line end.
fn in_lines(mut chunk: Bytes) -> VecDeque<Bytes> {
    let mut lines = VecDeque::new();
    while let Some(end) = memchr::memchr2(b'\n', b'\r', &chunk) {
        lines.push_back(chunk.split_to(end + 1));
    }
    if !chunk.is_empty() {
        lines.push_back(chunk);
    }
    lines
}

impl<E: DecodeEvent> Source<E> {
    /// The next arrival. It costs a unit of the task's budget: a stream that always has something lets other tasks run.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        log: &mut WireLog,
        last_event_id: &mut String,
    ) -> Poll<(What<E>, Range<u64>)> {
        let unit = ready!(poll_proceed(cx));
        let arrival = match self {
            Self::Wire(source) => ready!(source.poll_next(cx, log, last_event_id)),
            Self::Items(items) => match ready!(items.as_mut().poll_next(cx)) {
                Some((what, id)) => {
                    match (id, &what) {
                        (Some(id), _) => *last_event_id = id,
                        (None, What::Event(Event { id: Some(id), .. })) => id.as_str().clone_into(last_event_id),
                        (None, _) => {}
                    }
                    (what, 0..0)
                }
                None => (What::End, 0..0),
            },
        };
        unit.made_progress();
        Poll::Ready(arrival)
    }
}

/// The error, and its sources.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}
