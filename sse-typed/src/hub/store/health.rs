use std::{error::Error, fmt, sync::Arc, time::SystemTime};

use tokio::sync::watch;

/// The state of a store's engine, for readiness probes and alerts.
///
/// ```
/// use sse_typed::hub::{HealthReporter, StoreState};
///
/// let reporter = HealthReporter::new();
/// let health = reporter.health();
/// assert!(health.is_up());
///
/// reporter.set_away("connection refused");
/// assert!(matches!(health.state(), StoreState::Away { .. }));
/// ```
#[derive(Clone)]
pub struct Health(watch::Receiver<StoreState>);

/// Sets the state that [`Health`] shows. A store has one.
///
/// When it is dropped, the store has been closed, and [`Health::changed`] is pending for ever.
pub struct HealthReporter(watch::Sender<StoreState>);

/// Whether a store's engine answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreState {
    /// The engine answers.
    Up,
    /// The engine does not answer at present. The store keeps trying.
    Away {
        /// When it last answered.
        since: SystemTime,
        /// The latest error.
        error: StoreError,
    },
    /// The store has given up. It must be opened anew.
    Failed {
        /// The reason.
        error: StoreError,
    },
}

/// Why a store's engine does not answer.
#[derive(Clone)]
pub struct StoreError(Arc<dyn Error + Send + Sync>);

impl Health {
    /// The present state.
    #[must_use]
    pub fn state(&self) -> StoreState {
        self.0.borrow().clone()
    }

    /// Whether the engine answers.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(*self.0.borrow(), StoreState::Up)
    }

    /// Waits for the next change since the last call, and returns the new state.
    ///
    /// # Cancel safety
    ///
    /// No change is lost when the future is dropped.
    pub async fn changed(&mut self) -> StoreState {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.0.borrow_and_update().clone()
    }
}

impl HealthReporter {
    /// An engine that answers.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(StoreState::Up))
    }

    /// A view of the state.
    #[must_use]
    pub fn health(&self) -> Health {
        Health(self.0.subscribe())
    }

    /// The engine answers.
    pub fn set_up(&self) {
        self.0.send_if_modified(|state| match state {
            StoreState::Up => false,
            StoreState::Away { .. } | StoreState::Failed { .. } => {
                *state = StoreState::Up;
                true
            }
        });
    }

    /// The engine does not answer. Repeated calls keep the time of the first and the error of the last.
    pub fn set_away(&self, error: impl Into<Box<dyn Error + Send + Sync>>) {
        let error = StoreError(error.into().into());
        self.0.send_modify(|state| {
            let since = match state {
                StoreState::Away { since, .. } => *since,
                StoreState::Up | StoreState::Failed { .. } => SystemTime::now(),
            };
            *state = StoreState::Away { since, error };
        });
    }

    /// The store has given up.
    pub fn set_failed(&self, error: impl Into<Box<dyn Error + Send + Sync>>) {
        self.0.send_replace(StoreState::Failed { error: StoreError(error.into().into()) });
    }
}

impl Default for HealthReporter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Health").field(&*self.0.borrow()).finish()
    }
}

impl fmt::Debug for HealthReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HealthReporter").field(&*self.0.borrow()).finish()
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use tokio_test::{assert_pending, assert_ready, task::spawn};

    use super::*;
    use crate::hub::log::AppendError;

    #[test]
    fn repeated_failures_keep_the_time_of_the_first_and_the_error_of_the_last() {
        let reporter = HealthReporter::new();
        let health = reporter.health();
        let away = || match health.state() {
            StoreState::Away { since, error } => (since, error.to_string()),
            other => panic!("{other:?}"),
        };
        reporter.set_away("refused");
        let (since, error) = away();
        assert_eq!(error, "refused");
        assert!(!health.is_up());
        reporter.set_away("reset");
        assert_eq!(away(), (since, "reset".to_owned()));
        reporter.set_failed("too old");
        assert!(matches!(health.state(), StoreState::Failed { error } if error.to_string() == "too old"));
        reporter.set_up();
        assert!(health.is_up());
    }

    #[test]
    fn a_probe_is_woken_by_changes_only() {
        let reporter = HealthReporter::new();
        let mut health = reporter.health();
        reporter.set_up();
        assert_pending!(spawn(health.changed()).poll());
        reporter.set_away("refused");
        assert!(matches!(assert_ready!(spawn(health.changed()).poll()), StoreState::Away { .. }));
        reporter.set_up();
        assert!(matches!(assert_ready!(spawn(health.changed()).poll()), StoreState::Up));
        drop(reporter);
        assert_pending!(spawn(health.changed()).poll());
    }

    #[test]
    fn the_error_of_a_store_has_the_text_and_the_source_of_its_cause() {
        let error = StoreError(Arc::new(AppendError::Failed(fmt::Error)));
        assert_eq!(error.to_string(), "the log failed and stored nothing");
        assert!(error.source().is_some_and(|source| source.is::<fmt::Error>()));
        assert!(StoreError(Arc::new(fmt::Error)).source().is_none());
    }
}
