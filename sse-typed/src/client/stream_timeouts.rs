//! The timeouts of an open stream.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::HeaderMap;
use tokio::time::{Instant, Sleep, sleep_until};

use super::headers::keep_alive;
use crate::wake::poll_timer;

/// The timeout is this many keep-alive intervals, so that one keep-alive may be late and one may be lost.
const KEEP_ALIVES_PER_TIMEOUT: u32 = 3;

/// Two timeouts: since the last byte, and since the last event. They run only while the stream is waiting for data;
/// time that the consumer takes does not count.
#[derive(Debug, Default)]
pub(super) struct StreamTimeouts {
    idle: IdleTimeout,
    event: Option<Duration>,
    idle_since: Option<Instant>,
    event_since: Option<Instant>,
    /// Fires at the deadline, or earlier if the deadline has moved since the timer was set.
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, Debug)]
enum IdleTimeout {
    /// Derived from the server's `sse-keep-alive` header.
    FromKeepAlive(Option<Duration>),
    Set(Option<Duration>),
}

impl Default for IdleTimeout {
    fn default() -> Self {
        Self::FromKeepAlive(None)
    }
}

/// The timeout that has expired, and its duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamTimeout {
    Idle(Duration),
    Event(Duration),
}

impl StreamTimeouts {
    pub(super) const fn set_idle(&mut self, idle: Option<Duration>) {
        self.idle = IdleTimeout::Set(idle);
    }

    pub(super) const fn set_event(&mut self, event: Option<Duration>) {
        self.event = event;
    }

    /// Applies the keep-alive interval that a new response announces.
    pub(super) fn start_response(&mut self, headers: &HeaderMap) {
        if let IdleTimeout::FromKeepAlive(idle) = &mut self.idle {
            *idle = keep_alive(headers).map(|time| time.saturating_mul(KEEP_ALIVES_PER_TIMEOUT));
        }
    }

    pub(super) fn reset(&mut self) {
        self.idle_since = None;
        self.event_since = None;
        self.timer = None;
    }

    /// Restarts the idle timeout: at least one byte was received.
    pub(super) const fn bytes_received(&mut self) {
        self.idle_since = None;
    }

    /// Restarts the event timeout: an event was received.
    pub(super) const fn event_received(&mut self) {
        self.event_since = None;
    }

    /// Ready when a timeout has expired. Poll it when there is nothing to read, and from time to time when there
    /// always is.
    pub(super) fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<StreamTimeout> {
        let (IdleTimeout::FromKeepAlive(idle) | IdleTimeout::Set(idle)) = self.idle;
        if idle.is_none() && self.event.is_none() {
            return Poll::Pending;
        }
        let now = Instant::now();
        let deadline =
            |since: &mut Option<Instant>, limit: Option<Duration>, timeout: fn(Duration) -> StreamTimeout| {
                let since = *since.get_or_insert(now);
                // A deadline beyond the range of `Instant` never comes.
                limit.and_then(|limit| Some((since.checked_add(limit)?, timeout(limit))))
            };
        let idle = deadline(&mut self.idle_since, idle, StreamTimeout::Idle);
        let event = deadline(&mut self.event_since, self.event, StreamTimeout::Event);
        let Some((deadline, timeout)) = idle.into_iter().chain(event).min_by_key(|(deadline, _)| *deadline) else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(poll_timer(timer.as_mut(), cx));
            if deadline <= timer.deadline() {
                return Poll::Ready(timeout);
            }
            // The deadline has moved since the timer was set.
            timer.as_mut().reset(deadline);
        }
    }
}
