use std::{
    fmt,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

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
#[must_use = "streams do nothing unless polled"]
pub struct SubscriptionEvents<E> {
    subscription: Subscription<E>,
    /// The segment of what was taken already, and the indexes of the events that are still to be given.
    taken: Option<(Arc<Segment>, Range<usize>)>,
}

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
}

impl<E: DecodeEvent + EventKind + Send + Sync + 'static> Stream for SubscriptionEvents<E> {
    type Item = Event<Arc<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(event) = this.next_taken() {
                return Poll::Ready(Some(event));
            }
            this.taken = None;
            match ready!(Pin::new(&mut this.subscription).poll_next(cx)).map(|entries| entries.0) {
                None | Some(Inner::Forget) => return Poll::Ready(None),
                Some(Inner::Place(_)) => {}
                Some(Inner::Own(event)) => return Poll::Ready(Some(*event)),
                Some(Inner::Run(run)) => {
                    let index = |n: u64| usize::try_from(n - run.segment.first).unwrap_or(usize::MAX);
                    let indexes = index(run.first)..index(run.last) + 1;
                    this.taken = Some((run.segment, indexes));
                }
            }
        }
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
