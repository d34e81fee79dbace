use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::{
    codec::{Encoder, EventItem},
    event::EncodeError,
};

pin_project! {
    /// A stream that ends at its first error, with a last event if there is one: see
    /// [`Sse::until_error`](super::Sse::until_error).
    pub struct UntilError<St, F> {
        #[pin]
        stream: St,
        // Taken by the error, and by the end: the stream is not polled afterwards.
        last: Option<F>,
    }
}

impl<St, F> UntilError<St, F> {
    pub(super) const fn new(stream: St, last: F) -> Self {
        Self { stream, last: Some(last) }
    }
}

impl<St, F, I, Err> Stream for UntilError<St, F>
where
    St: Stream<Item = Result<I, Err>>,
    I: EventItem,
    F: FnOnce(Err) -> Option<I::Event>,
{
    type Item = ItemOrLast<I, I::Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if this.last.is_none() {
            return Poll::Ready(None);
        }
        match ready!(this.stream.poll_next(cx)) {
            Some(Ok(item)) => Poll::Ready(Some(ItemOrLast(Choice::Item(item)))),
            Some(Err(error)) => {
                let last = this.last.take().and_then(|last| last(error));
                Poll::Ready(last.map(|event| ItemOrLast(Choice::Last(event))))
            }
            None => {
                *this.last = None;
                Poll::Ready(None)
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.last {
            Some(_) => (0, self.stream.size_hint().1),
            None => (0, Some(0)),
        }
    }
}

impl<St: fmt::Debug, F> fmt::Debug for UntilError<St, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntilError").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// What [`UntilError`] yields: the stream's own items, and the event that an error became.
#[derive(Debug)]
pub struct ItemOrLast<I, E>(Choice<I, E>);

#[derive(Debug)]
enum Choice<I, E> {
    Item(I),
    Last(E),
}

impl<I: EventItem<Event = E>, E: EventItem> EventItem for ItemOrLast<I, E> {
    type Event = E;

    fn write(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        match &self.0 {
            Choice::Item(item) => item.write(encoder),
            Choice::Last(event) => event.write(encoder),
        }
    }

    fn is_terminal(&self) -> bool {
        match &self.0 {
            Choice::Item(item) => item.is_terminal(),
            Choice::Last(event) => event.is_terminal(),
        }
    }
}
