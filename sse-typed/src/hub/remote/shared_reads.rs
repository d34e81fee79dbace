//! Reads of the log that the subscriptions of a hub share.
//!
//! When many clients reconnect at once, most of them resume from the same position. The first of their subscriptions
//! begins a read, and the others wait for its answer. Pages are kept for a moment, for subscriptions that come later.
//!
//! - A subscription that asks while a read is under way shares the events that the read finds. Any other answer (a gap,
//!   the end, no event yet) may have changed since the read began, so the subscription asks again.
//! - A read that is not answered at once has a task of its own: no subscription depends on the polls of another. The
//!   task ends when no subscription waits for it.
//! - The subscriptions that read from the log own this state. It is dropped with the last of them.

use std::{
    collections::{HashMap, VecDeque},
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    page_limit::PageLimit,
    page_read::{PageAnswer, PageRead},
};
use crate::{
    event::EventId,
    hub::history::{EventSlice, HubEnd},
    wake::runtime_with_timer,
};

/// How long a page is kept.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// How many bytes of pages are kept.
const KEPT_BYTES: usize = 1 << 20;

/// The reads of the log of a hub. No future is polled and no page is dropped under the lock.
#[derive(Default)]
pub(super) struct SharedReads(Mutex<State>);

#[derive(Default)]
struct State {
    /// The number of the next read.
    next_number: u64,
    /// What was known about the end of the hub before these reads.
    hub_end: HubEnd,
    /// How often the ring had been restarted.
    restarts: u64,
    /// The reads that have no answer yet, by their positions.
    running: HashMap<EventId, Running>,
    kept: KeptPages,
    /// Whether a task removes the pages that have expired.
    is_expiring: bool,
}

struct Running {
    number: u64,
    answer: watch::Sender<Option<Arc<PageAnswer>>>,
}

/// Pages with events, the oldest first.
#[derive(Default)]
struct KeptPages {
    pages: VecDeque<KeptPage>,
    bytes: usize,
}

struct KeptPage {
    /// The position after which it was read.
    after: EventId,
    slice: EventSlice,
    next_limit: PageLimit,
    read_at: Instant,
}

/// What a subscription asks for.
pub(super) struct PageRequest<'a> {
    pub(super) position: &'a EventId,
    /// What is known about the end of the hub.
    pub(super) hub_end: &'a HubEnd,
    /// How often the ring was restarted. After a gap, which may be the removal of the key, no page from before it is used.
    pub(super) restarts: u64,
    /// The number that the next read had when the subscription first asked for this page. The first request sets it.
    pub(super) asked: &'a mut Option<u64>,
}

/// The reply to a [`PageRequest`].
pub(super) enum PageReply {
    /// These events follow the position. This is the limit for the next read.
    Events(EventSlice, PageLimit),
    Answer(Arc<PageAnswer>),
    Waiting(PageWait),
}

/// Waits for the answer of a read. `None` if the read was interrupted: then ask again.
pub(super) type PageWait = Pin<Box<dyn Future<Output = Option<Arc<PageAnswer>>> + Send>>;

impl SharedReads {
    /// Requests the page after a position. `read` makes a read with a number, if there is none to share.
    pub(super) fn request(
        self: &Arc<Self>,
        request: PageRequest<'_>,
        read: impl FnOnce(u64) -> PageRead,
        cx: &mut Context<'_>,
    ) -> PageReply {
        let PageRequest { position, hub_end, restarts, asked } = request;
        // Dropped after the unlock.
        let (_removed, _expired);
        let mut locked = self.lock();
        let state = &mut *locked;
        if state.hub_end != *hub_end || state.restarts != restarts {
            (state.hub_end, state.restarts) = (hub_end.clone(), restarts);
            _removed = (mem::take(&mut state.kept), mem::take(&mut state.running));
        }
        _expired = state.kept.remove_expired(Instant::now());
        asked.get_or_insert(state.next_number);
        if let Some((slice, next_limit)) = state.kept.find(position) {
            return PageReply::Events(slice, next_limit);
        }
        if let Some(running) = state.running.get(position) {
            return PageReply::Waiting(wait_for_answer(running.answer.subscribe()));
        }
        let number = state.next_number;
        state.next_number += 1;
        let answer = watch::Sender::new(None);
        state.running.insert(position.clone(), Running { number, answer: answer.clone() });
        drop(locked);
        let mut read = read(number);
        let receiver = answer.subscribe();
        let run = ReadRun { reads: Arc::downgrade(self), position: position.clone(), number, answer };
        if let Poll::Ready(answer) = read.as_mut().poll(cx) {
            return PageReply::Answer(run.finish(answer));
        }
        let Ok(runtime) = Handle::try_current() else {
            // Only this subscription polls the read, so no other may wait for it.
            drop(run);
            return PageReply::Waiting(Box::pin(async move { Some(Arc::new(read.await)) }));
        };
        runtime.spawn(run.drive(read));
        PageReply::Waiting(wait_for_answer(receiver))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait_for_answer(mut receiver: watch::Receiver<Option<Arc<PageAnswer>>>) -> PageWait {
    Box::pin(async move { receiver.wait_for(Option::is_some).await.ok()?.clone() })
}

impl KeptPages {
    /// The events after a position, if a page has them.
    fn find(&self, position: &EventId) -> Option<(EventSlice, PageLimit)> {
        let newest_first = || self.pages.iter().rev();
        let whole = newest_first().find(|page| page.after == *position).map(|page| (page.slice.clone(), page));
        let found = whole.or_else(|| newest_first().find_map(|page| Some((page.slice.after(position)?, page))));
        found.map(|(slice, page)| (slice, page.next_limit))
    }

    /// Adds a page. Returns those that are removed for it.
    fn add(&mut self, page: KeptPage) -> Vec<KeptPage> {
        self.bytes += page.bytes();
        self.pages.push_back(page);
        let mut removed = Vec::new();
        while self.bytes > KEPT_BYTES {
            removed.extend(self.remove_oldest());
        }
        removed
    }

    fn remove_expired(&mut self, now: Instant) -> Vec<KeptPage> {
        let mut removed = Vec::new();
        while self.pages.front().is_some_and(|page| now.duration_since(page.read_at) >= KEPT_FOR) {
            removed.extend(self.remove_oldest());
        }
        removed
    }

    fn remove_oldest(&mut self) -> Option<KeptPage> {
        let oldest = self.pages.pop_front();
        self.bytes -= oldest.as_ref().map_or(self.bytes, KeptPage::bytes);
        oldest
    }
}

impl KeptPage {
    fn bytes(&self) -> usize {
        self.slice.bytes().len() + self.slice.len() * size_of::<EventId>()
    }
}

/// A read that runs. If it is dropped before its answer, the subscriptions that wait for it ask again.
struct ReadRun {
    reads: Weak<SharedReads>,
    position: EventId,
    number: u64,
    answer: watch::Sender<Option<Arc<PageAnswer>>>,
}

impl ReadRun {
    /// Runs the read, for as long as a subscription waits for it.
    async fn drive(self, mut read: PageRead) {
        let answer = {
            let mut unused = pin!(self.answer.closed());
            poll_fn(|cx| match unused.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => read.as_mut().poll(cx).map(Some),
            })
            .await
        };
        if let Some(answer) = answer {
            self.finish(answer);
        }
    }

    fn finish(self, answer: PageAnswer) -> Arc<PageAnswer> {
        let answer = Arc::new(answer);
        if let Some(reads) = self.reads.upgrade() {
            // A single subscription would never ask for the page again.
            let is_shared = Arc::strong_count(&reads) > 2;
            // Dropped after the unlock.
            let (mut _removed, mut expiry) = (Vec::new(), None);
            let mut state = reads.lock();
            if state.remove_running(&self.position, self.number).is_some()
                && is_shared
                && let Some(slice) = answer.slice.clone()
            {
                let (after, next_limit) = (self.position.clone(), answer.next_limit);
                _removed = state.kept.add(KeptPage { after, slice, next_limit, read_at: Instant::now() });
                if !state.kept.pages.is_empty() && !mem::replace(&mut state.is_expiring, true) {
                    expiry = Some(Expiry { reads: Weak::clone(&self.reads), is_over: false });
                }
            }
            drop(state);
            if let Some(expiry) = expiry
                && let Some(runtime) = runtime_with_timer()
            {
                runtime.spawn(expiry.run());
            }
        }
        self.answer.send_replace(Some(Arc::clone(&answer)));
        answer
    }
}

/// Removes the pages that have expired, until there are none: a subscription whose client is slow may not ask for long.
struct Expiry {
    reads: Weak<SharedReads>,
    is_over: bool,
}

impl Expiry {
    async fn run(mut self) {
        while let Some(next) = self.remove_expired() {
            sleep_until(next).await;
        }
    }

    /// Returns when the next page expires.
    fn remove_expired(&mut self) -> Option<Instant> {
        let reads = self.reads.upgrade()?;
        // Dropped after the unlock.
        let _expired;
        let mut state = reads.lock();
        _expired = state.kept.remove_expired(Instant::now());
        let next = state.kept.pages.front().map(|page| page.read_at + KEPT_FOR);
        if next.is_none() {
            // Within the lock: a page that is added after this needs another task.
            state.is_expiring = false;
            self.is_over = true;
        }
        next
    }
}

impl Drop for Expiry {
    fn drop(&mut self) {
        if !self.is_over
            && let Some(reads) = self.reads.upgrade()
        {
            reads.lock().is_expiring = false;
        }
    }
}

impl State {
    /// Removes a read, if it is still known.
    fn remove_running(&mut self, position: &EventId, number: u64) -> Option<Running> {
        let is_known = self.running.get(position).is_some_and(|running| running.number == number);
        if is_known { self.running.remove(position) } else { None }
    }
}

impl Drop for ReadRun {
    fn drop(&mut self) {
        let Some(reads) = self.reads.upgrade() else { return };
        let running = reads.lock().remove_running(&self.position, self.number);
        drop(running);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::time::sleep;

    use super::*;
    use crate::hub::log::{Block, LogEntry};

    /// Requests the page after a position. It has one event of this many bytes.
    fn request(reads: &Arc<SharedReads>, after: u32, bytes: usize) {
        let block = Block::new(format!("data: {}\n\n", "x".repeat(bytes)), false).unwrap();
        let slice = EventSlice::of_page(&[LogEntry::new(EventId::from(after + 1), block)], |_| false);
        let read = |number| -> PageRead {
            Box::pin(async move {
                PageAnswer {
                    number,
                    hub_end: HubEnd::NotEnding,
                    slice,
                    gap: None,
                    passes_end: false,
                    is_closed: false,
                    through: None,
                    next_limit: PageLimit::new(1),
                }
            })
        };
        let position = EventId::from(after);
        let (hub_end, mut asked) = (HubEnd::NotEnding, None);
        let request = PageRequest { position: &position, hub_end: &hub_end, restarts: 0, asked: &mut asked };
        reads.request(request, read, &mut Context::from_waker(Waker::noop()));
    }

    #[tokio::test(start_paused = true)]
    async fn pages_are_removed_after_a_second_although_no_subscription_asks() {
        let reads = Arc::new(SharedReads::default());
        let _other_subscription = (Arc::clone(&reads), Arc::clone(&reads));
        let kept = || reads.lock().kept.pages.len();
        for _ in 0..2 {
            request(&reads, 1, 10);
            sleep(Duration::from_millis(600)).await;
            request(&reads, 7, 10);
            assert_eq!(kept(), 2);
            sleep(Duration::from_millis(401)).await;
            assert_eq!(kept(), 1);
            sleep(Duration::from_millis(600)).await;
            assert_eq!((kept(), reads.lock().kept.bytes), (0, 0));
            // One that is larger than all that may be kept.
            request(&reads, 1, 2 * KEPT_BYTES);
            assert_eq!((kept(), reads.lock().kept.bytes), (0, 0));
        }
        sleep(Duration::from_secs(2)).await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    }

    #[test]
    fn pages_that_are_kept_when_a_runtime_ends_are_removed_by_the_next_request() {
        let runtime =
            || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let reads = Arc::new(SharedReads::default());
        let _other_subscription = (Arc::clone(&reads), Arc::clone(&reads));
        // Without a runtime, with one, and with another.
        request(&reads, 1, 10);
        assert!(!reads.lock().is_expiring);
        runtime().block_on(async { request(&reads, 3, 10) });
        assert!(!reads.lock().is_expiring);
        runtime().block_on(async {
            request(&reads, 5, 10);
            sleep(Duration::from_secs(2)).await;
        });
        assert_eq!(reads.lock().kept.pages.len(), 0);
    }
}
