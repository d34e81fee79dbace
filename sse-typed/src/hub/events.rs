use std::{
    fmt,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::task::coop::poll_proceed;

use super::{Subscription, decoded, entries::Inner, ring::Segment};
use crate::{
    codec::{DecodeEvent, EventKind},
    event::Event,
};

/// The events of a subscription as values, in this process: made by [`Subscription::events`].
///
/// They are for use in this process, and not for a response: see there. A value is shared by all who take it, hence the
/// [`Arc`]. An event that cannot be read into an `E` is left out, and
/// reported to `tracing`.
///
/// Each event takes one unit of the task's [coop budget](tokio::task::coop), so a task that is slower than its publisher
/// leaves others their turn.
#[must_use = "streams do nothing unless polled"]
pub struct SubscriptionEvents<E> {
    subscription: Subscription<E>,
    /// The segment of what was taken already, and the indexes of the events that are still to be given.
    taken: Option<(Arc<Segment>, Range<usize>)>,
}

/// How many slices without a readable event are passed over before other tasks have their turn.
const UNREAD_SLICES: usize = 16;

impl<E> SubscriptionEvents<E> {
    pub(super) const fn new(subscription: Subscription<E>) -> Self {
        Self { subscription, taken: None }
    }
}

impl<E: DecodeEvent + EventKind + Send + Sync + 'static> SubscriptionEvents<E> {
    fn next_taken(&mut self) -> Option<Event<Arc<E>>> {
        let (segment, left) = self.taken.as_mut()?;
        let entries = decoded::values::<E>(segment);
        left.find_map(|index| entries.get(index)?.event.clone())
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event<Arc<E>>>> {
        let mut unread = 0;
        loop {
            if let Some(event) = self.next_taken() {
                return Poll::Ready(Some(event));
            }
            self.taken = None;
            if unread == UNREAD_SLICES {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            unread += 1;
            match ready!(self.subscription.poll_slice(cx)) {
                None | Some(Inner::Forget) => return Poll::Ready(None),
                Some(Inner::Place(_)) => {}
                Some(Inner::Own(event)) => return Poll::Ready(Some(*event)),
                Some(Inner::Run(run)) => {
                    let index = |n: u64| usize::try_from(n - run.segment.first).unwrap_or(usize::MAX);
                    let indexes = index(run.first)..index(run.last) + 1;
                    self.taken = Some((run.segment, indexes));
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
