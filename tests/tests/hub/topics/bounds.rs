//! The cost of one call of topics, whatever their number.

use std::{
    hash::{Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sse_typed::hub::{Hub, Topics};
use tokio::time::advance;

use crate::common::Feed;

/// The calls of a key's code.
#[derive(Default)]
struct Counts {
    hashed: AtomicUsize,
    dropped: AtomicUsize,
}

impl Counts {
    /// The calls since the last time.
    fn take(&self) -> (usize, usize) {
        (self.hashed.swap(0, Ordering::Relaxed), self.dropped.swap(0, Ordering::Relaxed))
    }
}

/// A key that counts the calls of its code.
#[derive(Clone)]
struct Key(usize, Arc<Counts>);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.1.hashed.fetch_add(1, Ordering::Relaxed);
        self.0.hash(state);
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.1.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn no_call_does_the_work_of_many_others() {
    const COUNT: usize = 10_000;
    let counts = Arc::new(Counts::default());
    let topics = Topics::<Key, Feed>::new(Hub::builder()).idle(Duration::from_secs(60));
    let key = |n| Key(n, Arc::clone(&counts));
    let mut most_hashed = 0;
    for n in 0..COUNT {
        drop(topics.hub(&key(n)));
        most_hashed = counts.take().0.max(most_hashed);
    }
    assert_eq!((most_hashed, topics.len()), (1, COUNT), "a table that grows moves only a few entries");
    advance(Duration::from_secs(60)).await;
    let (mut uses, mut most_dropped) = (0, 0);
    while topics.len() > 1 {
        drop(topics.hub(&key(COUNT)));
        let (hashed, dropped) = counts.take();
        // The key of the call is one of them.
        most_dropped = dropped.max(most_dropped);
        assert_eq!(hashed, 1);
        uses += 1;
        assert!(uses <= COUNT / 2, "all are found in the end: {} are left", topics.len());
    }
    assert!(most_dropped <= 17, "{most_dropped}");
}

#[tokio::test(start_paused = true)]
async fn rounds_over_all_topics_begin_half_the_idle_time_apart() {
    let topics = Topics::<usize, Feed>::new(Hub::builder()).idle(Duration::from_secs(60));
    drop(topics.hub(&1));
    for (seconds, are_left) in [(40, 1), (22, 1), (7, 1), (1, 0)] {
        advance(Duration::from_secs(seconds)).await;
        assert!(topics.get(&2).is_none());
        assert_eq!(topics.len(), are_left, "{seconds} seconds later");
    }
}

#[tokio::test(start_paused = true)]
async fn drop_idle_drops_all_idle_topics() {
    let topics = Topics::<usize, Feed>::new(Hub::builder()).idle(Duration::from_secs(60));
    for n in 0..10_000 {
        drop(topics.hub(&n));
    }
    let held = topics.hub(&7);
    advance(Duration::from_secs(60)).await;
    topics.drop_idle();
    assert_eq!(topics.len(), 1);
    assert!(topics.get(&7).is_some());
    drop(held);
}

/// A key that uses the topics when it is hashed, cloned or dropped.
#[derive(PartialEq, Eq)]
struct Busy(usize);

static BUSY: OnceLock<Topics<Busy, Feed>> = OnceLock::new();

impl Hash for Busy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let _ = BUSY.get().map(Topics::len);
        self.0.hash(state);
    }
}

impl Clone for Busy {
    fn clone(&self) -> Self {
        let _ = BUSY.get().map(Topics::len);
        Self(self.0)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = BUSY.get().map(Topics::len);
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_hashed_cloned_and_dropped_outside_of_the_lock() {
    let make = |key: &Busy| if key.0 == 100 { panic!("it cannot be made") } else { Hub::builder().build() };
    let topics = BUSY.get_or_init(|| Topics::with(make).idle(Duration::from_secs(60)));
    for n in 0..20 {
        drop(topics.hub(&Busy(n)));
    }
    assert!(topics.get(&Busy(3)).is_some());
    assert!(topics.remove(&Busy(3)).is_some());
    topics.hub(&Busy(4)).close_now(None).unwrap();
    drop(topics.hub(&Busy(4)));
    advance(Duration::from_secs(60)).await;
    // It replaces the closed topic, and idle topics are dropped meanwhile.
    assert!(!topics.hub(&Busy(4)).is_closed());
    // A panic leaves the topics unchanged, and drops nothing under the lock.
    advance(Duration::from_secs(60)).await;
    assert!(catch_unwind(AssertUnwindSafe(|| topics.hub(&Busy(100)))).is_err());
    assert!(topics.get(&Busy(100)).is_none());
    topics.drop_idle();
    assert!(topics.is_empty());
}
