use std::{future::Future, pin::Pin, sync::Arc};

use super::{
    calls::{gap_passes_end, pause_after, retry_until_ok},
    page_limit::PageLimit,
};
use crate::{
    event::EventId,
    hub::{
        history::{EventSlice, HubEnd},
        log::{ErasedLog, PageGap},
    },
};

/// A read of a page.
pub(super) type PageRead = Pin<Box<dyn Future<Output = PageAnswer> + Send>>;

/// A page of a log, as subscriptions take it.
pub(super) struct PageAnswer {
    /// The number of the read.
    pub(super) number: u64,
    /// What was known about the end of the hub before the read.
    pub(super) hub_end: HubEnd,
    /// The first events of the page, as many as fit into a segment. `None` after a gap, and if there are none.
    pub(super) slice: Option<EventSlice>,
    pub(super) gap: Option<PageGap>,
    /// There is a gap, and it leads past the end.
    pub(super) passes_end: bool,
    /// The log is closed, and nothing follows the page.
    pub(super) is_closed: bool,
    pub(super) through: Option<EventId>,
    /// How many events to ask for next: not more than are taken from a page.
    pub(super) next_limit: PageLimit,
}

/// Reads the page after a position, until the log answers.
pub(super) fn read_page(
    log: Arc<dyn ErasedLog>,
    position: EventId,
    limit: PageLimit,
    hub_end: HubEnd,
    number: u64,
) -> PageRead {
    Box::pin(async move {
        let page = retry_until_ok(|| log.read_after(position.as_str(), limit.get())).await;
        let mut failures = 0;
        let passes_end = loop {
            let passes_end = match &hub_end {
                HubEnd::At(end) if page.gap.is_some() => gap_passes_end(&*log, end).await,
                _ => Ok(false),
            };
            match passes_end {
                Ok(passes_end) => break passes_end,
                Err(failure) => pause_after(&failure, &mut failures).await,
            }
        };
        let end = match &hub_end {
            HubEnd::At(end) => Some(end),
            HubEnd::NotEnding | HubEnd::PositionUnknown => None,
        };
        let is_last = |id: &EventId| end.is_some_and(|end| end.is(id));
        let slice = if page.gap.is_some() { None } else { EventSlice::of_page(&page.entries, is_last) };
        let mut next_limit = limit;
        match &slice {
            Some(slice) if slice.len() < page.entries.len() => next_limit.set_taken(slice.len()),
            Some(_) => next_limit.adapt(&page.entries),
            None => {}
        }
        let is_closed = page.closed.is_some();
        PageAnswer { number, hub_end, slice, gap: page.gap, passes_end, is_closed, through: page.through, next_limit }
    })
}
