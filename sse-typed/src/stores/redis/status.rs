use std::sync::{Mutex, PoisonError};

use super::error::RedisError;
use crate::hub::{Health, HealthReporter};

/// The connections of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Commands,
    Notifications,
}

impl Link {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Notifications => "notifications",
        }
    }
}

/// The health of a store: it is up if both of its connections are.
#[derive(Debug)]
pub(super) struct Status {
    errors: Mutex<[Option<RedisError>; 2]>,
    reporter: HealthReporter,
}

impl Status {
    pub(super) fn new(error: Option<RedisError>) -> Self {
        let reporter = HealthReporter::new();
        if let Some(error) = &error {
            reporter.set_away(error.clone());
        }
        Self { errors: Mutex::new([error.clone(), error]), reporter }
    }

    pub(super) fn health(&self) -> Health {
        self.reporter.health()
    }

    /// Says that nobody tries to connect any more.
    pub(super) fn stop(&self) {
        let _errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        self.reporter.set_failed(RedisError::stopped());
    }

    pub(super) fn set(&self, link: Link, error: Option<RedisError>) {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors[match link {
            Link::Commands => 0,
            Link::Notifications => 1,
        }] = error;
        // Within the lock, so that the last change is the one that is seen.
        match errors.iter().flatten().next() {
            Some(error) => self.reporter.set_away(error.clone()),
            None => self.reporter.set_up(),
        }
    }
}
