use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use super::{
    calls::{retry_until_ok, wait_for_news},
    page_limit::{MAX_PAGE, PageLimit},
    page_read::{PageAnswer, read_page},
    remote_log::RemoteLog,
    shared_reads::{PageReply, PageRequest, PageWait, SharedReads},
};
use crate::{
    event::{EventId, Gap},
    hub::{
        history::{EventSlice, History, HubEnd, HubMark, RingLookup},
        log::{ErasedLog, PageGap},
    },
    wake::Ticket,
};

/// Reads the log for one subscription whose position is not in the ring.
pub(in crate::hub) struct LogReader {
    position: ReaderPosition,
    /// The reads of the hub, while it takes pages.
    reading: Option<Box<Reading>>,
    /// The call of the log that is under way. Only the owner uses it; the lock makes it `Sync`.
    call: Mutex<Option<Box<Call>>>,
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

struct Reading {
    reads: Arc<SharedReads>,
    /// The number that the next read had when it first asked for the page after its position.
    asked: Option<u64>,
}

enum Call {
    Page(PageWait),
    Other(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

enum Answer {
    Position(EventId),
    Page(Arc<PageAnswer>),
    News,
    /// The read was interrupted.
    Interrupted,
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
    pub(in crate::hub) fn at(position: Option<EventId>) -> Self {
        Self::new(position.map_or(ReaderPosition::RingOrigin, ReaderPosition::At), None)
    }

    /// A reader before the newest `n` events.
    pub(in crate::hub) fn before_last(remote: &RemoteLog, history: &Arc<History>, n: u64) -> Self {
        let position = position_before_last(Arc::clone(&remote.log), Arc::clone(history), history.mark(), n);
        let call = Call::Other(Box::pin(position));
        Self { has_found_none: n > 0, ..Self::new(ReaderPosition::Requested, Some(call)) }
    }

    fn new(position: ReaderPosition, call: Option<Call>) -> Self {
        Self {
            position,
            reading: None,
            call: Mutex::new(call.map(Box::new)),
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
        self.reading = None;
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

    fn call(&mut self) -> &mut Option<Box<Call>> {
        self.call.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves to a position after a page or a gap.
    fn pass_page(&mut self, position: EventId) {
        self.position = ReaderPosition::At(position);
        if let Some(reading) = &mut self.reading {
            reading.asked = None;
        }
    }

    fn end(&mut self) {
        self.position = ReaderPosition::End;
        self.reading = None;
    }

    fn call_wait(&mut self, log: &Arc<dyn ErasedLog>, position: EventId) {
        let (log, early_returns) = (Arc::clone(log), self.early_returns);
        *self.call() = Some(Box::new(Call::Other(Box::pin(async move {
            wait_for_news(&*log, &position, early_returns).await;
            Answer::News
        }))));
        self.is_waiting_for_news = true;
        self.reading = None;
    }

    /// Requests the page after a position. If it is not known yet, the call is noted.
    fn request_page(
        &mut self,
        remote: &RemoteLog,
        history: &History,
        position: &EventId,
        hub_end: &HubEnd,
        cx: &mut Context<'_>,
    ) -> Option<PageReply> {
        let reading =
            self.reading.get_or_insert_with(|| Box::new(Reading { reads: remote.shared_reads(), asked: None }));
        let limit = self.limit;
        let read = |number| read_page(Arc::clone(&remote.log), position.clone(), limit, hub_end.clone(), number);
        let restarts = history.restarts();
        let request = PageRequest { position, hub_end, restarts, asked: &mut reading.asked };
        match reading.reads.request(request, read, cx) {
            PageReply::Waiting(wait) => {
                *self.call() = Some(Box::new(Call::Page(wait)));
                None
            }
            reply => Some(reply),
        }
    }

    pub(in crate::hub) fn poll(
        &mut self,
        remote: &RemoteLog,
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
            let mut reply = None;
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
                        self.end();
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
                            reply = self.request_page(remote, history, position, &hub_end, cx);
                        }
                        (_, true) => {}
                        (_, false) => reply = self.request_page(remote, history, position, &hub_end, cx),
                    },
                }
            }
            let answer = match (reply, self.call().as_deref_mut()) {
                (Some(PageReply::Events(slice, next_limit)), _) => {
                    return Poll::Ready(self.take_events(slice, next_limit));
                }
                (Some(PageReply::Answer(answer)), _) => Answer::Page(answer),
                (_, Some(Call::Page(wait))) => ready!(wait.as_mut().poll(cx)).map_or(Answer::Interrupted, Answer::Page),
                (_, Some(Call::Other(call))) => ready!(call.as_mut().poll(cx)),
                (_, None) => {
                    // The ring has not begun. Beginning it wakes this task.
                    if !history.has_begun_or_wait(ticket, cx.waker()) {
                        return Poll::Pending;
                    }
                    if history.origin().is_none() {
                        self.end();
                    }
                    continue;
                }
            };
            self.cancel_call();
            match (answer, position) {
                (Answer::Position(position), _) => self.position = ReaderPosition::At(position),
                (Answer::Page(answer), Some(position)) => {
                    if self.may_take(&answer, history)
                        && let Some(outcome) = self.take_page(&answer, position, remote, history)
                    {
                        return Poll::Ready(outcome);
                    }
                }
                (Answer::News, _) => self.early_returns = self.early_returns.saturating_add(1),
                (Answer::Page(_), None) | (Answer::Interrupted, _) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the answer of a read, which may have begun before this reader asked, is one for this reader.
    fn may_take(&self, answer: &PageAnswer, history: &History) -> bool {
        let asked = self.reading.as_ref().and_then(|reading| reading.asked);
        // A page that was requested before the end was known may have events after the end.
        answer.hub_end == history.hub_end()
            && (answer.slice.is_some() || asked.is_none_or(|asked| answer.number >= asked))
    }

    /// Takes the page that was read after a position. `None` if it is empty: then the reader waits, or continues
    /// to read from another position.
    fn take_page(
        &mut self,
        answer: &PageAnswer,
        position: EventId,
        remote: &RemoteLog,
        history: &History,
    ) -> Option<ReadOutcome> {
        if let Some(PageGap { gap, resume }) = &answer.gap {
            if answer.passes_end {
                self.end();
            } else {
                self.pass_page(resume.clone());
            }
            return Some(ReadOutcome::Gap(*gap, resume.clone()));
        }
        if let Some(slice) = &answer.slice {
            return Some(self.take_events(slice.clone(), answer.next_limit));
        }
        if answer.is_closed {
            if self.has_found_none {
                history.set_log_closed_and_empty();
            }
            if !history.is_closed() {
                // Later subscriptions then know of the end without asking the log.
                history.begin_ending(Some(position));
            }
            self.end();
            return Some(ReadOutcome::Ended);
        }
        match &answer.through {
            Some(through) if *through != position => self.pass_page(through.clone()),
            // Nothing is after this position, so it is the end, whichever id the end has.
            _ if matches!(answer.hub_end, HubEnd::At(_)) => {
                self.end();
                return Some(ReadOutcome::Ended);
            }
            _ => self.call_wait(&remote.log, position),
        }
        None
    }

    fn take_events(&mut self, slice: EventSlice, next_limit: PageLimit) -> ReadOutcome {
        self.early_returns = 0;
        self.has_found_none = false;
        self.limit = next_limit;
        self.pass_page(slice.end_position());
        ReadOutcome::Slice(slice)
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
