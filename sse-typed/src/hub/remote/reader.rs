use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use super::{
    calls::{gap_passes_end, pause_after, retry_until_ok, wait_for_news},
    page_limit::{MAX_PAGE, PageLimit},
};
use crate::{
    event::{EventId, Gap},
    hub::{
        history::{EventSlice, History, HubEnd, HubMark, RingLookup},
        log::{ErasedLog, Page, PageGap},
    },
    wake::Ticket,
};

/// Reads the log for one subscription whose position is not in the ring.
pub(in crate::hub) struct LogReader {
    log: Arc<dyn ErasedLog>,
    position: ReaderPosition,
    /// The call of the log that is under way. Only the owner uses it; the lock makes it `Sync`.
    call: Mutex<Option<Call>>,
    is_waiting_for_news: bool,
    /// How often the log has returned from waiting without new events.
    early_returns: u32,
    /// How many events to ask for: not more than are taken from a page.
    limit: PageLimit,
    /// It reads from before the newest events, and has found none of them yet.
    has_found_none: bool,
}

enum ReaderPosition {
    /// Where the ring begins.
    RingOrigin,
    At(EventId),
    /// The request to the log for it is in progress.
    Requested,
    /// The end of the hub.
    End,
}

type Call = Pin<Box<dyn Future<Output = Answer> + Send>>;

enum Answer {
    Position(EventId),
    Page(PageAnswer),
    News,
}

struct PageAnswer {
    page: Page,
    /// What was known about the end of the hub before the call.
    hub_end: HubEnd,
    /// There is a gap, and it leads past the end.
    passes_end: bool,
}

/// What a read of the log has found.
pub(in crate::hub) enum ReadOutcome {
    /// The position is in the ring, under this number. Reading continues there.
    InRing(u64),
    Slice(EventSlice),
    /// The gap, and the position after it.
    Gap(Gap, EventId),
    Ended,
}

/// How many events are asked for at first.
const FIRST_PAGE: u16 = 32;

/// How many steps one poll makes before it yields to other tasks.
const MAX_STEPS: usize = 64;

impl LogReader {
    /// A reader at a position; without one, at the position where the ring begins.
    pub(in crate::hub) fn at(log: Arc<dyn ErasedLog>, position: Option<EventId>) -> Self {
        Self::new(log, position.map_or(ReaderPosition::RingOrigin, ReaderPosition::At), None)
    }

    /// A reader before the newest `n` events.
    pub(in crate::hub) fn before_last(log: Arc<dyn ErasedLog>, history: &Arc<History>, n: u64) -> Self {
        let call: Call = Box::pin(position_before_last(Arc::clone(&log), Arc::clone(history), history.mark(), n));
        Self { has_found_none: n > 0, ..Self::new(log, ReaderPosition::Requested, Some(call)) }
    }

    fn new(log: Arc<dyn ErasedLog>, position: ReaderPosition, call: Option<Call>) -> Self {
        Self {
            log,
            position,
            call: Mutex::new(call),
            is_waiting_for_news: false,
            early_returns: 0,
            limit: PageLimit::new(FIRST_PAGE),
            has_found_none: false,
        }
    }

    /// Moves the reader to a position that the subscription has reached without it.
    pub(in crate::hub) fn move_to(&mut self, position: EventId) {
        self.position = ReaderPosition::At(position);
        self.cancel_call();
    }

    /// The position of the reader, if it is known.
    pub(in crate::hub) fn position(&self, history: &History) -> Option<EventId> {
        match &self.position {
            ReaderPosition::RingOrigin => history.origin(),
            ReaderPosition::At(position) => Some(position.clone()),
            ReaderPosition::Requested | ReaderPosition::End => None,
        }
    }

    /// Whether it is where the ring begins, which may not be known yet.
    pub(in crate::hub) const fn is_at_ring_origin(&self) -> bool {
        matches!(self.position, ReaderPosition::RingOrigin)
    }

    /// Whether it has read all events and waits for the next one.
    pub(in crate::hub) const fn is_waiting_for_news(&self) -> bool {
        self.is_waiting_for_news
    }

    fn cancel_call(&mut self) {
        *self.call() = None;
        self.is_waiting_for_news = false;
    }

    fn call(&mut self) -> &mut Option<Call> {
        self.call.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn call_read(&mut self, position: EventId, hub_end: HubEnd) {
        let (log, limit) = (Arc::clone(&self.log), self.limit.get());
        *self.call() = Some(Box::pin(async move {
            let page = retry_until_ok(|| log.read_after(position.as_str(), limit)).await;
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
            Answer::Page(PageAnswer { page, hub_end, passes_end })
        }));
    }

    fn call_wait(&mut self, position: EventId) {
        let (log, early_returns) = (Arc::clone(&self.log), self.early_returns);
        *self.call() = Some(Box::pin(async move {
            wait_for_news(&*log, &position, early_returns).await;
            Answer::News
        }));
        self.is_waiting_for_news = true;
    }

    pub(in crate::hub) fn poll(
        &mut self,
        history: &History,
        ticket: &mut Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<ReadOutcome> {
        for _ in 0..MAX_STEPS {
            let position = match &self.position {
                ReaderPosition::RingOrigin => history.origin(),
                ReaderPosition::At(position) => Some(position.clone()),
                ReaderPosition::Requested => None,
                ReaderPosition::End => return Poll::Ready(ReadOutcome::Ended),
            };
            if let Some(position) = &position {
                match history.find_or_wait(position.as_str(), ticket, cx.waker()) {
                    RingLookup::Found(number) => {
                        if self.has_found_none && history.is_end(number) {
                            history.set_log_closed_and_empty();
                        }
                        self.move_to(position.clone());
                        return Poll::Ready(ReadOutcome::InRing(number));
                    }
                    RingLookup::NotFound(HubEnd::At(end)) if end.is(position) => {
                        self.position = ReaderPosition::End;
                        continue;
                    }
                    RingLookup::NotFound(hub_end) => match (&hub_end, self.call().is_some()) {
                        // The follower is asking for the end, and wakes this task.
                        (HubEnd::PositionUnknown, _) => {
                            self.cancel_call();
                            return Poll::Pending;
                        }
                        // There may be a last page, but nothing to wait for.
                        (HubEnd::At(_), true) if self.is_waiting_for_news => {
                            self.cancel_call();
                            self.call_read(position.clone(), hub_end);
                        }
                        (_, true) => {}
                        (_, false) => self.call_read(position.clone(), hub_end),
                    },
                }
            }
            let Some(call) = self.call() else {
                // The ring has not begun. Beginning it wakes this task.
                if !history.has_begun_or_wait(ticket, cx.waker()) {
                    return Poll::Pending;
                }
                if history.origin().is_none() {
                    self.position = ReaderPosition::End;
                }
                continue;
            };
            let answer = ready!(call.as_mut().poll(cx));
            self.cancel_call();
            match (answer, position) {
                (Answer::Position(position), _) => self.position = ReaderPosition::At(position),
                (Answer::Page(answer), Some(position)) => {
                    // A page that was requested before the end was known may have events after the end.
                    if answer.hub_end == history.hub_end()
                        && let Some(outcome) = self.take_page(answer, position, history)
                    {
                        return Poll::Ready(outcome);
                    }
                }
                (Answer::News, _) => self.early_returns = self.early_returns.saturating_add(1),
                (Answer::Page(_), None) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes the page that was read after a position. `None` if it is empty: then the reader waits, or continues
    /// to read from another position.
    fn take_page(&mut self, answer: PageAnswer, position: EventId, history: &History) -> Option<ReadOutcome> {
        let end = match &answer.hub_end {
            HubEnd::At(end) => Some(end),
            HubEnd::NotEnding | HubEnd::PositionUnknown => None,
        };
        let page = answer.page;
        if let Some(PageGap { gap, resume }) = page.gap {
            self.position = if answer.passes_end { ReaderPosition::End } else { ReaderPosition::At(resume.clone()) };
            return Some(ReadOutcome::Gap(gap, resume));
        }
        let is_last = |id: &EventId| end.is_some_and(|end| end.is(id));
        let Some(slice) = EventSlice::of_page(&page.entries, is_last) else {
            if page.closed.is_some() {
                if self.has_found_none {
                    history.set_log_closed_and_empty();
                }
                if !history.is_closed() {
                    // Later subscriptions then know of the end without asking the log.
                    history.begin_ending(Some(position));
                }
                self.position = ReaderPosition::End;
                return Some(ReadOutcome::Ended);
            }
            match page.through {
                Some(through) if through != position => self.position = ReaderPosition::At(through),
                // Nothing is after this position, so it is the end, whichever id the end has.
                _ if end.is_some() => {
                    self.position = ReaderPosition::End;
                    return Some(ReadOutcome::Ended);
                }
                _ => self.call_wait(position),
            }
            return None;
        };
        self.early_returns = 0;
        self.has_found_none = false;
        let taken = slice.len();
        if taken < page.entries.len() {
            self.limit.set_taken(taken);
        } else {
            self.limit.adapt(&page.entries);
        }
        self.position = ReaderPosition::At(slice.end_position());
        Some(ReadOutcome::Slice(slice))
    }
}

/// The position before the newest `n` events, or the position of the subscription if that is earlier: events that this hub has
/// published since are received, however many they are.
async fn position_before_last(log: Arc<dyn ErasedLog>, history: Arc<History>, subscribed: HubMark, n: u64) -> Answer {
    let before_last = retry_until_ok(|| log.before_last(n)).await;
    if !history.has_appended_since(&subscribed) {
        return Answer::Position(before_last);
    }
    let Some(subscribed) = subscribed.head.or_else(|| history.origin()) else { return Answer::Position(before_last) };
    // Ids have no order, so this looks for the one after the other.
    let mut position = subscribed.clone();
    while position != before_last {
        let page = retry_until_ok(|| log.read_after(position.as_str(), MAX_PAGE)).await;
        if page.gap.is_some() || page.entries.iter().any(|entry| entry.id == before_last) {
            break;
        }
        let next = page.next_position(&position);
        if next == position {
            return Answer::Position(before_last);
        }
        position = next;
    }
    Answer::Position(subscribed)
}
