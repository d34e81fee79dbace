//! Calls of a log that may fail, panic, or return too early.

use std::{fmt, future::poll_fn, task::Poll, time::Duration};

use tokio::time::Instant;

use super::call_timer::CallTimer;
use crate::{
    event::EventId,
    hub::{
        history::EndPosition,
        log::{AnyLogError, BoxFuture, ErasedLog, retry_pause},
        trace,
    },
    panics,
};

/// How long a call may take, except one that waits for news.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a call of a log has no answer.
pub(super) enum CallFailure {
    Error(AnyLogError),
    Panic,
    TimedOut,
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panic => f.write_str("it panicked"),
            Self::TimedOut => write!(f, "no answer within {} s", TIMEOUT.as_secs()),
        }
    }
}

/// Calls the log until it answers.
pub(in crate::hub) async fn retry_until_ok<'a, T>(call: impl Fn() -> BoxFuture<'a, T> + Send) -> T {
    retry(call, Some(TIMEOUT)).await
}

async fn retry<'a, T>(call: impl Fn() -> BoxFuture<'a, T> + Send, timeout: Option<Duration>) -> T {
    let mut failures = 0;
    loop {
        match try_call_within(call(), timeout).await {
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
    CallTimer::after(pause).wait().await;
}

/// Calls the log once.
pub(super) async fn try_call<T>(answer: BoxFuture<'_, T>) -> Result<T, CallFailure> {
    try_call_within(answer, Some(TIMEOUT)).await
}

/// Calls the log once. A panic must not end the task: it may be the only one that follows the log, and subscriptions
/// would wait forever. So would those that share a call that never answers.
async fn try_call_within<T>(mut answer: BoxFuture<'_, T>, timeout: Option<Duration>) -> Result<T, CallFailure> {
    // Made when the answer is not ready at once.
    let mut timer = None;
    poll_fn(|cx| match panics::catch_panic(|| answer.as_mut().poll(cx)) {
        Some(Poll::Ready(answer)) => Poll::Ready(answer.map_err(CallFailure::Error)),
        None => Poll::Ready(Err(CallFailure::Panic)),
        Some(Poll::Pending) => match timeout {
            Some(timeout) => {
                let timer = timer.get_or_insert_with(|| CallTimer::after(timeout));
                timer.poll(cx).map(|()| Err(CallFailure::TimedOut))
            }
            None => Poll::Pending,
        },
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
    retry(|| log.wait_after(position), None).await;
    if early_returns > 0 {
        CallTimer::at(began + Duration::from_millis(1 << (early_returns - 1).min(7))).wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Block, MemoryLog};

    #[test]
    fn a_trace_of_a_failed_call_says_why_it_has_no_answer() {
        let texts = [CallFailure::Error(AnyLogError::new(fmt::Error)), CallFailure::Panic, CallFailure::TimedOut];
        let texts = texts.map(|failure| failure.to_string());
        assert_eq!(texts, [fmt::Error.to_string(), "it panicked".to_owned(), "no answer within 30 s".to_owned()]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_returns_early_again_and_again_is_asked_once_in_128_ms() {
        let log = MemoryLog::default();
        let before = log.head().await.unwrap();
        log.append(&Block::new("data: 1\n\n", false).unwrap()).await.unwrap();
        let mut pauses = Vec::new();
        for early_returns in [0, 1, 2, 3, 8, 9, u32::MAX] {
            let began = Instant::now();
            wait_for_news(&log, &before, early_returns).await;
            pauses.push(began.elapsed().as_millis());
        }
        assert_eq!(pauses, [0, 1, 2, 4, 128, 128, 128]);
    }
}
