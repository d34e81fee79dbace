//! Asking a log that may fail, panic, or wake for nothing.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    event::EventId,
    hub::{
        log::{AnyLogError, Erased},
        trace,
    },
    panics,
};

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, AnyLogError>> + Send + 'a>>;

/// Asks until there is an answer.
pub(in crate::hub) async fn patiently<'a, T>(ask: impl Fn() -> Answer<'a, T> + Send) -> T {
    let mut pause = Duration::from_millis(100);
    loop {
        match caught(ask()).await {
            Some(Ok(answer)) => return answer,
            Some(Err(error)) => trace::log_failed(&error, pause),
            None => trace::log_failed(&"it panicked", pause),
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// `None` if it panics. Nobody but this follows the log: who waits for its events would wait for ever.
async fn caught<T>(mut answer: Answer<'_, T>) -> Option<Result<T, AnyLogError>> {
    poll_fn(|cx| match panics::caught(|| answer.as_mut().poll(cx)) {
        Some(poll) => poll.map(Some),
        None => std::task::Poll::Ready(None),
    })
    .await
}

/// Whether all that is behind a place is still kept.
pub(super) async fn is_kept(log: &dyn Erased, place: &EventId) -> bool {
    patiently(|| log.read_after(place.as_str(), 1)).await.gap.is_none()
}

/// Waits for news behind a place, `in_vain` times without any before. A log may wake too early; one that does so again and
/// again is asked less and less often, down to every 128 ms.
pub(super) async fn news(log: &dyn Erased, place: &EventId, in_vain: u32) {
    let began = Instant::now();
    patiently(|| log.wait_after(place)).await;
    if in_vain > 0 {
        sleep_until(began + Duration::from_millis(1 << (in_vain - 1).min(7))).await;
    }
}
