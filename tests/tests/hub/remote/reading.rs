//! Reading a log elsewhere.

use std::{
    convert::Infallible,
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt;
use sse_typed::{
    Gap, LastEventId, SseEvent,
    codec::{Encoder, EventItem},
    event::GapReason,
    hub::{AnyLog, Block, EventLog, Hub, MemoryLog, OnGap, Page, Retention, Start},
    testing,
};
use tokio::time::timeout;

use super::{
    NetworkLog, publish, soon,
    test_log::{Behavior, TestLog, infallible},
    ticks, until,
};
use crate::common::{ContiguityCheck, Feed, Reader, last_event_id, missed};

#[tokio::test]
async fn the_logs_of_this_crate_and_of_these_tests_pass_the_suite() {
    testing::event_log(async |events| MemoryLog::new(Retention::events(events))).await;
    testing::event_log(async |events| AnyLog::new(MemoryLog::new(Retention::events(events)))).await;
    testing::event_log(async |events| NetworkLog::new(events)).await;
    testing::event_log(async |events| AnyLog::new(NetworkLog::new(events))).await;
}

#[tokio::test]
async fn a_hub_on_an_any_log_in_memory_needs_no_runtime() {
    let hub: Hub<Feed, AnyLog> = Hub::builder().build_on(AnyLog::new(MemoryLog::default()));
    let mut reader = Reader::at(&hub, Start::Live);
    publish(&hub, 1..=2).await;
    assert_eq!(reader.ticks(), [1, 2], "at once");
    hub.close(Some(Feed::Done)).await.unwrap();
    assert_eq!(reader.events(), [Feed::Done]);
}

#[tokio::test]
async fn processes_receive_each_others_events() {
    let log = NetworkLog::new(1_000);
    let (here, there) = (log.hub(100), log.hub(100));
    let (mut one, mut other) = (Reader::at(&here, Start::Live), Reader::at(&there, Start::Live));
    publish(&here, [1]).await;
    publish(&there, [2]).await;
    // Earlier subscriptions in the process that publishes miss nothing.
    assert_eq!(one.take(2).await, ticks(1..=2));
    assert_eq!(other.take(1).await, ticks(2..=2));
    let id = here.publish(&Feed::Done).await.unwrap();
    assert!(id.as_str().ends_with("-3!"), "{id}");
    for reader in [&mut one, &mut other] {
        assert_eq!(reader.take(1).await, [Feed::Done]);
        assert_eq!(reader.last_event_id().as_str(), Some(id.as_str()));
        assert!(reader.next().await.is_none());
    }
    use futures_util::Stream;
    assert_eq!(there.subscribe(id).size_hint(), (0, Some(0)));
}

#[tokio::test]
async fn a_restarted_process_resumes_clients() {
    let log = NetworkLog::new(1_000);
    let before = log.hub(100);
    let mut reader = Reader::at(&before, Start::Live);
    publish(&before, 1..=3).await;
    assert_eq!(reader.take(3).await, ticks(1..=3));
    drop(before);
    assert!(reader.next().await.is_none(), "the process has ended");
    let after = log.hub(100);
    publish(&after, 4..=5).await;
    reader.resume(&after);
    publish(&after, 6..=6).await;
    assert_eq!(reader.take(3).await, ticks(4..=6));
}

#[tokio::test]
async fn a_subscription_outside_of_the_ring_reads_pages_until_it_is_in_the_ring() {
    let log = NetworkLog::new(10_000);
    let hub = log.hub(4);
    let mut slow = Reader::at(&hub, Start::Live);
    publish(&hub, 1..=700).await;
    assert!(hub.stats().events <= 4);
    // With all events in the ring, and with hardly any.
    let wide = log.hub(10_000);
    let mut live = Reader::at(&wide, Start::Live);
    wide.publish(&Feed::Tick(701)).await.unwrap();
    assert_eq!(live.take(1).await, ticks([701]));
    let mut earliest = Reader::at(&wide, Start::Earliest);
    assert_eq!(earliest.take(701).await, ticks(1..=701));
    let mut all = Reader::at(&hub, Start::Earliest);
    let mut some = Reader::at(&hub, Start::Last(500));
    assert_eq!(slow.take(701).await, ticks(1..=701));
    assert_eq!(all.take(701).await, ticks(1..=701));
    assert_eq!(some.take(500).await, ticks(202..=701));
    publish(&hub, 702..=703).await;
    for reader in [&mut slow, &mut all, &mut some, &mut earliest] {
        assert_eq!(reader.take(2).await, ticks(702..=703));
    }
    assert_eq!(hub.stats().gaps, 0);
}

#[tokio::test]
async fn withheld_events_are_withheld_from_pages_too() {
    let log = NetworkLog::new(10_000);
    let hub = log.hub(4);
    publish(&hub, 1..=300).await;
    let even = |event: &Feed| matches!(event, Feed::Tick(n) if n % 2 == 0 || *n > 590);
    let mut reader = Reader::of(hub.subscribe(Start::Earliest).only(even));
    assert_eq!(reader.take(150).await, ticks((1..=150).map(|n| n * 2)));
    publish(&hub, 301..=600).await;
    assert_eq!(reader.take(155).await, ticks((151..=295).map(|n| n * 2).chain(591..=600)));
    let mut values = hub.subscribe(Start::Last(20)).only(even).events();
    for n in (582..=590).step_by(2).chain(591..=600) {
        let event = timeout(Duration::from_secs(20), values.next()).await.unwrap().unwrap();
        assert_eq!(*event.data, Feed::Tick(n));
        assert!(event.id.unwrap().as_str().ends_with(&format!("-{n}")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_moves_from_pages_to_a_ring_of_withheld_events_is_sent_an_id() {
    let log = NetworkLog::new(10_000);
    log.add(1..=300).await;
    let hub = log.hub(20);
    let _live = hub.subscribe(Start::Live);
    publish(&hub, 301..=330).await;
    until(|| hub.stats().published == 30).await;
    // The numbers of events in a page are larger here than those in the ring, and unrelated to them.
    let mut reader = Reader::of(hub.subscribe(Start::Earliest).only(|event| matches!(event, Feed::Tick(..=305))));
    assert_eq!(reader.take(305).await, ticks(1..=305));
    let seen = reader.last_event_id();
    for n in 331..=350 {
        publish(&hub, [n]).await;
        until(|| hub.stats().published == n - 300).await;
        assert_eq!(reader.events(), []);
    }
    assert_ne!(reader.last_event_id(), seen, "its position was about to be trimmed");
}

#[tokio::test]
async fn trimmed_events_of_the_log_are_a_gap() {
    let log = NetworkLog::new(10);
    let hub = log.hub(4);
    let mut stalled = Reader::at(&hub, Start::Live);
    let first = hub.publish(&Feed::Tick(1)).await.unwrap();
    publish(&hub, 2..=30).await;
    let mut expected = vec![missed(20, GapReason::Lagged)];
    expected.extend(ticks(21..=30));
    assert_eq!(stalled.take(11).await, expected);
    let mut resumed = Reader::at(&hub, first);
    expected[0] = missed(19, GapReason::Trimmed);
    assert_eq!(resumed.take(11).await, expected);
    let mut stranger = Reader::at(&hub, last_event_id("nobody's"));
    expected[0] = missed(None, GapReason::UnknownId);
    assert_eq!(stranger.take(11).await, expected);
    // The id of the gap is the position behind it.
    let mut unknown = Reader::at(&hub, last_event_id("nobody's"));
    assert_eq!(unknown.take(1).await.len(), 1);
    unknown.resume(&hub);
    assert_eq!(unknown.take(10).await, ticks(21..=30));
}

#[tokio::test]
async fn each_choice_for_gaps_holds_for_a_log_elsewhere() {
    let mut ends = Vec::new();
    for on_gap in [OnGap::Snapshot, OnGap::Restart, OnGap::Ignore] {
        let log = NetworkLog::new(3);
        let hub = Hub::builder_on_gap(on_gap).retain(Retention::events(2)).build_on(log);
        for n in 1..=9 {
            hub.publish(&Feed::Tick(n)).await.unwrap();
        }
        let mut reader = Reader::of(hub.subscribe_with(last_event_id("old"), || Feed::State(9)));
        let mut events = Vec::new();
        if let Some(seen) = reader.next().await {
            events.extend(seen.into_iter().map(|(event, _)| event));
        }
        ends.push((events, reader.last_event_id().as_str().map(|id| id.rsplit_once('-').unwrap().1.to_owned())));
    }
    let expected =
        [(vec![Feed::State(9)], Some("9".to_owned())), (Vec::new(), None), (ticks(7..=9), Some("9".to_owned()))];
    assert_eq!(ends, expected);
}

#[tokio::test(start_paused = true)]
async fn publishing_fails_while_the_log_fails_and_subscriptions_wait() {
    let log = NetworkLog::new(1_000);
    let hub = log.hub(100);
    let mut reader = Reader::at(&hub, Start::Live);
    publish(&hub, [1]).await;
    assert_eq!(reader.take(1).await, ticks([1]));
    log.is_down.store(true, Ordering::Relaxed);
    let error = hub.publish(&Feed::Tick(2)).await.unwrap_err();
    assert!(error.is_log(), "{error}");
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("network"));
    assert!(hub.close(Some(Feed::Done)).await.unwrap_err().is_log());
    assert!(!hub.is_closed());
    let mut resumed = Reader::at(&hub, Start::Earliest);
    assert!(timeout(Duration::from_secs(5), resumed.subscription.as_mut().unwrap().next()).await.is_err());
    log.is_down.store(false, Ordering::Relaxed);
    publish(&hub, [2]).await;
    assert_eq!(reader.take(1).await, ticks([2]));
    assert_eq!(resumed.take(2).await, ticks([1, 2]));
}

#[test]
fn without_a_runtime_nothing_panics() {
    let log = NetworkLog::new(10);
    let hub = log.hub(10);
    let mut reader = Reader::at(&hub, Start::Live);
    assert!(matches!(reader.read_one(), std::task::Poll::Ready(None)), "no task can follow the log");
    // Made without a runtime, and polled within one.
    let mut reader = Reader::at(&hub, Start::Live);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        assert!(reader.read_one().is_pending());
        publish(&hub, [1]).await;
        assert_eq!(reader.take(1).await, ticks([1]));
    });
    // The runtime ends, and a task in another one continues.
    drop(runtime);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        publish(&hub, [2]).await;
        assert_eq!(reader.take(1).await, ticks([2]));
    });
}

#[tokio::test]
async fn a_snapshot_with_a_log_elsewhere_has_its_position_as_its_id() {
    let log = NetworkLog::new(1_000);
    let hub = log.hub(10);
    publish(&hub, 1..=3).await;
    let mut reader = Reader::of(hub.subscribe_with(LastEventId::none(), || Feed::State(3)));
    assert_eq!(reader.take(1).await, [Feed::State(3)]);
    hub.publish_with(|| Feed::Tick(4)).await.unwrap();
    assert_eq!(reader.take(1).await, ticks([4]));
    reader.resume(&hub);
    publish(&hub, [5]).await;
    assert_eq!(reader.take(1).await, ticks([5]));
}

/// With a small log and a smaller ring.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn subscribers_to_a_log_elsewhere_receive_contiguous_events_or_gaps() {
    const EVENTS: u64 = 6_000;
    let log = NetworkLog::new(200);
    let (hub, other) = (log.hub(16), log.hub(50));
    let epoch = ContiguityCheck::epoch_of(&hub.publish(&Feed::Tick(1)).await.unwrap());
    let clients: Vec<_> = (1..=4_u64)
        .map(|seed| {
            let hubs = [hub.clone(), other.clone()];
            let epoch = epoch.clone();
            tokio::spawn(async move {
                let mut random = seed;
                let mut check = ContiguityCheck::new(&epoch, None);
                let mut reader = Reader::at(&hubs[0], Start::Earliest);
                loop {
                    let next = reader.subscription.as_mut().unwrap().next();
                    let entries = timeout(Duration::from_secs(20), next).await.expect("there are new events").unwrap();
                    for seen in reader.decode(&entries) {
                        if seen.0 == Feed::Done {
                            assert!(entries.is_terminal());
                            return (check.seen, check.gaps);
                        }
                        check.check(&seen);
                    }
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let choice = random >> 58;
                    match choice {
                        // Reconnects to either process.
                        0..6 => reader.resume(&hubs[(choice % 2) as usize]),
                        6 => {
                            reader = Reader::at(&hubs[1], last_event_id("nobody's"));
                            check.set_last(None);
                        }
                        7 => {
                            reader = Reader::at(&hubs[0], Start::Earliest);
                            check.set_last(None);
                        }
                        8..20 => {
                            for _ in 0..choice * 20 {
                                tokio::task::yield_now().await;
                            }
                        }
                        _ => {}
                    }
                }
            })
        })
        .collect();
    for n in 2..=EVENTS {
        let hub = if n % 3 == 0 { &hub } else { &other };
        hub.publish(&Feed::Tick(n)).await.unwrap();
    }
    hub.publish(&Feed::Done).await.unwrap();
    let (mut seen, mut gaps) = (0, 0);
    for client in clients {
        let (events, holes) = client.await.unwrap();
        seen += events;
        gaps += holes;
    }
    assert!(seen > 500 && gaps > 0, "{seen} seen, {gaps} gaps");
}

/// A text that counts how often one is decoded.
#[derive(Debug)]
struct CountedText(String);

static READ: AtomicUsize = AtomicUsize::new(0);

impl fmt::Display for CountedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CountedText {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        READ.fetch_add(1, Ordering::SeqCst);
        Ok(Self(text.to_owned()))
    }
}

#[derive(Debug, SseEvent)]
enum Tale {
    #[sse(text)]
    Text(CountedText),
    #[sse(gap)]
    Missed(Gap),
}

/// A hub with hardly any events in memory, and these tales in its log.
async fn tales(tales: impl IntoIterator<Item = String>) -> Hub<Tale, NetworkLog> {
    let hub = Hub::builder().retain(Retention::events(1)).build_on(NetworkLog::new(10_000));
    for tale in tales {
        hub.publish(&Tale::Text(CountedText(tale))).await.unwrap();
    }
    hub
}

#[tokio::test]
async fn an_event_of_a_page_is_decoded_once_for_a_subscription() {
    let hub = tales((0..256).map(|n| n.to_string())).await;
    let even = |tale: &Tale| matches!(tale, Tale::Text(tale) if tale.0.parse::<u32>().unwrap().is_multiple_of(2));
    let mut values = hub.subscribe(Start::Earliest).only(even).events();
    for _ in 0..128 {
        assert!(soon(values.next()).await.is_some());
    }
    // The newest event is in the ring as well.
    assert!(READ.load(Ordering::SeqCst) <= 257, "{READ:?}");
}

#[tokio::test]
async fn one_item_of_a_log_is_at_most_a_frame_and_not_a_page() {
    const SIZE: usize = 20_000;
    let hub = tales((0..100).map(|_| "x".repeat(SIZE))).await;
    let mut subscription = hub.subscribe(Start::Earliest);
    let mut encoder = Encoder::new();
    let mut events = 0;
    while events < 100 {
        let entries = soon(subscription.next()).await.unwrap();
        encoder.encode(&entries).unwrap();
        let bytes = encoder.take();
        assert!(bytes.len() < 32_768 + SIZE + 100, "{}", bytes.len());
        events += entries.len();
    }
    // Small events are asked for in large pages.
    let hub = tales((0..1_000).map(|n| n.to_string())).await;
    let mut subscription = hub.subscribe(Start::Earliest);
    let mut items = 0;
    let mut events = 0;
    while events < 1_000 {
        events += soon(subscription.next()).await.unwrap().len();
        items += 1;
    }
    assert!(items < 12, "{items}");
}

/// A log of which every second record is no event.
struct OddTicks {
    log: Arc<MemoryLog>,
    reads: Arc<AtomicUsize>,
}

impl Behavior for OddTicks {
    fn log(&self) -> &MemoryLog {
        &self.log
    }

    async fn read_after(&self, after: &str, limit: usize) -> Page {
        self.reads.fetch_add(1, Ordering::Relaxed);
        // A record is a page.
        let mut page = infallible(self.log.read_after(after, limit.min(1)).await);
        let through = page.entries.last().map_or_else(|| after.parse().unwrap(), |entry| entry.id.clone());
        page.entries.retain(|entry| !entry.block.as_bytes().ends_with(b"0\n\n"));
        page.through(through)
    }
}

#[tokio::test(start_paused = true)]
async fn records_that_are_no_events_are_passed_at_once_and_those_to_come_are_waited_for() {
    let tick = |n: u64| Block::new(format!("event: tick\ndata: {n}\n\n"), false).unwrap();
    let log = Arc::new(MemoryLog::new(Retention::events(100)));
    let first = log.append(&tick(1)).await.unwrap();
    for n in [10, 20, 2, 30] {
        log.append(&tick(n)).await.unwrap();
    }
    let reads = Arc::<AtomicUsize>::default();
    let behavior = OddTicks { log: Arc::clone(&log), reads: Arc::clone(&reads) };
    let hub: Hub<Feed, _> = Hub::builder().build_on(TestLog(behavior));
    let mut reader = Reader::at(&hub, first);
    let began = tokio::time::Instant::now();
    assert_eq!(reader.take(1).await, ticks([2]));
    assert!(began.elapsed() < Duration::from_millis(50), "{:?}", began.elapsed());
    let asked = reads.load(Ordering::Relaxed);
    assert!(timeout(Duration::from_secs(5), reader.next()).await.is_err());
    assert!(reads.load(Ordering::Relaxed) < asked + 10, "it waits");
    log.append(&tick(3)).await.unwrap();
    assert_eq!(reader.take(1).await, ticks([3]));
}
