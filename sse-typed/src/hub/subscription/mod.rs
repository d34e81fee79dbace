mod begin;
mod gap;
mod place;
mod ready;

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::task::coop::poll_proceed;

use self::gap::Target;
use super::{
    Entries, SubscriptionEvents,
    core::Core,
    entries::Inner,
    only::Only,
    place::{PackedPlace, Place},
    ring::Run,
    shared::Found,
    tail::{Pages, Turned},
    trace,
};
use crate::{
    codec::{DecodeEvent, EventKind},
    event::{Event, EventId, Gap, GapReason, PartName},
    wake::Ticket,
};

/// The events of a hub, from some place on: a stream of [`Entries`], for [`Sse::new`](crate::Sse) or any other use.
///
/// It is made by [`Hub::subscribe`](super::Hub::subscribe). It is a place in the hub's history and hardly more: events are
/// the hub's, shared by all. It ends behind a terminal event, and when the hub is closed or gone, behind what is left. One
/// that has nothing to send from the start says so by its `size_hint`, and is answered with 204: see [`ready`](Self::ready).
///
/// # Cancel safety
///
/// Waiting for the next item can be given up at any time: no event is taken before it is handed out.
///
/// # Cooperative scheduling
///
/// Each item takes one unit of the task's [coop budget](tokio::task::coop), so a subscription that is always behind leaves
/// other tasks their turn.
#[must_use = "streams do nothing unless polled"]
pub struct Subscription<E> {
    core: Arc<Core<E>>,
    place: PackedPlace,
    ticket: Ticket,
    /// What most subscriptions have not.
    extra: Option<Box<Extra<E>>>,
}

struct Extra<E> {
    /// What goes before all.
    front: Option<Event<Arc<E>>>,
    /// What was read by [`ready`](Subscription::ready), and is behind the place already.
    peeked: Option<Inner<E>>,
    /// The place before that.
    before_peeked: Option<EventId>,
    only: Option<Only<E>>,
    snapshot: Option<Box<dyn Fn() -> E + Send + Sync>>,
    /// With a log that is elsewhere.
    pages: Option<Pages>,
    /// What is left of a page.
    rest: Option<Run>,
    /// The part of a stream that it is.
    part: Option<PartName>,
    /// The client's last event ID, which is none of a log's in memory.
    unknown: Option<EventId>,
}

/// How many events that are not for this subscription are passed over before others have their turn.
const PASSED: usize = 1024;

impl<E> Subscription<E> {
    /// Whether there is nothing to be given any more.
    pub(super) fn is_over(&self) -> bool {
        self.place.get() == Place::Over && self.extra.as_ref().is_none_or(|extra| extra.peeked.is_none())
    }

    /// With a way to make a snapshot, which a live start begins with.
    pub(super) fn with_snapshot(mut self, live: bool, snapshot: impl Fn() -> E + Send + Sync + 'static) -> Self {
        if live && self.place.get() != Place::Over {
            self.place.set(Place::Snapshot);
        }
        self.extra().snapshot = Some(Box::new(snapshot));
        self
    }

    fn extra(&mut self) -> &mut Extra<E> {
        self.extra.get_or_insert_with(|| {
            Box::new(Extra {
                front: None,
                peeked: None,
                before_peeked: None,
                only: None,
                snapshot: None,
                pages: None,
                rest: None,
                part: None,
                unknown: None,
            })
        })
    }

    /// Sends this event first, to this subscriber alone and without an id: a greeting, or who they are. There is one: said
    /// twice, the later holds.
    ///
    /// A subscription that is over from the start stays so.
    pub fn start_with(mut self, event: E) -> Self {
        self.extra().front = Some(Event::new(Arc::new(event)));
        self
    }

    /// Withholds all events but those that `allows` lets pass, replayed ones and live ones alike: what this subscriber may
    /// see. Asked twice, both must agree.
    ///
    /// An event is read at most once for all subscriptions of the hub, when the first asks for it (of a log elsewhere, what is
    /// not in memory is read for each). One that cannot be read is withheld. Gaps, snapshots and what is put in front are
    /// this subscriber's own, and not asked about; a gap counts events that would have been withheld too.
    ///
    /// The last event ID of a client that may see little would soon be too old to be resumed from. So it is told a newer one
    /// before that, with no event: `id: ...` and an empty line. In this it learns how many events there are for others.
    pub fn only(mut self, allows: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self
    where
        E: DecodeEvent + Send + Sync + 'static,
    {
        self.unread();
        let extra = self.extra();
        extra.only = Some(Only::new(extra.only.take(), allows));
        self
    }

    /// The events as values, for use in this process. Each is read once for all subscriptions of the hub.
    ///
    /// For [`Sse::new`](crate::Sse) take the subscription as it is. Values are encoded once more for each client, and two
    /// things are not among them: the word to forget the last event ID, without which
    /// [`OnGap::Restart`](super::OnGap::Restart) sends a client round in circles, and the newer last event ID for one that may
    /// see [little](Self::only).
    pub fn events(self) -> SubscriptionEvents<E>
    where
        E: DecodeEvent + EventKind + Send + Sync + 'static,
    {
        SubscriptionEvents::new(self)
    }

    /// How many events are kept that this subscription has not been given yet.
    #[must_use]
    pub fn lag(&self) -> u64 {
        // What `ready` has read was not given yet.
        let peeked = match self.peeked() {
            Some(Inner::Run(run)) => run.len() as u64,
            _ => 0,
        };
        peeked + self.lag_behind_place()
    }

    fn lag_behind_place(&self) -> u64 {
        match self.place.get() {
            Place::At(place) | Place::Asked(place) => {
                let shared = &self.core.shared;
                shared.head().saturating_sub(place.max(shared.oldest().number))
            }
            Place::Unknown | Place::Elsewhere { .. } => self.core.shared.size().0 as u64,
            Place::Snapshot | Place::Over => 0,
        }
    }

    fn poll_entries(&mut self, cx: &mut Context<'_>) -> Poll<Option<Inner<E>>>
    where
        E: EventKind,
    {
        let polled = self.poll_unfollowed(cx);
        // Once it waits it looks again: a follower that went before it was registered has not woken it.
        if polled.is_pending()
            && let Some(remote) = &self.core.remote
        {
            remote.follow(&self.core.shared);
        }
        polled
    }

    /// The same, by a follower that may go meanwhile.
    fn poll_unfollowed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Inner<E>>>
    where
        E: EventKind,
    {
        if self.is_over() {
            return Poll::Ready(None);
        }
        if let Some(event) = self.extra.as_mut().and_then(|extra| extra.front.take()) {
            return Poll::Ready(Some(self.own(event)));
        }
        if let Some(peeked) = self.extra.as_mut().and_then(|extra| extra.peeked.take()) {
            return Poll::Ready(Some(peeked));
        }
        if let Some(remote) = &self.core.remote
            && !remote.follow(&self.core.shared)
        {
            trace::no_runtime();
            self.place.set(Place::Over);
            return Poll::Ready(None);
        }
        let mut left = PASSED;
        while left > 0 {
            let mut passed = 1;
            let found = match self.place.get() {
                Place::Over => return Poll::Ready(None),
                Place::Snapshot => {
                    if !self.core.shared.await_begin(&mut self.ticket, cx.waker()) {
                        return Poll::Pending;
                    }
                    Some(self.snapshot())
                }
                Place::Unknown => {
                    let oldest = self.core.shared.oldest();
                    self.gap(Gap::new(None, GapReason::UnknownId), Target::Ring(oldest))
                }
                Place::At(place) if self.core.shared.is_waiting(place, &self.ticket, cx.waker()) => {
                    return Poll::Pending;
                }
                Place::At(place) | Place::Asked(place) => {
                    match self.core.shared.read(place, &mut self.ticket, cx.waker()) {
                        Found::Waiting => {
                            // It has all there was when it came.
                            self.place.set(Place::At(place));
                            return Poll::Pending;
                        }
                        Found::Closed => {
                            let told = self.end();
                            return Poll::Ready(told);
                        }
                        Found::Behind(_) if self.core.remote.is_some() => {
                            self.place.set(Place::Elsewhere { asked: false });
                            None
                        }
                        Found::Behind(oldest) => {
                            let asked = matches!(self.place.get(), Place::Asked(_));
                            let reason = if asked { GapReason::Trimmed } else { GapReason::Lagged };
                            self.gap(Gap::new(Some(oldest.number - place), reason), Target::Ring(oldest))
                        }
                        Found::Run(run) => {
                            passed = run.len();
                            self.allowed(run)
                        }
                    }
                }
                Place::Elsewhere { asked } => match ready!(self.poll_pages(cx)) {
                    Turned::Ring(place) => {
                        self.place.set(Place::At(place));
                        None
                    }
                    Turned::Closed => {
                        let told = self.end();
                        return Poll::Ready(told);
                    }
                    Turned::Gap(mut gap, resume) => {
                        if gap.reason == GapReason::Trimmed && !asked {
                            gap.reason = GapReason::Lagged;
                        }
                        self.gap(gap, Target::Log(resume))
                    }
                    Turned::Run(run) => {
                        self.place.set(Place::Elsewhere { asked: false });
                        passed = run.len();
                        self.allowed(run)
                    }
                },
            };
            if found.is_some() {
                return Poll::Ready(found);
            }
            left = left.saturating_sub(passed);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_pages(&mut self, cx: &mut Context<'_>) -> Poll<Turned> {
        let Some(Extra { pages: Some(pages), rest, .. }) = self.extra.as_deref_mut() else {
            return Poll::Ready(Turned::Closed);
        };
        if let Some(run) = rest.take() {
            return Poll::Ready(Turned::Run(run));
        }
        let turned = pages.poll(&self.core.shared, &mut self.ticket, cx);
        if turned.is_pending() && pages.waits_for_news() {
            // It has all there was when it came.
            self.place.set(Place::Elsewhere { asked: false });
        }
        turned
    }

    /// The first run of events that this subscriber may see, and the place behind it; all others are passed over.
    fn allowed(&mut self, mut run: Run) -> Option<Inner<E>> {
        let mut rest = None;
        let core = &self.core;
        if let Some(only) = self.extra.as_mut().and_then(|extra| extra.only.as_mut()) {
            let Some(allowed) = only.select(&run) else {
                let is_news = only.is_news(&run, &core.shared);
                self.passed(&run, None);
                return is_news.then(|| Inner::Place(run.place()));
            };
            (run, rest) = allowed;
        }
        if run.ends_stream() {
            self.place.set(Place::Over);
        } else {
            self.passed(&run, rest);
        }
        Some(Inner::Run(run))
    }

    /// The subscription is behind this run, with the rest of a page before it.
    fn passed(&mut self, run: &Run, rest: Option<Run>) {
        if !run.is_apart() {
            self.place.set(Place::At(run.last));
        }
        if let Some(Extra { pages: Some(pages), rest: kept, .. }) = self.extra.as_deref_mut() {
            if run.is_apart() {
                *kept = rest;
            } else {
                pages.move_to(run.place());
            }
        }
    }

    fn own(&mut self, event: Event<Arc<E>>) -> Inner<E>
    where
        E: EventKind,
    {
        if event.data.is_terminal() {
            self.place.set(Place::Over);
            if let Some(extra) = &mut self.extra {
                extra.peeked = None;
            }
        }
        Inner::Own(Box::new(event))
    }
}

impl<E: EventKind> Subscription<E> {
    /// Whether there is nothing to be given, and the task will be woken by the next event. Most polls are these: a task looks
    /// again after each delivery. False if unknown.
    #[inline]
    pub(super) fn is_waiting(&self, cx: &Context<'_>) -> bool {
        match (self.place.get(), &self.extra) {
            (Place::At(place), None) => self.core.shared.is_waiting(place, &self.ticket, cx.waker()),
            _ => false,
        }
    }

    /// The next slice. It spends nothing of the task's budget: the stream that yields its events does.
    #[inline]
    pub(super) fn poll_slice(&mut self, cx: &mut Context<'_>) -> Poll<Option<Inner<E>>> {
        // Nearly all subscriptions: one that takes every event, and reads from memory.
        if let (Place::At(place), None) = (self.place.get(), &self.extra) {
            match self.core.shared.read(place, &mut self.ticket, cx.waker()) {
                Found::Run(run) => {
                    self.place.set(if run.ends_stream() { Place::Over } else { Place::At(run.last) });
                    return Poll::Ready(Some(Inner::Run(run)));
                }
                Found::Waiting => return Poll::Pending,
                Found::Closed | Found::Behind(_) => {}
            }
        }
        self.poll_entries(cx)
    }
}

impl<E: EventKind> Stream for Subscription<E> {
    type Item = Entries<E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Entries<E>>> {
        if self.is_waiting(cx) {
            return Poll::Pending;
        }
        let budget = ready!(poll_proceed(cx));
        let slice = ready!(self.poll_slice(cx));
        budget.made_progress();
        Poll::Ready(slice.map(Entries))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.is_over() { (0, Some(0)) } else { (0, None) }
    }
}

impl<E> Drop for Subscription<E> {
    fn drop(&mut self) {
        self.core.note_use();
        // Whoever sees that it is gone sees when it went.
        self.core.counts.subscribers.fetch_sub(1, Ordering::Release);
        self.core.shared.leave(&mut self.ticket);
    }
}

impl<E> fmt::Debug for Subscription<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("place", &self.place.get()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RawEvent;

    #[test]
    fn a_subscription_that_waits_is_40_bytes_and_what_it_is_given_48() {
        assert_eq!(size_of::<Subscription<RawEvent>>(), 40);
        assert_eq!(size_of::<Option<Entries<RawEvent>>>(), 48);
    }
}
