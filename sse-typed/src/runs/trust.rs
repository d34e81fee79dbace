use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Whether an expired lease means that its owner died.
///
/// While a store is away, no owner can renew its leases. So a process that could not reach the store itself takes no run for
/// lost before it has reached the store for one lease.
#[derive(Debug, Default)]
pub(super) struct Trust(Mutex<State>);

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// No call of this process has failed.
    #[default]
    NeverFailed,
    Failing,
    /// The first call that succeeded after a failure.
    ReachedSince(Instant),
}

impl Trust {
    /// Notes whether a call of the store has failed.
    pub(super) fn noting<T, E>(&self, answer: Result<T, E>) -> Result<T, E> {
        if answer.is_ok() {
            self.record_success();
        } else {
            self.record_failure();
        }
        answer
    }

    pub(super) fn record_failure(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::Failing;
    }

    pub(super) fn record_success(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Failing) {
            *state = State::ReachedSince(Instant::now());
        }
    }

    /// How long it takes until expired leases can be trusted. `reachable_since` is what the store knows.
    pub(super) fn trusted_in(&self, reachable_since: Option<Instant>, lease: Duration) -> Duration {
        let state = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = match state {
            State::NeverFailed => None,
            State::Failing => return lease,
            State::ReachedSince(since) => Some(since),
        };
        let since = reachable_since.max(own);
        since.map_or(Duration::ZERO, |since| lease.saturating_sub(since.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(15);

    #[tokio::test(start_paused = true)]
    async fn leases_are_trusted_one_lease_after_an_outage() {
        let trust = Trust::default();
        assert_eq!(trust.trusted_in(None, LEASE), Duration::ZERO);
        assert_eq!(trust.trusted_in(Some(Instant::now()), LEASE), LEASE);
        trust.record_failure();
        tokio::time::advance(LEASE).await;
        assert_eq!(trust.trusted_in(None, LEASE), LEASE);
        trust.record_success();
        tokio::time::advance(LEASE / 3).await;
        trust.record_success();
        assert_eq!(trust.trusted_in(None, LEASE), LEASE - LEASE / 3);
        tokio::time::advance(LEASE).await;
        assert_eq!(trust.trusted_in(None, LEASE), Duration::ZERO);
    }
}
