//! What a subscription does where history is lost.

use std::sync::{Arc, atomic::Ordering};

use super::{entries::SubscriptionItem, position::Position, subscription::Subscription};
use crate::{
    codec::EventKind,
    event::{Event, EventId, Gap},
    hub::{history::RingPosition, on_gap::OnGap, trace},
};

/// The position after a gap.
pub(super) enum ResumeTarget {
    Ring(RingPosition),
    Log(EventId),
}

impl<E> Subscription<E> {
    /// Applies the hub's [`OnGap`]. The retained events begin after `target`.
    pub(super) fn handle_gap(&mut self, gap: Gap, target: ResumeTarget) -> Option<SubscriptionItem<E>>
    where
        E: EventKind,
    {
        self.record_gap(&gap);
        let gap = self.prepare_gap(gap);
        let has_snapshot = self.extras.as_ref().is_some_and(|extras| extras.snapshot.is_some());
        match self.state.on_gap {
            OnGap::Emit(event) => {
                let id = self.move_to(target);
                let event = Event::new(Arc::new(event(gap))).id(id);
                Some(self.own_event(event))
            }
            OnGap::Snapshot if has_snapshot => {
                self.position.set(Position::BeforeSnapshot);
                None
            }
            OnGap::Snapshot | OnGap::Restart => {
                self.position.set(Position::Ended);
                Some(SubscriptionItem::ForgetLastEventId)
            }
            OnGap::Ignore => {
                let id = self.move_to(target);
                // If nothing follows, the client must not reconnect with its old id forever.
                self.state.history.is_closed().then(|| SubscriptionItem::LastEventId(id))
            }
        }
    }

    /// Counts a gap and emits it to `tracing`.
    pub(super) fn record_gap(&self, gap: &Gap) {
        trace::gap(gap);
        self.state.counters.gaps.fetch_add(1, Ordering::Relaxed);
    }

    fn move_to(&mut self, target: ResumeTarget) -> EventId {
        match target {
            ResumeTarget::Ring(position) => {
                self.position.set(Position::InRing(position.number));
                position.id
            }
            ResumeTarget::Log(id) => {
                self.position.set(Position::InLog { resumed: false });
                id
            }
        }
    }

    /// An item with an event for this subscriber alone. A terminal one ends the subscription.
    pub(super) fn own_event(&mut self, event: Event<Arc<E>>) -> SubscriptionItem<E>
    where
        E: EventKind,
    {
        if event.data.is_terminal() {
            self.position.set(Position::Ended);
            if let Some(extras) = &mut self.extras {
                extras.peeked = None;
            }
        }
        SubscriptionItem::Own(Box::new(event))
    }
}
