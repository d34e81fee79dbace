use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use tokio::task::yield_now;

use super::{
    calls::{CallFailure, gap_passes_end, pause_after, try_call, wait_for_news},
    page_limit::{MAX_PAGE, PageLimit, average_size},
};
use crate::{
    event::EventId,
    hub::{
        history::{ExtendOutcome, History, HubEnd},
        log::ErasedLog,
    },
};

/// Adds the events of the log to the ring, step by step.
pub(super) struct Follower {
    /// Where it reads on. `None` if it has to find out from the ring.
    position: Option<Box<EventId>>,
    /// How often the ring had been forgotten when it began.
    forgotten: u32,
    limit: PageLimit,
}

/// What a step has found.
pub(super) enum Step {
    /// There may be more.
    Moved,
    /// Nothing is after this position.
    CaughtUp(EventId),
    /// The hub has ended, and all of its events are in the ring.
    Over,
}

/// How many bytes of events a hub that begins reads into memory, if the events are as large as the oldest of them.
const PRELOAD_BYTES: usize = 4 << 20;

/// How many events the first page has at most.
const FIRST_PAGE: u16 = 16;

impl Default for Follower {
    fn default() -> Self {
        Self { position: None, forgotten: 0, limit: PageLimit::new(FIRST_PAGE) }
    }
}

impl Follower {
    /// Begins the ring at the head of the log.
    async fn begin(&mut self, log: &dyn ErasedLog, history: &History) -> Result<(), CallFailure> {
        if self.position.is_none() {
            let head = try_call(log.head()).await?;
            self.position = Some(Box::new(history.begin(head)));
        }
        Ok(())
    }

    /// Begins the ring with the newest events of the log, unless a publisher of this hub has begun it: clients that
    /// reconnect after a restart of the server then find their positions in memory.
    pub(super) async fn begin_with_newest(
        &mut self,
        log: &dyn ErasedLog,
        history: &History,
    ) -> Result<(), CallFailure> {
        let forgotten = history.forgotten();
        if self.position.is_some() && self.forgotten == forgotten {
            return Ok(());
        }
        self.forgotten = forgotten;
        if !history.has_begun() {
            self.preload(log, history).await?;
            history.finish_preload();
        }
        self.position = Some(Box::new(history.head_id()));
        Ok(())
    }

    /// Frees the position if it is the head of the ring, for a hub that has read everything.
    pub(super) fn free_position(&mut self, history: &History) {
        self.position.take_if(|position| **position == history.head_id());
    }

    async fn preload(&mut self, log: &dyn ErasedLog, history: &History) -> Result<(), CallFailure> {
        let mut count = history.max_events().min(MAX_PAGE);
        let mut position = try_call(log.before_last(count as u64)).await?;
        let mut is_first = history.begin_preload(position.clone());
        let (mut taken, mut is_sized) = (0, false);
        // Events that are published meanwhile are read like all others. A log that returns gap after gap is left as well.
        for _ in 0..=MAX_PAGE {
            if !is_first || taken >= count {
                break;
            }
            let limit = self.limit.get().min(count - taken);
            let page = try_call(log.read_after(position.as_str(), limit)).await?;
            let size = average_size(&page.entries);
            if let Some(fitting) = size.map(|size| PRELOAD_BYTES / size.max(1)).filter(|fit| !is_sized && *fit < count)
            {
                // Large events: begin nearer to the head.
                count = fitting.max(1);
                position = try_call(log.before_last(count as u64)).await?;
                is_first = history.begin_preload(position.clone());
                self.limit.adapt(&page.entries);
                is_sized = true;
                continue;
            }
            is_sized |= size.is_some();
            if let Some(gap) = &page.gap {
                is_first = history.begin_preload(gap.resume.clone());
            }
            let next = page.next_position(&position);
            if page.gap.is_none() && next == position {
                break;
            }
            position = next;
            taken += page.entries.len();
            is_first = is_first && history.preload(&page.entries);
            self.limit.adapt(&page.entries);
        }
        Ok(())
    }

    /// Reads a page, up to the event `up_to` if it is known to be the newest.
    pub(super) async fn step(
        &mut self,
        log: &dyn ErasedLog,
        history: &History,
        up_to: Option<&EventId>,
    ) -> Result<Step, CallFailure> {
        let Some(position) = &mut self.position else { return Ok(Step::Moved) };
        if history.is_over() {
            return Ok(Step::Over);
        }
        let hub_end = history.hub_end();
        if hub_end == HubEnd::PositionUnknown {
            history.set_end_position(try_call(log.head()).await?);
            return Ok(Step::Moved);
        }
        let limit = self.limit.get();
        let page = try_call(log.read_after(position.as_str(), limit)).await?;
        self.limit.adapt(&page.entries);
        if let Some(gap) = &page.gap {
            let passes_end = match &hub_end {
                HubEnd::At(end) => gap_passes_end(log, end).await?,
                HubEnd::NotEnding | HubEnd::PositionUnknown => false,
            };
            **position = gap.resume.clone();
            if !history.rebase(position, self.forgotten) {
                return Ok(Step::Moved);
            }
            if passes_end {
                history.close_at_head();
                return Ok(Step::Over);
            }
        }
        let next = page.next_position(position);
        let has_moved = page.gap.is_some() || next != **position;
        match history.extend(&page.entries, self.forgotten) {
            ExtendOutcome::All if page.closed.is_some() => {
                history.close_with_log();
                return Ok(Step::Over);
            }
            ExtendOutcome::All => **position = next,
            ExtendOutcome::EndUnknown | ExtendOutcome::Closed | ExtendOutcome::Forgotten => return Ok(Step::Moved),
        }
        if matches!(hub_end, HubEnd::At(_)) && !has_moved {
            // Nothing is after this position, so it is the end, whichever id the end has.
            history.close_at_head();
            return Ok(Step::Over);
        }
        let is_newest = hub_end == HubEnd::NotEnding && up_to.is_some_and(|id| *id == **position);
        Ok(if has_moved && !is_newest { Step::Moved } else { Step::CaughtUp(EventId::clone(position)) })
    }
}

/// Follows a log until the hub has ended.
pub(super) async fn follow(log: &dyn ErasedLog, history: &History) {
    let mut follower = Follower::default();
    let (mut early_returns, mut failures) = (0, 0);
    loop {
        let step = match follower.begin(log, history).await {
            Ok(()) => follower.step(log, history, None).await,
            Err(failure) => Err(failure),
        };
        match step {
            Err(failure) => {
                pause_after(&failure, &mut failures).await;
                continue;
            }
            Ok(Step::Over) => return,
            Ok(Step::Moved) => early_returns = 0,
            Ok(Step::CaughtUp(position)) => {
                let may_have_news = wait_for_news_or_end(log, &position, early_returns, history).await;
                early_returns = if may_have_news { early_returns.saturating_add(1) } else { 0 };
            }
        }
        failures = 0;
        // A log whose answers are always ready must not occupy a thread.
        yield_now().await;
    }
}

/// Waits until there may be new events, or until the hub is ending. True if there may be new events.
async fn wait_for_news_or_end(log: &dyn ErasedLog, position: &EventId, early_returns: u32, history: &History) -> bool {
    let (mut news, mut end) = (pin!(wait_for_news(log, position, early_returns)), pin!(history.wait_until_ending()));
    poll_fn(|cx| match end.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(false),
        Poll::Pending => news.as_mut().poll(cx).map(|()| true),
    })
    .await
}
