//! A store in memory that counts its reads, and is slow or fails on request.

use std::{
    future::pending,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use sse_typed::{
    EventId,
    hub::{
        AppendError, Block, End, EventLog, EventStore, Health, LogOptions, MemoryStore, MemoryStoreLog, Page, Wakes,
    },
};
use tokio::{
    sync::watch,
    task::{try_id, yield_now},
};

#[derive(Clone)]
pub(crate) struct TestStore {
    store: MemoryStore,
    pub(crate) controls: Arc<Controls>,
}

pub(crate) struct Controls {
    is_slow: bool,
    turns: AtomicUsize,
    /// How many reads have begun, and how many are under way.
    pub(crate) reads: AtomicUsize,
    under_way: AtomicUsize,
    pub(crate) most_under_way: AtomicUsize,
    /// Reads begin when it is false.
    pub(crate) holds_reads: watch::Sender<bool>,
    /// Reads of keys with this text fail, or panic.
    pub(crate) fails: Mutex<Option<&'static str>>,
    pub(crate) panics: Mutex<Option<&'static str>>,
    /// Reads of keys with this text never answer.
    pub(crate) hangs: Mutex<Option<&'static str>>,
}

impl TestStore {
    pub(crate) fn new(store: MemoryStore) -> Self {
        Self::with(store, false)
    }

    /// Its answers take some turns. What the task of the store reads for a hub fails now and then.
    pub(crate) fn slow_and_failing(store: MemoryStore) -> Self {
        Self::with(store, true)
    }

    fn with(store: MemoryStore, is_slow: bool) -> Self {
        let controls = Controls {
            is_slow,
            turns: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            holds_reads: watch::Sender::new(false),
            fails: Mutex::default(),
            panics: Mutex::default(),
            hangs: Mutex::default(),
        };
        Self { store, controls: Arc::new(controls) }
    }

    pub(crate) fn reads(&self) -> usize {
        self.controls.reads.load(Ordering::Relaxed)
    }
}

impl EventStore for TestStore {
    type Log = TestStoreLog;

    fn open(&self, key: &str, options: &LogOptions) -> TestStoreLog {
        TestStoreLog { key: key.to_owned(), log: self.store.open(key, options), controls: Arc::clone(&self.controls) }
    }

    fn options(&self) -> &LogOptions {
        self.store.options()
    }

    async fn remove(&self, key: &str) -> io::Result<()> {
        self.store.remove(key).await.map_err(io::Error::other)
    }

    fn wakes(&self) -> &Wakes {
        self.store.wakes()
    }

    fn health(&self) -> Health {
        self.store.health()
    }
}

pub(crate) struct TestStoreLog {
    key: String,
    log: MemoryStoreLog,
    controls: Arc<Controls>,
}

/// A read that is under way.
struct UnderWay<'a>(&'a Controls);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl TestStoreLog {
    async fn travel(&self) -> io::Result<()> {
        let controls = &*self.controls;
        let turn = controls.turns.fetch_add(1, Ordering::Relaxed);
        if controls.is_slow {
            for _ in 0..turn % 5 {
                yield_now().await;
            }
            let is_followed = try_id().is_some() && (self.key.starts_with("hubs") || self.key.starts_with("followed"));
            assert!(!is_followed || !turn.is_multiple_of(41), "the log panics");
            if is_followed && turn.is_multiple_of(13) {
                return Err(io::Error::other("the network is down"));
            }
        }
        Ok(())
    }

    async fn read<T, E: std::error::Error + Send + Sync + 'static>(
        &self,
        read: impl Future<Output = Result<T, E>>,
    ) -> io::Result<T> {
        let controls = &*self.controls;
        controls.reads.fetch_add(1, Ordering::Relaxed);
        let now = controls.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        controls.most_under_way.fetch_max(now, Ordering::Relaxed);
        let _under_way = UnderWay(controls);
        controls.holds_reads.subscribe().wait_for(|holds| !holds).await.map_err(io::Error::other)?;
        let is_named = |name: &Mutex<Option<&str>>| name.lock().unwrap().is_some_and(|name| self.key.contains(name));
        if is_named(&controls.fails) {
            return Err(io::Error::other("the read fails"));
        }
        assert!(!is_named(&controls.panics), "the read panics");
        if is_named(&controls.hangs) {
            pending::<()>().await;
        }
        self.travel().await?;
        let answer = read.await.map_err(io::Error::other)?;
        self.travel().await?;
        Ok(answer)
    }
}

impl EventLog for TestStoreLog {
    type Error = io::Error;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<io::Error>> {
        self.log.append(block).await.map_err(|error| error.map(io::Error::other))
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<io::Error>> {
        self.log.close(last, end).await.map_err(|error| error.map(io::Error::other))
    }

    async fn read_after(&self, after: &str, limit: usize) -> io::Result<Page> {
        self.read(self.log.read_after(after, limit)).await
    }

    async fn wait_after(&self, after: &EventId) -> io::Result<()> {
        self.log.wait_after(after).await.map_err(io::Error::other)
    }

    async fn head(&self) -> io::Result<EventId> {
        self.read(self.log.head()).await
    }

    async fn before_last(&self, n: u64) -> io::Result<EventId> {
        self.read(self.log.before_last(n)).await
    }

    fn wakes(&self) -> Option<(&Wakes, &str)> {
        self.log.wakes()
    }
}
