use std::{
    ops::RangeInclusive,
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::KeepAlive;

/// The settings of how a stream is sent, each unset or set.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamSettings {
    pub(super) retry: Option<RangeInclusive<Duration>>,
    pub(super) keep_alive: Option<KeepAliveSetting>,
    pub(super) ids: Option<EventIds>,
    pub(super) batch: Option<usize>,
    pub(super) max_lifetime: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(super) enum KeepAliveSetting {
    Off,
    On(Arc<KeepAlive>),
}

/// The ids of events that have none of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventIds {
    /// `<random per response>-<n>`: unique to the response, so never taken for a position in another stream.
    RandomPrefix,
    /// Plain numbers from this one on, for a handler that can resume after each of them.
    From(u64),
}

/// The default size of a frame of ready events, in bytes.
const DEFAULT_BATCH: usize = 32 << 10;

/// The range of reconnection times for clients that are disconnected together, if none is set: around the defaults of
/// browsers.
const DEFAULT_RECONNECT_RANGE: RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(6);

/// A random duration in the range, or its start if the range is empty.
pub(super) fn random_in(range: &RangeInclusive<Duration>) -> Duration {
    let width = range.end().saturating_sub(*range.start());
    if width.is_zero() { *range.start() } else { range.start().saturating_add(width.mul_f64(fastrand::f64())) }
}

impl StreamSettings {
    /// Takes the settings that are unset here from an outer layer.
    pub(super) fn fill_from(&mut self, outer: &Self) {
        fn fill<T: Clone>(setting: &mut Option<T>, outer: &Option<T>) {
            if setting.is_none() {
                setting.clone_from(outer);
            }
        }
        fill(&mut self.retry, &outer.retry);
        fill(&mut self.keep_alive, &outer.keep_alive);
        fill(&mut self.ids, &outer.ids);
        fill(&mut self.batch, &outer.batch);
        fill(&mut self.max_lifetime, &outer.max_lifetime);
    }

    /// The reconnection time to send. If it is a range, each call returns a new random time.
    pub(super) fn random_retry(&self) -> Option<Duration> {
        self.retry.as_ref().map(random_in)
    }

    /// The range of reconnection times for clients that are disconnected together: the range that is set, one to two
    /// times the single time that is set, or the default.
    pub(super) fn reconnect_range(&self) -> RangeInclusive<Duration> {
        match &self.retry {
            Some(range) if range.start() < range.end() => range.clone(),
            Some(range) => *range.start()..=range.start().saturating_mul(2),
            None => DEFAULT_RECONNECT_RANGE,
        }
    }

    /// The value of `Retry-After` in seconds, at least the reconnection time. Each call returns a new random
    /// value.
    pub(super) fn random_retry_after(&self) -> u64 {
        let range = self.reconnect_range();
        let min = range.start().as_secs().saturating_add(u64::from(range.start().subsec_nanos() > 0)).max(1);
        // In whole seconds a short range has one or two values, which would not spread clients.
        fastrand::u64(min..=range.end().as_secs().max(min.saturating_add(4)))
    }

    /// The lifetime of one stream: 80 to 100 % of the maximum. Each call returns a new random time.
    pub(super) fn random_lifetime(&self) -> Option<Duration> {
        self.max_lifetime.map(|max| max.saturating_sub(max.mul_f64(fastrand::f64() / 5.0)))
    }

    pub(super) fn keep_alive(&self) -> Option<Arc<KeepAlive>> {
        // Every open stream holds one, so the default is shared.
        static DEFAULT: LazyLock<Arc<KeepAlive>> = LazyLock::new(Arc::default);
        match &self.keep_alive {
            None => Some(Arc::clone(&DEFAULT)),
            Some(KeepAliveSetting::Off) => None,
            Some(KeepAliveSetting::On(keep_alive)) => Some(Arc::clone(keep_alive)),
        }
    }

    pub(super) fn batch(&self) -> usize {
        self.batch.unwrap_or(DEFAULT_BATCH)
    }
}

/// The setters that [`Sse`](super::Sse) and [`SseLayer`](super::SseLayer) have in common.
macro_rules! stream_setters {
    () => {
        /// Sends a reconnection time before the first event: the minimum time that clients wait before they reconnect. It
        /// is sent in whole milliseconds, rounded up.
        ///
        /// By default none is sent, and each client uses its own, a few seconds in browsers.
        #[must_use]
        pub const fn retry(mut self, retry: Duration) -> Self {
            self.stream_settings.retry = Some(retry..=retry);
            self
        }

        /// Sends a random reconnection time from this range, a new one for each response, so that clients that lose
        /// their connections at the same moment do not reconnect at the same moment.
        ///
        /// If the range is empty, its start is sent.
        #[must_use]
        pub const fn retry_between(mut self, range: RangeInclusive<Duration>) -> Self {
            self.stream_settings.retry = Some(range);
            self
        }

        /// Sends a keep-alive after each silence of this length: a comment, which every client ignores, or the event of
        /// the given [`KeepAlive`]. The default is a comment every 15 seconds. A zero interval turns keep-alive off.
        #[must_use]
        pub fn keep_alive(mut self, keep_alive: impl Into<KeepAlive>) -> Self {
            let keep_alive = keep_alive.into();
            self.stream_settings.keep_alive = Some(if keep_alive.is_off() {
                KeepAliveSetting::Off
            } else {
                KeepAliveSetting::On(std::sync::Arc::new(keep_alive))
            });
            self
        }

        /// Turns keep-alive off. A client that vanished without closing its connection is then noticed only when an event is
        /// written.
        #[must_use]
        pub fn no_keep_alive(mut self) -> Self {
            self.stream_settings.keep_alive = Some(KeepAliveSetting::Off);
            self
        }

        /// Numbers the events that have no id, as `<random per response>-<n>`.
        ///
        /// An id of this form identifies an event within one response. It is no position in any other stream, so a client that
        /// reconnects with it cannot be resumed. [`Encoded`](crate::Encoded) events are not numbered.
        #[must_use]
        pub const fn ids(mut self) -> Self {
            self.stream_settings.ids = Some(EventIds::RandomPrefix);
            self
        }

        /// Sets the size of a frame of events that are ready together, in bytes: 32 KiB by default. A frame is one write.
        /// An event never waits for a frame to fill.
        ///
        /// A frame ends with the stream item that brings it to this size, so with 1 each item is a frame of its own. A slice
        /// of a hub's events is one item, of up to 32 KiB or one larger event.
        ///
        /// An item that is already encoded (a hub's slice or an [`Encoded`](crate::Encoded)) and has at least 4 KiB
        /// becomes a frame of its own if no other events wait before it. It is then not copied.
        #[must_use]
        pub const fn batch(mut self, bytes: usize) -> Self {
            self.stream_settings.batch = Some(bytes);
            self
        }

        /// Ends each stream after a random 80 to 100 % of this time. Clients reconnect with their last event ID and spread
        /// over the servers that are running by then. By default streams have no maximum lifetime.
        ///
        /// [`Duration::MAX`] means no maximum.
        #[must_use]
        pub const fn max_lifetime(mut self, limit: Duration) -> Self {
            self.stream_settings.max_lifetime = Some(limit);
            self
        }
    };
}
pub(super) use stream_setters;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_innermost_value_of_each_setting_wins() {
        let mut inner = StreamSettings {
            ids: Some(EventIds::From(7)),
            keep_alive: Some(KeepAliveSetting::Off),
            ..StreamSettings::default()
        };
        let outer = StreamSettings {
            retry: Some(SECOND..=SECOND),
            keep_alive: Some(KeepAliveSetting::On(Arc::new(KeepAlive::every(SECOND)))),
            ids: Some(EventIds::RandomPrefix),
            batch: Some(1),
            max_lifetime: Some(SECOND),
        };
        inner.fill_from(&outer);
        assert_eq!(inner.random_retry(), Some(SECOND));
        assert!(inner.keep_alive().is_none());
        assert_eq!(inner.ids, Some(EventIds::From(7)));
        assert_eq!(inner.batch(), 1);
        assert_eq!(inner.max_lifetime, Some(SECOND));
    }

    #[test]
    fn clients_that_are_disconnected_together_are_spread() {
        let at = |retry| StreamSettings { retry, ..StreamSettings::default() };
        assert_eq!(at(Some(SECOND * 2..=SECOND * 9)).reconnect_range(), SECOND * 2..=SECOND * 9);
        assert_eq!(at(Some(SECOND * 3..=SECOND * 3)).reconnect_range(), SECOND * 3..=SECOND * 6);
        assert_eq!(at(None).reconnect_range(), DEFAULT_RECONNECT_RANGE);
        for retry in [None, Some(Duration::ZERO..=Duration::ZERO), Some(SECOND..=SECOND), Some(SECOND * 9..=SECOND * 9)]
        {
            let min = retry.as_ref().map_or(2, |retry: &RangeInclusive<Duration>| retry.start().as_secs().max(1));
            let settings = at(retry);
            let drawn: std::collections::HashSet<_> = (0..200).map(|_| settings.random_retry_after()).collect();
            assert!(drawn.len() >= 4, "{drawn:?}");
            assert!(drawn.iter().all(|seconds| (min..=min * 2 + 4).contains(seconds)), "{drawn:?}");
        }
        assert!(at(Some(Duration::MAX..=Duration::MAX)).random_retry_after() > 0);
        // Fractions of a second are rounded up.
        let part = at(Some(SECOND * 3 / 2..=SECOND * 3 / 2));
        assert!((0..200).all(|_| part.random_retry_after() >= 2));
    }

    #[test]
    fn a_lifetime_is_80_to_100_percent_of_the_maximum() {
        let settings = StreamSettings { max_lifetime: Some(SECOND * 100), ..StreamSettings::default() };
        let drawn: Vec<_> = (0..1000).filter_map(|_| settings.random_lifetime()).collect();
        assert!(drawn.iter().all(|lifetime| (SECOND * 80..=SECOND * 100).contains(lifetime)));
        assert!(drawn.iter().any(|lifetime| *lifetime < SECOND * 85));
        assert!(drawn.iter().any(|lifetime| *lifetime > SECOND * 95));
        assert!(
            StreamSettings { max_lifetime: Some(Duration::MAX), ..StreamSettings::default() }
                .random_lifetime()
                .is_some()
        );
    }

    #[test]
    fn each_reconnection_time_is_drawn_from_its_range() {
        let settings = StreamSettings { retry: Some(SECOND..=SECOND * 3), ..StreamSettings::default() };
        let drawn: Vec<_> = (0..100).filter_map(|_| settings.random_retry()).collect();
        assert_eq!(drawn.len(), 100);
        assert!(drawn.iter().all(|retry| (SECOND..=SECOND * 3).contains(retry)));
        assert!(drawn.iter().any(|retry| *retry != drawn[0]));
    }

    #[test]
    fn no_range_causes_a_panic() {
        let empty = StreamSettings { retry: Some(SECOND * 3..=SECOND), ..StreamSettings::default() };
        assert_eq!(empty.random_retry(), Some(SECOND * 3));
        let widest = StreamSettings { retry: Some(Duration::ZERO..=Duration::MAX), ..StreamSettings::default() };
        assert!(widest.random_retry().is_some());
    }
}
