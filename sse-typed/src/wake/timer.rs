use std::{
    future::Future as _,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use tokio::{task::coop::unconstrained, time::Sleep};

/// Polls a timer whatever is left of the task's [coop budget](tokio::task::coop).
///
/// Out of budget `Sleep::poll` is pending before it has made its timer: it wakes the task and registers nothing. What must be
/// heard beside a stream that is always ready (a keep-alive, a deadline) is polled here instead, where pending means that
/// the timer runs and wakes this task.
pub(crate) fn poll_timer(timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    pin!(unconstrained(timer)).poll(cx)
}
