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
    /// The events of a stream of `Result`s. It ends at the first error, which may become its last event: see
    /// [`Sse::from_results`](super::Sse::from_results).
    pub struct ResultEvents<St, F> {
        #[pin]
        stream: St,
        // `None` after the first error or the end: the stream is not polled again.
        on_error: Option<F>,
    }
}

impl<St, F> ResultEvents<St, F> {
    pub(super) const fn new(stream: St, on_error: F) -> Self {
        Self { stream, on_error: Some(on_error) }
    }
}

impl<St, F, I, Err> Stream for ResultEvents<St, F>
where
    St: Stream<Item = Result<I, Err>>,
    I: EventItem,
    F: FnOnce(Err) -> Option<I::Event>,
{
    type Item = ItemOrLastEvent<I, I::Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if this.on_error.is_none() {
            return Poll::Ready(None);
        }
        match ready!(this.stream.poll_next(cx)) {
            Some(Ok(item)) => Poll::Ready(Some(ItemOrLastEvent(Source::Item(item)))),
            Some(Err(error)) => {
                let last = this.on_error.take().and_then(|on_error| on_error(error));
                Poll::Ready(last.map(|event| ItemOrLastEvent(Source::Error(event))))
            }
            None => {
                *this.on_error = None;
                Poll::Ready(None)
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.on_error {
            Some(_) => (0, self.stream.size_hint().1),
            None => (0, Some(0)),
        }
    }
}

impl<St: fmt::Debug, F> fmt::Debug for ResultEvents<St, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultEvents").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// An item of [`ResultEvents`]: an item of the stream, or the event that the error became.
#[derive(Debug)]
pub struct ItemOrLastEvent<I, E>(Source<I, E>);

#[derive(Debug)]
enum Source<I, E> {
    Item(I),
    Error(E),
}

impl<I: EventItem<Event = E>, E: EventItem> EventItem for ItemOrLastEvent<I, E> {
    type Event = E;

    fn write(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        match &self.0 {
            Source::Item(item) => item.write(encoder),
            Source::Error(event) => event.write(encoder),
        }
    }

    fn is_terminal(&self) -> bool {
        match &self.0 {
            Source::Item(item) => item.is_terminal(),
            Source::Error(event) => event.is_terminal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _, stream};

    use super::*;
    use crate::event::RawEvent;

    /// The events of `items`, polled past the end. The source is not fused: it continues after `None`.
    fn polled<E>(
        items: impl IntoIterator<Item = Option<Result<&'static str, E>>>,
        on_error: impl FnOnce(E) -> Option<RawEvent>,
    ) -> Vec<Option<String>> {
        let mut items = items.into_iter();
        let source = stream::poll_fn(move |_| {
            Poll::Ready(items.next().flatten().map(|item| item.map(|name| RawEvent::new(name, ""))))
        });
        let mut events = ResultEvents::new(source, on_error);
        let name = |item: ItemOrLastEvent<RawEvent, RawEvent>| match item.0 {
            Source::Item(event) | Source::Error(event) => event.event_type().to_owned(),
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
        let items = || [Some(Err("full")), Some(Ok("later")), Some(Err("again")), Some(Ok("last"))];
        let events = polled(items(), |error| Some(RawEvent::new(error, "")));
        assert_eq!(events, [Some("full".to_owned()), None, None, None]);
        assert_eq!(polled(items(), |_| None), [None, None, None, None]);
    }

    #[test]
    fn the_size_hint_allows_for_an_error_at_any_time() {
        let three = stream::iter(["a", "b", "c"].map(|name| Ok::<_, ()>(RawEvent::new(name, ""))));
        let events = ResultEvents::new(three, |()| None);
        assert_eq!(events.size_hint(), (0, Some(3)));
    }
}
