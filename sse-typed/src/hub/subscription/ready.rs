//! Whether there is anything to send, known before the head of a response leaves.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use super::Subscription;
use crate::{
    codec::EventKind,
    hub::{
        entries::Inner,
        place::Place,
        ring::Run,
        tail::{Pages, patiently},
    },
};

impl<E> Subscription<E> {
    /// Waits until it is known whether there is anything to send, so that a client which has all there is gets a 204 and
    /// not an empty stream.
    ///
    /// With the log in memory that is known from the start. With a log elsewhere it takes an answer of the log:
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
    /// Say [`only`](Self::only) before it: of events that it withholds nobody knows here.
    ///
    /// While the log does not answer, this waits: put a timeout around it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the subscription. No event is lost: nothing was sent.
    pub async fn ready(mut self) -> Self
    where
        E: EventKind,
    {
        poll_fn(|cx| self.poll_known(cx)).await;
        // In the ring it has all that was read of the log. Whether the log was closed since then only the log knows.
        if let Place::At(place) | Place::Asked(place) = self.place.get()
            && let Some(remote) = self.core.remote.as_ref()
            && self.peeked().is_none()
        {
            let (log, id) = (Arc::clone(&remote.log), self.core.shared.id_of(place));
            let page = patiently(|| log.read_after(id.as_str(), 1)).await;
            if page.closed.is_some() && page.entries.is_empty() && page.gap.is_none() {
                self.place.set(Place::Over);
            }
        }
        self
    }

    /// Whether it is known what is behind its place: an event, the end, or nothing yet.
    fn poll_known(&mut self, cx: &mut Context<'_>) -> Poll<()>
    where
        E: EventKind,
    {
        if self.core.remote.is_none() || self.is_over() || self.peeked().is_some() {
            return Poll::Ready(());
        }
        let before = self.place();
        // The greeting says nothing of what is behind it.
        let front = self.extra().front.take();
        let polled = self.poll_entries(cx);
        self.extra().front = front;
        match polled {
            Poll::Ready(Some(inner)) => {
                let before = before.or_else(|| match &inner {
                    Inner::Run(run) if !run.is_apart() => Some(self.core.shared.id_of(run.first - 1)),
                    _ => None,
                });
                let extra = self.extra();
                (extra.peeked, extra.before_peeked) = (Some(inner), before);
            }
            Poll::Ready(None) => {}
            Poll::Pending if self.is_known_to_wait() => {}
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }

    /// Whether it waits, and not only for an answer of the log.
    fn is_known_to_wait(&self) -> bool {
        let waits_for_news = || {
            let pages = self.extra.as_ref().and_then(|extra| extra.pages.as_ref());
            pages.is_some_and(Pages::waits_for_news)
        };
        match self.place.get() {
            Place::At(_) | Place::Asked(_) => self.core.shared.has_begun(),
            Place::Elsewhere { .. } => waits_for_news(),
            Place::Unknown | Place::Snapshot => false,
            Place::Over => true,
        }
    }

    pub(super) fn peeked(&self) -> Option<&Inner<E>> {
        self.extra.as_ref()?.peeked.as_ref()
    }

    /// Goes back before the events that `ready` has read: they may not be for this subscriber after all.
    pub(super) fn unread(&mut self) {
        let Some(extra) = self.extra.as_deref_mut() else { return };
        match extra.peeked.take() {
            Some(Inner::Run(run)) if run.is_apart() => {
                // It ends where the rest of its page begins.
                extra.rest = Some(match extra.rest.take() {
                    Some(rest) => Run { end: rest.end, last: rest.last, ..run },
                    None => run,
                });
                self.place.set(Place::Elsewhere { asked: false });
            }
            Some(Inner::Run(run)) => {
                if let (Some(pages), Some(before)) = (&mut extra.pages, extra.before_peeked.take()) {
                    // If the ring lets these events go meanwhile, the log still has them.
                    pages.move_to(before);
                }
                self.place.set(Place::At(run.first - 1));
            }
            other => extra.peeked = other,
        }
    }
}
