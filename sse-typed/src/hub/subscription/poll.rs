//! The stream: what a subscription yields next.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::task::coop::poll_proceed;

use super::{
    entries::{Entries, SubscriptionItem},
    gap::ResumeTarget,
    position::Position,
    subscription::{Extras, Subscription},
};
use crate::{
    codec::EventKind,
    event::{Gap, GapReason},
    hub::{
        history::{EventSlice, HistoryRead},
        remote::ReadOutcome,
        trace,
    },
};

/// How many events that are not for this subscriber one poll passes before it yields to other tasks.
const MAX_PASSED: usize = 1024;

impl<E: EventKind> Stream for Subscription<E> {
    type Item = Entries<E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Entries<E>>> {
        if self.is_waiting(cx) {
            return Poll::Pending;
        }
        let budget = ready!(poll_proceed(cx));
        let item = ready!(self.poll_item(cx));
        budget.made_progress();
        Poll::Ready(item.map(Entries))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.is_over() { (0, Some(0)) } else { (0, None) }
    }
}

impl<E: EventKind> Subscription<E> {
    /// Whether nothing is to be yielded and the next event wakes the task. Most polls find this: a task polls again
    /// after each delivery. False if unknown.
    #[inline]
    pub(super) fn is_waiting(&self, cx: &Context<'_>) -> bool {
        match (self.position.get(), &self.extras) {
            (Position::InRing(position), None) => self.state.history.is_waiting(position, &self.ticket, cx.waker()),
            _ => false,
        }
    }

    /// The next item. It does not spend the task's budget: the stream that yields the events does.
    #[inline]
    pub(in crate::hub) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<SubscriptionItem<E>>> {
        // Nearly all subscriptions take every event and read from memory.
        if let (Position::InRing(position), None) = (self.position.get(), &self.extras) {
            match self.state.history.read(position, &mut self.ticket, cx.waker()) {
                HistoryRead::Slice(slice) => {
                    self.position.set(if slice.ends_stream() { Position::Ended } else { Position::InRing(slice.last) });
                    return Poll::Ready(Some(SubscriptionItem::Published(slice)));
                }
                HistoryRead::Waiting => return Poll::Pending,
                HistoryRead::Closed | HistoryRead::Trimmed(_) => {}
            }
        }
        self.poll_any_item(cx)
    }
}

impl<E> Subscription<E> {
    /// [`is_waiting`](Self::is_waiting) for a part of a merged stream, which always has [`Extras`].
    pub(in crate::hub) fn is_part_waiting(&self, cx: &Context<'_>) -> bool {
        let may_have_more =
            |extras: &Extras<E>| extras.greeting.is_some() || extras.peeked.is_some() || extras.log_reader.is_some();
        match self.position.get() {
            Position::InRing(position) if !self.extras.as_deref().is_some_and(may_have_more) => {
                self.state.history.is_waiting(position, &self.ticket, cx.waker())
            }
            _ => false,
        }
    }

    /// [`poll_item`](Self::poll_item) for any subscription.
    pub(super) fn poll_any_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<SubscriptionItem<E>>>
    where
        E: EventKind,
    {
        let polled = self.poll_positions(cx);
        // Checked once the task is registered: a follower that was dropped before that has not woken it.
        if polled.is_pending()
            && let Some(remote) = &self.state.remote
        {
            remote.ensure_followed(&self.state.history);
        }
        polled
    }

    /// Moves from position to position until there is an item. The follower may be dropped meanwhile.
    fn poll_positions(&mut self, cx: &mut Context<'_>) -> Poll<Option<SubscriptionItem<E>>>
    where
        E: EventKind,
    {
        if self.is_over() {
            return Poll::Ready(None);
        }
        if let Some(event) = self.extras.as_mut().and_then(|extras| extras.greeting.take()) {
            return Poll::Ready(Some(self.own_event(*event)));
        }
        if let Some(peeked) = self.extras.as_mut().and_then(|extras| extras.peeked.take()) {
            return Poll::Ready(Some(*peeked));
        }
        if let Some(remote) = &self.state.remote
            && !remote.ensure_followed(&self.state.history)
        {
            trace::no_runtime();
            self.position.set(Position::Ended);
            return Poll::Ready(None);
        }
        let mut left = MAX_PASSED;
        while left > 0 {
            let mut passed = 1;
            let item = match self.position.get() {
                Position::Ended => return Poll::Ready(None),
                Position::BeforeSnapshot => {
                    if !self.state.history.has_begun_or_wait(&mut self.ticket, cx.waker()) {
                        return Poll::Pending;
                    }
                    Some(self.take_snapshot())
                }
                Position::UnknownId => {
                    let oldest = self.state.history.oldest_position();
                    self.handle_gap(Gap::new(None, GapReason::UnknownId), ResumeTarget::Ring(oldest))
                }
                Position::InRing(position) if self.state.history.is_waiting(position, &self.ticket, cx.waker()) => {
                    return Poll::Pending;
                }
                Position::InRing(position) | Position::ResumedInRing(position) => {
                    match self.state.history.read(position, &mut self.ticket, cx.waker()) {
                        HistoryRead::Waiting => {
                            // It has all events now. Events that it misses from here on are lag.
                            self.position.set(Position::InRing(position));
                            return Poll::Pending;
                        }
                        HistoryRead::Closed => {
                            let last = self.end();
                            return Poll::Ready(last);
                        }
                        HistoryRead::Trimmed(_) if self.state.remote.is_some() => {
                            self.position.set(Position::InLog { resumed: false });
                            None
                        }
                        HistoryRead::Trimmed(oldest) => {
                            let resumed = matches!(self.position.get(), Position::ResumedInRing(_));
                            let reason = if resumed { GapReason::Trimmed } else { GapReason::Lagged };
                            let gap = Gap::new(Some(oldest.number - position), reason);
                            self.handle_gap(gap, ResumeTarget::Ring(oldest))
                        }
                        HistoryRead::Slice(slice) => {
                            passed = slice.len();
                            self.take_allowed(slice)
                        }
                    }
                }
                Position::InLog { resumed } => match ready!(self.poll_log(cx)) {
                    ReadOutcome::InRing(position) => {
                        self.position.set(Position::InRing(position));
                        None
                    }
                    ReadOutcome::Ended => {
                        let last = self.end();
                        return Poll::Ready(last);
                    }
                    ReadOutcome::Gap(mut gap, resume) => {
                        if gap.reason == GapReason::Trimmed && !resumed {
                            gap.reason = GapReason::Lagged;
                        }
                        self.handle_gap(gap, ResumeTarget::Log(resume))
                    }
                    ReadOutcome::Slice(slice) => {
                        self.position.set(Position::InLog { resumed: false });
                        passed = slice.len();
                        self.take_allowed(slice)
                    }
                },
            };
            if item.is_some() {
                return Poll::Ready(item);
            }
            left = left.saturating_sub(passed);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_log(&mut self, cx: &mut Context<'_>) -> Poll<ReadOutcome> {
        let (Some(Extras { log_reader: Some(log_reader), page_rest, .. }), Some(remote)) =
            (self.extras.as_deref_mut(), &self.state.remote)
        else {
            return Poll::Ready(ReadOutcome::Ended);
        };
        if let Some(slice) = page_rest.take() {
            return Poll::Ready(ReadOutcome::Slice(*slice));
        }
        let outcome = log_reader.poll(remote, &self.state.history, &mut self.ticket, cx);
        if outcome.is_pending() && log_reader.is_waiting_for_news() {
            // It has all events now. Events that it misses from here on are lag.
            self.position.set(Position::InLog { resumed: false });
        }
        outcome
    }

    /// The first consecutive events of a slice that this subscriber may see. The position moves past them. If there
    /// are none, it moves past the slice.
    fn take_allowed(&mut self, mut slice: EventSlice) -> Option<SubscriptionItem<E>> {
        let mut rest = None;
        let state = &self.state;
        if let Some(filter) = self.extras.as_mut().and_then(|extras| extras.filter.as_mut()) {
            let Some(allowed) = filter.select(&slice) else {
                let sends_id = filter.should_send_id(&slice, &state.history);
                self.move_behind(&slice, None);
                return sends_id.then(|| SubscriptionItem::LastEventId(slice.end_position()));
            };
            (slice, rest) = allowed;
        }
        if slice.ends_stream() {
            self.position.set(Position::Ended);
        } else {
            self.move_behind(&slice, rest);
        }
        Some(SubscriptionItem::Published(slice))
    }

    /// Moves the position past a slice. If the slice is from a page, `rest` of the page comes next.
    fn move_behind(&mut self, slice: &EventSlice, rest: Option<EventSlice>) {
        if !slice.is_from_page() {
            self.position.set(Position::InRing(slice.last));
        }
        if let Some(Extras { log_reader: Some(log_reader), page_rest, .. }) = self.extras.as_deref_mut() {
            if slice.is_from_page() {
                *page_rest = rest.map(Box::new);
            } else {
                log_reader.move_to(slice.end_position());
            }
        }
    }

    /// Ends the subscription. A client from which the last events were withheld is sent the id of the end; otherwise it
    /// would reconnect for them forever.
    fn end(&mut self) -> Option<SubscriptionItem<E>> {
        self.position.set(Position::Ended);
        let filter = self.extras.as_mut().and_then(|extras| extras.filter.as_mut())?;
        if !filter.has_withheld() {
            return None;
        }
        let end = self.state.history.end_id()?;
        Some(SubscriptionItem::LastEventId(end))
    }
}
