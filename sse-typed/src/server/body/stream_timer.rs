use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::wake::Registration;

pin_project! {
    /// The timer of a stream: for its keep-alive and for the server's deadlines.
    ///
    /// It is one timer of the runtime, because each takes 112 bytes. Traffic only moves a deadline. The runtime's timer is
    /// reset when it fires before the deadline, so that a busy stream does not touch the timer wheel with each frame.
    #[derive(Debug)]
    pub(in crate::server) struct StreamTimer {
        #[pin]
        sleep: Option<Sleep>,
        registration: Registration,
    }
}

impl StreamTimer {
    pub(in crate::server) const fn new() -> Self {
        Self { sleep: None, registration: Registration::new() }
    }

    /// Ready from the deadline on. Pending means that the task is woken at the deadline or before it, whatever other deadlines
    /// are polled.
    #[inline]
    pub(in crate::server) fn poll(self: Pin<&mut Self>, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        // A body is polled after each event. A timer that is armed for the same task is not polled again.
        let is_armed = |sleep: &Sleep| deadline >= sleep.deadline() && self.registration.is_registered(sleep, cx);
        if self.sleep.as_ref().is_some_and(is_armed) { Poll::Pending } else { self.poll_unarmed(deadline, cx) }
    }

    fn poll_unarmed(self: Pin<&mut Self>, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        loop {
            let Some(mut sleep) = this.sleep.as_mut().as_pin_mut() else {
                this.sleep.set(Some(sleep_until(deadline)));
                continue;
            };
            if deadline < sleep.deadline() {
                if deadline <= Instant::now() {
                    return Poll::Ready(());
                }
                sleep.as_mut().reset(deadline);
                *this.registration = Registration::new();
            }
            ready!(this.registration.poll_timer(sleep.as_mut(), cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin, time::Duration};

    use tokio::time::sleep;
    use tokio_test::task;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn each_of_two_deadlines_is_ready_on_time() {
        let begin = Instant::now();
        for (first, second) in [(3, 7), (7, 3), (5, 5), (0, 4)] {
            let (mut timer, now) = (pin!(StreamTimer::new()), Instant::now());
            let mut deadlines = vec![now + SECOND * first, now + SECOND * second];
            while !deadlines.is_empty() {
                let mut polls = 0;
                let ready = poll_fn(|cx| {
                    polls += 1;
                    let is_ready = |deadline: &Instant| timer.as_mut().poll(*deadline, cx).is_ready();
                    let ready: Vec<_> = deadlines.iter().map(is_ready).collect();
                    if ready.contains(&true) { Poll::Ready(ready) } else { Poll::Pending }
                })
                .await;
                assert!(polls <= 2, "{polls} polls");
                let now = Instant::now();
                for (deadline, is_ready) in deadlines.iter().zip(&ready) {
                    assert_eq!(*is_ready, *deadline <= now);
                }
                assert_eq!(deadlines.iter().min(), Some(&now));
                deadlines.retain(|deadline| *deadline > now);
            }
        }
        assert_eq!(begin.elapsed().as_secs(), 7 + 7 + 5 + 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_does_not_reset_the_timer_of_the_runtime() {
        let mut timer = pin!(StreamTimer::new());
        let begin = Instant::now();
        let mut poll_until = async |deadline: Duration| {
            tokio::select! {
                biased;
                () = poll_fn(|cx| timer.as_mut().poll(begin + deadline, cx)) => {}
                () = sleep(SECOND) => {}
            }
            timer.as_mut().project().sleep.as_ref().get_ref().as_ref().map(Sleep::deadline)
        };
        let armed = poll_until(SECOND * 10).await;
        assert_eq!(armed, Some(begin + SECOND * 10));
        assert_eq!(poll_until(SECOND * 16).await, armed);
        poll_fn(|cx| timer.as_mut().poll(begin + SECOND * 16, cx)).await;
        assert_eq!(begin.elapsed().as_secs(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_wakes_the_task_that_polled_last() {
        let mut timer = pin!(StreamTimer::new());
        let (mut first, mut second) = (task::spawn(()), task::spawn(()));
        for _ in 0..2 {
            let deadline = Instant::now() + SECOND * 10;
            // Both tasks poll more than once; the last one to poll is woken.
            for task in [&mut first, &mut second] {
                for _ in 0..3 {
                    task.enter(|cx, _| assert!(timer.as_mut().poll(deadline, cx).is_pending()));
                }
            }
            sleep(SECOND * 9).await;
            assert!(!second.is_woken());
            sleep(SECOND * 2).await;
            assert!(second.is_woken() && !first.is_woken());
            second.enter(|cx, _| assert!(timer.as_mut().poll(deadline, cx).is_ready()));
        }
    }
}
