use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use crate::{
    codec::{Encoder, EventItem},
    event::EncodeError,
};

/// What an [`Sse`](super::Sse) sends: every stream of [events](EventItem), and [`BoxEvents`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no stream of events",
    label = "not a stream of events",
    note = "`Sse::new` takes a `Stream` whose items are events: see `EventItem`"
)]
pub trait Events {
    /// Writes the next event behind what `encoder` has written: `Ok(true)` when the stream ends behind it, `None` when
    /// it has ended already. On an error not one byte of the event is written.
    #[doc(hidden)]
    fn poll_event(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        encoder: &mut Encoder,
    ) -> Poll<Option<Result<bool, EncodeError>>>;

    /// Whether it is known, without a poll, that no event will come.
    #[doc(hidden)]
    fn is_over(&self) -> bool;
}

impl<St> Events for St
where
    St: Stream,
    St::Item: EventItem,
{
    fn poll_event(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        encoder: &mut Encoder,
    ) -> Poll<Option<Result<bool, EncodeError>>> {
        let item = ready!(self.poll_next(cx));
        Poll::Ready(item.map(|item| encoder.encode(&item).map(|()| item.is_terminal())))
    }

    fn is_over(&self) -> bool {
        self.size_hint() == (0, Some(0))
    }
}

/// Streams of one event type `E`, whatever their own types and envelopes: see [`Sse::boxed`](super::Sse::boxed).
pub struct BoxEvents<E> {
    events: Pin<Box<dyn Events + Send>>,
    // `E` names the contract and is not held.
    event: PhantomData<fn() -> E>,
}

impl<E> BoxEvents<E> {
    pub(super) fn new(events: impl Events + Send + 'static) -> Self {
        Self { events: Box::pin(events), event: PhantomData }
    }
}

impl<E> Events for BoxEvents<E> {
    fn poll_event(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        encoder: &mut Encoder,
    ) -> Poll<Option<Result<bool, EncodeError>>> {
        self.events.as_mut().poll_event(cx, encoder)
    }

    fn is_over(&self) -> bool {
        self.events.is_over()
    }
}

impl<E> fmt::Debug for BoxEvents<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxEvents").finish_non_exhaustive()
    }
}
