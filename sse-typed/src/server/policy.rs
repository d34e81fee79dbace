use std::{
    ops::RangeInclusive,
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::KeepAlive;

/// How a stream is sent, each setting perhaps not said. What a response says wins over what a layer says, and the layer
/// nearest to the handler over the others.
#[derive(Clone, Debug, Default)]
pub(super) struct Policy {
    pub(super) retry: Option<RangeInclusive<Duration>>,
    pub(super) keep_alive: Option<Switch>,
    pub(super) ids: Option<Ids>,
    pub(super) batch: Option<usize>,
    pub(super) max_lifetime: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(super) enum Switch {
    Off,
    On(Arc<KeepAlive>),
}

/// Which ids events get that have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ids {
    /// `<random per response>-<n>`: never mistaken for a place in another stream.
    OfThisResponse,
    /// Plain numbers, by a handler that can resume after each of them.
    From(u64),
}

/// How many bytes of ready events leave as one frame.
const BATCH: usize = 32 << 10;

/// What stands for a reconnection time that nobody has set, when clients are to be spread: around what browsers take.
const SPREAD: RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(6);

/// A time of the range, or its start if it is empty.
pub(super) fn draw(range: &RangeInclusive<Duration>) -> Duration {
    let width = range.end().saturating_sub(*range.start());
    if width.is_zero() { *range.start() } else { range.start().saturating_add(width.mul_f64(fastrand::f64())) }
}

impl Policy {
    /// Takes from `outer` what is not said here.
    pub(super) fn merge(&mut self, outer: &Self) {
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

    /// The reconnection time to send, drawn anew for each response when it is a range.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.retry.as_ref().map(draw)
    }

    /// The reconnection times over which clients that lose their streams at the same moment are spread: those of the
    /// policy if it is a range, up to twice as much if it is one time, and some seconds if it is none.
    pub(super) fn spread(&self) -> RangeInclusive<Duration> {
        match &self.retry {
            Some(range) if range.start() < range.end() => range.clone(),
            Some(range) => *range.start()..=range.start().saturating_mul(2),
            None => SPREAD,
        }
    }

    /// What `Retry-After` says, in seconds, drawn anew for each response: at least the reconnection time.
    pub(super) fn retry_after(&self) -> u64 {
        let spread = self.spread();
        let least = spread.start().as_secs().saturating_add(u64::from(spread.start().subsec_nanos() > 0)).max(1);
        // Whole seconds are few: of a short range there would be nothing to draw from.
        fastrand::u64(least..=spread.end().as_secs().max(least.saturating_add(4)))
    }

    /// How long this stream may last.
    pub(super) fn lifetime(&self) -> Option<Duration> {
        self.max_lifetime.map(|longest| longest.saturating_sub(longest.mul_f64(fastrand::f64() / 5.0)))
    }

    pub(super) fn keep_alive(&self) -> Option<Arc<KeepAlive>> {
        // Each open stream has it, and they are many.
        static DEFAULT: LazyLock<Arc<KeepAlive>> = LazyLock::new(Arc::default);
        match &self.keep_alive {
            None => Some(Arc::clone(&DEFAULT)),
            Some(Switch::Off) => None,
            Some(Switch::On(keep_alive)) => Some(Arc::clone(keep_alive)),
        }
    }

    pub(super) fn batch(&self) -> usize {
        self.batch.unwrap_or(BATCH)
    }
}

/// The settings that a response and a layer have in common.
macro_rules! policy_setters {
    () => {
        /// Sends a reconnection time before the first event: how long clients wait, at least, before they come back. In
        /// whole milliseconds, rounded up.
        ///
        /// Without it each client takes its own, a few seconds in browsers.
        #[must_use]
        pub const fn retry(mut self, retry: Duration) -> Self {
            self.policy.retry = Some(retry..=retry);
            self
        }

        /// Sends a reconnection time drawn anew for each response, so that clients which lost their connections at the
        /// same moment do not come back at the same moment.
        ///
        /// Of a range that is empty the start is sent.
        #[must_use]
        pub const fn retry_between(mut self, range: RangeInclusive<Duration>) -> Self {
            self.policy.retry = Some(range);
            self
        }

        /// Sends a sign of life after each silence of this length: a comment, which every client ignores, or the event
        /// that a [`KeepAlive`] names. The default is a comment every 15 seconds.
        #[must_use]
        pub fn keep_alive(mut self, keep_alive: impl Into<KeepAlive>) -> Self {
            let keep_alive = keep_alive.into();
            self.policy.keep_alive =
                Some(if keep_alive.is_off() { Switch::Off } else { Switch::On(std::sync::Arc::new(keep_alive)) });
            self
        }

        /// Sends nothing in silence. A connection whose client is gone is then noticed at the next event only.
        #[must_use]
        pub fn no_keep_alive(mut self) -> Self {
            self.policy.keep_alive = Some(Switch::Off);
            self
        }

        /// Numbers the events that have no id, as `<random per response>-<n>`.
        ///
        /// Such an id tells events of one response apart, and is never mistaken for a place in another stream: a client
        /// that comes back with it cannot be resumed. [`Encoded`](crate::Encoded) events keep what they have.
        #[must_use]
        pub const fn ids(mut self) -> Self {
            self.policy.ids = Some(Ids::OfThisResponse);
            self
        }

        /// Sets how many bytes of events that are ready at once leave as one frame, and thereby in one write: 32 KiB by
        /// default. Nothing waits for a batch to fill.
        ///
        /// A frame ends with the item of the stream that brings it to this size. So with 1 each item is a frame of its own;
        /// what a hub gives as one slice is one item, of up to 32 KiB or one larger event.
        /// Events that are bytes already (a hub's slice, an [`Encoded`](crate::Encoded)) are a frame of their own from 4 KiB on,
        /// if nothing waits before them: so they are not copied.
        #[must_use]
        pub const fn batch(mut self, bytes: usize) -> Self {
            self.policy.batch = Some(bytes);
            self
        }

        /// Ends each stream after 80 to 100 % of this time, drawn anew for each: clients come back, with their last
        /// event ID, and spread over the servers that are there by then. Without it streams last as long as they can.
        ///
        /// [`Duration::MAX`] is for ever.
        #[must_use]
        pub const fn max_lifetime(mut self, longest: Duration) -> Self {
            self.policy.max_lifetime = Some(longest);
            self
        }
    };
}
pub(super) use policy_setters;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_said_nearer_to_the_handler_wins_setting_by_setting() {
        let mut near = Policy { ids: Some(Ids::From(7)), keep_alive: Some(Switch::Off), ..Policy::default() };
        let far = Policy {
            retry: Some(SECOND..=SECOND),
            keep_alive: Some(Switch::On(Arc::new(KeepAlive::every(SECOND)))),
            ids: Some(Ids::OfThisResponse),
            batch: Some(1),
            max_lifetime: Some(SECOND),
        };
        near.merge(&far);
        assert_eq!(near.retry(), Some(SECOND));
        assert!(near.keep_alive().is_none());
        assert_eq!(near.ids, Some(Ids::From(7)));
        assert_eq!(near.batch(), 1);
        assert_eq!(near.max_lifetime, Some(SECOND));
    }

    #[test]
    fn clients_that_are_sent_away_together_are_spread() {
        let at = |retry| Policy { retry, ..Policy::default() };
        assert_eq!(at(Some(SECOND * 2..=SECOND * 9)).spread(), SECOND * 2..=SECOND * 9);
        assert_eq!(at(Some(SECOND * 3..=SECOND * 3)).spread(), SECOND * 3..=SECOND * 6);
        assert_eq!(at(None).spread(), SPREAD);
        for retry in [None, Some(Duration::ZERO..=Duration::ZERO), Some(SECOND..=SECOND), Some(SECOND * 9..=SECOND * 9)]
        {
            let least = retry.as_ref().map_or(2, |retry: &RangeInclusive<Duration>| retry.start().as_secs().max(1));
            let policy = at(retry);
            let drawn: std::collections::HashSet<_> = (0..200).map(|_| policy.retry_after()).collect();
            assert!(drawn.len() >= 4, "{drawn:?}");
            assert!(drawn.iter().all(|seconds| (least..=least * 2 + 4).contains(seconds)), "{drawn:?}");
        }
        assert!(at(Some(Duration::MAX..=Duration::MAX)).retry_after() > 0);
        // Seconds are whole: a part of one is not taken off.
        let part = at(Some(SECOND * 3 / 2..=SECOND * 3 / 2));
        assert!((0..200).all(|_| part.retry_after() >= 2));
    }

    #[test]
    fn a_lifetime_is_80_to_100_percent_of_the_longest() {
        let policy = Policy { max_lifetime: Some(SECOND * 100), ..Policy::default() };
        let drawn: Vec<_> = (0..1000).filter_map(|_| policy.lifetime()).collect();
        assert!(drawn.iter().all(|lifetime| (SECOND * 80..=SECOND * 100).contains(lifetime)));
        assert!(drawn.iter().any(|lifetime| *lifetime < SECOND * 85));
        assert!(drawn.iter().any(|lifetime| *lifetime > SECOND * 95));
        assert!(Policy { max_lifetime: Some(Duration::MAX), ..Policy::default() }.lifetime().is_some());
    }

    #[test]
    fn a_reconnection_time_is_drawn_from_its_range_anew() {
        let policy = Policy { retry: Some(SECOND..=SECOND * 3), ..Policy::default() };
        let drawn: Vec<_> = (0..100).filter_map(|_| policy.retry()).collect();
        assert_eq!(drawn.len(), 100);
        assert!(drawn.iter().all(|retry| (SECOND..=SECOND * 3).contains(retry)));
        assert!(drawn.iter().any(|retry| *retry != drawn[0]));
    }

    #[test]
    fn a_range_of_any_ends_is_no_panic() {
        let empty = Policy { retry: Some(SECOND * 3..=SECOND), ..Policy::default() };
        assert_eq!(empty.retry(), Some(SECOND * 3));
        let widest = Policy { retry: Some(Duration::ZERO..=Duration::MAX), ..Policy::default() };
        assert!(widest.retry().is_some());
    }
}
