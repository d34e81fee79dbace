use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use super::{
    entries::SubscriptionItem,
    filter::EventFilter,
    position::{PackedPosition, Position},
};
use crate::{
    codec::DecodeEvent,
    event::{Event, EventId, Gap, PartName},
    hub::{history::EventSlice, remote::LogReader, state::HubState},
    wake::Ticket,
};

/// The events of a hub from some position on: a stream of [`Entries`](super::Entries), for [`Sse::new`] or
/// any other use.
///
/// [`Hub::subscribe`](crate::Hub::subscribe) makes one. It is little more than a position in the hub's history: the
/// events belong to the hub and are shared by all subscriptions. It ends after a terminal event. It also ends when the
/// hub is closed or all its handles are dropped, after the events that remain. A subscription that has nothing to send
/// from the start says so by its `size_hint`, and the response is 204: see [`ready`](Self::ready).
///
/// # Cancel safety
///
/// Waiting for the next item can be cancelled at any time: no event is taken before it is returned.
///
/// # Cooperative scheduling
///
/// Each item takes one unit of the task's [coop budget](tokio::task::coop), so a subscription that is always behind
/// yields to other tasks.
///
#[cfg_attr(feature = "server", doc = "[`Sse::new`]: crate::Sse::new")]
#[cfg_attr(
    not(feature = "server"),
    doc = "[`Sse::new`]: https://docs.rs/sse-typed/latest/sse_typed/struct.Sse.html#method.new"
)]
#[must_use = "streams do nothing unless polled"]
pub struct Subscription<E> {
    pub(super) state: Arc<HubState<E>>,
    pub(super) position: PackedPosition,
    pub(super) ticket: Ticket,
    /// What most subscriptions of a log in memory do not have.
    pub(super) extras: Option<Box<Extras<E>>>,
}

/// Every subscription of a log elsewhere has this, so what is rare is in boxes.
pub(super) struct Extras<E> {
    /// The event that is sent before all others.
    pub(super) greeting: Option<Box<Event<Arc<E>>>>,
    /// What [`ready`](Subscription::ready) has read. The position is after it already.
    pub(super) peeked: Option<Box<SubscriptionItem<E>>>,
    pub(super) position_before_peeked: Option<Box<EventId>>,
    pub(super) filter: Option<Box<EventFilter<E>>>,
    pub(super) snapshot: Option<Box<dyn Fn() -> E + Send + Sync>>,
    /// Reads the log, if it is elsewhere.
    pub(super) log_reader: Option<LogReader>,
    /// The events of a page that were not yielded yet.
    pub(super) page_rest: Option<Box<EventSlice>>,
    /// The part of a merged stream that this subscription is.
    pub(super) part: Option<PartName>,
    /// The client's last event ID, which a log in memory does not know.
    pub(super) unknown_id: Option<Box<EventId>>,
}

impl<E> Subscription<E> {
    /// Sends this event first, to this subscriber alone and without an id, such as a greeting. There is one such event:
    /// a second call replaces it.
    ///
    /// If the subscription has nothing else to send from the start, this event is not sent either, and the response is
    /// still 204.
    pub fn start_with(mut self, event: E) -> Self {
        self.extras().greeting = Some(Box::new(Event::new(Arc::new(event))));
        self
    }

    /// Yields only the events for which `allows` returns true, replayed and live ones alike: the events that this
    /// subscriber may see. After a second call both closures must return true.
    ///
    /// An event is decoded at most once for all subscriptions of the hub, when the first of them needs it. (Events of a
    /// log elsewhere that are not in memory are decoded once for each read of the log, which may serve several
    /// subscriptions.) An event that cannot be decoded is withheld. Gaps, snapshots and the event of [`start_with`](Self::start_with) belong to this subscriber, and
    /// `allows` is not called for them. The count of a gap includes events that would have been withheld.
    ///
    /// A client that receives few of the events would keep an old last event ID, which is soon no longer in the
    /// history. So the client is sent a newer id in time, without an event: `id: ...` and an empty line. From these ids
    /// a client can tell how many events were withheld from it.
    pub fn only(mut self, allows: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self
    where
        E: DecodeEvent + Send + Sync + 'static,
    {
        self.unread();
        let extras = self.extras();
        extras.filter = Some(Box::new(EventFilter::new(extras.filter.take(), allows)));
        self
    }

    /// The number of retained events that this subscription has not yielded yet. Of a log elsewhere it counts those that are in
    /// memory, and those that [`ready`](Self::ready) has read.
    #[must_use]
    pub fn lag(&self) -> u64 {
        // What `ready` has read is not yielded yet.
        let peeked = match self.peeked() {
            Some(SubscriptionItem::Published(slice)) => slice.len() as u64,
            _ => 0,
        };
        peeked + self.lag_behind_position()
    }

    fn lag_behind_position(&self) -> u64 {
        let history = &self.state.history;
        let after = |position: u64| history.head().saturating_sub(position.max(history.oldest_position().number));
        match self.position.get() {
            Position::InRing(position) | Position::ResumedInRing(position) => after(position),
            Position::InLog { .. } if self.is_at_ring_origin() => history.count_behind_origin(),
            Position::UnknownId | Position::InLog { .. } => {
                // The reader may have reached events in the ring.
                let in_ring =
                    self.log_reader().and_then(|log_reader| history.find(log_reader.position(history)?.as_str()));
                in_ring.map_or(history.size().0 as u64, after)
            }
            Position::BeforeSnapshot | Position::Ended => 0,
        }
    }

    fn is_at_ring_origin(&self) -> bool {
        self.log_reader().is_some_and(LogReader::is_at_ring_origin)
    }

    pub(super) fn log_reader(&self) -> Option<&LogReader> {
        self.extras.as_ref()?.log_reader.as_ref()
    }

    /// Whether nothing more is yielded.
    pub(in crate::hub) fn is_over(&self) -> bool {
        self.position.get() == Position::Ended && self.extras.as_ref().is_none_or(|extras| extras.peeked.is_none())
    }

    /// Whether the log is in memory, where it is always known whether anything follows.
    pub(in crate::hub) fn is_in_memory(&self) -> bool {
        self.state.remote.is_none()
    }

    /// Makes the subscription a part of a merged stream: its gaps have this name.
    pub(in crate::hub) fn set_part(&mut self, name: PartName) {
        self.extras().part = Some(name);
    }

    pub(super) fn peeked(&self) -> Option<&SubscriptionItem<E>> {
        self.extras.as_ref()?.peeked.as_deref()
    }

    pub(super) fn extras(&mut self) -> &mut Extras<E> {
        self.extras.get_or_insert_with(|| {
            Box::new(Extras {
                greeting: None,
                peeked: None,
                position_before_peeked: None,
                filter: None,
                snapshot: None,
                log_reader: None,
                page_rest: None,
                part: None,
                unknown_id: None,
            })
        })
    }

    /// The gap with the name of the part. The client's last event ID is not needed after it.
    pub(super) fn prepare_gap(&mut self, mut gap: Gap) -> Gap {
        if let Some(extras) = &mut self.extras {
            gap.part = extras.part;
            extras.unknown_id = None;
            if extras.is_empty() {
                // After a restart of the server this is nearly every client: do not keep the allocation.
                self.extras = None;
            }
        }
        gap
    }
}

impl<E> Extras<E> {
    fn is_empty(&self) -> bool {
        let Self {
            greeting,
            peeked,
            position_before_peeked,
            filter,
            snapshot,
            log_reader,
            page_rest,
            part,
            unknown_id,
        } = self;
        let has_events = greeting.is_some() || peeked.is_some() || page_rest.is_some();
        let has_positions = position_before_peeked.is_some() || log_reader.is_some() || unknown_id.is_some();
        let has_settings = filter.is_some() || snapshot.is_some() || part.is_some();
        !has_events && !has_positions && !has_settings
    }
}

impl<E> Drop for Subscription<E> {
    fn drop(&mut self) {
        self.state.record_use();
        // A thread that sees the lower count also sees the time of this use.
        let before = self.state.counters.subscribers.fetch_sub(1, Ordering::Release);
        self.state.history.deregister(&mut self.ticket);
        if let Some(remote) = &self.state.remote {
            remote.remove_subscription(before == 1);
        }
    }
}

impl<E> fmt::Debug for Subscription<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("position", &self.position.get()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entries, event::RawEvent};

    #[test]
    fn a_subscription_is_40_bytes_and_an_item_48() {
        assert_eq!(size_of::<Subscription<RawEvent>>(), 40);
        assert_eq!(size_of::<Option<Entries<RawEvent>>>(), 48);
    }
}
