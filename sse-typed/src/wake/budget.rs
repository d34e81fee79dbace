use std::task::{Context, Poll};

use tokio::task::coop::poll_proceed;

/// Spends the rest of the task's coop budget.
pub(crate) fn spend_budget(cx: &mut Context<'_>) {
    while let Poll::Ready(unit) = poll_proceed(cx) {
        unit.made_progress();
    }
}
