#[cfg(feature = "hub")]
use std::time::Duration;
use std::{
    future::Future as _,
    pin::{Pin, pin},
    task::{Context, Poll},
};

#[cfg(feature = "hub")]
use tokio::{runtime::Handle, time::sleep};
use tokio::{
    task::coop::unconstrained,
    time::{Instant, Sleep, sleep_until},
};

#[cfg(feature = "hub")]
use crate::panics::catch_panic;

/// Polls a timer regardless of the task's [coop budget](tokio::task::coop).
///
/// Without budget, `Sleep::poll` returns pending before it has created its timer: it wakes the task and registers
/// nothing. A timer beside a stream that is always ready (a keep-alive, a deadline) is polled with this function
/// instead. Pending then means that the timer runs and wakes this task.
///
/// When a runtime ends, all its timers fire, and polling one of them panics. Such a timer continues in the present runtime.
pub(crate) fn poll_timer(mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    if timer.is_elapsed() {
        let deadline = timer.deadline();
        if deadline <= Instant::now() {
            return Poll::Ready(());
        }
        timer.set(sleep_until(deadline));
    }
    pin!(unconstrained(timer)).poll(cx)
}

/// The runtime of this thread, if it has a timer.
///
/// tokio tells by a panic only, so the panic hook prints its message if there is a runtime without a timer.
#[cfg(feature = "hub")]
pub(crate) fn runtime_with_timer() -> Option<Handle> {
    let runtime = Handle::try_current().ok()?;
    catch_panic(|| drop(sleep(Duration::ZERO))).map(|()| runtime)
}
