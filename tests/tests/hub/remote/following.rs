//! The task that follows a log: it yields to other tasks, and another task replaces it when it is dropped.

use std::{
    future::pending,
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt;
use sse_typed::{
    EventId,
    event::GapReason,
    hub::{AppendError, Block, End, EventLog, Hub, MemoryLog, Page, Retention, Start},
};
use tokio::{runtime::Runtime, task::yield_now, time::sleep};

use super::{
    NetworkLog, publish, settle, soon,
    test_log::{Behavior, TestLog, infallible},
    ticks,
};
use crate::common::{Feed, Reader, missed, poll};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// Runs a closure that must end. It runs in its own thread, which a closure that does not end would occupy forever.
fn assert_ends(f: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let running = thread::spawn(move || {
        f();
        done.send(()).unwrap();
    });
    if is_done.recv_timeout(Duration::from_secs(20)) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("it does not end");
    }
    running.join().unwrap();
}

#[test]
fn when_the_runtime_of_the_follower_ends_a_subscription_in_another_runtime_replaces_it() {
    let log = NetworkLog::new(100);
    let hub = log.hub(100);
    let (first, second) = (runtime(), runtime());
    let subscription = first.block_on(async {
        let subscription = hub.subscribe(Start::Live);
        settle().await;
        subscription
    });
    let mut reader = Reader::at(&hub, Start::Live);
    let task = second.spawn(async move { reader.take(1).await });
    second.block_on(settle());
    drop(subscription);
    drop(first);
    second.block_on(async {
        publish(&hub, [1]).await;
        assert_eq!(soon(task).await.unwrap(), ticks([1]));
    });
}

#[tokio::test(start_paused = true)]
async fn a_log_that_panics_is_retried() {
    let log = NetworkLog::new(100);
    let hub = log.hub(100);
    let mut reader = Reader::at(&hub, Start::Live);
    assert!(reader.read_one().is_pending());
    settle().await;
    log.panics.store(true, Ordering::Relaxed);
    publish(&hub, [1]).await;
    assert_eq!(reader.take(1).await, ticks([1]));
    assert!(!log.panics.load(Ordering::Relaxed));
}

#[test]
fn a_subscription_that_was_made_outside_of_a_runtime_receives_later_events() {
    let log = NetworkLog::new(100);
    let hub = log.hub(100);
    let mut reader = Reader::at(&hub, Start::Live);
    runtime().block_on(async {
        publish(&hub, [1]).await;
        assert_eq!(reader.take(1).await, ticks([1]));
    });
}

/// A log whose calls complete at once, and which always reports news.
#[derive(Clone, Default)]
struct AlwaysNews {
    log: Arc<MemoryLog>,
    /// It never returns its head, so nobody can follow it.
    has_no_head: bool,
}

impl Behavior for AlwaysNews {
    fn log(&self) -> &MemoryLog {
        &self.log
    }

    async fn wait_after(&self, _: &EventId) {}

    async fn head(&self) -> EventId {
        if self.has_no_head {
            pending::<()>().await;
        }
        infallible(self.log.head().await)
    }
}

#[test]
fn the_follower_of_a_log_that_always_has_news_yields_to_other_tasks() {
    assert_ends(|| {
        runtime().block_on(async {
            let hub: Hub<Feed, TestLog<AlwaysNews>> = Hub::builder().build_on(TestLog::default());
            let mut reader = Reader::at(&hub, Start::Live);
            settle().await;
            publish(&hub, [1]).await;
            assert_eq!(reader.take(1).await, ticks([1]));
        });
    });
}

#[test]
fn a_poll_of_a_subscription_to_a_log_that_always_has_news_returns() {
    assert_ends(|| {
        runtime().block_on(async {
            let log = TestLog(AlwaysNews { has_no_head: true, ..AlwaysNews::default() });
            let hub: Hub<Feed, TestLog<AlwaysNews>> = Hub::builder().build_on(log);
            assert!(poll(&mut hub.subscribe(Start::Earliest)).is_pending());
        });
    });
}

#[tokio::test]
async fn events_that_were_read_from_the_log_are_counted_and_trimmed_ones_are_not() {
    let log = NetworkLog::new(2);
    let hub = log.hub(100);
    let mut reader = Reader::at(&hub, Start::Live);
    publish(&hub, [0]).await;
    assert_eq!(reader.take(1).await, ticks([0]));
    log.add(1..=10).await;
    let mut expected = vec![missed(8, GapReason::Lagged)];
    expected.extend(ticks(9..=10));
    assert_eq!(reader.take(3).await, expected);
    assert_eq!(hub.stats().published, 3);
}

/// A log whose bytes use the hub when they are dropped.
#[derive(Clone, Default)]
struct BytesThatUseTheHub {
    log: Arc<MemoryLog>,
    hub: Arc<OnceLock<Hub<Feed, TestLog<Self>>>>,
}

struct OwnedBytes(Vec<u8>, BytesThatUseTheHub);

impl AsRef<[u8]> for OwnedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for OwnedBytes {
    fn drop(&mut self) {
        if let Some(hub) = self.1.hub.get() {
            let _ = hub.stats();
        }
    }
}

impl Behavior for BytesThatUseTheHub {
    fn log(&self) -> &MemoryLog {
        &self.log
    }

    async fn read_after(&self, after: &str, limit: usize) -> Page {
        let mut page = infallible(self.log.read_after(after, limit).await);
        for entry in &mut page.entries {
            let bytes = Bytes::from_owner(OwnedBytes(entry.block.as_bytes().to_vec(), self.clone()));
            entry.block = Block::new(bytes, entry.block.is_terminal()).unwrap();
        }
        page
    }
}

#[test]
fn the_bytes_of_a_log_may_use_the_hub_when_they_are_dropped() {
    assert_ends(|| {
        runtime().block_on(async {
            let log = TestLog(BytesThatUseTheHub::default());
            let hub: Hub<Feed, _> = Hub::builder().retain(Retention::events(1)).build_on(log.clone());
            assert!(log.0.hub.set(hub.clone()).is_ok());
            let mut subscription = hub.subscribe(Start::Live);
            publish(&hub, 1..=3).await;
            assert!(subscription.next().await.is_some());
            yield_now().await;
        });
    });
}

/// A log that never returns its head, so nobody can follow it.
struct NoHead(Arc<MemoryLog>);

impl Behavior for NoHead {
    fn log(&self) -> &MemoryLog {
        &self.0
    }

    async fn head(&self) -> EventId {
        pending().await
    }
}

#[tokio::test]
async fn a_subscription_outside_of_the_ring_that_had_all_events_and_then_missed_some_has_lagged() {
    let log = Arc::new(MemoryLog::new(Retention::events(2)));
    let tick = |n: u64| Block::new(format!("event: tick\ndata: {n}\n\n"), false).unwrap();
    let id = log.append(&tick(1)).await.unwrap();
    let hub: Hub<Feed, _> = Hub::builder().build_on(TestLog(NoHead(Arc::clone(&log))));
    let mut there = Reader::at(&hub, id.clone());
    assert!(there.read_one().is_pending(), "it has all events");
    for n in 2..=5 {
        log.append(&tick(n)).await.unwrap();
    }
    let mut events = vec![missed(2, GapReason::Lagged)];
    events.extend(ticks(4..=5));
    assert_eq!(there.take(3).await, events);
    // A client that reconnects now was away meanwhile.
    events[0] = missed(2, GapReason::Trimmed);
    assert_eq!(Reader::at(&hub, id).take(3).await, events);
}

/// A log that cannot be reached. It counts the calls.
#[derive(Clone, Default)]
struct Unreachable(Arc<AtomicUsize>);

impl Unreachable {
    fn fail<T>(&self) -> io::Result<T> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(io::Error::other("the network is down"))
    }
}

impl EventLog for Unreachable {
    type Error = io::Error;

    async fn append(&self, _: &Block) -> Result<EventId, AppendError<io::Error>> {
        self.fail().map_err(AppendError::Failed)
    }

    async fn close(&self, _: Option<&Block>, _: End) -> Result<EventId, AppendError<io::Error>> {
        self.fail().map_err(AppendError::Failed)
    }

    async fn read_after(&self, _: &str, _: usize) -> io::Result<Page> {
        self.fail()
    }

    async fn wait_after(&self, _: &EventId) -> io::Result<()> {
        self.fail()
    }

    async fn head(&self) -> io::Result<EventId> {
        self.fail()
    }

    async fn before_last(&self, _: u64) -> io::Result<EventId> {
        self.fail()
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_fails_is_retried_with_back_off_up_to_five_seconds() {
    let log = Unreachable::default();
    let hub: Hub<Feed, Unreachable> = Hub::builder().build_on(log.clone());
    let _subscription = hub.subscribe(Start::Live);
    sleep(Duration::from_secs(10)).await;
    // At once, and after 0.1, 0.3, 0.7, 1.5, 3.1 and 6.3 seconds.
    assert_eq!(log.0.swap(0, Ordering::Relaxed), 7);
    sleep(Duration::from_secs(100)).await;
    assert_eq!(log.0.swap(0, Ordering::Relaxed), 20);
}
