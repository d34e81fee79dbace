//! Where a subscription is, as an id that leads back there.

use std::task::Context;

use super::{Extra, Subscription};
use crate::{
    event::{EventId, Gap, PartName},
    hub::place::Place,
};

impl<E> Subscription<E> {
    /// The id that leads back to where this subscription is: what its client should have as its last event ID when it
    /// comes back. It is there also before the first event.
    ///
    /// It is `None` where no id leads back: while a log elsewhere has not answered yet where a new subscription begins, before
    /// the snapshot of a new one, and behind the end, where the [last id](super::Entries::last_id) that was given is the place.
    /// What a client has brought is given back until the log says what has become of it.
    ///
    /// ```
    /// # async fn publish<E: sse_typed::HubEvent + Send + Sync>(
    /// #     hub: &sse_typed::Hub<E>,
    /// #     event: &E,
    /// # ) -> Result<(), sse_typed::hub::PublishError> {
    /// use sse_typed::hub::Start;
    ///
    /// let id = hub.publish(event).await?;
    /// assert_eq!(hub.subscribe(Start::Live).place(), Some(id));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn place(&self) -> Option<EventId> {
        let extra = self.extra.as_deref();
        if let Some(extra) = extra
            && extra.peeked.is_some()
        {
            return extra.before_peeked.clone();
        }
        let shared = &self.core.shared;
        let pages = extra.and_then(|extra| extra.pages.as_ref());
        let place = match self.place.get() {
            Place::At(number) | Place::Asked(number) => match pages {
                None => Some(shared.id_of(number)),
                Some(pages) => pages.place(shared),
            },
            Place::Elsewhere { .. } => match extra.and_then(|extra| extra.rest.as_ref()) {
                Some(rest) if rest.first > 1 => Some(rest.place_before()),
                // All of a page, which was peeked.
                Some(_) => extra.and_then(|extra| extra.before_peeked.clone()),
                None => pages.and_then(|pages| pages.place(shared)),
            },
            Place::Unknown => extra.and_then(|extra| extra.unknown.clone()),
            Place::Snapshot | Place::Over => None,
        };
        // What a client has brought may be any text.
        place.filter(|id| EventId::check(id.as_str().as_bytes()).is_ok())
    }

    /// Whether it is where the client has said, which the log has yet to know.
    pub(in crate::hub) fn is_at_claimed_place(&self) -> bool {
        matches!(self.place.get(), Place::Unknown | Place::Elsewhere { asked: true })
    }

    /// Whether its log is in memory, where it is always known whether anything is to come.
    pub(in crate::hub) fn is_in_memory(&self) -> bool {
        self.core.remote.is_none()
    }

    /// Makes the subscription a part of a merged stream: its gaps carry this name.
    pub(in crate::hub) fn set_part(&mut self, name: PartName) {
        self.extra().part = Some(name);
    }

    /// [`is_waiting`](Self::is_waiting) for a part of a merged stream, which always has an `Extra`.
    pub(in crate::hub) fn is_waiting_in_memory(&self, cx: &Context<'_>) -> bool {
        let has_more = |extra: &Extra<E>| extra.front.is_some() || extra.peeked.is_some() || extra.pages.is_some();
        match self.place.get() {
            Place::At(place) if !self.extra.as_deref().is_some_and(has_more) => {
                self.core.shared.is_waiting(place, &self.ticket, cx.waker())
            }
            _ => false,
        }
    }

    /// The gap with the part's name. The client's last event ID is not needed after it.
    pub(super) fn prepare_gap(&mut self, mut gap: Gap) -> Gap {
        if let Some(extra) = &mut self.extra {
            gap.part = extra.part;
            extra.unknown = None;
            if extra.is_empty() {
                // After a restart of the server that is nearly every client: do not keep the allocation.
                self.extra = None;
            }
        }
        gap
    }
}

impl<E> Extra<E> {
    fn is_empty(&self) -> bool {
        let Self { front, peeked, before_peeked, only, snapshot, pages, rest, part, unknown } = self;
        let has_events = front.is_some() || peeked.is_some() || before_peeked.is_some() || rest.is_some();
        let has_more = only.is_some() || snapshot.is_some() || pages.is_some() || part.is_some() || unknown.is_some();
        !has_events && !has_more
    }
}
