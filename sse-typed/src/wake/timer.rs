use std::{
    future::Future as _,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use tokio::{task::coop::unconstrained, time::Sleep};

/// Polls a timer regardless of the task's [coop budget](tokio::task::coop).
///
/// Without budget, `Sleep::poll` returns pending before it has created its timer: it wakes the task and registers
/// nothing. A timer beside a stream that is always ready (a keep-alive, a deadline) is polled with this function
/// instead. Pending then means that the timer runs and wakes this task.
pub(crate) fn poll_timer(timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    pin!(unconstrained(timer)).poll(cx)
}
