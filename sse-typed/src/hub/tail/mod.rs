//! Following a log that is elsewhere: one task for each hub, which brings what is new into the ring, and a reader for each
//! subscription whose place is not in the ring.
//!
//! A reader takes pages from the log until it comes to a place that is in the ring, and goes on there: the ring's events
//! follow each of its places in the log's order, so the seam has neither hole nor duplicate. Only the log tells of gaps.
//!
//! Where a hub ends, and how that is found out, is said in [`following`](super::following).

mod asking;
mod pages;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use tokio::{
    runtime::Handle,
    task::{AbortHandle, yield_now},
};

pub(super) use self::asking::patiently;
use self::asking::{is_kept, news};
pub(super) use self::pages::{Pages, Turned};
use super::{
    following::{Ending, LastPlace, Taken},
    log::Erased,
    shared::Shared,
};
use crate::event::EventId;

/// How many events are read at a time.
const PAGE: usize = 256;

/// A log that is not in this process's memory.
pub(super) struct Remote {
    pub(super) log: Arc<dyn Erased>,
    is_followed: Arc<AtomicBool>,
    task: Mutex<Option<AbortHandle>>,
}

impl Remote {
    pub(super) fn new(log: Arc<dyn Erased>) -> Self {
        Self { log, is_followed: Arc::default(), task: Mutex::default() }
    }

    /// Sees to it that the log is followed. False if there is no runtime here to do it.
    pub(super) fn follow(&self, shared: &Arc<Shared>) -> bool {
        if self.is_followed.load(Ordering::Acquire) || shared.is_over() {
            return true;
        }
        let Ok(runtime) = Handle::try_current() else { return false };
        if !self.is_followed.swap(true, Ordering::AcqRel) {
            let log = Arc::clone(&self.log);
            let followed = Followed { flag: Arc::clone(&self.is_followed), shared: Arc::clone(shared) };
            let task = runtime.spawn(async move { follow(&*log, &followed.shared).await });
            *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
        }
        true
    }
}

/// Nobody publishes here any more, and nobody is subscribed.
impl Drop for Remote {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

/// Held by the task. When that is dropped with its runtime, another may take over: all who wait look for one.
struct Followed {
    flag: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.flag.store(false, Ordering::Release);
        self.shared.stir();
    }
}

/// Brings what the log has into the ring, until the hub has ended.
async fn follow(log: &dyn Erased, shared: &Shared) {
    let mut place = shared.begin(patiently(|| log.head()).await);
    let mut in_vain = 0;
    while !shared.is_over() {
        let ending = shared.ending();
        if ending == Ending::Somewhere {
            shared.end_before(patiently(|| log.head()).await);
            continue;
        }
        let page = patiently(|| log.read_after(place.as_str(), PAGE)).await;
        if let Some(gap) = &page.gap {
            let is_beyond = match &ending {
                Ending::At(end) => is_beyond(log, end).await,
                Ending::No | Ending::Somewhere => false,
            };
            place = gap.resume.clone();
            shared.rebase(&place);
            if is_beyond {
                return shared.end_here();
            }
        }
        let next = page.next_place(&place);
        let has_moved = page.gap.is_some() || next != place;
        match shared.extend(&page.entries) {
            Taken::All if page.closed.is_some() => return shared.log_ended_here(),
            Taken::All => place = next,
            Taken::Nothing | Taken::Closed => continue,
        }
        if has_moved {
            in_vain = 0;
            // A log whose answers are always ready must not keep a thread for itself.
            yield_now().await;
        } else if matches!(ending, Ending::At(_)) {
            // Whatever the end is called.
            shared.end_here();
        } else {
            in_vain = if news_or_end(log, &place, in_vain, shared).await { in_vain.saturating_add(1) } else { 0 };
            yield_now().await;
        }
    }
}

/// Waits for news, or until the hub ends. True if there may be news.
async fn news_or_end(log: &dyn Erased, place: &EventId, in_vain: u32, shared: &Shared) -> bool {
    let (mut news, mut end) = (pin!(news(log, place, in_vain)), pin!(shared.ends()));
    poll_fn(|cx| match end.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(false),
        Poll::Pending => news.as_mut().poll(cx).map(|()| true),
    })
    .await
}

/// Whether a gap that was read after the end was known has led behind it.
async fn is_beyond(log: &dyn Erased, end: &LastPlace) -> bool {
    match end.get() {
        Some(head) => !is_kept(log, head).await,
        None => false,
    }
}
