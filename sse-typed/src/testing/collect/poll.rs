//! Waits for arrivals, within a time limit.

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

/// The bounds of a time limit that is measured in real time, while paused time does not advance.
const SHORTEST_STANDSTILL: Duration = Duration::from_secs(1);
pub(super) const LONGEST_STANDSTILL: Duration = Duration::from_secs(30);

/// Paused time also does not advance while another thread works. There are at most this many polls then.
const FEW_POLLS: usize = 1 << 10;

/// The most arrivals that are received without a pause, beyond those that are expected.
const MOST_WITHOUT_PAUSE: usize = 1 << 18;

/// More arrivals than the budget of a task allows in one poll.
const MOST_OF_BUDGET: usize = 1 << 10;

/// The end of a time limit. Its timer takes nothing from the coop budget of the task, so it also fires when the budget is used up.
///
/// Paused time does not advance while a stream or a task never returns `Pending`. The deadline therefore also compares tokio's
/// clock with the real one.
pub(super) struct Deadline {
    sleep: Pin<Box<Unconstrained<Sleep>>>,
    at: Option<Instant>,
    /// The longest real time for which tokio's clock may stay the same.
    standstill: Duration,
    /// The last time read from tokio's clock, and the real time at which it was first read.
    stands_at: Instant,
    stands_since: std::time::Instant,
    /// The polls and the arrivals at this time, and the arrivals since the stream was last not ready.
    polls: usize,
    received: usize,
    in_a_row: usize,
    /// The limit of arrivals while tokio's clock stays the same.
    most: usize,
}

impl Deadline {
    pub(super) fn after(limit: Duration) -> Self {
        let now = Instant::now();
        Self {
            sleep: Box::pin(unconstrained(sleep(limit))),
            at: now.checked_add(limit),
            standstill: limit.clamp(SHORTEST_STANDSTILL, LONGEST_STANDSTILL),
            stands_at: now,
            stands_since: std::time::Instant::now(),
            polls: 0,
            received: 0,
            in_a_row: 0,
            most: MOST_WITHOUT_PAUSE,
        }
    }

    /// Raises the limit of arrivals by the number of arrivals that the caller expects.
    pub(super) const fn expecting(mut self, arrivals: usize) -> Self {
        self.most = self.most.saturating_add(arrivals);
        self
    }

    /// Whether the time limit is over. Call it when the stream is not ready: it restarts the count of consecutive arrivals.
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.in_a_row = 0;
        self.sleep.as_mut().poll(cx).is_ready()
    }

    const fn count_arrival(&mut self) {
        self.received += 1;
        self.in_a_row += 1;
    }

    /// Returns the reason to stop receiving, although an arrival may be ready.
    pub(super) fn cut_off(&mut self) -> Option<TimedOut> {
        let now = Instant::now();
        if now != self.stands_at {
            (self.stands_at, self.stands_since) = (now, std::time::Instant::now());
            (self.polls, self.received) = (0, 0);
        }
        self.polls += 1;
        let is_held_up = self.polls > FEW_POLLS && self.stands_since.elapsed() > self.standstill;
        if is_held_up || self.received > self.most {
            return Some(if self.received > 0 { TimedOut::NeverPauses } else { TimedOut::Standstill });
        }
        // A task without a coop budget never yields to the timer.
        (self.in_a_row > MOST_OF_BUDGET && self.at.is_some_and(|at| now > at)).then_some(TimedOut::Limit)
    }
}

/// Why an arrival did not come.
#[derive(Clone, Copy, Debug)]
pub(super) enum TimedOut {
    Limit,
    /// Paused time does not advance.
    Standstill,
    /// Paused time does not advance, because the stream is always ready.
    NeverPauses,
}

impl<E: DecodeEvent> Collect<E> {
    /// Waits until there are more than `index` arrivals, or the last arrival was received.
    pub(super) fn poll_arrival(
        &mut self,
        cx: &mut Context<'_>,
        index: usize,
        deadline: &mut Deadline,
    ) -> Poll<Result<(), TimedOut>> {
        while self.pending.len() <= index && !self.has_last() {
            if let Some(cause) = deadline.cut_off() {
                return Poll::Ready(Err(cause));
            }
            if self.poll_receive(cx, deadline).is_pending() {
                return if deadline.is_over(cx) { Poll::Ready(Err(TimedOut::Limit)) } else { Poll::Pending };
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Receives one arrival.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>, deadline: &mut Deadline) -> Poll<()> {
        let started = *self.started.get_or_insert_with(Instant::now);
        if self.has_last() {
            return Poll::Pending;
        }
        self.source.poll_next(cx, &mut self.wire, &mut self.received_id).map(|(what, wire)| {
            deadline.count_arrival();
            let last_event_id = self.received_id.clone();
            self.pending.push_back(Arrival { what, at: started.elapsed(), wire, last_event_id });
        })
    }

    /// Whether the stream is over. The last arrival is never removed.
    pub(super) fn has_last(&self) -> bool {
        self.pending.back().is_some_and(|arrival| arrival.what.is_last())
    }

    /// Finds the first arrival for which `matters` returns `true`, at index `from` or after it.
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
            // The last arrival is never removed, so every further search ends at it.
            index = index.min(self.pending.len() - 1);
            let what = &self.pending[index].what;
            if what.is_last() || matters(what) {
                return Poll::Ready(Ok(index));
            }
            index += 1;
        }
    }
}
