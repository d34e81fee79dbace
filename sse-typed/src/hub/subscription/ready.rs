//! Finding out whether there is anything to send before the head of a response leaves.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use super::{entries::SubscriptionItem, position::Position, subscription::Subscription};
use crate::{
    codec::EventKind,
    hub::{
        history::EventSlice,
        remote::{LogReader, retry_until_ok},
    },
};

impl<E> Subscription<E> {
    /// Waits until it is known whether there is anything to send, so that a client that has everything is answered 204
    /// and not with an empty stream.
    ///
    /// With the log in memory that is known from the start. With a log elsewhere the log must answer first:
    ///
    /// ```
    /// # #[cfg(feature = "server")]
    /// # async fn handler<E: sse_typed::HubEvent, L: sse_typed::hub::EventLog>(
    /// #     job: sse_typed::Hub<E, L>,
    /// #     last_event_id: sse_typed::LastEventId,
    /// # ) {
    /// use sse_typed::{Sse, hub::Start};
    ///
    /// let events = job.subscribe(last_event_id.or(Start::Earliest)).ready().await;
    /// let answer = Sse::new(events);
    /// # drop(answer);
    /// # }
    /// ```
    ///
    /// Call [`only`](Self::only) before it: this method does not know of events that a later `only` withholds.
    ///
    /// It waits for as long as the log does not answer, so put a timeout around it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the subscription. No event is lost, because none was sent.
    pub async fn ready(mut self) -> Self
    where
        E: EventKind,
    {
        poll_fn(|cx| self.poll_known(cx)).await;
        // A position in the ring is after all events that were read from the log. Only the log knows whether it was
        // closed since.
        if let Position::InRing(position) | Position::ResumedInRing(position) = self.position.get()
            && let Some(remote) = self.state.remote.as_ref()
            && self.peeked().is_none()
        {
            let (log, id) = (Arc::clone(&remote.log), self.state.history.id_of(position));
            let page = retry_until_ok(|| log.read_after(id.as_str(), 1)).await;
            if page.closed.is_some() && page.entries.is_empty() && page.gap.is_none() {
                self.position.set(Position::Ended);
            }
        }
        self
    }

    /// Ready once it is known whether an event, the end, or nothing follows the position.
    fn poll_known(&mut self, cx: &mut Context<'_>) -> Poll<()>
    where
        E: EventKind,
    {
        if self.state.remote.is_none() || self.is_over() || self.peeked().is_some() {
            return Poll::Ready(());
        }
        let before = self.position();
        // The greeting does not show what follows it.
        let greeting = self.extras().greeting.take();
        let polled = self.poll_any_item(cx);
        self.extras().greeting = greeting;
        match polled {
            Poll::Ready(Some(item)) => {
                let before = before.or_else(|| match &item {
                    SubscriptionItem::Published(slice) if !slice.is_from_page() => {
                        Some(self.state.history.id_of(slice.first - 1))
                    }
                    _ => None,
                });
                let extras = self.extras();
                (extras.peeked, extras.position_before_peeked) = (Some(Box::new(item)), before.map(Box::new));
            }
            Poll::Ready(None) => {}
            Poll::Pending if self.is_known_to_wait() => {}
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }

    /// Whether the subscription waits for an event, and not only for an answer of the log.
    fn is_known_to_wait(&self) -> bool {
        match self.position.get() {
            Position::InRing(_) | Position::ResumedInRing(_) => self.state.history.has_begun(),
            Position::InLog { .. } => self.log_reader().is_some_and(LogReader::is_waiting_for_news),
            Position::UnknownId | Position::BeforeSnapshot => false,
            Position::Ended => true,
        }
    }

    /// Moves back before the events that [`ready`](Self::ready) has read: a new filter may withhold them.
    pub(super) fn unread(&mut self) {
        let Some(extras) = self.extras.as_deref_mut() else { return };
        match extras.peeked.take().map(|peeked| *peeked) {
            Some(SubscriptionItem::Published(slice)) if slice.is_from_page() => {
                // It ends where the rest of its page begins.
                extras.page_rest = Some(Box::new(match extras.page_rest.take() {
                    Some(rest) => EventSlice { end: rest.end, last: rest.last, ..slice },
                    None => slice,
                }));
                self.position.set(Position::InLog { resumed: false });
            }
            Some(SubscriptionItem::Published(slice)) => {
                if let (Some(log_reader), Some(before)) = (&mut extras.log_reader, extras.position_before_peeked.take())
                {
                    // If the ring trims these events meanwhile, the log still has them.
                    log_reader.move_to(*before);
                }
                self.position.set(Position::InRing(slice.first - 1));
            }
            other => extras.peeked = other.map(Box::new),
        }
    }
}
