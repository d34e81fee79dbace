use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::task::coop::poll_proceed;

use super::{
    Entries, OnGap, Start, SubscriptionEvents,
    core::{Core, Counts},
    entries::Inner,
    id,
    only::Only,
    place::{PackedPlace, Place},
    ring::Run,
    shared::{Found, Named},
    tail::{Pages, Turned},
    trace,
};
use crate::{
    codec::{DecodeEvent, EventKind},
    event::{Event, EventId, Gap, GapReason},
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
    only: Option<Only<E>>,
    snapshot: Option<Box<dyn Fn() -> E + Send + Sync>>,
    /// With a log that is elsewhere.
    pages: Option<Pages>,
    /// What is left of a page.
    rest: Option<Run>,
}

/// A place to go on from.
enum Target {
    Ring(Named),
    Log(EventId),
}

/// How many events that are not for this subscription are passed over before others have their turn.
const PASSED: usize = 1024;

impl<E> Subscription<E> {
    pub(super) fn new(core: Arc<Core<E>>, start: &Start) -> Self {
        core.counts.subscribers.fetch_add(1, Ordering::Relaxed);
        let shared = &core.shared;
        let over = match start.id() {
            Some(id) => id::is_marked(id) || shared.ends_at(id),
            // Of a log in memory it is looked at below.
            None if start.is_live() => core.remote.is_some() && shared.is_closed(),
            None => shared.keeps_nothing(),
        };
        let mut subscription =
            Self { place: PackedPlace::new(Place::Over), ticket: Ticket::default(), extra: None, core };
        if !over {
            subscription.begin(start);
        }
        subscription
    }

    fn begin(&mut self, start: &Start) {
        let shared = &self.core.shared;
        let Some(remote) = &self.core.remote else {
            let place = match start {
                Start::Earliest => Place::At(shared.oldest().number),
                Start::Last(n) => Place::At(shared.named_before_last(*n).number),
                Start::Live | Start::After(_) => match start.id().map(|id| shared.find(id)) {
                    None => Place::At(shared.head()),
                    Some(Some(place)) => Place::Asked(place),
                    Some(None) => Place::Unknown,
                },
            };
            let has_all = match place {
                Place::At(number) => shared.is_end(number),
                Place::Asked(number) => shared.is_end(number) || self.is_over_behind_gap(number),
                _ => self.is_over_behind_gap(0),
            };
            self.place.set(if has_all { Place::Over } else { place });
            return;
        };
        // Without a runtime here there may be one where it is polled.
        remote.follow(shared);
        let log = || Arc::clone(&remote.log);
        let (place, pages) = match start {
            Start::Earliest => (Place::Elsewhere { asked: false }, Pages::before_last(log(), u64::MAX)),
            Start::Last(n) => (Place::Elsewhere { asked: false }, Pages::before_last(log(), *n)),
            Start::Live | Start::After(_) => match start.id() {
                Some(id) => (Place::Elsewhere { asked: true }, Pages::at(log(), Some(EventId::from_wire(id)))),
                None => {
                    let (head, id) = shared.begun_head();
                    (Place::At(head), Pages::at(log(), id))
                }
            },
        };
        self.place.set(place);
        self.extra().pages = Some(pages);
    }

    /// Whether a gap is ignored that nothing comes behind: with an empty stream the client would come back for ever.
    fn is_over_behind_gap(&self, place: u64) -> bool {
        let oldest = self.core.shared.oldest().number;
        matches!(self.core.on_gap, OnGap::Ignore) && place <= oldest && self.core.shared.is_end(oldest)
    }

    /// Waits until it is known whether there is anything to send, so that a client which has all there is gets a 204 and
    /// not an empty stream.
    ///
    /// With the log in memory that is known from the start. With a log elsewhere it takes an answer of the log:
    ///
    /// ```
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
        self
    }

    /// Whether it is known what is behind its place: an event, the end, or nothing yet.
    fn poll_known(&mut self, cx: &mut Context<'_>) -> Poll<()>
    where
        E: EventKind,
    {
        let peeked = self.extra.as_ref().is_some_and(|extra| extra.peeked.is_some());
        if self.core.remote.is_none() || self.place.get() == Place::Over || peeked {
            return Poll::Ready(());
        }
        // The greeting says nothing of what is behind it.
        let front = self.extra().front.take();
        let polled = self.poll_entries(cx);
        self.extra().front = front;
        match polled {
            Poll::Ready(Some(inner)) => self.extra().peeked = Some(inner),
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
            Place::At(_) | Place::Asked(_) => self.core.shared.is_caught_up(),
            Place::Elsewhere { .. } => waits_for_news(),
            Place::Unknown | Place::Snapshot => false,
            Place::Over => true,
        }
    }

    /// Whether there is nothing to be given any more.
    fn is_over(&self) -> bool {
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
            Box::new(Extra { front: None, peeked: None, only: None, snapshot: None, pages: None, rest: None })
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
        let extra = self.extra();
        extra.only = Some(Only::new(extra.only.take(), allows));
        self
    }

    /// The events as values, for use in this process. Each is read once for all subscriptions of the hub.
    ///
    /// For [`Sse::new`](crate::Sse) take the subscription as it is. Values are encoded once more for each client, and two
    /// things are not among them: the word to forget the last event ID, without which [`OnGap::Restart`] sends a client
    /// round in circles, and the newer last event ID for one that may see [little](Self::only).
    pub fn events(self) -> SubscriptionEvents<E>
    where
        E: DecodeEvent + EventKind + Send + Sync + 'static,
    {
        SubscriptionEvents::new(self)
    }

    /// How many events are kept that this subscription has not been given yet.
    #[must_use]
    pub fn lag(&self) -> u64 {
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
                Place::At(place) if self.core.shared.is_waiting(place, self.ticket, cx.waker()) => {
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
                            self.place.set(Place::Over);
                            None
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
                        self.place.set(Place::Over);
                        None
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

    /// Does where history is lost as the hub says. What is kept begins behind `target`.
    fn gap(&mut self, gap: Gap, target: Target) -> Option<Inner<E>>
    where
        E: EventKind,
    {
        trace::gap(&gap);
        Counts::one_more(&self.core.counts.gaps);
        let may_snapshot = self.extra.as_ref().is_some_and(|extra| extra.snapshot.is_some());
        match self.core.on_gap {
            OnGap::Emit(event) => {
                let id = self.go_to(target);
                let event = Event::new(Arc::new(event(gap))).id(id);
                Some(self.own(event))
            }
            OnGap::Snapshot if may_snapshot => {
                self.place.set(Place::Snapshot);
                None
            }
            OnGap::Snapshot | OnGap::Restart => {
                self.place.set(Place::Over);
                Some(Inner::Forget)
            }
            OnGap::Ignore => {
                let place = self.go_to(target);
                // If nothing comes behind it, the client must not come back with its old id for ever.
                self.core.shared.is_closed().then(|| Inner::Place(place))
            }
        }
    }

    fn go_to(&mut self, target: Target) -> EventId {
        match target {
            Target::Ring(place) => {
                self.place.set(Place::At(place.number));
                place.id
            }
            Target::Log(id) => {
                self.place.set(Place::Elsewhere { asked: false });
                id
            }
        }
    }

    /// A new snapshot, whose id is its place.
    fn snapshot(&mut self) -> Inner<E>
    where
        E: EventKind,
    {
        let Some(snapshot) = self.extra.as_ref().and_then(|extra| extra.snapshot.as_ref()) else {
            self.place.set(Place::Over);
            return Inner::Forget;
        };
        let core = &self.core;
        // The place first: an event that comes meanwhile, from one who does not keep the order, comes behind the snapshot
        // as well. At worst it is told twice.
        let (place, event) = core.order.keep(|| (core.shared.named_head(), snapshot()));
        self.place.set(Place::At(place.number));
        if let Some(Extra { pages: Some(pages), rest, .. }) = self.extra.as_deref_mut() {
            pages.move_to(place.id.clone());
            *rest = None;
        }
        self.own(Event::new(Arc::new(event)).id(place.id))
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
            (Place::At(place), None) => self.core.shared.is_waiting(place, self.ticket, cx.waker()),
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
        self.core.shared.leave(self.ticket);
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
