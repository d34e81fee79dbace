use std::{
    borrow::Cow,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    codec::{Encoded, Encoder},
    wake::Registration,
};

/// The keep-alive of a stream: a comment or event that is sent after each silence, and the length of the silence.
///
/// Keep-alives stop proxies from closing a silent connection, and make the server notice a dead one.
///
/// A plain [`Duration`] converts into a comment after each silence of that length. Scripts in a browser do not see comments.
/// For a page that watches for silence, send an event instead:
///
/// ```
/// use std::time::Duration;
/// use sse_typed::{Encoded, RawEvent, server::{KeepAlive, SseLayer}};
///
/// let ping = Encoded::new(&RawEvent::new("ping", "null"))?;
/// let layer = SseLayer::new().keep_alive(KeepAlive::every(Duration::from_secs(10)).event(ping));
/// # Ok::<(), sse_typed::EncodeError>(())
/// ```
///
/// A zero interval turns keep-alive off. Other intervals under 100 ms count as 100 ms.
#[derive(Clone, Debug)]
pub struct KeepAlive {
    interval: Duration,
    message: KeepAliveMessage,
}

/// The shortest interval, 100 ms, in nanoseconds.
const MIN_INTERVAL_NANOS: u128 = 100_000_000;

#[derive(Clone, Debug)]
enum KeepAliveMessage {
    Comment(Cow<'static, str>),
    Event(Encoded),
}

impl KeepAlive {
    /// Sends a comment after each silence of this length.
    #[must_use]
    pub const fn every(interval: Duration) -> Self {
        // `max` is not const.
        let interval = match interval.as_nanos() {
            1..MIN_INTERVAL_NANOS => Duration::from_millis(100),
            _ => interval,
        };
        Self { interval, message: KeepAliveMessage::Comment(Cow::Borrowed("keep-alive")) }
    }

    /// Sets the text of the comment, `keep-alive` by default.
    #[must_use]
    pub fn comment(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.message = KeepAliveMessage::Comment(text.into());
        self
    }

    /// Sends an event instead of the comment. It is sent as it is and gets no id. An event that has no bytes on the
    /// wire (`#[sse(skip)]`) is ignored, because it would keep nothing alive. A terminal event ends the stream.
    #[must_use]
    pub fn event(mut self, event: Encoded) -> Self {
        if !event.as_bytes().is_empty() {
            self.message = KeepAliveMessage::Event(event);
        }
        self
    }

    pub(super) const fn is_off(&self) -> bool {
        self.interval.is_zero()
    }

    /// The value of the `sse-keep-alive` header: the interval in whole seconds, rounded up.
    pub(super) fn seconds(&self) -> u64 {
        self.interval.as_secs().saturating_add(u64::from(self.interval.subsec_nanos() > 0))
    }

    /// Encodes the keep-alive, and returns whether it is a terminal event.
    pub(super) fn write(&self, encoder: &mut Encoder) -> bool {
        match &self.message {
            KeepAliveMessage::Comment(text) => {
                encoder.comment(text);
                false
            }
            // Encoding an `Encoded` event cannot fail.
            KeepAliveMessage::Event(event) => encoder.encode(event).is_ok() && event.is_terminal(),
        }
    }
}

/// A comment every 15 seconds. Common proxies close a silent connection after 30 or 60 seconds.
impl Default for KeepAlive {
    fn default() -> Self {
        Self::every(Duration::from_secs(15))
    }
}

impl From<Duration> for KeepAlive {
    fn from(interval: Duration) -> Self {
        Self::every(interval)
    }
}

pin_project! {
    /// The timer of a silence.
    ///
    /// Traffic only moves the deadline. The runtime's timer is reset when it fires before the deadline, so that a busy stream
    /// does not touch the timer wheel with each frame.
    #[derive(Debug)]
    pub(super) struct SilenceTimer {
        #[pin]
        timer: Option<Sleep>,
        deadline: Option<Instant>,
        registration: Registration,
    }
}

impl SilenceTimer {
    pub(super) const fn new() -> Self {
        Self { timer: None, deadline: None, registration: Registration::new() }
    }

    /// Restarts the silence, because a frame was sent.
    pub(super) fn restart(self: Pin<&mut Self>, keep_alive: &KeepAlive) {
        // A deadline later than `Instant` can express is none.
        *self.project().deadline = Instant::now().checked_add(keep_alive.interval);
    }

    /// Ready when the silence has lasted for the interval.
    pub(super) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(deadline) = *this.deadline else { return Poll::Pending };
        loop {
            let Some(mut timer) = this.timer.as_mut().as_pin_mut() else {
                this.timer.set(Some(sleep_until(deadline)));
                continue;
            };
            // A body is polled after each event. A timer that is armed for the same task is not polled again.
            ready!(this.registration.poll_timer(timer.as_mut(), cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            timer.reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_whole_seconds_rounded_up() {
        for (millis, seconds) in [(1, 1), (1_000, 1), (1_001, 2), (15_000, 15), (0, 0)] {
            assert_eq!(KeepAlive::every(Duration::from_millis(millis)).seconds(), seconds, "{millis} ms");
        }
        assert_eq!(KeepAlive::every(Duration::MAX).seconds(), u64::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn traffic_moves_the_deadline_without_a_new_timer() {
        let keep_alive = KeepAlive::every(Duration::from_secs(10));
        let mut silence = std::pin::pin!(SilenceTimer::new());
        let begin = Instant::now();
        silence.as_mut().restart(&keep_alive);
        tokio::select! {
            biased;
            () = std::future::poll_fn(|cx| silence.as_mut().poll(cx)) => panic!("too early"),
            () = tokio::time::sleep(Duration::from_secs(6)) => {}
        }
        let armed = silence.as_mut().project().timer.as_ref().get_ref().as_ref().map(Sleep::deadline);
        silence.as_mut().restart(&keep_alive);
        let still = silence.as_mut().project().timer.as_ref().get_ref().as_ref().map(Sleep::deadline);
        assert_eq!(armed, still);
        std::future::poll_fn(|cx| silence.as_mut().poll(cx)).await;
        assert_eq!(begin.elapsed().as_secs(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_wakes_the_task_that_polled_last() {
        let keep_alive = KeepAlive::every(Duration::from_secs(10));
        let mut silence = std::pin::pin!(SilenceTimer::new());
        silence.as_mut().restart(&keep_alive);
        let (mut first, mut second) = (tokio_test::task::spawn(()), tokio_test::task::spawn(()));
        for _ in 0..2 {
            // Both tasks poll more than once; the last one to poll is woken.
            for _ in 0..3 {
                first.enter(|cx, _| assert!(silence.as_mut().poll(cx).is_pending()));
            }
            for _ in 0..3 {
                second.enter(|cx, _| assert!(silence.as_mut().poll(cx).is_pending()));
            }
            tokio::time::sleep(Duration::from_secs(9)).await;
            assert!(!second.is_woken());
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert!(second.is_woken() && !first.is_woken());
            second.enter(|cx, _| assert!(silence.as_mut().poll(cx).is_ready()));
            // The next round resets the timer.
            silence.as_mut().restart(&keep_alive);
        }
    }
}
