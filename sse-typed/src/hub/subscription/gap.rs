//! What a subscription does where history is lost, and at its end.

use std::sync::Arc;

use super::{Extra, Subscription};
use crate::{
    codec::EventKind,
    event::{Event, EventId, Gap},
    hub::{OnGap, core::Counts, entries::Inner, place::Place, shared::Named, trace},
};

/// A place to go on from.
pub(super) enum Target {
    Ring(Named),
    Log(EventId),
}

impl<E> Subscription<E> {
    /// Does where history is lost as the hub says. What is kept begins behind `target`.
    pub(super) fn gap(&mut self, gap: Gap, target: Target) -> Option<Inner<E>>
    where
        E: EventKind,
    {
        self.note_gap(&gap);
        let gap = self.prepare_gap(gap);
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

    /// Traces a gap and counts it.
    pub(super) fn note_gap(&self, gap: &Gap) {
        trace::gap(gap);
        Counts::one_more(&self.core.counts.gaps);
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
    pub(super) fn snapshot(&mut self) -> Inner<E>
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

    /// The end has come. A client that may not see the last events is told its place, or it would come back for them for ever.
    pub(super) fn end(&mut self) -> Option<Inner<E>> {
        self.place.set(Place::Over);
        let only = self.extra.as_mut().and_then(|extra| extra.only.as_mut())?;
        if !only.has_withheld() {
            return None;
        }
        let end = self.core.shared.named_end()?;
        Some(Inner::Place(end))
    }
}
