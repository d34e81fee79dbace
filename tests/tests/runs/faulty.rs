use std::{
    error::Error,
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use sse_typed::{
    EventId,
    hub::{AppendError, Block, End, EventLog, EventStore, Health, LogOptions, Page, Wakes},
    runs::{Claimed, NewRun, ReadRun, Renewed, RunEnded, RunRecord, RunRef, RunStore},
};
use tokio::{sync::watch, time::Instant};

/// A store as a process sees it that cannot always reach it.
#[derive(Clone)]
pub(crate) struct Faulty<S> {
    store: S,
    pub(crate) faults: Arc<Faults>,
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// All calls fail.
    pub(crate) is_away: AtomicBool,
    /// Renewals fail.
    pub(crate) renewals_fail: AtomicBool,
    /// The next release is followed by a renewal that was under way.
    pub(crate) renews_after_release: AtomicBool,
    /// Renewals panic.
    pub(crate) renewals_panic: AtomicBool,
    /// Reads of logs fail.
    pub(crate) reads_fail: AtomicBool,
    /// The next claim happens, and its reply is lost.
    pub(crate) loses_claim: AtomicBool,
    /// The next append happens, and its reply is lost.
    pub(crate) loses_append: AtomicBool,
    /// How many appends were tried.
    pub(crate) appends: AtomicUsize,
    /// How many renewals were tried.
    pub(crate) renewals: AtomicUsize,
    /// While it is set, claims and appends wait, before they happen.
    pub(crate) waits: watch::Sender<bool>,
    /// While it is set, calls for records are not answered.
    pub(crate) is_silent: AtomicBool,
    /// Since when the process reaches the engine, if it is not in this process.
    pub(crate) reachable_since: OnceLock<Instant>,
}

impl Faults {
    pub(crate) fn set(flag: &AtomicBool, is_set: bool) {
        flag.store(is_set, Ordering::SeqCst);
    }

    async fn pass(&self) -> Result<(), Fault> {
        let _ = self.waits.subscribe().wait_for(|waits| !waits).await;
        self.check(&self.is_away)
    }

    async fn pass_record(&self, fails: &AtomicBool) -> Result<(), Fault> {
        if self.is_silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.check(fails)
    }

    fn check(&self, fails: &AtomicBool) -> Result<(), Fault> {
        let fails = fails.load(Ordering::SeqCst) || self.is_away.load(Ordering::SeqCst);
        if fails { Err(Fault("the store is away".to_owned())) } else { Ok(()) }
    }

    fn lose(reply: &AtomicBool) -> Result<(), Fault> {
        if reply.swap(false, Ordering::SeqCst) { Err(Fault("the reply was lost".to_owned())) } else { Ok(()) }
    }
}

#[derive(Debug)]
pub(crate) struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Fault {}

impl From<Fault> for AppendError<Fault> {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

fn fault(error: impl Error) -> Fault {
    Fault(error.to_string())
}

impl<S: RunStore> Faulty<S> {
    pub(crate) fn new(store: &S) -> Self {
        Self { store: store.clone(), faults: Arc::default() }
    }
}

pub(crate) struct FaultyLog<L> {
    log: L,
    faults: Arc<Faults>,
}

impl<L: EventLog> EventLog for FaultyLog<L> {
    type Error = Fault;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<Fault>> {
        self.faults.appends.fetch_add(1, Ordering::SeqCst);
        self.faults.pass().await?;
        let id = self.log.append(block).await.map_err(|error| error.map(fault))?;
        Faults::lose(&self.faults.loses_append)?;
        Ok(id)
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<Fault>> {
        self.faults.pass().await?;
        self.log.close(last, end).await.map_err(|error| error.map(fault))
    }

    async fn read_after(&self, after: &str, limit: usize) -> Result<Page, Fault> {
        self.faults.check(&self.faults.reads_fail)?;
        self.log.read_after(after, limit).await.map_err(fault)
    }

    async fn wait_after(&self, after: &EventId) -> Result<(), Fault> {
        self.log.wait_after(after).await.map_err(fault)
    }

    async fn head(&self) -> Result<EventId, Fault> {
        self.faults.check(&self.faults.reads_fail)?;
        self.log.head().await.map_err(fault)
    }

    async fn before_last(&self, n: u64) -> Result<EventId, Fault> {
        self.faults.check(&self.faults.reads_fail)?;
        self.log.before_last(n).await.map_err(fault)
    }

    fn wakes(&self) -> Option<(&Wakes, &str)> {
        self.log.wakes()
    }
}

impl<S: RunStore> EventStore for Faulty<S> {
    type Log = FaultyLog<S::Log>;

    fn open(&self, key: &str, options: &LogOptions) -> Self::Log {
        FaultyLog { log: self.store.open(key, options), faults: Arc::clone(&self.faults) }
    }

    fn options(&self) -> &LogOptions {
        self.store.options()
    }

    async fn remove(&self, key: &str) -> Result<(), Fault> {
        self.store.remove(key).await.map_err(fault)
    }

    fn wakes(&self) -> &Wakes {
        self.store.wakes()
    }

    fn health(&self) -> Health {
        self.store.health()
    }
}

impl<S: RunStore> RunStore for Faulty<S> {
    async fn claim(&self, key: &str, new: &NewRun) -> Result<Claimed, Fault> {
        self.faults.pass().await?;
        let claimed = self.store.claim(key, new).await.map_err(fault)?;
        Faults::lose(&self.faults.loses_claim)?;
        Ok(claimed)
    }

    async fn find(&self, key: &str) -> Result<Option<RunRecord>, Fault> {
        self.faults.pass_record(&self.faults.is_away).await?;
        self.store.find(key).await.map_err(fault)
    }

    fn run_log(&self, run: &RunRef, options: &LogOptions) -> Self::Log {
        FaultyLog { log: self.store.run_log(run, options), faults: Arc::clone(&self.faults) }
    }

    async fn renew(
        &self,
        reader: &str,
        lease: Duration,
        own: &[RunRef],
        read: &[RunRef],
    ) -> Result<(Vec<Renewed>, Vec<ReadRun>), Fault> {
        self.faults.renewals.fetch_add(1, Ordering::SeqCst);
        assert!(!self.faults.renewals_panic.load(Ordering::SeqCst), "the store panics");
        self.faults.pass_record(&self.faults.renewals_fail).await?;
        self.store.renew(reader, lease, own, read).await.map_err(fault)
    }

    async fn end(&self, run: &RunRef, last: &Block, end: End) -> Result<RunEnded, Fault> {
        self.faults.pass_record(&self.faults.is_away).await?;
        self.store.end(run, last, end).await.map_err(fault)
    }

    fn abandon(&self, run: &RunRef, last: &Block) {
        self.store.abandon(run, last);
    }

    async fn release(&self, run: &RunRef) -> Result<(), Fault> {
        self.faults.pass_record(&self.faults.is_away).await?;
        self.store.release(run).await.map_err(fault)?;
        if self.faults.renews_after_release.swap(false, Ordering::SeqCst) {
            let own = std::slice::from_ref(run);
            self.store.renew("renewal", Duration::from_secs(60), own, &[]).await.map_err(fault)?;
        }
        Ok(())
    }

    fn reachable_since(&self) -> Option<Instant> {
        self.faults.reachable_since.get().copied().or_else(|| self.store.reachable_since())
    }

    async fn ask_stop(&self, run: &RunRef) -> Result<Option<RunRecord>, Fault> {
        self.faults.pass_record(&self.faults.is_away).await?;
        self.store.ask_stop(run).await.map_err(fault)
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<RunRecord>, Fault> {
        self.faults.pass_record(&self.faults.is_away).await?;
        self.store.list(prefix, after, limit).await.map_err(fault)
    }
}
