//! Snapshots of a subscription.

use std::sync::Arc;

use super::{
    entries::SubscriptionItem,
    position::Position,
    subscription::{Extras, Subscription},
};
use crate::{codec::EventKind, event::Event};

impl<E> Subscription<E> {
    /// Sets the closure that makes a snapshot. A live start begins with one.
    pub(in crate::hub) fn with_snapshot(
        mut self,
        live: bool,
        snapshot: impl Fn() -> E + Send + Sync + 'static,
    ) -> Self {
        if live && self.position.get() != Position::Ended {
            self.position.set(Position::BeforeSnapshot);
        }
        self.extras().snapshot = Some(Box::new(snapshot));
        self
    }

    /// Makes a snapshot, whose id is its position.
    pub(super) fn take_snapshot(&mut self) -> SubscriptionItem<E>
    where
        E: EventKind,
    {
        let Some(snapshot) = self.extras.as_ref().and_then(|extras| extras.snapshot.as_ref()) else {
            self.position.set(Position::Ended);
            return SubscriptionItem::ForgetLastEventId;
        };
        let state = &self.state;
        // The position is taken first. An event that is published meanwhile without the lock then follows the snapshot:
        // at worst its change is sent twice.
        let (position, event) = state.snapshot_lock.run(|| (state.history.head_position(), snapshot()));
        self.position.set(Position::InRing(position.number));
        if let Some(Extras { log_reader: Some(log_reader), page_rest, .. }) = self.extras.as_deref_mut() {
            log_reader.move_to(position.id.clone());
            *page_rest = None;
        }
        self.own_event(Event::new(Arc::new(event)).id(position.id))
    }
}
