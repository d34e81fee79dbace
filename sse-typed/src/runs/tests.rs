//! Runs on a store whose calls fail or take time.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    time::{Instant, sleep},
};

use super::{
    BoxError, Claimed, NewRun, ReadRun, Renewed, RunEnded, RunRecord, RunRef, RunState, RunStore, RunWriter, Runs,
    RunsBuilder,
};
use crate::{
    codec::{EncodeEvent, EventKind, EventWriter, HubEvent},
    event::EncodeError,
    hub::{Block, End, EventLog, EventStore, Health, LogOptions, MemoryStore, MemoryStoreError, MemoryStoreLog, Wakes},
};

struct Done;

impl EventKind for Done {
    fn event_type(&self) -> &str {
        "done"
    }

    fn is_terminal(&self) -> bool {
        true
    }
}

impl EncodeEvent for Done {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        event.event_type("done")?;
        event.text("")
    }
}

impl HubEvent for Done {
    fn failed(_: String) -> Option<Self> {
        Some(Self)
    }

    fn stopped() -> Option<Self> {
        Some(Self)
    }

    fn lost() -> Option<Self> {
        Some(Self)
    }
}

/// A store whose clones share the faults.
#[derive(Clone, Default)]
struct Faulty {
    store: MemoryStore,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    renewals: Calls,
    ends: Calls,
    abandoned: AtomicUsize,
}

/// The calls of one kind.
#[derive(Default)]
struct Calls {
    times: Mutex<Vec<Instant>>,
    /// How many calls fail.
    failing: AtomicUsize,
    delay: Mutex<Duration>,
}

impl Calls {
    /// Whether the call succeeds.
    async fn pass(&self) -> bool {
        self.times.lock().unwrap().push(Instant::now());
        let delay = *self.delay.lock().unwrap();
        sleep(delay).await;
        self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |failing| failing.checked_sub(1)).is_err()
    }

    fn fail(&self, count: usize) {
        self.failing.store(count, Ordering::SeqCst);
    }

    /// When they were made, in tenths of seconds.
    fn since(&self, began: Instant) -> Vec<u128> {
        self.times.lock().unwrap().iter().map(|time| time.duration_since(began).as_millis() / 100).collect()
    }
}

impl Faulty {
    fn runs(&self) -> Runs<Done, Self> {
        RunsBuilder::new().build_on(self.clone(), "answers")
    }

    async fn error(&self) -> MemoryStoreError {
        self.store.log("").head().await.unwrap_err()
    }
}

impl EventStore for Faulty {
    type Log = MemoryStoreLog;

    fn open(&self, key: &str, options: &LogOptions) -> MemoryStoreLog {
        self.store.open(key, options)
    }

    fn options(&self) -> &LogOptions {
        self.store.options()
    }

    async fn remove(&self, key: &str) -> Result<(), MemoryStoreError> {
        self.store.remove(key).await
    }

    fn wakes(&self) -> &Wakes {
        self.store.wakes()
    }

    fn health(&self) -> Health {
        self.store.health()
    }
}

impl RunStore for Faulty {
    async fn claim(&self, key: &str, new: &NewRun) -> Result<Claimed, MemoryStoreError> {
        self.store.claim(key, new).await
    }

    async fn find(&self, key: &str) -> Result<Option<RunRecord>, MemoryStoreError> {
        self.store.find(key).await
    }

    fn run_log(&self, run: &RunRef, options: &LogOptions) -> MemoryStoreLog {
        self.store.run_log(run, options)
    }

    async fn renew(
        &self,
        reader: &str,
        lease: Duration,
        own: &[RunRef],
        read: &[RunRef],
    ) -> Result<(Vec<Renewed>, Vec<ReadRun>), MemoryStoreError> {
        if !self.faults.renewals.pass().await {
            return Err(self.error().await);
        }
        self.store.renew(reader, lease, own, read).await
    }

    async fn end(&self, run: &RunRef, last: &Block, end: End) -> Result<RunEnded, MemoryStoreError> {
        if !self.faults.ends.pass().await {
            return Err(self.error().await);
        }
        self.store.end(run, last, end).await
    }

    fn abandon(&self, run: &RunRef, last: &Block) {
        self.faults.abandoned.fetch_add(1, Ordering::SeqCst);
        self.store.abandon(run, last);
    }

    async fn release(&self, run: &RunRef) -> Result<(), MemoryStoreError> {
        self.store.release(run).await
    }

    async fn ask_stop(&self, run: &RunRef) -> Result<Option<RunRecord>, MemoryStoreError> {
        self.store.ask_stop(run).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<RunRecord>, MemoryStoreError> {
        self.store.list(prefix, after, limit).await
    }
}

/// A producer that never returns.
fn hang(_: RunWriter<Done, Faulty>) -> impl Future<Output = Result<Done, BoxError>> + Send {
    pending()
}

async fn state(runs: &Runs<Done, Faulty>) -> RunState {
    runs.public().get("7").await.unwrap().unwrap().last_status().state()
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_repeated_after_longer_and_longer_pauses() {
    let (store, began) = (Faulty::default(), Instant::now());
    store.faults.renewals.fail(3);
    store.runs().public().start("7", hang).await.unwrap();
    sleep(Duration::from_secs(11)).await;
    assert_eq!(store.faults.renewals.since(began), [50, 51, 53, 57, 107]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_run_is_repeated_while_the_store_fails() {
    let (store, began) = (Faulty::default(), Instant::now());
    store.faults.ends.fail(3);
    let runs = store.runs();
    runs.public().start("7", |_| async { Ok(Done) }).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(store.faults.ends.since(began), [0, 1, 3, 7]);
    assert_eq!(state(&runs).await, RunState::Done);
    assert_eq!(store.faults.abandoned.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_run_is_given_up_after_the_outage() {
    let (store, began) = (Faulty::default(), Instant::now());
    store.faults.ends.fail(usize::MAX);
    let runs = store.runs();
    runs.public().start("7", |_| async { Ok(Done) }).await.unwrap();
    sleep(Duration::from_secs(40)).await;
    assert_eq!(store.faults.ends.since(began).last(), Some(&300));
    assert_eq!(store.faults.abandoned.load(Ordering::SeqCst), 1);
    assert_eq!(state(&runs).await, RunState::Lost);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_outlives_its_run_knows_how_the_run_ended() {
    let (sender, writer) = oneshot::channel();
    let produce = |writer: RunWriter<Done, Faulty>| async {
        let _ = sender.send(writer);
        Ok(Done)
    };
    Faulty::default().runs().public().start("7", produce).await.unwrap();
    let writer = writer.await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let refused = writer.publish(&Done).await.unwrap_err();
    assert_eq!((refused.is_ended(), refused.end()), (true, Some(End::Complete)));
}

#[test]
fn a_run_whose_runtime_ends_is_lost_at_once_in_a_store_of_this_process() {
    let runtime = || -> Runtime { Builder::new_current_thread().enable_time().start_paused(true).build().unwrap() };
    let store = Faulty::default();
    runtime().block_on(async { store.runs().public().start("7", hang).await.unwrap() });
    assert_eq!(runtime().block_on(state(&store.runs())), RunState::Lost);
    assert_eq!(store.faults.ends.times.lock().unwrap().len(), 0, "its lease has not expired");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_the_store_when_the_task_of_a_run_does_not_end() {
    let (store, began) = (Faulty::default(), Instant::now());
    let minute = Duration::from_secs(60);
    let Claimed::Started(record) = store.claim("7", &NewRun::new("a", minute, minute)).await.unwrap() else {
        panic!("the key is free")
    };
    let runs = store.runs();
    runs.inner.registry.add(&record.run).unwrap();
    *store.faults.ends.delay.lock().unwrap() = Duration::from_millis(500);
    assert_eq!(runs.shutdown(Duration::from_secs(1)).await, 1);
    assert_eq!(began.elapsed().as_millis() / 100, 35);
    assert_eq!(store.find("7").await.unwrap().unwrap().end, Some(End::Lost));
}

#[tokio::test(start_paused = true)]
async fn only_a_run_whose_lease_has_expired_is_ended_as_lost() {
    let (store, began) = (Faulty::default(), Instant::now());
    let minute = Duration::from_secs(60);
    store.claim("7", &NewRun::new("a", minute, minute)).await.unwrap();
    let runs = store.runs();
    assert_eq!(runs.inner.find("7").await.unwrap().unwrap().end, None);
    assert!(store.faults.ends.since(began).is_empty());
    sleep(minute).await;
    assert_eq!(runs.inner.find("7").await.unwrap().unwrap().end, Some(End::Lost));
    assert_eq!(runs.inner.find("7").await.unwrap().unwrap().end, Some(End::Lost));
    assert_eq!(store.faults.ends.since(began), [600], "it has ended");
}
