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

/// What is sent after how long a silence, so that proxies do not give the connection up and a dead one is noticed.
///
/// A plain [`Duration`] is a comment after each silence of that length. Code in a browser never sees comments; where a
/// page is to watch for silence, send an event:
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
/// An interval of zero turns keep-alive off; a shorter one than 100 ms counts as that.
#[derive(Clone, Debug)]
pub struct KeepAlive {
    every: Duration,
    sign: Sign,
}

/// 100 ms, in nanoseconds: what is shorter is traffic, not a sign of life.
const SHORTEST: u128 = 100_000_000;

#[derive(Clone, Debug)]
enum Sign {
    Comment(Cow<'static, str>),
    Event(Encoded),
}

impl KeepAlive {
    /// A comment after each silence of this length.
    #[must_use]
    pub const fn every(interval: Duration) -> Self {
        // `max` is not const.
        let every = match interval.as_nanos() {
            1..SHORTEST => Duration::from_millis(100),
            _ => interval,
        };
        Self { every, sign: Sign::Comment(Cow::Borrowed("keep-alive")) }
    }

    /// With this text in the comment, instead of `keep-alive`.
    #[must_use]
    pub fn comment(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.sign = Sign::Comment(text.into());
        self
    }

    /// With an event in the place of the comment. It is sent as it is and gets no id.
    #[must_use]
    pub fn event(mut self, event: Encoded) -> Self {
        // An event that is never on the wire would be no sign of life.
        if !event.as_bytes().is_empty() {
            self.sign = Sign::Event(event);
        }
        self
    }

    pub(super) const fn is_off(&self) -> bool {
        self.every.is_zero()
    }

    /// The interval in whole seconds, rounded up: what the `sse-keep-alive` header says.
    pub(super) fn seconds(&self) -> u64 {
        self.every.as_secs().saturating_add(u64::from(self.every.subsec_nanos() > 0))
    }

    /// Writes the sign of life, and says whether the stream ends behind it.
    pub(super) fn write(&self, encoder: &mut Encoder) -> bool {
        match &self.sign {
            Sign::Comment(text) => {
                encoder.comment(text);
                false
            }
            // Bytes that are encoded already cannot fail.
            Sign::Event(event) => encoder.encode(event).is_ok() && event.is_terminal(),
        }
    }
}

/// A comment every 15 seconds: under the 30 and 60 seconds after which common proxies give a silent connection up.
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
    /// Measures silence. The timer is looked at when it fires, and set anew only then: traffic moves the deadline and
    /// leaves the runtime's timers alone.
    #[derive(Debug)]
    pub(super) struct Silence {
        #[pin]
        timer: Option<Sleep>,
        deadline: Option<Instant>,
        registration: Registration,
    }
}

impl Silence {
    pub(super) const fn new() -> Self {
        Self { timer: None, deadline: None, registration: Registration::new() }
    }

    /// Something was sent: silence begins anew.
    pub(super) fn broken(self: Pin<&mut Self>, keep_alive: &KeepAlive) {
        // A deadline past the end of time is none.
        *self.project().deadline = Instant::now().checked_add(keep_alive.every);
    }

    /// Is ready when silence has lasted long enough.
    pub(super) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(deadline) = *this.deadline else { return Poll::Pending };
        loop {
            let Some(mut timer) = this.timer.as_mut().as_pin_mut() else {
                this.timer.set(Some(sleep_until(deadline)));
                continue;
            };
            // A body is polled behind each event: a timer that runs already is not polled again.
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
    fn the_header_says_whole_seconds_rounded_up() {
        for (millis, seconds) in [(1, 1), (1_000, 1), (1_001, 2), (15_000, 15), (0, 0)] {
            assert_eq!(KeepAlive::every(Duration::from_millis(millis)).seconds(), seconds, "{millis} ms");
        }
        assert_eq!(KeepAlive::every(Duration::MAX).seconds(), u64::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn traffic_moves_the_deadline_without_a_new_timer() {
        let keep_alive = KeepAlive::every(Duration::from_secs(10));
        let mut silence = std::pin::pin!(Silence::new());
        let begin = Instant::now();
        silence.as_mut().broken(&keep_alive);
        tokio::select! {
            biased;
            () = std::future::poll_fn(|cx| silence.as_mut().poll(cx)) => panic!("too early"),
            () = tokio::time::sleep(Duration::from_secs(6)) => {}
        }
        let armed = silence.as_mut().project().timer.as_ref().get_ref().as_ref().map(Sleep::deadline);
        silence.as_mut().broken(&keep_alive);
        let still = silence.as_mut().project().timer.as_ref().get_ref().as_ref().map(Sleep::deadline);
        assert_eq!(armed, still);
        std::future::poll_fn(|cx| silence.as_mut().poll(cx)).await;
        assert_eq!(begin.elapsed().as_secs(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_that_looked_last_is_woken_by_silence() {
        let keep_alive = KeepAlive::every(Duration::from_secs(10));
        let mut silence = std::pin::pin!(Silence::new());
        silence.as_mut().broken(&keep_alive);
        let (mut first, mut second) = (tokio_test::task::spawn(()), tokio_test::task::spawn(()));
        for _ in 0..2 {
            // The same task, and another, look as often as they like.
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
            // The timer is set anew, for who looks then.
            silence.as_mut().broken(&keep_alive);
        }
    }
}
