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
