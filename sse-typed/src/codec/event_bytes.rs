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

/// How many bytes of ready events are one chunk.
const BATCH: usize = 32 << 10;

/// So many events may bring no bytes before the task is given up for a moment.
const EVENTS_PER_POLL: u32 = 128;

pin_project! {
    /// Writes a stream of events as a stream of bytes, without HTTP and without a runtime: the body of a response in any
    /// framework, a file, a message of a worker.
    ///
    /// The source yields anything that is an [`EventItem`]: an event, an [`Event`](crate::Event) with its id, an
    /// [`Encoded`](crate::Encoded) one, a hub's `Entries`. Events that are ready at once are one chunk.
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
    /// The response's head is the caller's: `content-type: text/event-stream` and `cache-control: no-store`. So is silence:
    /// it sends no keep-alives. In a Tower stack, `Sse` (feature `server`) does both.
    ///
    /// # The end
    ///
    /// The stream ends with its source, and behind a [terminal event](EventItem::is_terminal). It is fused, and does not
    /// poll its source again.
    ///
    /// # Errors
    ///
    /// An event that cannot be encoded is an [`EncodeError`] item in its place. Not one byte of it is written, and the
    /// stream goes on with the event behind it. Most frameworks cut the response at an error; to pass such events over,
    /// filter the errors out.
    ///
    /// # Fairness
    ///
    /// It polls its source until that is pending or a chunk is full, spawns nothing, sets no timer, and spends nothing of
    /// tokio's coop budget: the source does, if it is one of tokio's.
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct EventBytes<S> {
        #[pin]
        events: S,
        encoder: Encoder,
        batch: usize,
        over: bool,
        // It waits for what was encoded before it.
        error: Option<EncodeError>,
    }
}

impl<S> EventBytes<S> {
    /// Writes the events of `events`.
    pub const fn new(events: S) -> Self {
        Self { events, encoder: Encoder::new(), batch: BATCH, over: false, error: None }
    }

    /// Sets how many bytes of events that are ready at once leave as one chunk: 32 KiB by default. Nothing waits for a batch
    /// to fill.
    ///
    /// A chunk ends with the item that brings it to this size. So with 1 each item is a chunk of its own. Events that are
    /// bytes already (a hub's slice, an [`Encoded`](crate::Encoded)) are a chunk of their own from 4 KiB on, if nothing
    /// waits before them: they are not copied.
    pub const fn batch(mut self, bytes: usize) -> Self {
        self.batch = bytes;
        self
    }

    /// Gives ids to events that have none, counted up from `first`. Events that are encoded already keep what they have.
    pub fn ids_from(mut self, first: u64) -> Self {
        self.encoder.number(String::new(), first);
        self
    }

    /// How many events were written.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.encoder.events()
    }

    /// The source. What was encoded and not yielded is lost.
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
            if *this.over || this.encoder.is_full(*this.batch) {
                break;
            }
            match this.events.as_mut().poll_next(cx) {
                Poll::Pending => {
                    is_pending = true;
                    break;
                }
                Poll::Ready(None) => *this.over = true,
                Poll::Ready(Some(item)) => {
                    *this.over = item.is_terminal();
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
        if *this.over {
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
        self.over && self.error.is_none() && self.encoder.is_empty()
    }
}

impl<S> fmt::Debug for EventBytes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBytes")
            .field("events", &self.events())
            .field("unsent", &self.encoder.len())
            .field("batch", &self.batch)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
