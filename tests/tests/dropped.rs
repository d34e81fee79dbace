//! Futures that are dropped at each of their awaits: nothing is lost, doubled or left locked.

use std::{
    convert::Infallible,
    env, fs,
    future::{poll_fn, ready},
    path::PathBuf,
    pin::pin,
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
    time::Duration,
};

use http::Response;
use sse_typed::{
    Client, Event, Hub, LastEventId, Sse,
    client::EventSource,
    hub::{AppendError, Block, End, EventLog, EventStore, LogOptions, MemoryStore, Start, SubscriptionEvents},
    runs::{RunStore, Runs},
    server::{Drain, Server, Shutdown, SseBody},
    stores::FileStore,
    testing::{Answer, ScriptedServer},
};
use tests::runs::Feed;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::yield_now,
    time::timeout,
};

/// More polls than any future here needs.
const MOST_POLLS: usize = 1_000;
/// How long a step may take. Long, because it says that something hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// Polls a future up to this number of times, each time when it was woken, and drops it. Returns its output if it was ready.
async fn polled<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Calls `check` with 0, 1, 2 polls and so on, until the future was ready, and returns the number of polls.
///
/// `check` prepares a state, drops the future after this many polls, and says whether it was ready.
async fn at_each_await(mut check: impl AsyncFnMut(usize) -> bool) -> usize {
    for polls in 0..MOST_POLLS {
        if timeout(LIMIT, check(polls)).await.unwrap_or_else(|_| panic!("it hangs after {polls} polls")) {
            return polls;
        }
    }
    panic!("it is not ready after {MOST_POLLS} polls");
}

async fn all(mut events: SubscriptionEvents<Feed>) -> Vec<Feed> {
    let mut received = Vec::new();
    while let Some(event) = events.next_event().await {
        received.push(event);
    }
    received
}

/// The next event of a subscription, as a future that can be dropped.
trait NextEvent {
    async fn next_event(&mut self) -> Option<Feed>;
}

impl NextEvent for SubscriptionEvents<Feed> {
    async fn next_event(&mut self) -> Option<Feed> {
        futures_util::StreamExt::next(self).await.map(|event| Feed::clone(&event.data))
    }
}

impl NextEvent for EventSource<Feed> {
    async fn next_event(&mut self) -> Option<Feed> {
        self.next().await.map(|event| event.unwrap().data)
    }
}

/// Reads to the end, where each `next` is dropped after this many polls unless it is ready.
async fn all_in_pieces(events: &mut impl NextEvent, polls: usize) -> Vec<Feed> {
    let mut received = Vec::new();
    loop {
        match polled(polls, events.next_event()).await {
            Some(Some(event)) => received.push(event),
            Some(None) => return received,
            // What the future has waited for happens between two calls.
            None => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

fn ticks(numbers: &[u64]) -> Vec<Feed> {
    numbers.iter().map(|n| Feed::Tick(*n)).chain([Feed::Done]).collect()
}

/// A folder of a test's own, deleted with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("sse-typed-dropped-{}-{number}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A test of each store.
macro_rules! on_each_store {
    ($($test:ident),+) => {
        mod on_a_memory_store {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::MemoryStore::default()).await;
            })+
        }

        mod on_a_file_store {
            $(#[tokio::test]
            async fn $test() {
                let folder = super::Folder::new();
                let store = super::FileStore::open(&folder.0).unwrap();
                super::$test(store.clone()).await;
                store.close().await;
            })+
        }
    };
}

on_each_store!(
    an_event_is_published_once_or_not,
    a_hub_is_closed_once_or_not,
    an_append_has_happened_or_not,
    a_sole_writer_that_drops_an_append_is_not_taken_for_a_second_one,
    reading_a_log_changes_nothing,
    a_subscription_loses_no_event_when_next_is_dropped,
    a_subscription_that_is_dropped_before_it_is_ready_is_counted_no_more,
    a_run_whose_start_is_dropped_is_executed_once_or_not,
    a_producer_that_drops_a_publish_publishes_once_or_not,
    a_run_whose_stop_is_dropped_ends_once
);

async fn an_event_is_published_once_or_not<S: EventStore>(store: S) {
    at_each_await(async |polls| {
        let hub = || Hub::<Feed>::builder().build_on(store.log(&format!("publish-{polls}")));
        let publisher = hub();
        publisher.publish(&Feed::Tick(0)).await.unwrap();
        let id = polled(polls, publisher.publish(&Feed::Tick(1))).await;
        publisher.publish(&Feed::Tick(2)).await.unwrap();
        publisher.close(Some(Feed::Done)).await.unwrap();

        let received = all(hub().subscribe(Start::Earliest).events()).await;
        let is_published = received == ticks(&[0, 1, 2]);
        assert!(is_published || received == ticks(&[0, 2]), "after {polls} polls: {received:?}");
        assert!(is_published || id.is_none(), "after {polls} polls it was acknowledged");
        assert!(polls > 0 || !is_published, "it happens without a poll");
        id.is_some_and(|id| id.is_ok())
    })
    .await;
}

async fn a_hub_is_closed_once_or_not<S: EventStore>(store: S) {
    at_each_await(async |polls| {
        let hub = || Hub::<Feed>::builder().build_on(store.log(&format!("close-{polls}")));
        let publisher = hub();
        publisher.publish(&Feed::Tick(0)).await.unwrap();
        let closed = polled(polls, publisher.close(Some(Feed::Done))).await;
        let again = publisher.close(Some(Feed::Done)).await;
        assert!(again.is_ok() || again.is_err_and(|error| error.is_closed()), "after {polls} polls");

        assert_eq!(all(hub().subscribe(Start::Earliest).events()).await, ticks(&[0]), "after {polls} polls");
        closed.is_some_and(|closed| closed.is_ok())
    })
    .await;
}

fn block(n: u64) -> Block {
    Block::new(format!("event: tick\ndata: {n}\n\n"), false).unwrap()
}

async fn stored<L: EventLog>(log: &L) -> Vec<Block> {
    let before_all = log.before_last(u64::MAX).await.unwrap();
    let page = log.read_after(before_all.as_str(), 100).await.unwrap();
    assert!(page.gap.is_none());
    page.entries.into_iter().map(|entry| entry.block).collect()
}

async fn an_append_has_happened_or_not<S: EventStore>(store: S) {
    at_each_await(async |polls| {
        let log = store.open(&format!("append-{polls}"), &LogOptions::new());
        let first = polled(polls, log.append(&block(1))).await;
        log.append(&block(2)).await.unwrap();
        let (with, without) = (vec![block(1), block(2)], vec![block(2)]);
        let found = stored(&log).await;
        assert!(found == with || (found == without && first.is_none()), "after {polls} polls: {found:?}");

        let closed = polled(polls, log.close(Some(&block(3)), End::Complete)).await;
        let again = log.close(Some(&block(3)), End::Complete).await;
        assert!(matches!(again, Ok(_) | Err(AppendError::Closed(_))), "after {polls} polls: {again:?}");
        assert_eq!(stored(&log).await.split_off(found.len()), [block(3)], "after {polls} polls");
        first.is_some() && closed.is_some()
    })
    .await;
}

async fn a_sole_writer_that_drops_an_append_is_not_taken_for_a_second_one<S: EventStore>(store: S) {
    at_each_await(async |polls| {
        let log = store.open(&format!("sole-{polls}"), &LogOptions::new().sole_writer());
        log.append(&block(0)).await.unwrap();
        let first = polled(polls, log.append(&block(1))).await;
        log.append(&block(2)).await.unwrap();
        log.append(&block(3)).await.unwrap();
        let (with, without) = ([0, 1, 2, 3].map(block), [0, 2, 3].map(block));
        let found = stored(&log).await;
        assert!(found == with || (found == without && first.is_none()), "after {polls} polls: {found:?}");
        first.is_some()
    })
    .await;
}

async fn reading_a_log_changes_nothing<S: EventStore>(store: S) {
    at_each_await(async |polls| {
        let log = store.open(&format!("read-{polls}"), &LogOptions::new());
        let first = log.append(&block(1)).await.unwrap();
        let head = log.append(&block(2)).await.unwrap();
        let found_head = polled(polls, log.head()).await;
        let before_last = polled(polls, log.before_last(1)).await;
        let page = polled(polls, log.read_after(first.as_str(), 9)).await;
        // It waits, because there is nothing after the head.
        polled(polls.min(3), log.wait_after(&head)).await;
        assert_eq!(stored(&log).await, [block(1), block(2)], "after {polls} polls");
        log.append(&block(3)).await.unwrap();
        log.wait_after(&head).await.unwrap();
        found_head.is_some() && before_last.is_some() && page.is_some()
    })
    .await;
}

async fn a_subscription_loses_no_event_when_next_is_dropped<S: EventStore>(store: S) {
    for polls in 1..5 {
        let hub = Hub::<Feed>::builder().build_on(store.log(&format!("next-{polls}")));
        hub.publish(&Feed::Tick(0)).await.unwrap();
        let mut events = hub.subscribe(Start::Earliest).events();
        let publishing = async {
            for n in 1..20 {
                hub.publish(&Feed::Tick(n)).await.unwrap();
                yield_now().await;
            }
            hub.close(Some(Feed::Done)).await.unwrap();
        };
        let (received, ()) = timeout(LIMIT, async { tokio::join!(all_in_pieces(&mut events, polls), publishing) })
            .await
            .unwrap_or_else(|_| panic!("it hangs with {polls} polls"));
        assert_eq!(received, ticks(&(0..20).collect::<Vec<_>>()), "with {polls} polls");
    }
}

async fn a_subscription_that_is_dropped_before_it_is_ready_is_counted_no_more<S: EventStore>(store: S) {
    at_each_await(async |polls| {
        let hub = Hub::<Feed>::builder().build_on(store.log(&format!("ready-{polls}")));
        hub.publish(&Feed::Tick(0)).await.unwrap();
        hub.close(Some(Feed::Done)).await.unwrap();
        let is_ready = polled(polls, hub.subscribe(Start::Earliest).ready()).await.is_some();
        assert_eq!(hub.stats().subscribers, 0, "after {polls} polls");
        assert_eq!(all(hub.subscribe(Start::Earliest).ready().await.events()).await, ticks(&[0]));
        is_ready
    })
    .await;
}

async fn a_run_whose_start_is_dropped_is_executed_once_or_not<S: RunStore>(store: S) {
    let runs = Runs::<Feed, _>::on(store, "start").public();
    at_each_await(async |polls| {
        let executions = Arc::new(AtomicU32::new(0));
        let start = || {
            let executions = Arc::clone(&executions);
            runs.start(format!("{polls}"), move |run| async move {
                executions.fetch_add(1, Ordering::SeqCst);
                run.publish(&Feed::Tick(0)).await?;
                Ok(Feed::Done)
            })
        };
        let is_started = polled(polls, start().into_future()).await.is_some();
        let run = start().await.unwrap().run;
        let events = run.subscribe(LastEventId::none()).await.events();
        assert_eq!(all(events).await, ticks(&[0]), "after {polls} polls");
        assert_eq!(executions.load(Ordering::SeqCst), 1, "after {polls} polls");
        is_started
    })
    .await;
}

async fn a_producer_that_drops_a_publish_publishes_once_or_not<S: RunStore>(store: S) {
    let runs = Runs::<Feed, _>::on(store, "publish").public();
    at_each_await(async |polls| {
        let (sender, was_ready) = tokio::sync::oneshot::channel();
        let started = runs.start(format!("{polls}"), move |run| async move {
            run.publish(&Feed::Tick(0)).await?;
            let id = polled(polls, run.publish(&Feed::Tick(1))).await.transpose()?;
            let _ = sender.send(id.is_some());
            run.publish(&Feed::Tick(2)).await?;
            Ok(Feed::Done)
        });
        let events = started.await.unwrap().run.subscribe(LastEventId::none()).await.events();
        let (received, was_ready) = (all(events).await, was_ready.await.unwrap());
        let is_published = received == ticks(&[0, 1, 2]);
        assert!(is_published || received == ticks(&[0, 2]), "after {polls} polls: {received:?}");
        assert!(is_published || !was_ready, "after {polls} polls it was acknowledged");
        was_ready
    })
    .await;
}

async fn a_run_whose_stop_is_dropped_ends_once<S: RunStore>(store: S) {
    let runs = Runs::<Feed, _>::on(store, "stop").public();
    at_each_await(async |polls| {
        let started = runs.start(format!("{polls}"), |run| async move {
            run.publish(&Feed::Tick(0)).await?;
            std::future::pending().await
        });
        let run = started.await.unwrap().run;
        let mut events = run.subscribe(LastEventId::none()).await.events();
        assert_eq!(events.next_event().await, Some(Feed::Tick(0)));
        let stopped = polled(polls, run.stop()).await;
        run.stop().await.unwrap();
        assert_eq!(all(events).await, [Feed::Stopped], "after {polls} polls");
        stopped.is_some()
    })
    .await;
}

#[tokio::test]
async fn runs_whose_shutdown_is_dropped_go_on_and_it_can_be_called_again() {
    at_each_await(async |polls| {
        let runs = Runs::<Feed, _>::on(MemoryStore::default(), "shutdown");
        let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
        let started = runs.public().start("7", move |run| async move {
            run.publish(&Feed::Tick(0)).await?;
            wait.await?;
            Ok(Feed::Done)
        });
        let events = started.await.unwrap().run.subscribe(LastEventId::none()).await.events();
        let mut go_on = Some(go_on);
        // From the second poll on the run can end.
        if polls > 1 {
            let _ = go_on.take().unwrap().send(());
        }
        let left = polled(polls, runs.shutdown(LIMIT)).await;
        if let Some(go_on) = go_on {
            go_on.send(()).unwrap();
        }
        assert_eq!(runs.shutdown(LIMIT).await, 0, "after {polls} polls");
        assert_eq!(all(events).await, ticks(&[0]), "after {polls} polls");
        left.is_some()
    })
    .await;
}

#[tokio::test]
async fn a_hub_in_memory_publishes_in_the_first_poll() {
    let hub = Hub::<Feed>::builder().build();
    assert!(polled(0, hub.publish(&Feed::Tick(0))).await.is_none());
    assert!(polled(1, hub.publish(&Feed::Tick(1))).await.is_some());
    assert!(polled(1, hub.close(Some(Feed::Done))).await.is_some());
    assert_eq!(all(hub.subscribe(Start::Earliest).events()).await, ticks(&[1]));
}

#[tokio::test(start_paused = true)]
async fn a_source_loses_no_event_when_next_is_dropped() {
    for polls in 1..5 {
        let event = |n| Event::new(Feed::Tick(n)).id(n);
        let server = ScriptedServer::new([
            Answer::stream().event(&event(1)).event(&event(2)),
            Answer::stream().event(&event(3)),
            Answer::stream().event(&event(4)).event(&Event::new(Feed::Done)),
        ]);
        let mut source = Client::new(server).get("/").connect::<Feed>().boxed();
        assert_eq!(all_in_pieces(&mut source, polls).await, ticks(&[1, 2, 3, 4]), "with {polls} polls");
    }
}

#[tokio::test]
async fn a_shutdown_is_not_missed_by_who_has_dropped_begun() {
    let shutdown = Shutdown::new();
    for polls in 0..2 {
        assert!(polled(polls, shutdown.begun()).await.is_none());
    }
    let begun = shutdown.begun();
    shutdown.begin();
    assert!(polled(1, begun).await.is_some());
    assert!(polled(1, shutdown.begun()).await.is_some());
}

#[tokio::test]
async fn a_server_whose_future_is_dropped_leaves_its_streams_open_up_to_the_shutdown() {
    for polls in 3..6 {
        let (shutdown, hub) = (Shutdown::new(), Hub::<Feed>::builder().build());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let streams = hub.clone();
        let app = tower::service_fn(move |_| {
            ready(Ok::<Response<SseBody<_>>, Infallible>(Sse::new(streams.subscribe(Start::Live)).into()))
        });
        let mut client = TcpStream::connect(address).await.unwrap();
        let serving = Server::new(listener).shutdown(&shutdown, Drain::Now, LIMIT).serve(app);
        // Connections that come later wake it again.
        let others = async {
            for _ in 0..polls {
                drop(TcpStream::connect(address).await);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let (served, ()) = tokio::join!(polled(polls, serving), others);
        assert!(served.is_none());

        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains("\r\n\r\n") {
            assert_ne!(client.read_buf(&mut text).await.unwrap(), 0, "after {polls} polls");
        }
        hub.publish(&Feed::Tick(7)).await.unwrap();
        while !String::from_utf8_lossy(&text).contains("data: 7") {
            assert_ne!(client.read_buf(&mut text).await.unwrap(), 0, "after {polls} polls");
        }
        shutdown.begin();
        client.read_to_end(&mut text).await.unwrap();
        assert!(text.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&text));
    }
}
