use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use super::{
    PAGE,
    asking::{news, patiently},
    is_beyond,
};
use crate::{
    event::{EventId, Gap},
    hub::{
        following::{Ending, Sought},
        log::{Erased, Page, PageGap},
        ring::Run,
        shared::Shared,
    },
    wake::Ticket,
};

/// A subscription's reading of the log, where it is not in the ring.
pub(in crate::hub) struct Pages {
    log: Arc<dyn Erased>,
    /// The place it has come to.
    place: Reached,
    /// Only ever used by its owner; the lock makes it `Sync`.
    work: Mutex<Option<Work>>,
    waits_for_news: bool,
    /// How often news were none.
    in_vain: u32,
    /// How many events to ask for: as many as are taken from a page.
    limit: usize,
    /// It reads from before the newest events, and has found none of them yet.
    has_found_none: bool,
}

enum Reached {
    /// Where the ring has begun.
    Origin,
    Place(EventId),
    /// It is being asked for.
    Sought,
    /// The end of the hub.
    End,
}

type Work = Pin<Box<dyn Future<Output = Step> + Send>>;

enum Step {
    At(EventId),
    Read(PageRead),
    News,
}

struct PageRead {
    page: Page,
    /// What was known of the end of the hub when it was asked for.
    ending: Ending,
    /// There is a gap, and it leads behind the end.
    is_beyond: bool,
}

/// What a reading comes to.
pub(in crate::hub) enum Turned {
    /// On in the ring, from this place.
    Ring(u64),
    Run(Run),
    Gap(Gap, EventId),
    Closed,
}

/// How many events are asked for at first. Most are small, then it is soon more.
const FIRST_PAGE: usize = 32;

/// How many steps are made before others have their turn.
const TURNS: usize = 64;

impl Pages {
    /// At a place.
    pub(in crate::hub) fn at(log: Arc<dyn Erased>, place: Option<EventId>) -> Self {
        Self::new(log, place.map_or(Reached::Origin, Reached::Place), None)
    }

    /// Before the newest `n` events.
    pub(in crate::hub) fn before_last(log: Arc<dyn Erased>, n: u64) -> Self {
        let asked = Arc::clone(&log);
        let work: Work = Box::pin(async move { Step::At(patiently(|| asked.before_last(n)).await) });
        Self { has_found_none: n > 0, ..Self::new(log, Reached::Sought, Some(work)) }
    }

    fn new(log: Arc<dyn Erased>, place: Reached, work: Option<Work>) -> Self {
        Self {
            log,
            place,
            work: Mutex::new(work),
            waits_for_news: false,
            in_vain: 0,
            limit: FIRST_PAGE,
            has_found_none: false,
        }
    }

    /// The subscription has come to this place by other ways.
    pub(in crate::hub) fn move_to(&mut self, place: EventId) {
        self.place = Reached::Place(place);
        self.stop();
    }

    /// The place it has come to, if that is known.
    pub(in crate::hub) fn place(&self, shared: &Shared) -> Option<EventId> {
        match &self.place {
            Reached::Origin => shared.origin(),
            Reached::Place(place) => Some(place.clone()),
            Reached::Sought | Reached::End => None,
        }
    }

    /// Whether it has all there was.
    pub(in crate::hub) const fn waits_for_news(&self) -> bool {
        self.waits_for_news
    }

    fn stop(&mut self) {
        *self.work() = None;
        self.waits_for_news = false;
    }

    fn work(&mut self) -> &mut Option<Work> {
        self.work.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&mut self, place: EventId, ending: Ending) {
        let (log, limit) = (Arc::clone(&self.log), self.limit);
        *self.work() = Some(Box::pin(async move {
            let page = patiently(|| log.read_after(place.as_str(), limit)).await;
            let is_beyond = match &ending {
                Ending::At(end) if page.gap.is_some() => is_beyond(&*log, end).await,
                _ => false,
            };
            Step::Read(PageRead { page, ending, is_beyond })
        }));
    }

    fn wait(&mut self, place: EventId) {
        let (log, in_vain) = (Arc::clone(&self.log), self.in_vain);
        *self.work() = Some(Box::pin(async move {
            news(&*log, &place, in_vain).await;
            Step::News
        }));
        self.waits_for_news = true;
    }

    pub(in crate::hub) fn poll(&mut self, shared: &Shared, ticket: &mut Ticket, cx: &mut Context<'_>) -> Poll<Turned> {
        for _ in 0..TURNS {
            let place = match &self.place {
                Reached::Origin => shared.origin(),
                Reached::Place(place) => Some(place.clone()),
                Reached::Sought => None,
                Reached::End => return Poll::Ready(Turned::Closed),
            };
            if let Some(place) = &place {
                match shared.seek(place.as_str(), ticket, cx.waker()) {
                    Sought::Place(number) => {
                        if self.has_found_none && shared.is_end(number) {
                            shared.note_nothing_kept();
                        }
                        self.move_to(place.clone());
                        return Poll::Ready(Turned::Ring(number));
                    }
                    Sought::Outside(Ending::At(end)) if end.is(place) => {
                        self.place = Reached::End;
                        continue;
                    }
                    Sought::Outside(ending) => match (&ending, self.work().is_some()) {
                        // Whoever finds out where wakes us.
                        (Ending::Somewhere, _) => {
                            self.stop();
                            return Poll::Pending;
                        }
                        // There may be a last page, but no more news.
                        (Ending::At(_), true) if self.waits_for_news => self.read_anew(place.clone(), ending),
                        (_, true) => {}
                        (_, false) => self.read(place.clone(), ending),
                    },
                }
            }
            let Some(work) = self.work() else {
                // The ring has not begun: whoever begins it wakes us.
                if !shared.await_begin(ticket, cx.waker()) {
                    return Poll::Pending;
                }
                if shared.origin().is_none() {
                    self.place = Reached::End;
                }
                continue;
            };
            let step = ready!(work.as_mut().poll(cx));
            self.stop();
            match (step, place) {
                (Step::At(place), _) => self.place = Reached::Place(place),
                (Step::Read(read), Some(place)) => {
                    // What is behind the end is not known of a page that was asked for before.
                    if read.ending == shared.ending()
                        && let Some(turned) = self.turn(read, place, shared)
                    {
                        return Poll::Ready(turned);
                    }
                }
                (Step::News, _) => self.in_vain = self.in_vain.saturating_add(1),
                (Step::Read(_), None) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn read_anew(&mut self, place: EventId, ending: Ending) {
        self.stop();
        self.read(place, ending);
    }

    /// What was read behind a place. None with nothing there, which is waited for or read on from.
    fn turn(&mut self, read: PageRead, place: EventId, shared: &Shared) -> Option<Turned> {
        let end = match &read.ending {
            Ending::At(end) => Some(end),
            Ending::No | Ending::Somewhere => None,
        };
        let page = read.page;
        if let Some(PageGap { gap, resume }) = page.gap {
            self.place = if read.is_beyond { Reached::End } else { Reached::Place(resume.clone()) };
            return Some(Turned::Gap(gap, resume));
        }
        let Some(run) = Run::apart(&page.entries, |place| end.is_some_and(|end| end.is(place))) else {
            if page.closed.is_some() {
                if self.has_found_none {
                    shared.note_nothing_kept();
                }
                if !shared.is_closed() {
                    // Whoever comes next knows it without a look.
                    shared.end(Some(place));
                }
                self.place = Reached::End;
                return Some(Turned::Closed);
            }
            match page.through {
                Some(through) if through != place => self.place = Reached::Place(through),
                // Whatever the end is called.
                _ if end.is_some() => {
                    self.place = Reached::End;
                    return Some(Turned::Closed);
                }
                _ => self.wait(place),
            }
            return None;
        };
        self.in_vain = 0;
        self.has_found_none = false;
        let taken = run.len();
        self.limit = if taken < page.entries.len() { taken } else { (self.limit * 2).min(PAGE) };
        self.place = Reached::Place(run.place());
        Some(Turned::Run(run))
    }
}
