use super::{
    decoded::{self, Read},
    ring::Run,
    shared::Shared,
};
use crate::codec::DecodeEvent;

/// What a subscriber may see, and how far the client knows of the events that it may not.
pub(super) struct Only<E> {
    allows: Box<dyn Fn(&E) -> bool + Send + Sync>,
    read: Read<E>,
    /// The place that the client has been told: that of the last event it was sent.
    told: Option<u64>,
    /// Events were withheld since the client was last told a place.
    has_withheld: bool,
}

impl<E> Only<E> {
    /// What `before` lets pass, and `allows` too.
    pub(super) fn new(before: Option<Self>, allows: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self
    where
        E: DecodeEvent + Send + Sync + 'static,
    {
        let allows: Box<dyn Fn(&E) -> bool + Send + Sync> = match before {
            None => Box::new(allows),
            Some(before) => Box::new(move |event| (before.allows)(event) && allows(event)),
        };
        Self { allows, read: decoded::values, told: None, has_withheld: false }
    }

    /// The first events of a run that may be seen, as far as they lie side by side, and what is behind them. None if there are
    /// none.
    pub(super) fn select(&mut self, run: &Run) -> Option<(Run, Option<Run>)> {
        let entries = (self.read)(&run.segment);
        let skip = usize::try_from(run.first - run.segment.first).unwrap_or(usize::MAX);
        let mut allowed: Option<Run> = None;
        let mut start = run.start;
        for (n, entry) in (run.first..=run.last).zip(entries.iter().skip(skip)) {
            let may_be_seen = entry.event.as_ref().is_some_and(|event| (self.allows)(&event.data));
            match &mut allowed {
                Some(allowed) if may_be_seen => (allowed.last, allowed.end) = (n, entry.end),
                Some(_) => break,
                None if may_be_seen => {
                    allowed = Some(Run { start, end: entry.end, first: n, last: n, ..run.clone() });
                }
                None => {}
            }
            start = entry.end;
        }
        self.has_withheld = allowed.is_none();
        let allowed = allowed?;
        if !run.is_apart() {
            self.told = Some(allowed.last);
        }
        let rest =
            (allowed.last < run.last).then(|| Run { first: allowed.last + 1, start: allowed.end, ..run.clone() });
        Some((allowed, rest))
    }

    /// Whether the client should be told that it has all up to the end of this run, of which it may see nothing: the
    /// place that it knows is among the older half of what is kept. Else it would be told of a gap when it comes back, though
    /// it has missed nothing.
    pub(super) fn is_news(&mut self, run: &Run, shared: &Shared) -> bool {
        if run.is_apart() {
            // Its numbers are those of a page.
            return false;
        }
        let told = *self.told.get_or_insert(run.first - 1);
        let (oldest, kept) = shared.kept();
        if oldest == 0 {
            // Nothing was let go yet.
            return false;
        }
        // In the older half is soon enough, and a quarter at a time is often enough for one who catches up. Both are looked at
        // for each run, because an event that comes can let go many: by its size, or by its time.
        if told > oldest + kept / 2 || run.last < told + kept / 4 {
            return false;
        }
        self.told = Some(run.last);
        self.has_withheld = false;
        true
    }

    /// Whether events were withheld since the client was last told a place.
    pub(super) const fn has_withheld(&self) -> bool {
        self.has_withheld
    }
}
