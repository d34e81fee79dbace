use std::{
    fmt,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::task::coop::poll_proceed;

use super::{decode::decoded_events, entries::SubscriptionItem, subscription::Subscription};
use crate::{
    codec::{DecodeEvent, EventKind},
    event::Event,
    hub::history::Segment,
};

/// The events of a subscription as values. [`Subscription::events`] makes it.
///
/// It is for use in this process, and not for a response: see [`Subscription::events`]. All subscriptions share the
/// value of an event, hence the [`Arc`]. An event that cannot be decoded into an `E` is left out, and reported to
/// `tracing`.
///
/// Each event takes one unit of the task's [coop budget](tokio::task::coop), so a task that is slower than its
/// publisher yields to other tasks.
#[must_use = "streams do nothing unless polled"]
pub struct SubscriptionEvents<E> {
    subscription: Subscription<E>,
    /// The segment of the events that were taken from the subscription, and the indexes of those that are still to be
    /// yielded.
    taken: Option<(Arc<Segment>, Range<usize>)>,
}

/// How many slices without a decodable event one poll passes before it yields to other tasks.
const MAX_EMPTY_SLICES: usize = 16;

impl<E> Subscription<E> {
    /// The events as values, for use in this process. Each is decoded once for all subscriptions of the hub.
    ///
    /// For [`Sse::new`] use the subscription itself. Values are encoded again for each client, and they do
    /// not include the ids that a subscription sends without an event. One of these makes a client forget its last
    /// event ID; without it [`OnGap::Restart`](crate::hub::OnGap::Restart) makes the client reconnect in a loop. The
    /// other is the newer last event ID that [`only`](Self::only) sends in place of withheld events.
    ///
    #[cfg_attr(feature = "server", doc = "[`Sse::new`]: crate::Sse::new")]
    #[cfg_attr(
        not(feature = "server"),
        doc = "[`Sse::new`]: https://docs.rs/sse-typed/latest/sse_typed/struct.Sse.html#method.new"
    )]
    pub fn events(self) -> SubscriptionEvents<E>
    where
        E: DecodeEvent + EventKind + Send + Sync + 'static,
    {
        SubscriptionEvents { subscription: self, taken: None }
    }
}

impl<E: DecodeEvent + EventKind + Send + Sync + 'static> SubscriptionEvents<E> {
    fn next_taken(&mut self) -> Option<Event<Arc<E>>> {
        let (segment, left) = self.taken.as_mut()?;
        let entries = decoded_events::<E>(segment);
        left.find_map(|index| entries.get(index)?.event.clone())
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event<Arc<E>>>> {
        let mut passed = 0;
        loop {
            if let Some(event) = self.next_taken() {
                return Poll::Ready(Some(event));
            }
            self.taken = None;
            if passed == MAX_EMPTY_SLICES {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            passed += 1;
            match ready!(self.subscription.poll_item(cx)) {
                None | Some(SubscriptionItem::ForgetLastEventId) => return Poll::Ready(None),
                Some(SubscriptionItem::LastEventId(_)) => {}
                Some(SubscriptionItem::Own(event)) => return Poll::Ready(Some(*event)),
                Some(SubscriptionItem::Published(slice)) => {
                    let index = |n: u64| usize::try_from(n - slice.segment.first).unwrap_or(usize::MAX);
                    let indexes = index(slice.first)..index(slice.last) + 1;
                    self.taken = Some((slice.segment, indexes));
                }
            }
        }
    }
}

impl<E: DecodeEvent + EventKind + Send + Sync + 'static> Stream for SubscriptionEvents<E> {
    type Item = Event<Arc<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.taken.is_none() && self.subscription.is_waiting(cx) {
            return Poll::Pending;
        }
        let budget = ready!(poll_proceed(cx));
        let event = ready!(self.poll_event(cx));
        budget.made_progress();
        Poll::Ready(event)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.taken.is_none() { self.subscription.size_hint() } else { (0, None) }
    }
}

impl<E> fmt::Debug for SubscriptionEvents<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionEvents").field("subscription", &self.subscription).finish_non_exhaustive()
    }
}
