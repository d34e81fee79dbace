use std::{
    borrow::Cow,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Instant;

use super::body::StreamTimer;
use crate::codec::{Encoded, Encoder};

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
/// A zero interval turns keep-alive off. Other intervals under 100 ms count as 100 ms. After a burst of events the silence may
/// be up to an eighth longer than the interval.
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

/// The silence of a stream: the time since its last frame.
///
/// A frame restarts it, which reads the clock. While frames follow each other closely, the clock is read only at the end of
/// each eighth of the interval, because reading it takes as long as encoding a small event. So the keep-alive after a burst
/// may come up to an eighth of the interval late, and never early.
#[derive(Debug)]
pub(super) struct Silence {
    /// When it ends, or while the stream is busy, when the clock is read again. It is stored instead of the beginning because a
    /// body needs it at each poll without an event. `None` if it never ends: without a keep-alive, or at a time later than
    /// `Instant` can express.
    deadline: Option<Instant>,
    /// How many frames have followed each other closely, up to [`BUSY`](Self::BUSY).
    close_frames: u8,
}

impl Silence {
    /// A stream with this many frames in a row is busy.
    const BUSY: u8 = 32;

    /// A frame follows the one before closely if it comes within this part of the interval.
    const CLOSE: u32 = 256;

    /// The clock of a busy stream is read after each of these parts of the interval.
    const BUSY_PARTS: u32 = 8;

    /// A silence that begins now.
    pub(super) fn new(keep_alive: Option<&KeepAlive>) -> Self {
        let deadline = keep_alive.and_then(|keep_alive| Instant::now().checked_add(keep_alive.interval));
        Self { deadline, close_frames: 0 }
    }

    const fn is_busy(&self) -> bool {
        self.close_frames >= Self::BUSY
    }

    /// Restarts the silence, because a frame is sent.
    #[inline]
    pub(super) fn restart(&mut self, keep_alive: &KeepAlive) {
        if !self.is_busy() {
            self.restart_now(keep_alive);
        }
    }

    fn restart_now(&mut self, keep_alive: &KeepAlive) {
        let now = Instant::now();
        let Some((before, after)) = self.deadline.zip(now.checked_add(keep_alive.interval)) else { return };
        // Both deadlines are one interval after their frames.
        let is_close = after.saturating_duration_since(before) < keep_alive.interval / Self::CLOSE;
        self.close_frames = if is_close { self.close_frames + 1 } else { 0 };
        self.deadline = Some(if self.is_busy() { now + keep_alive.interval / Self::BUSY_PARTS } else { after });
    }

    /// Ready when the silence has lasted for the interval.
    #[inline]
    pub(super) fn poll(
        &mut self,
        keep_alive: &KeepAlive,
        mut timer: Pin<&mut StreamTimer>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        loop {
            let Some(deadline) = self.deadline else { return Poll::Pending };
            ready!(timer.as_mut().poll(deadline, cx));
            if !self.is_busy() {
                return Poll::Ready(());
            }
            // The last frame was sent at some time before.
            *self = Self::new(Some(keep_alive));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin};

    use tokio::time::sleep;

    use super::*;

    #[test]
    fn the_header_has_whole_seconds_rounded_up() {
        for (millis, seconds) in [(1, 1), (1_000, 1), (1_001, 2), (15_000, 15), (0, 0)] {
            assert_eq!(KeepAlive::every(Duration::from_millis(millis)).seconds(), seconds, "{millis} ms");
        }
        assert_eq!(KeepAlive::every(Duration::MAX).seconds(), u64::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn traffic_restarts_the_silence() {
        let keep_alive = KeepAlive::every(Duration::from_secs(10));
        let (mut silence, mut timer) = (Silence::new(Some(&keep_alive)), pin!(StreamTimer::new()));
        let begin = Instant::now();
        tokio::select! {
            biased;
            () = poll_fn(|cx| silence.poll(&keep_alive, timer.as_mut(), cx)) => panic!("too early"),
            () = sleep(Duration::from_secs(6)) => {}
        }
        silence.restart(&keep_alive);
        poll_fn(|cx| silence.poll(&keep_alive, timer.as_mut(), cx)).await;
        assert_eq!(begin.elapsed().as_secs(), 16);
    }

    /// How long the silence is after `frames` frames, one in each `gap`, and how often the task was polled in it.
    async fn silence_after(frames: u32, gap: Duration) -> (Duration, u32) {
        let keep_alive = KeepAlive::every(Duration::from_secs(8));
        let (mut silence, mut timer) = (Silence::new(Some(&keep_alive)), pin!(StreamTimer::new()));
        for _ in 0..frames {
            tokio::select! {
                biased;
                () = poll_fn(|cx| silence.poll(&keep_alive, timer.as_mut(), cx)) => panic!("too early"),
                () = sleep(gap) => {}
            }
            silence.restart(&keep_alive);
        }
        let (begin, mut polls) = (Instant::now(), 0);
        poll_fn(|cx| {
            polls += 1;
            silence.poll(&keep_alive, timer.as_mut(), cx)
        })
        .await;
        (begin.elapsed(), polls)
    }

    #[tokio::test(start_paused = true)]
    async fn the_silence_after_few_or_rare_frames_is_exact() {
        let (second, milli) = (Duration::from_secs(1), Duration::from_millis(1));
        for (frames, gap) in [(1, milli), (31, milli), (40, second / 10), (100, second / 10), (1_000, second)] {
            let (silence, _) = silence_after(frames, gap).await;
            assert_eq!(silence, 8 * second, "{frames} frames, one in {gap:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_busy_once_enough_frames_follow_each_other_closely() {
        let keep_alive = KeepAlive::every(Duration::from_millis(2_560));
        for (gap, is_busy) in [(0, true), (9, true), (10, false), (100, false)] {
            let mut silence = Silence::new(Some(&keep_alive));
            for _ in 0..Silence::BUSY {
                assert!(!silence.is_busy());
                tokio::time::advance(Duration::from_millis(gap)).await;
                silence.restart(&keep_alive);
            }
            assert_eq!(silence.is_busy(), is_busy, "a frame in {gap} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_silence_after_a_burst_is_an_eighth_longer_at_most() {
        let (second, milli) = (Duration::from_secs(1), Duration::from_millis(1));
        for frames in [33, 40, 500, 999, 1_000, 1_001, 1_032, 1_033, 5_000, 20_017] {
            let (silence, polls) = silence_after(frames, milli).await;
            assert!((8 * second..=9 * second + milli).contains(&silence), "{frames} frames: {silence:?}");
            assert!(polls <= 4, "{frames} frames: {polls} polls");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_stream_that_is_never_pending_is_not_silent() {
        let keep_alive = KeepAlive::every(Duration::from_secs(8));
        let (mut silence, mut timer) = (Silence::new(Some(&keep_alive)), pin!(StreamTimer::new()));
        for _ in 0..1_000 {
            sleep(Duration::from_millis(20)).await;
            silence.restart(&keep_alive);
        }
        let begin = Instant::now();
        poll_fn(|cx| silence.poll(&keep_alive, timer.as_mut(), cx)).await;
        assert_eq!(begin.elapsed().as_secs(), 8);
    }
}
