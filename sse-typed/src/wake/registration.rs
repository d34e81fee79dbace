use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio::time::Sleep;

use super::poll_timer;

/// Remembers which task a timer wakes, so that polling the timer again from the same task is free.
#[derive(Debug, Default)]
pub(crate) struct Registration {
    /// The waker that the timer wakes. Only a poll that has registered it sets it.
    waker: Option<Waker>,
}

impl Registration {
    pub(crate) const fn new() -> Self {
        Self { waker: None }
    }

    /// Whether the timer is known to run and to wake this task. The timer must be the same in all calls.
    #[inline]
    pub(crate) fn is_registered(&self, timer: &Sleep, cx: &Context<'_>) -> bool {
        self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) && !timer.is_elapsed()
    }

    /// Calls [`poll_timer`], unless the timer is known to run and to wake this task. The timer must be the same in all
    /// calls.
    pub(crate) fn poll_timer(&mut self, timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_registered(&timer, cx) {
            return Poll::Pending;
        }
        let poll = poll_timer(timer, cx);
        match &mut self.waker {
            waker if poll.is_ready() => *waker = None,
            Some(waker) => waker.clone_from(cx.waker()),
            waker => *waker = Some(cx.waker().clone()),
        }
        poll
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

    use tokio::time::{Instant, sleep};
    use tokio_test::task;

    use super::{Registration, poll_timer};
    use crate::wake::budget::spend_budget;

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_is_polled_without_budget_runs_and_wakes() {
        let begin = Instant::now();
        let (mut timer, mut registration) = (pin!(sleep(Duration::from_secs(10))), Registration::new());
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            if polls == 1 {
                spend_budget(cx);
            }
            registration.poll_timer(timer.as_mut(), cx)
        })
        .await;
        // The exhausted budget and the timer each wake the task once.
        assert_eq!((begin.elapsed().as_secs(), polls), (10, 3));
        let mut timer = pin!(sleep(Duration::from_secs(10)));
        poll_fn(|cx| {
            spend_budget(cx);
            assert!(poll_timer(timer.as_mut(), cx).is_pending());
            Poll::Ready(())
        })
        .await;
        // The timer runs without another poll.
        sleep(Duration::from_secs(11)).await;
        assert!(timer.is_elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_is_reset_wakes_again() {
        let begin = Instant::now();
        let (mut timer, mut registration) = (pin!(sleep(Duration::from_secs(1))), Registration::new());
        for second in 1..=3 {
            poll_fn(|cx| registration.poll_timer(timer.as_mut(), cx)).await;
            assert_eq!(begin.elapsed().as_secs(), second);
            timer.as_mut().reset(Instant::now() + Duration::from_secs(1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_that_polled_last_is_woken() {
        let (mut timer, mut registration) = (pin!(sleep(Duration::from_secs(1))), Registration::new());
        let (mut first, mut second) = (task::spawn(()), task::spawn(()));
        for task in [&mut first, &mut second] {
            for _ in 0..3 {
                task.enter(|cx, _| assert!(registration.poll_timer(timer.as_mut(), cx).is_pending()));
            }
        }
        sleep(Duration::from_secs(2)).await;
        assert!(second.is_woken() && !first.is_woken());
        second.enter(|cx, _| assert!(registration.poll_timer(timer.as_mut(), cx).is_ready()));
    }
}
