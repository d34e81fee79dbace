//! Decides which follower reads next, and when. It has no I/O, no task and no clock of its own.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    mem,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::follower::{Follower, News, StepOutcome};
use crate::hub::log::pause::retry_pause;

/// The time without subscriptions after which a hub is no longer followed.
const DORMANT_AFTER: Duration = Duration::from_secs(5);

/// The most followers that try again at the same time. Reads that never answer take 30 seconds, and must not hold up
/// the keys whose reads answer.
const MAX_RETRIES: usize = 32;

/// The most followers that become dormant while the lock is held once.
const MAX_DORMANT: usize = 64;

/// The followers of a store, by their numbers.
#[derive(Default)]
pub(super) struct Schedule {
    entries: HashMap<u64, Entry>,
    /// Followers that have something to read.
    queue: VecDeque<u64>,
    /// Followers that try again after a failure.
    retry_queue: VecDeque<u64>,
    /// How many of them run.
    running_retries: usize,
    /// When a follower whose log has failed tries again.
    retries: Timers,
    /// When a follower without subscriptions may become dormant.
    dormancy: Timers,
    /// Followers that were removed or restarted during a step.
    cancelled: Vec<u64>,
}

type Timers = BinaryHeap<Reverse<(Instant, u64)>>;

pub(super) struct Entry {
    pub(super) key: Arc<str>,
    pub(super) follower: Arc<dyn Follower>,
    activity: Activity,
    news: Option<News>,
    /// The number of consecutive failures of the log.
    failures: u32,
    subscriptions: u32,
    /// The time since which the hub has no subscriptions.
    unused_since: Option<Instant>,
    has_dormancy_timer: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    Idle,
    Queued,
    /// It runs a step.
    Running,
    /// It runs a step after a failure.
    Retrying,
    /// It waits for its retry.
    Paused,
}

/// A step to run.
pub(super) struct NextStep {
    pub(super) number: u64,
    pub(super) follower: Arc<dyn Follower>,
    pub(super) news: News,
    pub(super) pause: Duration,
}

impl Activity {
    const fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::Retrying)
    }
}

impl Entry {
    fn is_unused_for_long(&self, now: Instant) -> bool {
        self.unused_since.is_some_and(|since| now.saturating_duration_since(since) >= DORMANT_AFTER)
    }
}

impl Schedule {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, number: u64) -> Option<&Entry> {
        self.entries.get(&number)
    }

    pub(super) fn followers(&self) -> impl Iterator<Item = &Arc<dyn Follower>> {
        self.entries.values().map(|entry| &entry.follower)
    }

    /// Adds a follower, which has everything to read. It has no subscriptions yet.
    pub(super) fn add(&mut self, number: u64, key: Arc<str>, follower: Arc<dyn Follower>, now: Instant) {
        let entry = Entry {
            key,
            follower,
            activity: Activity::Idle,
            news: None,
            failures: 0,
            subscriptions: 0,
            unused_since: Some(now),
            has_dormancy_timer: false,
        };
        self.entries.insert(number, entry);
        self.mark(number, News::Unknown);
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.entries.remove(&number)?;
        if entry.activity.is_running() {
            self.running_retries -= usize::from(entry.activity == Activity::Retrying);
            self.cancelled.push(number);
        }
        if self.entries.is_empty() {
            (self.queue, self.retry_queue, self.retries, self.dormancy) = Default::default();
        } else if self.entries.capacity() / 8 > self.entries.len().max(64) {
            self.entries.shrink_to(self.entries.len() * 2);
        }
        Some(entry)
    }

    /// Counts a subscription. True if the follower has been unused for so long that it must restart.
    pub(super) fn add_subscription(&mut self, number: u64, now: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(&number) else { return false };
        let is_stale = entry.is_unused_for_long(now);
        entry.subscriptions += 1;
        entry.unused_since = None;
        is_stale
    }

    /// Uncounts a subscription.
    pub(super) fn remove_subscription(&mut self, number: u64, now: Instant) {
        let Some(entry) = self.entries.get_mut(&number) else { return };
        entry.subscriptions = entry.subscriptions.saturating_sub(1);
        if entry.subscriptions == 0 {
            entry.unused_since = Some(now);
            if !mem::replace(&mut entry.has_dormancy_timer, true) {
                self.dormancy.push(Reverse((now + DORMANT_AFTER, number)));
            }
        }
    }

    /// Notes that a follower may have something to read.
    pub(super) fn mark(&mut self, number: u64, news: News) {
        let Some(entry) = self.entries.get_mut(&number) else { return };
        entry.news = Some(match entry.news.take() {
            Some(known) => known.and(&news),
            None => news,
        });
        if entry.activity == Activity::Idle {
            entry.activity = Activity::Queued;
            self.queue.push_back(number);
        }
    }

    /// Cancels the step of a follower, if one runs, and restarts the follower.
    pub(super) fn restart(&mut self, number: u64) {
        if let Some(entry) = self.entries.get_mut(&number).filter(|entry| entry.activity.is_running()) {
            self.running_retries -= usize::from(entry.activity == Activity::Retrying);
            entry.activity = Activity::Idle;
            self.cancelled.push(number);
        }
        self.mark(number, News::Unknown);
    }

    pub(super) fn mark_all(&mut self) {
        for (number, entry) in &mut self.entries {
            entry.news = Some(News::Unknown);
            if entry.activity == Activity::Idle {
                entry.activity = Activity::Queued;
                self.queue.push_back(*number);
            }
        }
    }

    /// Takes the next step to run.
    pub(super) fn next_step(&mut self) -> Option<NextStep> {
        loop {
            let may_retry = self.running_retries < MAX_RETRIES;
            let retry = if may_retry { self.retry_queue.pop_front() } else { None };
            let number = retry.or_else(|| self.queue.pop_front())?;
            let Some(entry) = self.entries.get_mut(&number).filter(|entry| entry.activity == Activity::Queued) else {
                continue;
            };
            entry.activity = if retry.is_some() { Activity::Retrying } else { Activity::Running };
            self.running_retries += usize::from(retry.is_some());
            let news = entry.news.take().unwrap_or(News::Unknown);
            let follower = Arc::clone(&entry.follower);
            return Some(NextStep { number, follower, news, pause: retry_pause(entry.failures) });
        }
    }

    /// Records the outcome of a step. True if the follower has reached the end and must be removed.
    pub(super) fn finish_step(&mut self, number: u64, news: News, outcome: StepOutcome, now: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(&number).filter(|entry| entry.activity.is_running()) else {
            return false;
        };
        self.running_retries -= usize::from(entry.activity == Activity::Retrying);
        entry.activity = Activity::Idle;
        let failures = mem::take(&mut entry.failures);
        match outcome {
            StepOutcome::Over => return true,
            StepOutcome::Continue => self.mark(number, news),
            StepOutcome::CaughtUp => {
                if let Some(news) = entry.news.take() {
                    self.mark(number, news);
                }
            }
            StepOutcome::Failed => {
                entry.activity = Activity::Paused;
                entry.failures = failures.saturating_add(1);
                entry.news = Some(News::Unknown);
                self.retries.push(Reverse((now + retry_pause(failures), number)));
            }
        }
        false
    }

    /// Queues the followers whose steps ran when the task ended.
    pub(super) fn interrupt(&mut self) {
        self.cancelled.clear();
        self.running_retries = 0;
        for (number, entry) in &mut self.entries {
            if entry.activity.is_running() {
                entry.activity = Activity::Queued;
                entry.news = Some(News::Unknown);
                self.queue.push_back(*number);
            }
        }
    }

    /// Queues the followers whose pause is over, and returns those that become dormant, at most 64.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<u64> {
        while let Some(number) = pop_due(&mut self.retries, now) {
            if let Some(entry) = self.entries.get_mut(&number).filter(|entry| entry.activity == Activity::Paused) {
                entry.activity = Activity::Queued;
                self.retry_queue.push_back(number);
            }
        }
        let mut dormant = Vec::new();
        while dormant.len() < MAX_DORMANT {
            let Some(number) = pop_due(&mut self.dormancy, now) else { break };
            let Some(entry) = self.entries.get_mut(&number) else { continue };
            if entry.is_unused_for_long(now) {
                dormant.push(number);
                continue;
            }
            entry.has_dormancy_timer = entry.unused_since.is_some();
            if let Some(since) = entry.unused_since {
                self.dormancy.push(Reverse((since + DORMANT_AFTER, number)));
            }
        }
        dormant
    }

    /// The time of the next call of [`take_due`](Self::take_due).
    pub(super) fn next_due(&self) -> Option<Instant> {
        let first = |timers: &Timers| timers.peek().map(|Reverse((due, _))| *due);
        [first(&self.retries), first(&self.dormancy)].into_iter().flatten().min()
    }

    /// Whether there is a step to run.
    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty() || !self.retry_queue.is_empty() && self.running_retries < MAX_RETRIES
    }

    /// Followers that were removed or restarted during a step, since the last call.
    pub(super) fn take_cancelled(&mut self) -> Vec<u64> {
        mem::take(&mut self.cancelled)
    }
}

fn pop_due(timers: &mut Timers, now: Instant) -> Option<u64> {
    timers
        .peek()
        .is_some_and(|Reverse((due, _))| *due <= now)
        .then(|| timers.pop())
        .flatten()
        .map(|Reverse((_, number))| number)
}

#[cfg(test)]
mod tests {
    use std::any::Any;

    use super::{super::follower::StepFuture, *};
    use crate::event::EventId;

    struct Unused;

    impl Follower for Unused {
        fn has_read(&self, _: &EventId) -> bool {
            false
        }

        fn step(self: Arc<Self>, _: News, _: Duration) -> StepFuture {
            Box::pin(async { StepOutcome::CaughtUp })
        }

        fn become_dormant(&self) -> Box<dyn Any + Send> {
            Box::new(())
        }

        fn wake_subscriptions(&self) {}
    }

    fn with_followers(numbers: impl IntoIterator<Item = u64>, now: Instant) -> Schedule {
        let mut schedule = Schedule::default();
        for number in numbers {
            schedule.add(number, Arc::from("key"), Arc::new(Unused), now);
        }
        schedule
    }

    fn running(schedule: &mut Schedule) -> Vec<u64> {
        std::iter::from_fn(|| schedule.next_step()).map(|step| step.number).collect()
    }

    #[tokio::test]
    async fn a_retry_that_ends_is_removed_or_restarted_makes_room_for_another() {
        let now = Instant::now();
        let mut schedule = with_followers(0..60, now);
        let all = running(&mut schedule);
        assert_eq!(all.len(), 60);
        for number in all {
            assert!(!schedule.finish_step(number, News::Unknown, StepOutcome::Failed, now));
        }
        assert!(schedule.take_due(now + retry_pause(0)).is_empty() && schedule.has_queued());
        let mut retries = running(&mut schedule);
        assert_eq!(retries.len(), MAX_RETRIES);
        assert!(!schedule.has_queued(), "the others wait until one of them ends");
        for how in 0..3 {
            let ended = retries.remove(0);
            match how {
                0 => drop(schedule.remove(ended)),
                1 => schedule.restart(ended),
                _ => assert!(!schedule.finish_step(ended, News::Unknown, StepOutcome::CaughtUp, now)),
            }
            assert!(schedule.has_queued());
            let next = running(&mut schedule);
            // A follower that was restarted reads everything again, and not as a retry.
            assert_eq!(next.contains(&ended), how == 1, "{next:?}");
            assert_eq!(next.len(), 1 + usize::from(how == 1), "{next:?}");
            retries.extend(next.into_iter().filter(|number| *number != ended));
            assert!(!schedule.has_queued());
        }
        assert_eq!(schedule.take_cancelled().len(), 2);
    }

    #[tokio::test]
    async fn a_change_of_all_keys_queues_each_follower_once() {
        let now = Instant::now();
        let mut schedule = with_followers(0..3, now);
        assert_eq!(running(&mut schedule).len(), 3);
        assert!(!schedule.finish_step(0, News::Unknown, StepOutcome::CaughtUp, now));
        assert!(!schedule.has_queued());
        schedule.mark_all();
        schedule.mark_all();
        assert_eq!(running(&mut schedule), [0], "the others are running");
        for number in 0..3 {
            assert!(!schedule.finish_step(number, News::Unknown, StepOutcome::CaughtUp, now));
        }
        let mut again = running(&mut schedule);
        again.sort_unstable();
        assert_eq!(again, [1, 2], "their news came during their step");
    }

    #[tokio::test]
    async fn a_follower_is_used_until_its_last_subscription_ends() {
        let now = Instant::now();
        let mut schedule = with_followers([7], now);
        assert!(!schedule.add_subscription(7, now) && !schedule.add_subscription(7, now));
        schedule.remove_subscription(7, now);
        assert_eq!((schedule.next_due(), schedule.take_due(now + 2 * DORMANT_AFTER)), (None, vec![]));
        schedule.remove_subscription(7, now + DORMANT_AFTER);
        assert_eq!(schedule.next_due(), Some(now + 2 * DORMANT_AFTER));
        assert_eq!(schedule.take_due(now + 2 * DORMANT_AFTER), [7]);
    }

    #[tokio::test]
    async fn the_memory_of_removed_followers_is_freed() {
        let mut schedule = with_followers(0..10_000, Instant::now());
        assert!(schedule.entries.capacity() >= 10_000);
        (1..10_000).for_each(|number| drop(schedule.remove(number)));
        assert!(schedule.entries.capacity() < 64 * 2 * 8, "{}", schedule.entries.capacity());
        drop(schedule.remove(0));
        assert_eq!((schedule.queue.capacity(), schedule.is_empty()), (0, true));
    }
}
