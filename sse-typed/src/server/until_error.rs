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

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _, stream};

    use super::*;
    use crate::event::RawEvent;

    /// What comes of `items`, polled well past its end; the source has no end, as some streams begin anew.
    fn polled<E>(
        items: impl IntoIterator<Item = Option<Result<&'static str, E>>>,
        last: impl FnOnce(E) -> Option<RawEvent>,
    ) -> Vec<Option<String>> {
        let mut items = items.into_iter();
        let source = stream::poll_fn(move |_| {
            Poll::Ready(items.next().flatten().map(|item| item.map(|name| RawEvent::new(name, ""))))
        });
        let mut events = UntilError::new(source, last);
        let name = |item: ItemOrLast<RawEvent, RawEvent>| match item.0 {
            Choice::Item(event) | Choice::Last(event) => event.event_type().to_owned(),
        };
        let polled = (0..4).map(|_| events.next().now_or_never().unwrap().map(name)).collect();
        assert_eq!(events.size_hint(), (0, Some(0)), "it is over");
        polled
    }

    #[test]
    fn a_stream_that_has_ended_is_not_polled_again() {
        let items = [Some(Ok::<_, ()>("first")), None, Some(Ok("again")), Some(Err(()))];
        assert_eq!(polled(items, |()| Some(RawEvent::new("last", ""))), [Some("first".to_owned()), None, None, None]);
    }

    #[test]
    fn a_stream_that_has_failed_is_not_polled_again() {
        let items = || [Some(Err("full")), Some(Ok("behind it")), Some(Err("again")), Some(Ok("behind that"))];
        let told = polled(items(), |error| Some(RawEvent::new(error, "")));
        assert_eq!(told, [Some("full".to_owned()), None, None, None]);
        assert_eq!(polled(items(), |_| None), [None, None, None, None]);
    }

    #[test]
    fn an_error_may_come_at_any_time_and_makes_no_item_more() {
        let three = stream::iter(["a", "b", "c"].map(|name| Ok::<_, ()>(RawEvent::new(name, ""))));
        let events = UntilError::new(three, |()| None);
        assert_eq!(events.size_hint(), (0, Some(3)));
    }
}
