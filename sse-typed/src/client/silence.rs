//! How long a stream may be silent.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::HeaderMap;
use tokio::time::{Instant, Sleep, sleep_until};

use super::headers::keep_alive;
use crate::wake::poll_timer;

/// One keep-alive may be late and one may be lost.
const KEEP_ALIVES: u32 = 3;

/// Two clocks: since the last byte, and since the last event. They run while the stream is waited for; the time that the
/// consumer takes is not the server's silence.
#[derive(Debug, Default)]
pub(super) struct Silence {
    idle: Idle,
    event: Option<Duration>,
    idle_since: Option<Instant>,
    event_since: Option<Instant>,
    /// Wakes at a deadline, or before one that has moved since.
    alarm: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, Debug)]
enum Idle {
    /// As the server's keep-alive says.
    Learned(Option<Duration>),
    Set(Option<Duration>),
}

impl Default for Idle {
    fn default() -> Self {
        Self::Learned(None)
    }
}

/// Which clock has run out, and after how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silent {
    NoBytes(Duration),
    NoEvent(Duration),
}

impl Silence {
    pub(super) const fn set_idle(&mut self, idle: Option<Duration>) {
        self.idle = Idle::Set(idle);
    }

    pub(super) const fn set_event(&mut self, event: Option<Duration>) {
        self.event = event;
    }

    /// A response begins, and says how often it will be heard of.
    pub(super) fn begin(&mut self, headers: &HeaderMap) {
        if let Idle::Learned(idle) = &mut self.idle {
            *idle = keep_alive(headers).map(|time| time.saturating_mul(KEEP_ALIVES));
        }
    }

    pub(super) fn restart(&mut self) {
        self.idle_since = None;
        self.event_since = None;
        self.alarm = None;
    }

    /// At least a byte was received.
    pub(super) const fn heard(&mut self) {
        self.idle_since = None;
    }

    /// An event was received.
    pub(super) const fn heard_event(&mut self) {
        self.event_since = None;
    }

    /// To be polled when nothing is there to be read, and now and then where there always is.
    pub(super) fn poll_silent(&mut self, cx: &mut Context<'_>) -> Poll<Silent> {
        let (Idle::Learned(idle) | Idle::Set(idle)) = self.idle;
        if idle.is_none() && self.event.is_none() {
            return Poll::Pending;
        }
        let now = Instant::now();
        let clock = |since: &mut Option<Instant>, limit: Option<Duration>, silent: fn(Duration) -> Silent| {
            let since = *since.get_or_insert(now);
            // A deadline that no clock can show never comes.
            limit.and_then(|limit| Some((since.checked_add(limit)?, silent(limit))))
        };
        let idle = clock(&mut self.idle_since, idle, Silent::NoBytes);
        let event = clock(&mut self.event_since, self.event, Silent::NoEvent);
        let Some((deadline, silent)) = idle.into_iter().chain(event).min_by_key(|(deadline, _)| *deadline) else {
            return Poll::Pending;
        };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if deadline < alarm.deadline() {
            alarm.as_mut().reset(deadline);
        }
        loop {
            ready!(poll_timer(alarm.as_mut(), cx));
            if deadline <= alarm.deadline() {
                return Poll::Ready(silent);
            }
            // It was set for a deadline that moved when something was heard.
            alarm.as_mut().reset(deadline);
        }
    }
}
