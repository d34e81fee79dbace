use super::decode::{DecodeFn, decoded_events};
use crate::{
    codec::DecodeEvent,
    hub::history::{EventSlice, History},
};

/// The events that a subscriber may see, and the last event ID that its client has.
pub(super) struct EventFilter<E> {
    allows: Box<dyn Fn(&E) -> bool + Send + Sync>,
    decode: DecodeFn<E>,
    /// The position of the last id that the client was sent.
    sent_position: Option<u64>,
    /// Events were withheld since the client was last sent an id.
    has_withheld: bool,
}

impl<E> EventFilter<E> {
    /// A filter for the events that both `before` and `allows` let pass.
    pub(super) fn new(before: Option<Box<Self>>, allows: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self
    where
        E: DecodeEvent + Send + Sync + 'static,
    {
        let allows: Box<dyn Fn(&E) -> bool + Send + Sync> = match before {
            None => Box::new(allows),
            Some(before) => Box::new(move |event| (before.allows)(event) && allows(event)),
        };
        Self { allows, decode: decoded_events, sent_position: None, has_withheld: false }
    }

    /// The first consecutive events of a slice that may be seen, and the rest after them. `None` if there are none.
    pub(super) fn select(&mut self, slice: &EventSlice) -> Option<(EventSlice, Option<EventSlice>)> {
        let entries = (self.decode)(&slice.segment);
        let skip = usize::try_from(slice.first - slice.segment.first).unwrap_or(usize::MAX);
        let mut allowed: Option<EventSlice> = None;
        let mut start = slice.start;
        for (n, entry) in (slice.first..=slice.last).zip(entries.iter().skip(skip)) {
            let may_be_seen = entry.event.as_ref().is_some_and(|event| (self.allows)(&event.data));
            match &mut allowed {
                Some(allowed) if may_be_seen => (allowed.last, allowed.end) = (n, entry.end),
                Some(_) => break,
                None if may_be_seen => {
                    allowed = Some(EventSlice { start, end: entry.end, first: n, last: n, ..slice.clone() });
                }
                None => {}
            }
            start = entry.end;
        }
        self.has_withheld = allowed.is_none();
        let allowed = allowed?;
        if !slice.is_from_page() {
            self.sent_position = Some(allowed.last);
        }
        let rest = (allowed.last < slice.last).then(|| EventSlice {
            first: allowed.last + 1,
            start: allowed.end,
            ..slice.clone()
        });
        Some((allowed, rest))
    }

    /// Whether to send the client the id after this slice, of which it may see nothing. That is so once the id that
    /// the client has is in the older half of the retained events. Otherwise a client that reconnects would get a gap
    /// although it missed nothing.
    pub(super) fn should_send_id(&mut self, slice: &EventSlice, history: &History) -> bool {
        if slice.is_from_page() {
            // Its numbers are those of a page.
            return false;
        }
        let sent = *self.sent_position.get_or_insert(slice.first - 1);
        let (oldest, retained) = history.retained();
        if oldest == 0 {
            // Nothing was trimmed yet.
            return false;
        }
        // The older half is soon enough, and one id for each quarter is enough while a client catches up. Both are
        // computed for each slice, because one event can trim many others, by its size or by its time.
        if sent > oldest + retained / 2 || slice.last < sent + retained / 4 {
            return false;
        }
        self.sent_position = Some(slice.last);
        self.has_withheld = false;
        true
    }

    /// Whether events were withheld since the client was last sent an id.
    pub(super) const fn has_withheld(&self) -> bool {
        self.has_withheld
    }
}
