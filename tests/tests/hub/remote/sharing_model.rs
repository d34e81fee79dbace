//! Subscriptions that share reads receive each event once, whatever happens to the log, to the reads and to each other.

use std::{
    io, mem,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use proptest::prelude::*;
use sse_typed::{
    EventId,
    hub::{
        AppendError, Block, End, EventLog, EventStore, Hub, LogOptions, MemoryStore, MemoryStoreError, MemoryStoreLog,
        Page, Retention, Start,
    },
};
use tokio::{
    runtime::Builder,
    sync::watch,
    task::yield_now,
    time::{sleep, timeout},
};

use super::{settle, wait_until_released};
use crate::common::{Feed, Reader};

/// A log elsewhere that can be held up, fail, panic and be removed.
#[derive(Clone)]
struct UnreliableLog(Arc<Inner>);

struct Inner {
    log: MemoryStoreLog,
    calls: AtomicU64,
    holds_reads: watch::Sender<bool>,
    holds_answers: watch::Sender<bool>,
    fails: AtomicBool,
    panics: AtomicBool,
}

fn of_memory(error: MemoryStoreError) -> io::Error {
    io::Error::other(error)
}

impl UnreliableLog {
    fn new(log: MemoryStoreLog) -> Self {
        Self(Arc::new(Inner {
            log,
            calls: AtomicU64::new(0),
            holds_reads: watch::Sender::new(false),
            holds_answers: watch::Sender::new(false),
            fails: AtomicBool::new(false),
            panics: AtomicBool::new(false),
        }))
    }

    async fn travel(&self) -> io::Result<()> {
        for _ in 0..self.0.calls.fetch_add(1, Ordering::Relaxed) % 4 {
            yield_now().await;
        }
        if self.0.fails.load(Ordering::Relaxed) { Err(io::Error::other("the network is down")) } else { Ok(()) }
    }

    fn recover(&self) {
        self.0.holds_reads.send_replace(false);
        self.0.holds_answers.send_replace(false);
        self.0.fails.store(false, Ordering::Relaxed);
        self.0.panics.store(false, Ordering::Relaxed);
    }
}

impl EventLog for UnreliableLog {
    type Error = io::Error;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<io::Error>> {
        self.0.log.append(block).await.map_err(|error| error.map(of_memory))
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<io::Error>> {
        self.0.log.close(last, end).await.map_err(|error| error.map(of_memory))
    }

    async fn read_after(&self, after: &str, limit: usize) -> io::Result<Page> {
        self.travel().await?;
        wait_until_released(&self.0.holds_reads).await;
        assert!(!self.0.panics.swap(false, Ordering::Relaxed), "the log panics");
        let page = self.0.log.read_after(after, limit).await.map_err(of_memory)?;
        wait_until_released(&self.0.holds_answers).await;
        self.travel().await?;
        Ok(page)
    }

    async fn wait_after(&self, after: &EventId) -> io::Result<()> {
        self.travel().await?;
        self.0.log.wait_after(after).await.map_err(of_memory)
    }

    async fn head(&self) -> io::Result<EventId> {
        self.travel().await?;
        self.0.log.head().await.map_err(of_memory)
    }

    async fn before_last(&self, n: u64) -> io::Result<EventId> {
        self.travel().await?;
        self.0.log.before_last(n).await.map_err(of_memory)
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Another process appends.
    Add(u64),
    Publish(u64),
    Poll(usize),
    Settle,
    Pass(u64),
    HoldReads(bool),
    HoldAnswers(bool),
    Fail(bool),
    Panic,
    Resume(usize),
    /// A new client at the event this far back.
    Visit(usize, usize),
    Start(usize, Start),
    Remove,
}

const READERS: usize = 6;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let reader = 0..READERS;
    let start = prop_oneof![Just(Start::Live), Just(Start::Earliest), (0..50_u64).prop_map(Start::Last)];
    let step = prop_oneof![
        4 => (1..60_u64).prop_map(Step::Add),
        2 => (1..20_u64).prop_map(Step::Publish),
        16 => reader.clone().prop_map(Step::Poll),
        6 => Just(Step::Settle),
        2 => (1..1500_u64).prop_map(Step::Pass),
        2 => any::<bool>().prop_map(Step::HoldReads),
        2 => any::<bool>().prop_map(Step::HoldAnswers),
        1 => any::<bool>().prop_map(Step::Fail),
        1 => Just(Step::Panic),
        2 => reader.clone().prop_map(Step::Resume),
        4 => (reader.clone(), 0..150_usize).prop_map(|(reader, back)| Step::Visit(reader, back)),
        1 => (reader, start).prop_map(|(reader, start)| Step::Start(reader, start)),
        1 => Just(Step::Remove),
    ];
    prop::collection::vec(step, 0..120)
}

/// What the gaps since the last tick have missed.
#[derive(Clone, Copy)]
enum Missed {
    Nothing,
    Events(u64),
    Unknown,
}

/// A client, and the number of the last tick that it has received.
struct Client {
    reader: Reader,
    last: Option<u64>,
    missed: Missed,
    gaps: usize,
    /// Every third tick is withheld from it.
    is_filtered: bool,
    received: Vec<(Feed, String)>,
}

impl Client {
    fn new(index: usize, reader: Reader, last: Option<u64>) -> Self {
        let is_filtered = index.is_multiple_of(2);
        let mut client = Self { reader, last, missed: Missed::Nothing, gaps: 0, is_filtered, received: Vec::new() };
        client.filter();
        client
    }

    fn filter(&mut self) {
        if self.is_filtered {
            let subscription = self.reader.subscription.take().unwrap();
            let only = subscription.only(|event| !matches!(event, Feed::Tick(n) if n.is_multiple_of(3)));
            self.reader.subscription = Some(only);
        }
    }

    /// The next tick that it receives after this one, if none is missing.
    fn next_after(&self, last: u64) -> u64 {
        last + if self.is_filtered && (last + 1).is_multiple_of(3) { 2 } else { 1 }
    }

    fn check(&mut self, events: Vec<(Feed, String)>) {
        self.received.extend_from_slice(&events);
        for (event, _) in events {
            match event {
                Feed::Tick(n) => {
                    let seen = &self.received;
                    match (self.last, mem::replace(&mut self.missed, Missed::Nothing)) {
                        (None, _) => {}
                        (Some(last), Missed::Nothing) => {
                            assert_eq!(n, self.next_after(last), "neither missing nor doubled: {seen:?}");
                        }
                        (Some(last), Missed::Events(missed)) if !self.is_filtered => {
                            assert_eq!(n, last + missed + 1, "as many as were missed: {seen:?}");
                        }
                        (Some(last), Missed::Events(_) | Missed::Unknown) => assert!(n > last, "{n}: {seen:?}"),
                    }
                    self.last = Some(n);
                }
                Feed::Missed(gap) => {
                    self.gaps += 1;
                    self.missed = match (self.missed, gap.missed) {
                        (Missed::Nothing, Some(missed)) => Missed::Events(missed),
                        (Missed::Events(before), Some(missed)) => Missed::Events(before + missed),
                        (Missed::Unknown, _) | (_, None) => Missed::Unknown,
                    };
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Polls once. Returns whether the stream is still open.
    fn poll(&mut self) -> bool {
        match self.reader.subscription.as_mut().unwrap().next().now_or_never() {
            None => true,
            Some(None) => false,
            Some(Some(entries)) => {
                let events = self.reader.decode(&entries);
                self.check(events);
                true
            }
        }
    }

    async fn read_to_the_end(&mut self) {
        while let Some(entries) = self.reader.subscription.as_mut().unwrap().next().await {
            let events = self.reader.decode(&entries);
            self.check(events);
        }
    }
}

async fn run(retained: usize, steps: Vec<Step>) {
    let store = MemoryStore::new(LogOptions::new().retain(Retention::events(retained)));
    let log = UnreliableLog::new(store.log("rides"));
    let hub: Hub<Feed, UnreliableLog> = Hub::builder().retain(Retention::events(4)).build_on(log.clone());
    let add = async |n: u64| {
        let block = Block::new(format!("event: tick\ndata: {n}\n\n"), false).unwrap();
        log.0.log.append(&block).await.unwrap()
    };
    let mut ids = vec![(1, add(1).await)];
    let (mut newest, mut was_removed) = (1, false);
    let mut clients: Vec<_> =
        (0..READERS).map(|index| Client::new(index, Reader::at(&hub, Start::Earliest), None)).collect();
    for step in steps {
        match step {
            Step::Add(count) => {
                for _ in 0..count {
                    newest += 1;
                    ids.push((newest, add(newest).await));
                }
            }
            Step::Publish(count) => {
                for _ in 0..count {
                    // It fails if the hub has to ask a log that fails for its head.
                    if let Ok(id) = hub.publish(&Feed::Tick(newest + 1)).await {
                        newest += 1;
                        ids.push((newest, id));
                    }
                }
            }
            Step::Poll(index) => assert!(clients[index].poll(), "it has not ended"),
            Step::Settle => settle().await,
            Step::Pass(millis) => sleep(Duration::from_millis(millis)).await,
            Step::HoldReads(holds) => drop(log.0.holds_reads.send_replace(holds)),
            Step::HoldAnswers(holds) => drop(log.0.holds_answers.send_replace(holds)),
            Step::Fail(fails) => log.0.fails.store(fails, Ordering::Relaxed),
            Step::Panic => log.0.panics.store(true, Ordering::Relaxed),
            Step::Resume(index) => {
                clients[index].reader.resume(&hub);
                clients[index].filter();
            }
            Step::Visit(index, back) => {
                let (n, id) = &ids[ids.len().saturating_sub(back + 1)];
                clients[index] = Client::new(index, Reader::at(&hub, id.clone()), Some(*n));
                clients[index].reader.remember(&id.clone().into());
            }
            Step::Start(index, start) => clients[index] = Client::new(index, Reader::at(&hub, start), None),
            Step::Remove => {
                store.remove("rides").await.unwrap();
                was_removed = true;
            }
        }
    }
    log.recover();
    // The last one is not withheld.
    if (newest + 1).is_multiple_of(3) {
        newest += 1;
        add(newest).await;
    }
    newest += 1;
    add(newest).await;
    log.close(None, End::Complete).await.unwrap();
    for (index, client) in clients.iter_mut().enumerate() {
        client.read_to_the_end().await;
        // A client without a last event ID may have found the log after its last event.
        assert!(client.last.is_none_or(|last| last == newest), "client {index} has the last event: {:?}", client.last);
        assert!(
            was_removed || newest > retained as u64 || client.gaps == 0,
            "client {index} has a gap without a cause"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn clients_that_share_reads_of_an_unreliable_log_miss_and_double_nothing(
        retained in prop_oneof![Just(5_usize), Just(40), Just(100_000)],
        steps in steps(),
    ) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            timeout(Duration::from_secs(3_600), run(retained, steps)).await.expect("every client comes to the end");
        });
    }
}
