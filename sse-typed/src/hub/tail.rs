//! Following a log that is elsewhere: one task for each hub, which brings what is new into the ring, and a reader for each
//! subscription whose place is not in the ring.
//!
//! A reader takes pages from the log until it comes to a place that is in the ring, and goes on there: the ring's events
//! follow each of its places in the log's order, so the seam has neither hole nor duplicate. Only the log tells of gaps.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{runtime::Handle, task::AbortHandle, time::sleep};

use super::{
    log::{AnyLogError, Erased, Page, PageGap},
    ring::Run,
    shared::{Shared, Sought},
    trace,
    waiters::Ticket,
};
use crate::event::{EventId, Gap};

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
        if self.is_followed.load(Ordering::Relaxed) || shared.is_over() {
            return true;
        }
        let Ok(runtime) = Handle::try_current() else { return false };
        if !self.is_followed.swap(true, Ordering::Relaxed) {
            let (log, ring) = (Arc::clone(&self.log), Arc::clone(shared));
            // When the task is dropped with its runtime, another may take over.
            let followed = Followed(Arc::clone(&self.is_followed));
            let task = runtime.spawn(async move {
                let _followed = followed;
                follow(&*log, &ring).await;
            });
            *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
            // Whoever has closed it meanwhile may not have seen the task.
            if shared.is_over() {
                self.stop();
            }
        }
        true
    }

    pub(super) fn is_followed(&self) -> bool {
        self.is_followed.load(Ordering::Relaxed)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Remote {
    /// Nobody publishes here any more.
    pub(super) fn stop(&self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

struct Followed(Arc<AtomicBool>);

impl Drop for Followed {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Brings what the log has into the ring, for ever.
async fn follow(log: &dyn Erased, shared: &Shared) {
    let mut place = shared.begin(patiently(|| log.head()).await);
    loop {
        let page = patiently(|| log.read_after(place.as_str(), PAGE)).await;
        if let Some(PageGap { resume, .. }) = page.gap {
            shared.rebase(resume.clone());
            place = resume;
        }
        match page.entries.last() {
            Some(entry) => {
                place = entry.id.clone();
                shared.extend(page.entries);
            }
            None => patiently(|| log.wait_after(&place)).await,
        }
    }
}

/// Asks until there is an answer.
async fn patiently<'a, T>(
    ask: impl Fn() -> Pin<Box<dyn Future<Output = Result<T, AnyLogError>> + Send + 'a>> + Send,
) -> T {
    let mut pause = Duration::from_millis(100);
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => {
                trace::log_failed(&error, pause);
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
        }
    }
}

/// A subscription's reading of the log, where it is not in the ring.
pub(super) struct Pages {
    log: Arc<dyn Erased>,
    /// The place it has come to.
    place: Reached,
    /// Only ever used by its owner; the lock makes it `Sync`.
    work: Mutex<Option<Work>>,
    waits_for_news: bool,
}

enum Reached {
    /// Where the ring has begun.
    Origin,
    Place(EventId),
    /// It is being asked for.
    Sought,
}

type Work = Pin<Box<dyn Future<Output = Step> + Send>>;

enum Step {
    At(EventId),
    Read(Page),
    News,
}

/// What a reading comes to.
pub(super) enum Turned {
    /// On in the ring, from this place.
    Ring(u64),
    Run(Run),
    Gap(Gap, EventId),
    Closed,
}

impl Pages {
    /// At a place.
    pub(super) fn at(log: Arc<dyn Erased>, place: Option<EventId>) -> Self {
        let place = place.map_or(Reached::Origin, Reached::Place);
        Self { log, place, work: Mutex::new(None), waits_for_news: false }
    }

    /// Before the newest `n` events.
    pub(super) fn before_last(log: Arc<dyn Erased>, n: u64) -> Self {
        let asked = Arc::clone(&log);
        let work: Work = Box::pin(async move { Step::At(patiently(|| asked.before_last(n)).await) });
        Self { log, place: Reached::Sought, work: Mutex::new(Some(work)), waits_for_news: false }
    }

    /// The subscription has come to this place by other ways.
    pub(super) fn move_to(&mut self, place: EventId) {
        self.place = Reached::Place(place);
        self.stop();
    }

    fn stop(&mut self) {
        *self.work() = None;
        self.waits_for_news = false;
    }

    fn work(&mut self) -> &mut Option<Work> {
        self.work.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, place: EventId) -> Work {
        let log = Arc::clone(&self.log);
        Box::pin(async move { Step::Read(patiently(|| log.read_after(place.as_str(), PAGE)).await) })
    }

    fn wait(&self, place: EventId) -> Work {
        let log = Arc::clone(&self.log);
        Box::pin(async move {
            patiently(|| log.wait_after(&place)).await;
            Step::News
        })
    }

    pub(super) fn poll(&mut self, shared: &Shared, ticket: &mut Ticket, cx: &mut Context<'_>) -> Poll<Turned> {
        loop {
            let place = match &self.place {
                Reached::Origin => shared.origin(),
                Reached::Place(place) => Some(place.clone()),
                Reached::Sought => None,
            };
            if let Some(place) = &place {
                match shared.seek(place.as_str(), ticket, cx.waker()) {
                    Sought::Place(number) => {
                        self.move_to(place.clone());
                        return Poll::Ready(Turned::Ring(number));
                    }
                    // There may be a last page, but no more news.
                    Sought::Closed if self.waits_for_news => self.stop(),
                    Sought::Closed | Sought::Waiting => {}
                }
            }
            let Some(work) = self.work() else {
                let Some(place) = place else {
                    // The ring has not begun: whoever begins it wakes us.
                    if !shared.await_begin(ticket, cx.waker()) {
                        return Poll::Pending;
                    }
                    if shared.origin().is_none() {
                        return Poll::Ready(Turned::Closed);
                    }
                    continue;
                };
                let read = self.read(place);
                *self.work() = Some(read);
                continue;
            };
            let step = ready!(work.as_mut().poll(cx));
            self.stop();
            match step {
                Step::At(place) => self.place = Reached::Place(place),
                Step::News => {}
                Step::Read(page) => {
                    if let Some(PageGap { gap, resume }) = page.gap {
                        self.place = Reached::Place(resume.clone());
                        return Poll::Ready(Turned::Gap(gap, resume));
                    }
                    if let Some(run) = Run::apart(&page.entries) {
                        self.place = Reached::Place(run.place());
                        return Poll::Ready(Turned::Run(run));
                    }
                    let Some(place) = place else { continue };
                    match shared.seek(place.as_str(), ticket, cx.waker()) {
                        Sought::Closed => return Poll::Ready(Turned::Closed),
                        Sought::Place(_) => {}
                        Sought::Waiting => {
                            let wait = self.wait(place);
                            *self.work() = Some(wait);
                            self.waits_for_news = true;
                        }
                    }
                }
            }
        }
    }
}
