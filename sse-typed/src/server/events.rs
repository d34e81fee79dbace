use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use crate::{
    codec::{Encoder, EventItem},
    event::EncodeError,
};

/// The argument of [`Sse::new`](super::Sse::new): every `Stream` of [events](EventItem), and [`BoxEvents`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream of events",
    label = "not a stream of events",
    note = "`Sse::new` takes a `Stream` whose items are events: see `EventItem`"
)]
pub trait Events {
    /// The bare event, without its envelope.
    #[doc(hidden)]
    type Event: EventItem;

    /// Appends the next event to `encoder`. Returns whether it could be encoded and whether it is terminal, or `None` when
    /// the stream has ended. On an error no byte of the event is written.
    #[doc(hidden)]
    fn poll_event(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        encoder: &mut Encoder,
    ) -> Poll<Option<(Result<(), EncodeError>, bool)>>;

    /// Whether it is known without a poll that the stream has no more events.
    #[doc(hidden)]
    fn is_over(&self) -> bool;
}

impl<St> Events for St
where
    St: Stream,
    St::Item: EventItem,
{
    type Event = <St::Item as EventItem>::Event;

    fn poll_event(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        encoder: &mut Encoder,
    ) -> Poll<Option<(Result<(), EncodeError>, bool)>> {
        let item = ready!(self.poll_next(cx));
        Poll::Ready(item.map(|item| (encoder.encode(&item), item.is_terminal())))
    }

    fn is_over(&self) -> bool {
        self.size_hint() == (0, Some(0))
    }
}

/// Appends the replacement of an event that cannot be sent. Returns whether it could be encoded and whether it is terminal,
/// or `None` if there is no replacement. The stream's event type is erased here.
pub(super) type ReplaceUnsendable =
    Box<dyn FnMut(&EncodeError, &mut Encoder) -> Option<(Result<(), EncodeError>, bool)> + Send + Sync>;

/// A boxed stream of events of type `E`, plain or as [`Event`](crate::Event)s: see [`Sse::boxed`](super::Sse::boxed).
pub struct BoxEvents<E> {
    events: Pin<Box<dyn Events<Event = E> + Send>>,
}

impl<E> BoxEvents<E> {
    pub(super) fn new(events: impl Events<Event = E> + Send + 'static) -> Self {
        Self { events: Box::pin(events) }
    }
}

impl<E: EventItem> Events for BoxEvents<E> {
    type Event = E;

    fn poll_event(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        encoder: &mut Encoder,
    ) -> Poll<Option<(Result<(), EncodeError>, bool)>> {
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
