//! The task that follows a log: it gives others their turn, and when it goes another takes its place.

use std::{
    convert::Infallible,
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

use super::{Elsewhere, publish, settle, soon, ticks};
use crate::common::{Feed, Reader, missed, poll};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// It comes to an end. What does not would keep its thread for ever, so it has one of its own.
fn ends(what: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let running = thread::spawn(move || {
        what();
        done.send(()).unwrap();
    });
    if is_done.recv_timeout(Duration::from_secs(20)) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("it goes on and on");
    }
    running.join().unwrap();
}

#[test]
fn when_a_runtime_ends_those_who_wait_in_another_follow_the_log_there() {
    let log = Elsewhere::new(100);
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
async fn a_log_that_panics_is_asked_again() {
    let log = Elsewhere::new(100);
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
fn what_is_published_behind_a_subscription_is_in_it_even_when_that_was_made_outside_of_a_runtime() {
    let log = Elsewhere::new(100);
    let hub = log.hub(100);
    let mut reader = Reader::at(&hub, Start::Live);
    runtime().block_on(async {
        publish(&hub, [1]).await;
        assert_eq!(reader.take(1).await, ticks([1]));
    });
}

/// A log in this process whose answers are all ready, and which always has news, whether there are any or not.
#[derive(Clone, Default)]
struct Hasty {
    log: Arc<MemoryLog>,
    /// Where it ends it does not tell, so nobody can follow it.
    has_no_head: bool,
}

impl EventLog for Hasty {
    type Error = Infallible;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<Infallible>> {
        EventLog::append(&*self.log, block).await
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<Infallible>> {
        EventLog::close(&*self.log, last, end).await
    }

    async fn read_after(&self, after: &str, limit: usize) -> Result<Page, Infallible> {
        self.log.read_after(after, limit).await
    }

    async fn wait_after(&self, _: &EventId) -> Result<(), Infallible> {
        Ok(())
    }

    async fn head(&self) -> Result<EventId, Infallible> {
        if self.has_no_head {
            std::future::pending::<()>().await;
        }
        self.log.head().await
    }

    async fn before_last(&self, n: u64) -> Result<EventId, Infallible> {
        self.log.before_last(n).await
    }
}

#[test]
fn a_log_that_always_has_news_leaves_the_thread_to_others() {
    ends(|| {
        runtime().block_on(async {
            let hub: Hub<Feed, Hasty> = Hub::builder().build_on(Hasty::default());
            let mut reader = Reader::at(&hub, Start::Live);
            settle().await;
            publish(&hub, [1]).await;
            assert_eq!(reader.take(1).await, ticks([1]));
        });
    });
}

#[test]
fn a_poll_of_a_subscription_comes_to_an_end() {
    ends(|| {
        runtime().block_on(async {
            let hub: Hub<Feed, Hasty> = Hub::builder().build_on(Hasty { has_no_head: true, ..Hasty::default() });
            assert!(poll(&mut hub.subscribe(Start::Earliest)).is_pending());
        });
    });
}

#[tokio::test]
async fn what_came_from_the_log_is_counted_and_what_it_had_let_go_is_not() {
    let log = Elsewhere::new(2);
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
struct Calling(Arc<MemoryLog>, Arc<OnceLock<Hub<Feed, Self>>>);

struct Caller(Vec<u8>, Calling);

impl AsRef<[u8]> for Caller {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if let Some(hub) = self.1.1.get() {
            let _ = hub.stats();
        }
    }
}

impl EventLog for Calling {
    type Error = Infallible;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<Infallible>> {
        EventLog::append(&*self.0, block).await
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<Infallible>> {
        EventLog::close(&*self.0, last, end).await
    }

    async fn read_after(&self, after: &str, limit: usize) -> Result<Page, Infallible> {
        let mut page = self.0.read_after(after, limit).await?;
        for entry in &mut page.entries {
            let bytes = Bytes::from_owner(Caller(entry.block.as_bytes().to_vec(), self.clone()));
            entry.block = Block::new(bytes, entry.block.is_terminal()).unwrap();
        }
        Ok(page)
    }

    async fn wait_after(&self, after: &EventId) -> Result<(), Infallible> {
        self.0.wait_after(after).await
    }

    async fn head(&self) -> Result<EventId, Infallible> {
        self.0.head().await
    }

    async fn before_last(&self, n: u64) -> Result<EventId, Infallible> {
        self.0.before_last(n).await
    }
}

#[test]
fn the_bytes_of_a_log_may_use_the_hub_when_they_are_dropped() {
    ends(|| {
        runtime().block_on(async {
            let log = Calling::default();
            let hub: Hub<Feed, Calling> = Hub::builder().retain(Retention::events(1)).build_on(log.clone());
            assert!(log.1.set(hub.clone()).is_ok());
            let mut subscription = hub.subscribe(Start::Live);
            publish(&hub, 1..=3).await;
            assert!(subscription.next().await.is_some());
            yield_now().await;
        });
    });
}

/// A log that never says where its head is, so nobody can follow it.
struct Headless(Arc<MemoryLog>);

impl EventLog for Headless {
    type Error = Infallible;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<Infallible>> {
        self.0.append(block).await
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<Infallible>> {
        self.0.close(last, end).await
    }

    async fn read_after(&self, after: &str, limit: usize) -> Result<Page, Infallible> {
        self.0.read_after(after, limit).await
    }

    async fn wait_after(&self, after: &EventId) -> Result<(), Infallible> {
        self.0.wait_after(after).await
    }

    async fn head(&self) -> Result<EventId, Infallible> {
        std::future::pending().await
    }

    async fn before_last(&self, n: u64) -> Result<EventId, Infallible> {
        self.0.before_last(n).await
    }
}

#[tokio::test]
async fn one_who_had_all_events_and_then_missed_some_has_lagged_also_outside_of_the_ring() {
    let log = Arc::new(MemoryLog::new(Retention::events(2)));
    let tick = |n: u64| Block::new(format!("event: tick\ndata: {n}\n\n"), false).unwrap();
    let id = log.append(&tick(1)).await.unwrap();
    let hub: Hub<Feed, Headless> = Hub::builder().build_on(Headless(Arc::clone(&log)));
    let mut there = Reader::at(&hub, id.clone());
    assert!(there.read_one().is_pending(), "it has all there is");
    for n in 2..=5 {
        log.append(&tick(n)).await.unwrap();
    }
    let mut events = vec![missed(2, GapReason::Lagged)];
    events.extend(ticks(4..=5));
    assert_eq!(there.take(3).await, events);
    // One that comes only now was away meanwhile.
    events[0] = missed(2, GapReason::Trimmed);
    assert_eq!(Reader::at(&hub, id).take(3).await, events);
}

/// A log that cannot be reached, and counts how often that was tried.
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
async fn a_log_that_fails_is_asked_less_and_less_often_down_to_every_five_seconds() {
    let log = Unreachable::default();
    let hub: Hub<Feed, Unreachable> = Hub::builder().build_on(log.clone());
    let _subscription = hub.subscribe(Start::Live);
    sleep(Duration::from_secs(10)).await;
    // At once, and 0.1, 0.3, 0.7, 1.5, 3.1 and 6.3 seconds later.
    assert_eq!(log.0.swap(0, Ordering::Relaxed), 7);
    sleep(Duration::from_secs(100)).await;
    assert_eq!(log.0.swap(0, Ordering::Relaxed), 20);
}
