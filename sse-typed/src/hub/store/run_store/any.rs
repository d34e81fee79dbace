use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    record::{Claimed, NewRun, RunRecord},
    run_id::RunRef,
    store::{ReadRun, Renewed, RunEnded, RunStore},
};
use crate::hub::{
    log::{AnyLog, AnyLogError, Block, BoxFuture, End, Wakes},
    store::{any::ErasedStore, event_store::EventStore, health::Health, options::LogOptions},
};

/// A store of runs of any type, so that configuration can choose it: an [`AnyStore`](crate::hub::AnyStore) that also keeps runs.
///
/// [`AnyRunStore::open`](AnyRunStore#method.open) opens one by a URL.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use sse_typed::{
///     hub::MemoryStore,
///     runs::{AnyRunStore, RunStore},
/// };
///
/// let store = AnyRunStore::new(MemoryStore::default()); // or another one, depending on configuration
/// assert!(store.find("answers/7").await?.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AnyRunStore(Arc<dyn ErasedRunStore>);

/// [`RunStore`] for trait objects.
trait ErasedRunStore: ErasedStore {
    fn claim<'a>(&'a self, key: &'a str, new: &'a NewRun) -> BoxFuture<'a, Claimed>;
    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Option<RunRecord>>;
    fn run_log(&self, run: &RunRef, options: &LogOptions) -> AnyLog;
    fn renew<'a>(
        &'a self,
        reader: &'a str,
        lease: Duration,
        own: &'a [RunRef],
        read: &'a [RunRef],
    ) -> BoxFuture<'a, (Vec<Renewed>, Vec<ReadRun>)>;
    fn end<'a>(&'a self, run: &'a RunRef, last: &'a Block, end: End) -> BoxFuture<'a, RunEnded>;
    fn abandon(&self, run: &RunRef, last: &Block);
    fn release<'a>(&'a self, run: &'a RunRef) -> BoxFuture<'a, ()>;
    fn reachable_since(&self) -> Option<Instant>;
    fn ask_stop<'a>(&'a self, run: &'a RunRef) -> BoxFuture<'a, Option<RunRecord>>;
    fn list<'a>(&'a self, prefix: &'a str, after: Option<&'a str>, limit: usize) -> BoxFuture<'a, Vec<RunRecord>>;
}

impl<S: RunStore> ErasedRunStore for S {
    fn claim<'a>(&'a self, key: &'a str, new: &'a NewRun) -> BoxFuture<'a, Claimed> {
        Box::pin(async { RunStore::claim(self, key, new).await.map_err(AnyLogError::new) })
    }

    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Option<RunRecord>> {
        Box::pin(async { RunStore::find(self, key).await.map_err(AnyLogError::new) })
    }

    fn run_log(&self, run: &RunRef, options: &LogOptions) -> AnyLog {
        AnyLog::new(RunStore::run_log(self, run, options))
    }

    fn renew<'a>(
        &'a self,
        reader: &'a str,
        lease: Duration,
        own: &'a [RunRef],
        read: &'a [RunRef],
    ) -> BoxFuture<'a, (Vec<Renewed>, Vec<ReadRun>)> {
        Box::pin(async move { RunStore::renew(self, reader, lease, own, read).await.map_err(AnyLogError::new) })
    }

    fn end<'a>(&'a self, run: &'a RunRef, last: &'a Block, end: End) -> BoxFuture<'a, RunEnded> {
        Box::pin(async move { RunStore::end(self, run, last, end).await.map_err(AnyLogError::new) })
    }

    fn abandon(&self, run: &RunRef, last: &Block) {
        RunStore::abandon(self, run, last);
    }

    fn release<'a>(&'a self, run: &'a RunRef) -> BoxFuture<'a, ()> {
        Box::pin(async { RunStore::release(self, run).await.map_err(AnyLogError::new) })
    }

    fn reachable_since(&self) -> Option<Instant> {
        RunStore::reachable_since(self)
    }

    fn ask_stop<'a>(&'a self, run: &'a RunRef) -> BoxFuture<'a, Option<RunRecord>> {
        Box::pin(async { RunStore::ask_stop(self, run).await.map_err(AnyLogError::new) })
    }

    fn list<'a>(&'a self, prefix: &'a str, after: Option<&'a str>, limit: usize) -> BoxFuture<'a, Vec<RunRecord>> {
        Box::pin(async move { RunStore::list(self, prefix, after, limit).await.map_err(AnyLogError::new) })
    }
}

impl AnyRunStore {
    /// Erases the type of a store.
    #[must_use]
    pub fn new(store: impl RunStore) -> Self {
        Self(Arc::new(store))
    }
}

impl EventStore for AnyRunStore {
    type Log = AnyLog;

    fn open(&self, key: &str, options: &LogOptions) -> AnyLog {
        self.0.open(key, options)
    }

    fn options(&self) -> &LogOptions {
        self.0.options()
    }

    fn log(&self, key: &str) -> AnyLog {
        self.0.log(key)
    }

    async fn remove(&self, key: &str) -> Result<(), AnyLogError> {
        self.0.remove(key).await
    }

    fn wakes(&self) -> &Wakes {
        self.0.wakes()
    }

    fn health(&self) -> Health {
        self.0.health()
    }
}

impl RunStore for AnyRunStore {
    async fn claim(&self, key: &str, new: &NewRun) -> Result<Claimed, AnyLogError> {
        self.0.claim(key, new).await
    }

    async fn find(&self, key: &str) -> Result<Option<RunRecord>, AnyLogError> {
        self.0.find(key).await
    }

    fn run_log(&self, run: &RunRef, options: &LogOptions) -> AnyLog {
        self.0.run_log(run, options)
    }

    async fn renew(
        &self,
        reader: &str,
        lease: Duration,
        own: &[RunRef],
        read: &[RunRef],
    ) -> Result<(Vec<Renewed>, Vec<ReadRun>), AnyLogError> {
        self.0.renew(reader, lease, own, read).await
    }

    async fn end(&self, run: &RunRef, last: &Block, end: End) -> Result<RunEnded, AnyLogError> {
        self.0.end(run, last, end).await
    }

    fn abandon(&self, run: &RunRef, last: &Block) {
        self.0.abandon(run, last);
    }

    async fn release(&self, run: &RunRef) -> Result<(), AnyLogError> {
        self.0.release(run).await
    }

    fn reachable_since(&self) -> Option<Instant> {
        self.0.reachable_since()
    }

    async fn ask_stop(&self, run: &RunRef) -> Result<Option<RunRecord>, AnyLogError> {
        self.0.ask_stop(run).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<RunRecord>, AnyLogError> {
        self.0.list(prefix, after, limit).await
    }
}

impl fmt::Debug for AnyRunStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyRunStore").field("health", &self.0.health()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{EventLog, MemoryStore, Retention};

    #[tokio::test]
    async fn a_store_of_any_type_removes_keys_and_abandons_runs_like_the_store() {
        let options = LogOptions::new().retain(Retention::events(7));
        let memory = MemoryStore::new(options);
        let store = AnyRunStore::new(memory.clone());
        assert_eq!(EventStore::options(&store), EventStore::options(&memory));
        let block = Block::new("data: 1\n\n", true).unwrap();
        EventStore::log(&store, "key").append(&block).await.unwrap();
        EventStore::remove(&store, "key").await.unwrap();
        let page = EventStore::log(&memory, "key").read_after("", 9).await.unwrap();
        assert!(page.entries.is_empty(), "{page:?}");
        assert!(EventStore::remove(&store, "").await.is_err());
        let new = NewRun::new("a", Duration::from_secs(60), Duration::from_secs(60));
        let Claimed::Started(record) = RunStore::claim(&store, "run", &new).await.unwrap() else { panic!("it is new") };
        RunStore::abandon(&store, &record.run, &block);
        let found = RunStore::find(&memory, "run").await.unwrap().unwrap();
        assert_eq!(found.end, Some(End::Lost));
    }
}
