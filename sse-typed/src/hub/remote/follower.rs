use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use tokio::task::yield_now;

use super::calls::{MAX_PAGE, gap_passes_end, retry_until_ok, wait_for_news};
use crate::{
    event::EventId,
    hub::{
        history::{ExtendOutcome, History, HubEnd},
        log::ErasedLog,
    },
};

/// Adds the events of the log to the ring, until the hub has ended.
pub(super) async fn follow(log: &dyn ErasedLog, history: &History) {
    let mut position = history.begin(retry_until_ok(|| log.head()).await);
    let mut early_returns = 0;
    while !history.is_over() {
        let hub_end = history.hub_end();
        if hub_end == HubEnd::PositionUnknown {
            history.set_end_position(retry_until_ok(|| log.head()).await);
            continue;
        }
        let page = retry_until_ok(|| log.read_after(position.as_str(), MAX_PAGE)).await;
        if let Some(gap) = &page.gap {
            let passes_end = match &hub_end {
                HubEnd::At(end) => gap_passes_end(log, end).await,
                HubEnd::NotEnding | HubEnd::PositionUnknown => false,
            };
            position = gap.resume.clone();
            history.rebase(&position);
            if passes_end {
                return history.close_at_head();
            }
        }
        let next = page.next_position(&position);
        let has_moved = page.gap.is_some() || next != position;
        match history.extend(&page.entries) {
            ExtendOutcome::All if page.closed.is_some() => return history.close_with_log(),
            ExtendOutcome::All => position = next,
            ExtendOutcome::EndUnknown | ExtendOutcome::Closed => continue,
        }
        if has_moved {
            early_returns = 0;
            // A log whose answers are always ready must not occupy a thread.
            yield_now().await;
        } else if matches!(hub_end, HubEnd::At(_)) {
            // Nothing is behind this position, so it is the end, whichever id the end has.
            history.close_at_head();
        } else {
            let may_have_news = wait_for_news_or_end(log, &position, early_returns, history).await;
            early_returns = if may_have_news { early_returns.saturating_add(1) } else { 0 };
            yield_now().await;
        }
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
