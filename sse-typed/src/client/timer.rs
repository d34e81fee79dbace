//! Timeouts that fire even when other work of the same task has used up its budget.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Poll, ready},
    time::Duration,
};

use tokio::{task::coop::unconstrained, time::sleep};

use crate::wake::poll_timer;

/// Runs a future and returns its output, or `None` if it does not complete within `limit`.
pub(super) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = pin!(sleep(limit));
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        ready!(poll_timer(timer.as_mut(), cx));
        // Without budget the future returns pending even if its output is ready, so it is polled once more without
        // the budget.
        Poll::Ready(match pin!(unconstrained(future.as_mut())).poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_output_that_is_ready_when_the_time_is_up_is_returned() {
        let (sender, receiver) = oneshot::channel();
        let mut output = tokio_test::task::spawn(within(Duration::from_secs(1), receiver));
        assert!(output.poll().is_pending());
        sender.send(7).unwrap();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(output.poll(), Poll::Ready(Some(Ok(7))));
    }
}
