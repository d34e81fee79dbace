use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

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
    /// Of the last PING on the connection for notifications, in microseconds. Zero if there was none.
    round_trip: AtomicU64,
}

impl Status {
    pub(super) fn new(error: Option<RedisError>) -> Self {
        let reporter = HealthReporter::new();
        if let Some(error) = &error {
            reporter.set_away(error.clone());
        }
        Self { errors: Mutex::new([error.clone(), error]), reporter, round_trip: AtomicU64::new(0) }
    }

    pub(super) fn health(&self) -> Health {
        self.reporter.health()
    }

    /// How long the last PING on the connection for notifications took, if that is connected.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        match self.round_trip.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    pub(super) fn set_round_trip(&self, time: Duration) {
        self.round_trip.store(u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    /// Says that nobody tries to connect any more.
    pub(super) fn stop(&self) {
        let _errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        self.round_trip.store(0, Ordering::Relaxed);
        self.reporter.set_failed(RedisError::stopped());
    }

    pub(super) fn set(&self, link: Link, error: Option<RedisError>) {
        if link == Link::Notifications && error.is_some() {
            self.round_trip.store(0, Ordering::Relaxed);
        }
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
