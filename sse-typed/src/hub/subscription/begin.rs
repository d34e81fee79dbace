//! Where a subscription begins, and whether it is over from the start.

use std::sync::{Arc, atomic::Ordering};

use super::Subscription;
use crate::{
    event::{EventId, Gap, GapReason},
    hub::{
        OnGap, Start,
        core::Core,
        id,
        place::{PackedPlace, Place},
        tail::Pages,
    },
    wake::Ticket,
};

impl<E> Subscription<E> {
    pub(in crate::hub) fn new(core: Arc<Core<E>>, start: &Start) -> Self {
        core.counts.subscribers.fetch_add(1, Ordering::Relaxed);
        let shared = &core.shared;
        let over = match start.id() {
            Some(id) => id::is_marked(id) || shared.ends_at(id),
            // Of a log in memory it is looked at below.
            None if start.is_live() || matches!(start, Start::Last(0)) => core.remote.is_some() && shared.is_closed(),
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
            if self.place.get() == Place::Unknown && matches!(self.core.on_gap, OnGap::Ignore) {
                // Nothing is told of it, so it need not wait for a poll: the place is known at once.
                self.note_gap(&Gap::new(None, GapReason::UnknownId));
                self.place.set(Place::At(shared.oldest().number));
            }
            if self.place.get() == Place::Unknown {
                self.extra().unknown = start.id().map(EventId::from_wire);
            }
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
}
