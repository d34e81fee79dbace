//! Tokio's coop budget: polls without budget, and tasks that yield to others.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use tokio::task::{AbortHandle, coop::poll_proceed, yield_now};

/// Spends the remaining budget of the task.
pub fn spend(cx: &mut Context<'_>) {
    let _ = spend_up_to(usize::MAX, cx);
}

/// Polls once with a full budget or with none, and returns the result. It yields first to get a full budget.
pub async fn poll_once<T>(spent: bool, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    yield_now().await;
    poll_fn(|cx| {
        if spent {
            spend(cx);
        }
        Poll::Ready(poll(cx))
    })
    .await
}

/// Waits until `poll` is ready. Its first call has no budget.
pub async fn out_of_budget<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let mut is_first = true;
    poll_fn(|cx| {
        if std::mem::take(&mut is_first) {
            spend(cx);
        }
        poll(cx)
    })
    .await
}

/// Waits until `poll` is ready. Its first call has a budget of `units`.
pub async fn with_budget_of<T>(units: usize, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    yield_now().await;
    let full = poll_fn(|cx| Poll::Ready(spend_up_to(usize::MAX, cx))).await;
    yield_now().await;
    let mut is_first = true;
    poll_fn(|cx| {
        if std::mem::take(&mut is_first) {
            assert_eq!(spend_up_to(full - units, cx), full - units);
        }
        poll(cx)
    })
    .await
}

fn spend_up_to(units: usize, cx: &mut Context<'_>) -> usize {
    for spent in 0..units {
        match poll_proceed(cx) {
            Poll::Ready(unit) => unit.made_progress(),
            Poll::Pending => return spent,
        }
    }
    units
}

/// [`out_of_budget`] for a future.
pub async fn future_out_of_budget<F: Future>(mut future: Pin<&mut F>) -> F::Output {
    out_of_budget(|cx| future.as_mut().poll(cx)).await
}

/// Another task of the runtime, which counts how often it runs.
#[derive(Debug)]
pub struct Other {
    turns: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Other {
    /// Spawns the task. It yields after each turn.
    #[must_use]
    pub fn spawn() -> Self {
        let turns = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&turns);
        let task = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        });
        Self { turns, task: task.abort_handle() }
    }

    /// The number of times that the task has run.
    #[must_use]
    pub fn turns(&self) -> usize {
        self.turns.load(Ordering::Relaxed)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.task.abort();
    }
}
