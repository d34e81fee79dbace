//! How arrivals are waited for, within a time limit.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    task::coop::{Unconstrained, unconstrained},
    time::{Instant, Sleep, sleep},
};

use super::{
    Collect,
    source::{Arrival, What},
};
use crate::codec::DecodeEvent;

/// The end of a time. It has no part in the budget of the task: one that is used up must not keep it from being noticed.
pub(super) struct Deadline {
    sleep: Pin<Box<Unconstrained<Sleep>>>,
    /// Paused time stands still while a stream always has something.
    real: std::time::Instant,
    limit: Duration,
}

impl Deadline {
    pub(super) fn after(limit: Duration) -> Self {
        Self { sleep: Box::pin(unconstrained(sleep(limit))), real: std::time::Instant::now(), limit }
    }

    pub(super) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.sleep.as_mut().poll(cx).is_ready()
    }

    pub(super) fn is_over_in_reality(&self) -> bool {
        self.real.elapsed() > self.limit
    }
}

/// Why an arrival did not come.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimedOut;

impl<E: DecodeEvent> Collect<E> {
    /// Waits until there are more than `index` arrivals, or the last one is there.
    pub(super) fn poll_arrival(
        &mut self,
        cx: &mut Context<'_>,
        index: usize,
        deadline: &mut Deadline,
    ) -> Poll<Result<(), TimedOut>> {
        while self.pending.len() <= index && !self.has_last() {
            if deadline.is_over_in_reality() {
                return Poll::Ready(Err(TimedOut));
            }
            if self.poll_receive(cx).is_pending() {
                return if deadline.is_over(cx) { Poll::Ready(Err(TimedOut)) } else { Poll::Pending };
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Receives one arrival.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let started = *self.started.get_or_insert_with(Instant::now);
        if self.has_last() {
            return Poll::Pending;
        }
        self.source.poll_next(cx, &mut self.wire, &mut self.received_id).map(|(what, wire)| {
            let last_event_id = self.received_id.clone();
            self.pending.push_back(Arrival { what, at: started.elapsed(), wire, last_event_id });
        })
    }

    /// Whether the stream is over. What is last is never taken.
    pub(super) fn has_last(&self) -> bool {
        self.pending.back().is_some_and(|arrival| arrival.what.is_last())
    }

    /// The first arrival of those that `matters`, at this index or behind it.
    pub(super) fn poll_found(
        &mut self,
        cx: &mut Context<'_>,
        from: usize,
        deadline: &mut Deadline,
        matters: impl Fn(&What<E>) -> bool,
    ) -> Poll<Result<usize, TimedOut>> {
        let mut index = from;
        loop {
            match self.poll_arrival(cx, index, deadline) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(timed_out)) => return Poll::Ready(Err(timed_out)),
                Poll::Ready(Ok(())) => {}
            }
            // The last one is found again and again.
            index = index.min(self.pending.len() - 1);
            let what = &self.pending[index].what;
            if what.is_last() || matters(what) {
                return Poll::Ready(Ok(index));
            }
            index += 1;
        }
    }
}
