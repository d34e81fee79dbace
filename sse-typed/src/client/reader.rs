//! One body, read event by event: what [`EventStream`](super::EventStream) and [`EventSource`](super::EventSource) share.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Buf;
use http_body::Body;

use super::{Error, error::BoxError, trace};
use crate::{
    codec::{DecodeEvent, Decoded, Decoder, Item},
    event::{Event, EventId, RawEventRef},
};

/// What becomes of an event of a known type that cannot be read, and of one that is too large.
#[derive(Default)]
#[non_exhaustive]
pub enum BadEvent {
    /// It is an `Err` item, and the stream goes on when it is polled again.
    #[default]
    Yield,
    /// It is passed over; the hook hears of it.
    Skip(Box<dyn FnMut(Error) + Send>),
}

impl BadEvent {
    /// Passes bad events over, and tells `hook`.
    ///
    /// ```
    /// use sse_typed::client::BadEvent;
    ///
    /// let policy = BadEvent::skip(|error| eprintln!("skipped: {error}"));
    /// # let _ = policy;
    /// ```
    pub fn skip(hook: impl FnMut(Error) + Send + 'static) -> Self {
        Self::Skip(Box::new(hook))
    }
}

impl fmt::Debug for BadEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yield => "Yield",
            Self::Skip(_) => "Skip(..)",
        })
    }
}

/// What becomes of an event whose type is none of the enum's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unknown {
    /// It is passed over, counted and traced: a server may learn new events before its clients do.
    #[default]
    Skip,
    /// It is an `Err` item (or goes to the hook of [`BadEvent::Skip`]), and the stream goes on.
    Error,
}

/// So many chunks may bring no item before the task is given up for a moment.
const CHUNKS_PER_POLL: u32 = 32;

pub(super) struct Reader<E> {
    decoder: Decoder,
    bad_event: BadEvent,
    unknown: Unknown,
    /// Events on the wire since the last restart, of whatever type.
    events: u64,
    unknown_events: u64,
    event: PhantomData<fn() -> E>,
}

/// What was read.
pub(super) enum Read<E> {
    Event(Event<E>),
    /// Bad, but the stream goes on.
    Bad(Error),
    /// The body ended as it should.
    End,
    Broken(Error),
}

impl<E> Reader<E> {
    pub(super) fn new(decoder: Decoder, bad_event: BadEvent, unknown: Unknown) -> Self {
        Self { decoder, bad_event, unknown, events: 0, unknown_events: 0, event: PhantomData }
    }

    pub(super) fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    pub(super) const fn reconnection_time(&self) -> Option<Duration> {
        self.decoder.reconnection_time()
    }

    pub(super) const fn events(&self) -> u64 {
        self.events
    }

    pub(super) const fn unknown_events(&self) -> u64 {
        self.unknown_events
    }

    /// The next body is another connection's.
    pub(super) fn restart(&mut self) {
        self.decoder.restart();
        self.events = 0;
    }

    pub(super) fn configure(&mut self, change: impl FnOnce(Decoder) -> Decoder) {
        self.decoder = change(std::mem::take(&mut self.decoder));
    }

    pub(super) fn on_bad_event(&mut self, bad_event: BadEvent) {
        self.bad_event = bad_event;
    }

    pub(super) const fn on_unknown(&mut self, unknown: Unknown) {
        self.unknown = unknown;
    }
}

impl<E: DecodeEvent> Reader<E> {
    pub(super) fn poll_read<B>(&mut self, mut body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<Read<E>>
    where
        B: Body<Data: Buf, Error: Into<BoxError>>,
    {
        for _ in 0..CHUNKS_PER_POLL {
            if let Some(item) = self.next_of_chunk() {
                return Poll::Ready(item.map_or_else(Read::Bad, Read::Event));
            }
            match ready!(body.as_mut().poll_frame(cx)) {
                None => return Poll::Ready(Read::End),
                Some(Err(error)) => return Poll::Ready(Read::Broken(Error::in_body(error))),
                Some(Ok(frame)) => {
                    if let Ok(mut data) = frame.into_data() {
                        self.decoder.feed(data.copy_to_bytes(data.remaining()));
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn next_of_chunk(&mut self) -> Option<Result<Event<E>, Error>> {
        loop {
            let error = match self.decoder.next_item()? {
                Ok(Item::Event(raw)) => {
                    self.events += 1;
                    match E::decode(raw) {
                        Ok(Decoded::Event(event)) => return Some(Ok(envelope(event, &raw))),
                        Ok(Decoded::Ignored) => continue,
                        Ok(Decoded::Unknown) => {
                            self.unknown_events += 1;
                            trace::unknown_event(raw.event_type());
                            match self.unknown {
                                Unknown::Skip => continue,
                                Unknown::Error => Error::unknown(raw.to_raw_event()),
                            }
                        }
                        Err(error) => Error::decode_failed(error, raw.to_raw_event()),
                    }
                }
                Ok(Item::Comment(_)) => continue,
                Err(error) => Error::too_large(error),
            };
            trace::bad_event(&error);
            match &mut self.bad_event {
                BadEvent::Yield => return Some(Err(error)),
                BadEvent::Skip(hook) => hook(error),
            }
        }
    }
}

fn envelope<E>(data: E, raw: &RawEventRef<'_>) -> Event<E> {
    let id = raw.id().filter(|id| !id.is_empty()).map(|id| EventId::from_wire(id.into()));
    Event { data, id, retry: raw.retry() }
}

impl<E> fmt::Debug for Reader<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("decoder", &self.decoder)
            .field("bad_event", &self.bad_event)
            .field("unknown", &self.unknown)
            .field("unknown_events", &self.unknown_events)
            .finish_non_exhaustive()
    }
}
