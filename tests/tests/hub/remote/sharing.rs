//! Subscriptions that are behind the ring share the reads of their log.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Context,
    time::Duration,
};

use futures_util::{FutureExt, Stream, StreamExt, future::join_all};
use sse_typed::{
    EventId,
    event::GapReason,
    hub::{AppendError, Block, End, EventLog, EventStore, Hub, MemoryLog, MemoryStore, Page, Retention, Start},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::watch,
    task::yield_now,
    time::sleep,
};

use super::{publish, settle, soon, test_log::infallible, ticks, until, wait_until_released};
use crate::common::{Feed, Reader, WakeCounter, last_event_id, missed};

const CLIENTS: usize = 1_000;

/// A log elsewhere that counts its reads.
#[derive(Clone)]
struct CountingLog(Arc<Counting>);

struct Counting {
    log: MemoryLog,
    reads: AtomicUsize,
    under_way: AtomicUsize,
    /// Reads wait before they look.
    holds_reads: watch::Sender<bool>,
    /// Reads wait after they have looked.
    holds_answers: watch::Sender<bool>,
    fails: AtomicBool,
    panics: AtomicBool,
}

impl CountingLog {
    fn new(retained: usize) -> Self {
        Self(Arc::new(Counting {
            log: MemoryLog::new(Retention::events(retained)),
            reads: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            holds_reads: watch::Sender::new(false),
            holds_answers: watch::Sender::new(false),
            fails: AtomicBool::new(false),
            panics: AtomicBool::new(false),
        }))
    }

    fn reads(&self) -> usize {
        self.0.reads.load(Ordering::Relaxed)
    }

    /// A hub that has hardly any of these events in memory, and the id of the first.
    async fn hub_behind(&self, events: u64) -> (Hub<Feed, Self>, EventId) {
        let hub: Hub<Feed, Self> = Hub::builder().retain(Retention::events(4)).build_on(self.clone());
        let first = hub.publish(&Feed::Tick(1)).await.unwrap();
        publish(&hub, 2..=events).await;
        // Its follower has nothing left to read.
        poll_once(&mut Reader::at(&hub, Start::Live));
        settle().await;
        self.0.reads.store(0, Ordering::Relaxed);
        (hub, first)
    }
}

/// A read that is under way.
struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl EventLog for CountingLog {
    type Error = io::Error;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<io::Error>> {
        self.0.log.append(block).await.map_err(|error| error.map(|never: Infallible| match never {}))
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<io::Error>> {
        self.0.log.close(last, end).await.map_err(|error| error.map(|never: Infallible| match never {}))
    }

    async fn read_after(&self, after: &str, limit: usize) -> io::Result<Page> {
        self.0.reads.fetch_add(1, Ordering::Relaxed);
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        let _under_way = UnderWay(&self.0.under_way);
        yield_now().await;
        wait_until_released(&self.0.holds_reads).await;
        assert!(!self.0.panics.swap(false, Ordering::Relaxed), "the log panics");
        if self.0.fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("the read fails"));
        }
        let page = infallible(self.0.log.read_after(after, limit).await);
        wait_until_released(&self.0.holds_answers).await;
        Ok(page)
    }

    async fn wait_after(&self, after: &EventId) -> io::Result<()> {
        infallible(self.0.log.wait_after(after).await);
        Ok(())
    }

    async fn head(&self) -> io::Result<EventId> {
        Ok(infallible(self.0.log.head().await))
    }

    async fn before_last(&self, n: u64) -> io::Result<EventId> {
        yield_now().await;
        if self.0.fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("the read fails"));
        }
        Ok(infallible(self.0.log.before_last(n).await))
    }
}

/// Polls for the next events without waiting.
fn poll_once(reader: &mut Reader) {
    assert!(reader.subscription.as_mut().unwrap().next().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_thousand_clients_at_one_position_cost_as_many_reads_as_a_few() {
    let log = CountingLog::new(10_000);
    let (hub, first) = log.hub_behind(1_000).await;
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Reader::at(&hub, first.clone())).collect();
    let received = join_all(clients.iter_mut().map(|client| client.take(999))).await;
    assert!(received.into_iter().all(|events| events == ticks(2..=1_000)));
    // Pages of 32 events at first, and at most 256; and what the follower reads.
    assert!(log.reads() <= 20, "{}", log.reads());
    publish(&hub, [1_001]).await;
    for client in &mut clients {
        assert_eq!(client.take(1).await, ticks([1_001]));
    }
    assert!(log.reads() <= 25, "{}", log.reads());
}

#[tokio::test(start_paused = true)]
async fn clients_at_different_positions_share_the_pages_that_hold_them() {
    let log = CountingLog::new(10_000);
    let (hub, _) = log.hub_behind(1_000).await;
    let page = infallible(log.0.log.read_after(infallible(log.0.log.before_last(1_000).await).as_str(), 1_000).await);
    let from = |n: u64| page.entries[n as usize - 1].id.clone();
    let mut clients: Vec<_> = (0..CLIENTS as u64).map(|n| (1 + n % 50, Reader::at(&hub, from(1 + n % 50)))).collect();
    join_all(clients.iter_mut().map(async |(n, client)| {
        assert_eq!(client.take(1_000 - *n as usize).await, ticks(*n + 1..=1_000));
    }))
    .await;
    // The first page of each position, and then the same pages for all.
    assert!(log.reads() <= 100, "{}", log.reads());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_a_moment_later_finds_the_pages_of_the_others() {
    let log = CountingLog::new(10_000);
    let (hub, first) = log.hub_behind(1_000).await;
    let mut early = [Reader::at(&hub, first.clone()), Reader::at(&hub, first.clone())];
    for client in &mut early {
        poll_once(client);
    }
    let mut slow = Reader::at(&hub, first.clone());
    poll_once(&mut slow);
    for client in &mut early {
        client.take(999).await;
    }
    let reads = log.reads();
    let mut late = Reader::at(&hub, first);
    assert_eq!(late.take(999).await, ticks(2..=1_000));
    assert_eq!(slow.take(999).await, ticks(2..=1_000));
    assert_eq!(log.reads(), reads);
}

#[tokio::test(start_paused = true)]
async fn pages_are_kept_for_a_second_at_most_and_not_without_a_subscription_that_is_behind() {
    let log = CountingLog::new(10_000);
    let (hub, first) = log.hub_behind(1_000).await;
    let mut slow = Reader::at(&hub, first.clone());
    poll_once(&mut slow);
    let mut client = Reader::at(&hub, first.clone());
    client.take(999).await;
    let reads = log.reads();
    let mut again = Reader::at(&hub, first.clone());
    again.take(999).await;
    assert_eq!(log.reads(), reads);
    sleep(Duration::from_millis(1_001)).await;
    again = Reader::at(&hub, first.clone());
    again.take(999).await;
    let reread = log.reads() - reads;
    assert!(reread >= 5, "{reread}");
    // The last one that is behind takes the pages with it.
    drop((slow, client, again));
    let reads = log.reads();
    let mut alone = Reader::at(&hub, first);
    assert_eq!(alone.take(999).await, ticks(2..=1_000));
    assert!(log.reads() > reads);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_dropped_or_not_polled_holds_up_no_other() {
    let log = CountingLog::new(10_000);
    let (hub, first) = log.hub_behind(20).await;
    for drops in [false, true] {
        let reads = log.reads();
        log.0.holds_reads.send_replace(true);
        let mut began = Reader::at(&hub, first.clone());
        poll_once(&mut began);
        let mut others: Vec<_> = (0..10).map(|_| Reader::at(&hub, first.clone())).collect();
        others.iter_mut().for_each(poll_once);
        settle().await;
        assert_eq!(log.reads(), reads + 1);
        let kept = (!drops).then_some(began);
        others.truncate(5);
        log.0.holds_reads.send_replace(false);
        for other in &mut others {
            assert_eq!(other.take(19).await, ticks(2..=20), "drops: {drops}");
        }
        assert_eq!(log.reads(), reads + 1, "the read goes on");
        drop((kept, others));
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_for_which_nobody_waits_ends() {
    let log = CountingLog::new(10_000);
    let (hub, first) = log.hub_behind(20).await;
    let tasks = Handle::current().metrics().num_alive_tasks();
    log.0.holds_reads.send_replace(true);
    let mut clients: Vec<_> = (0..10).map(|_| Reader::at(&hub, first.clone())).collect();
    clients.iter_mut().for_each(poll_once);
    settle().await;
    assert_eq!(log.0.under_way.load(Ordering::Relaxed), 1);
    drop(clients);
    settle().await;
    assert_eq!(log.0.under_way.load(Ordering::Relaxed), 0);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_or_panics_is_repeated_once_for_all() {
    let log = CountingLog::new(10_000);
    let (hub, first) = log.hub_behind(20).await;
    for panics in [false, true] {
        let reads = log.reads();
        if panics {
            log.0.panics.store(true, Ordering::Relaxed);
        } else {
            log.0.fails.store(true, Ordering::Relaxed);
        }
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| Reader::at(&hub, first.clone())).collect();
        clients.iter_mut().for_each(poll_once);
        sleep(Duration::from_secs(5)).await;
        log.0.fails.store(false, Ordering::Relaxed);
        for events in join_all(clients.iter_mut().map(|client| client.take(19))).await {
            assert_eq!(events, ticks(2..=20));
        }
        // After 100, 200, 400, 800, 1600 and 3200 ms.
        assert_eq!(log.reads() - reads, if panics { 2 } else { 7 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_does_not_answer_for_thirty_seconds_is_repeated() {
    let log = CountingLog::new(10_000);
    let (hub, first) = log.hub_behind(20).await;
    log.0.holds_reads.send_replace(true);
    let mut clients: Vec<_> = (0..10).map(|_| Reader::at(&hub, first.clone())).collect();
    clients.iter_mut().for_each(poll_once);
    sleep(Duration::from_millis(29_900)).await;
    assert_eq!(log.reads(), 1);
    sleep(Duration::from_millis(300)).await;
    assert_eq!((log.reads(), log.0.under_way.load(Ordering::Relaxed)), (2, 1));
    log.0.holds_reads.send_replace(false);
    for client in &mut clients {
        assert_eq!(client.take(19).await, ticks(2..=20));
    }
}

#[tokio::test(start_paused = true)]
async fn each_client_is_told_its_gap() {
    let log = CountingLog::new(100);
    let (hub, first) = log.hub_behind(1_000).await;
    let mut trimmed: Vec<_> = (0..CLIENTS / 2).map(|_| Reader::at(&hub, first.clone())).collect();
    let mut unknown: Vec<_> = (0..CLIENTS / 2).map(|_| Reader::at(&hub, last_event_id("nobody's"))).collect();
    for (clients, gap) in
        [(&mut trimmed, missed(899, GapReason::Trimmed)), (&mut unknown, missed(None, GapReason::UnknownId))]
    {
        for events in join_all(clients.iter_mut().map(|client| client.take(101))).await {
            assert_eq!(events[0], gap);
            assert_eq!(events[1..], ticks(901..=1_000));
        }
    }
    assert_eq!(hub.stats().gaps, CLIENTS as u64);
    assert!(log.reads() <= 30, "{}", log.reads());
}

/// The answer of a read that began earlier may be out of date, except for events.
#[tokio::test(start_paused = true)]
async fn a_client_takes_no_gap_and_no_end_from_a_read_that_began_before_it_came() {
    let log = CountingLog::new(100);
    let (hub, _) = log.hub_behind(20).await;
    let reads = log.reads();
    let mut one = Reader::at(&hub, last_event_id("nobody's"));
    log.0.holds_answers.send_replace(true);
    poll_once(&mut one);
    settle().await;
    let mut other = Reader::at(&hub, last_event_id("nobody's"));
    poll_once(&mut other);
    log.0.holds_answers.send_replace(false);
    for client in [&mut one, &mut other] {
        assert_eq!(client.take(1).await, [missed(None, GapReason::UnknownId)]);
    }
    assert_eq!(log.reads(), reads + 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_after_the_close_is_answered_exactly_by_ready() {
    let log = CountingLog::new(100);
    let (_, last) = log.hub_behind(1).await;
    // A hub of another process, which knows nothing yet.
    let hub: Hub<Feed, _> = Hub::builder().build_on(log.clone());
    log.0.holds_answers.send_replace(true);
    let mut before = Reader::at(&hub, last.clone());
    poll_once(&mut before);
    settle().await;
    log.close(None, End::Complete).await.unwrap();
    let after = hub.subscribe(last);
    let (after, ()) = soon(async {
        tokio::join!(after.ready(), async {
            settle().await;
            log.0.holds_answers.send_replace(false);
        })
    })
    .await;
    assert_eq!(after.size_hint(), (0, Some(0)));
    assert!(before.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_waiting_client_is_woken_once_for_a_page() {
    let log = CountingLog::new(10_000);
    let (hub, first) = log.hub_behind(20).await;
    log.0.holds_reads.send_replace(true);
    let mut clients: Vec<_> = (0..10)
        .map(|_| {
            let (wakes, waker) = WakeCounter::new();
            let mut subscription = hub.subscribe(first.clone());
            let mut cx = Context::from_waker(&waker);
            assert!(Pin::new(&mut subscription).poll_next(&mut cx).is_pending());
            (wakes, waker, subscription)
        })
        .collect();
    log.0.holds_reads.send_replace(false);
    settle().await;
    let woken: Vec<_> = clients.iter().map(|(wakes, ..)| wakes.count()).collect();
    // The first one has polled the log itself, and the log has yielded once.
    assert!(woken[0] <= 2 && woken[1..].iter().all(|count| *count == 1), "{woken:?}");
    for (_, waker, subscription) in &mut clients {
        let mut cx = Context::from_waker(waker);
        assert!(Pin::new(subscription).poll_next(&mut cx).is_ready());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_told_a_gap_if_its_events_are_trimmed_while_others_read_on() {
    let log = CountingLog::new(500);
    let (hub, first) = log.hub_behind(500).await;
    let mut clients: Vec<_> = (0..10).map(|_| Reader::at(&hub, first.clone())).collect();
    let mut slow = Reader::at(&hub, first);
    let begin = slow.next().await.unwrap().len() as u64;
    for client in &mut clients {
        client.take(499).await;
    }
    publish(&hub, 501..=2_000).await;
    for client in &mut clients {
        let mut received = 500;
        while received < 2_000 {
            for (event, _) in client.next().await.unwrap() {
                match event {
                    Feed::Tick(n) => received = n,
                    _ => assert_eq!(event, missed(1_000, GapReason::Lagged)),
                }
            }
        }
    }
    sleep(Duration::from_secs(2)).await;
    let events = slow.take(501).await;
    assert_eq!(events[0], missed(1_500 - 1 - begin, GapReason::Lagged));
    assert_eq!(events[1..], ticks(1_501..=2_000));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_after_a_key_was_removed_is_told_the_gap_at_once() {
    let store = MemoryStore::default();
    let hub: Hub<Feed, _> = Hub::builder().retain(Retention::events(4)).build_on(store.log("a"));
    let first = hub.publish(&Feed::Tick(1)).await.unwrap();
    for n in 2..=1_000 {
        hub.publish(&Feed::Tick(n)).await.unwrap();
    }
    let mut clients: Vec<_> = (0..3).map(|_| Reader::at(&hub, first.clone())).collect();
    for client in &mut clients {
        client.next().await.unwrap();
        settle().await;
    }
    store.remove("a").await.unwrap();
    settle().await;
    let mut late = Reader::at(&hub, first);
    assert_eq!(late.next().await.unwrap()[0].0, missed(None, GapReason::UnknownId));
}

#[test]
fn a_read_that_ends_with_its_runtime_is_begun_again_in_another() {
    let log = CountingLog::new(10_000);
    let runtime = || Builder::new_current_thread().enable_time().build().unwrap();
    let first = runtime();
    let (hub, id) = first.block_on(log.hub_behind(1_000));
    log.0.holds_reads.send_replace(true);
    let mut clients: Vec<_> = (0..10).map(|_| Reader::at(&hub, id.clone())).collect();
    first.block_on(async {
        clients.iter_mut().for_each(poll_once);
        settle().await;
    });
    drop(first);
    log.0.holds_reads.send_replace(false);
    runtime().block_on(async {
        for client in &mut clients {
            assert_eq!(client.take(999).await, ticks(2..=1_000));
        }
        until(|| log.0.under_way.load(Ordering::Relaxed) == 0).await;
    });
}

#[test]
fn a_client_that_waits_to_repeat_a_call_when_its_runtime_ends_goes_on_in_another() {
    let log = CountingLog::new(10_000);
    let runtime = || Builder::new_current_thread().enable_time().build().unwrap();
    let first = runtime();
    let (hub, _) = first.block_on(log.hub_behind(20));
    log.0.fails.store(true, Ordering::Relaxed);
    let mut earliest = Reader::at(&hub, Start::Earliest);
    first.block_on(async {
        poll_once(&mut earliest);
        settle().await;
        poll_once(&mut earliest);
    });
    drop(first);
    log.0.fails.store(false, Ordering::Relaxed);
    assert_eq!(runtime().block_on(earliest.take(20)), ticks(1..=20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_on_many_threads_that_come_and_go_receive_every_event_once() {
    let log = CountingLog::new(10_000);
    let (hub, first) = log.hub_behind(1_000).await;
    let clients = (0..200_u64).map(|seed| {
        let (hub, first) = (hub.clone(), first.clone());
        tokio::spawn(async move {
            let mut client = Reader::at(&hub, first);
            let mut received = Vec::new();
            while received.len() < 999 {
                // Some reconnect in the middle, also while a read is under way.
                if (received.len() as u64 + seed).is_multiple_of(3) && !received.is_empty() {
                    client.resume(&hub);
                    let _ = client.subscription.as_mut().unwrap().next().now_or_never();
                    client.resume(&hub);
                }
                received.extend(client.next().await.unwrap().into_iter().map(|(event, _)| event));
            }
            assert_eq!(received, ticks(2..=1_000));
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    drop(hub);
}
