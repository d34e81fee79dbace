//! Calls of a log that may fail, panic, or return too early.

use std::{fmt, future::poll_fn, task::Poll, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    event::EventId,
    hub::{
        history::EndPosition,
        log::{AnyLogError, BoxFuture, ErasedLog, retry_pause},
        trace,
    },
    panics,
};

/// Why a call of a log has no answer.
pub(super) enum CallFailure {
    Error(AnyLogError),
    Panic,
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panic => f.write_str("it panicked"),
        }
    }
}

/// Calls the log until it answers.
pub(in crate::hub) async fn retry_until_ok<'a, T>(call: impl Fn() -> BoxFuture<'a, T> + Send) -> T {
    let mut failures = 0;
    loop {
        match try_call(call()).await {
            Ok(answer) => return answer,
            Err(failure) => pause_after(&failure, &mut failures).await,
        }
    }
}

/// Waits after a failure, longer with each one.
pub(super) async fn pause_after(failure: &CallFailure, failures: &mut u32) {
    let pause = retry_pause(*failures);
    *failures = failures.saturating_add(1);
    trace::log_failed(failure, pause);
    sleep(pause).await;
}

/// Calls the log once. A panic must not end the task: it may be the only one that follows the log, and subscriptions
/// would wait forever.
pub(super) async fn try_call<T>(mut answer: BoxFuture<'_, T>) -> Result<T, CallFailure> {
    poll_fn(|cx| match panics::catch_panic(|| answer.as_mut().poll(cx)) {
        Some(poll) => poll.map_err(CallFailure::Error),
        None => Poll::Ready(Err(CallFailure::Panic)),
    })
    .await
}

/// Whether a gap has passed the end of the hub, if the gap was read after the end was known.
pub(super) async fn gap_passes_end(log: &dyn ErasedLog, end: &EndPosition) -> Result<bool, CallFailure> {
    match end.get() {
        // Whether the events after the end are retained.
        Some(head) => Ok(try_call(log.read_after(head.as_str(), 1)).await?.gap.is_some()),
        None => Ok(false),
    }
}

/// Waits until there may be new events after a position. `early_returns` is how often the log has returned without new
/// events before: one that does so repeatedly is asked less and less often, down to once in 128 ms.
pub(super) async fn wait_for_news(log: &dyn ErasedLog, position: &EventId, early_returns: u32) {
    let began = Instant::now();
    retry_until_ok(|| log.wait_after(position)).await;
    if early_returns > 0 {
        sleep_until(began + Duration::from_millis(1 << (early_returns - 1).min(7))).await;
    }
}
