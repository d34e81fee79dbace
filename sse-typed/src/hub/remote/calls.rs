//! Calls of a log that may fail, panic, or return too early.

use std::{future::poll_fn, task::Poll, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    event::EventId,
    hub::{
        history::EndPosition,
        log::{AnyLogError, BoxFuture, ErasedLog},
        trace,
    },
    panics,
};

/// The most events that are read with one call.
pub(super) const MAX_PAGE: usize = 256;

/// The pause after a first failure, which doubles with each further failure up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);

const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Calls the log until it answers.
pub(in crate::hub) async fn retry_until_ok<'a, T>(call: impl Fn() -> BoxFuture<'a, T> + Send) -> T {
    let mut pause = FIRST_PAUSE;
    loop {
        match catch_panic(call()).await {
            Some(Ok(answer)) => return answer,
            Some(Err(error)) => trace::log_failed(&error, pause),
            None => trace::log_failed(&"it panicked", pause),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// `None` if the call panics. The panic must not end the task: it is the only one that follows the log, and
/// subscriptions would wait forever.
async fn catch_panic<T>(mut answer: BoxFuture<'_, T>) -> Option<Result<T, AnyLogError>> {
    poll_fn(|cx| match panics::catch_panic(|| answer.as_mut().poll(cx)) {
        Some(poll) => poll.map(Some),
        None => Poll::Ready(None),
    })
    .await
}

/// Whether a gap has passed the end of the hub, if the gap was read after the end was known.
pub(super) async fn gap_passes_end(log: &dyn ErasedLog, end: &EndPosition) -> bool {
    match end.get() {
        Some(head) => !is_retained(log, head).await,
        None => false,
    }
}

/// Whether all events behind a position are still retained.
async fn is_retained(log: &dyn ErasedLog, position: &EventId) -> bool {
    retry_until_ok(|| log.read_after(position.as_str(), 1)).await.gap.is_none()
}

/// Waits until there may be new events behind a position. `early_returns` is how often the log has returned without new
/// events before: one that does so repeatedly is asked less and less often, down to once in 128 ms.
pub(super) async fn wait_for_news(log: &dyn ErasedLog, position: &EventId, early_returns: u32) {
    let began = Instant::now();
    retry_until_ok(|| log.wait_after(position)).await;
    if early_returns > 0 {
        sleep_until(began + Duration::from_millis(1 << (early_returns - 1).min(7))).await;
    }
}
