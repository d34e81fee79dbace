use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::{sync::watch, time::Instant};

use crate::hub::End;

/// Controls a run of this process: the requests to its task, and whether it has ended.
pub(super) struct Control {
    signals: watch::Sender<Signals>,
    /// Whether the store has the record of the run, so that its lease is renewed.
    is_claimed: AtomicBool,
    /// Whether the last renewal has said that another process reads the run.
    is_read_elsewhere: AtomicBool,
    /// When the run was last known to have a reader.
    last_read: Mutex<Instant>,
}

/// The signals for the task of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signals {
    /// Somebody asked it to stop.
    pub(super) is_stop_asked: bool,
    /// The process is shutting down, and does not wait any longer.
    pub(super) is_abandoned: bool,
    /// It has reached this limit.
    pub(super) limit: Option<&'static str>,
    /// It has ended or is about to: nothing more is published.
    pub(super) is_ended: bool,
    /// How it has ended, if that is known.
    pub(super) end: Option<End>,
}

impl Control {
    pub(super) fn new() -> Self {
        Self {
            signals: watch::Sender::new(Signals::default()),
            is_claimed: AtomicBool::new(false),
            is_read_elsewhere: AtomicBool::new(false),
            last_read: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn signals(&self) -> watch::Receiver<Signals> {
        self.signals.subscribe()
    }

    pub(super) fn current(&self) -> Signals {
        *self.signals.borrow()
    }

    pub(super) fn set_claimed(&self) {
        self.is_claimed.store(true, Ordering::Release);
    }

    pub(super) fn is_claimed(&self) -> bool {
        self.is_claimed.load(Ordering::Acquire)
    }

    pub(super) fn ask_stop(&self) {
        self.change(|signals| signals.is_stop_asked = true);
    }

    pub(super) fn abandon(&self) {
        self.change(|signals| signals.is_abandoned = true);
    }

    pub(super) fn reach_limit(&self, limit: &'static str) {
        self.change(|signals| signals.limit = signals.limit.or(Some(limit)));
    }

    pub(super) fn set_ended(&self, end: Option<End>) {
        self.change(|signals| {
            signals.is_ended = true;
            signals.end = signals.end.or(end);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Signals)) {
        self.signals.send_if_modified(|signals| {
            let before = *signals;
            change(signals);
            *signals != before
        });
    }

    /// Notes whether another process reads the run.
    pub(super) fn set_read_elsewhere(&self, is_read: bool, now: Instant) {
        self.is_read_elsewhere.store(is_read, Ordering::Relaxed);
        self.keep_read_elsewhere(now);
    }

    /// Takes readers elsewhere to be there still: either that is known, or the store does not say otherwise.
    pub(super) fn keep_read_elsewhere(&self, now: Instant) {
        if self.is_read_elsewhere.load(Ordering::Relaxed) {
            self.record_read(now);
        }
    }

    pub(super) fn record_read(&self, at: Instant) {
        let mut last_read = self.last_read.lock().unwrap_or_else(PoisonError::into_inner);
        *last_read = at.max(*last_read);
    }

    pub(super) fn last_read(&self) -> Instant {
        *self.last_read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
