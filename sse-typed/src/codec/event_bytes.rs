use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::{Encoder, EventItem};
use crate::event::EncodeError;

/// The default size of a chunk of ready events, in bytes.
const DEFAULT_BATCH: usize = 32 << 10;

/// How many events one poll takes at most. After that many, it yields to the executor if there are no bytes to return.
const EVENTS_PER_POLL: u32 = 128;

pin_project! {
    /// Encodes a stream of events as a stream of bytes, without HTTP and without a runtime.
    ///
    /// Use it for the body of a response in any framework, for a file, or for the messages of a worker.
    ///
    /// The source yields any [`EventItem`]: an event, an [`Event`](crate::Event) with its id, an [`Encoded`](crate::Encoded)
    /// event, or the `Entries` of a hub. Events that are ready at the same time form one chunk.
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use sse_typed::{RawEvent, codec::EventBytes};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let events = stream::iter([RawEvent::new("tick", "1"), RawEvent::new("tick", "2")]);
    /// let mut body = EventBytes::new(events);
    /// let chunk = body.next().await.unwrap().unwrap();
    /// assert_eq!(chunk, "event: tick\ndata: 1\n\nevent: tick\ndata: 2\n\n");
    /// assert!(body.next().await.is_none());
    /// # }
    /// ```
    ///
    /// The caller sets the headers of the response: `content-type: text/event-stream` and `cache-control: no-cache`.
    /// `EventBytes` sends no keep-alives. In a Tower stack, `Sse` (feature `server`) does both.
    ///
    /// # End of the stream
    ///
    /// The stream ends with its source, and after a [terminal event](EventItem::is_terminal). It is fused, and does not poll
    /// its source again.
    ///
    /// # Errors
    ///
    /// An event that cannot be encoded yields an [`EncodeError`] in its place. No byte of it is written, and the stream
    /// continues with the next event. Most frameworks abort the response at an error. To skip these events, filter the errors
    /// out.
    ///
    /// # Fairness
    ///
    /// A poll takes events from the source until the source is pending, the chunk is full, or 128 events were taken. It spawns no
    /// tasks and sets no timers. It does not use tokio's coop budget; a source that is one of tokio's types does.
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct EventBytes<S> {
        #[pin]
        events: S,
        encoder: Encoder,
        batch: usize,
        ended: bool,
        // An error that is yielded after the bytes that were encoded before it.
        error: Option<EncodeError>,
    }
}

impl<S> EventBytes<S> {
    /// Encodes the events of the source `events`.
    pub const fn new(events: S) -> Self {
        Self { events, encoder: Encoder::new(), batch: DEFAULT_BATCH, ended: false, error: None }
    }

    /// Sets the size at which a chunk of ready events is complete. The default is 32 KiB. The stream never waits for a chunk to
    /// fill.
    ///
    /// A chunk ends with the item that brings it to this size. So with 1, each item is its own chunk. Already encoded events (a
    /// slice of a hub, an [`Encoded`](crate::Encoded) event) of 4 KiB or more are their own chunk if no bytes are buffered before
    /// them: they are not copied.
    pub const fn batch(mut self, bytes: usize) -> Self {
        self.batch = bytes;
        self
    }

    /// Assigns ids to events without one: `first`, then `first + 1`, and so on. Already encoded events are not changed.
    pub fn ids_from(mut self, first: u64) -> Self {
        self.encoder.number_events("", first);
        self
    }

    /// How many events were encoded.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.encoder.events()
    }

    /// Returns the source. Bytes that were encoded and not yet yielded are lost.
    pub fn into_source(self) -> S {
        self.events
    }
}

impl<S> Stream for EventBytes<S>
where
    S: Stream,
    S::Item: EventItem,
{
    type Item = Result<Bytes, EncodeError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Some(error) = this.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let mut is_pending = false;
        for _ in 0..EVENTS_PER_POLL {
            if *this.ended || this.encoder.is_full(*this.batch) {
                break;
            }
            match this.events.as_mut().poll_next(cx) {
                Poll::Pending => {
                    is_pending = true;
                    break;
                }
                Poll::Ready(None) => *this.ended = true,
                Poll::Ready(Some(item)) => {
                    *this.ended = item.is_terminal();
                    if let Err(error) = this.encoder.encode(&item) {
                        if this.encoder.is_empty() {
                            return Poll::Ready(Some(Err(error)));
                        }
                        *this.error = Some(error);
                        break;
                    }
                }
            }
        }
        if !this.encoder.is_empty() {
            return Poll::Ready(Some(Ok(this.encoder.take())));
        }
        if *this.ended {
            return Poll::Ready(None);
        }
        if !is_pending {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<S> FusedStream for EventBytes<S>
where
    S: Stream,
    S::Item: EventItem,
{
    fn is_terminated(&self) -> bool {
        self.ended && self.error.is_none() && self.encoder.is_empty()
    }
}

impl<S> fmt::Debug for EventBytes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBytes")
            .field("events", &self.events())
            .field("unsent", &self.encoder.len())
            .field("batch", &self.batch)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
