//! Runs in a folder: what a restart finds, what is in memory, and what a claim costs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use futures_util::future::join_all;
use sse_typed::{
    __private::Hooks,
    hub::{AppendError, Block, End, EventLog, LogEntry, LogOptions},
    runs::{Claimed, InputHash, NewRun, Renewed, RunEnded, RunRecord, RunRef, RunStore},
    stores::FileStore,
};
use tokio_test::{assert_pending, task::spawn};

use super::{
    append, block,
    faults::{is_up, until},
    folder::Folder,
    memory::{Disk, Fault},
    page, read, retain,
};

/// The two clocks of a host, in milliseconds.
#[derive(Clone, Debug)]
struct Clocks {
    host: Arc<AtomicU64>,
    monotonic: Arc<AtomicU64>,
}

impl Clocks {
    fn new() -> Self {
        Self { host: Arc::new(AtomicU64::new(1 << 40)), monotonic: Arc::default() }
    }

    fn advance(&self, time: Duration) {
        for clock in [&self.host, &self.monotonic] {
            clock.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
        }
    }

    fn set_back(&self, time: Duration) {
        self.host.fetch_sub(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    fn apply(&self, mut hooks: Hooks) -> Hooks {
        let Self { host, monotonic } = self.clone();
        hooks.now = Arc::new(move || UNIX_EPOCH + Duration::from_millis(host.load(Ordering::Relaxed)));
        hooks.monotonic = Arc::new(move || Duration::from_millis(monotonic.load(Ordering::Relaxed)));
        hooks
    }

    fn open(&self, folder: &Folder) -> FileStore {
        FileStore::builder().hooks(self.apply(Hooks::default())).open(folder.path()).unwrap()
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn new_run() -> NewRun {
    NewRun::new("owner", MINUTE, HOUR)
}

fn last() -> Block {
    Block::new("event: done\ndata: \n\n", true).unwrap()
}

async fn start(store: &FileStore, key: &str, new: &NewRun) -> RunRecord {
    match store.claim(key, new).await.unwrap() {
        Claimed::Started(record) => record,
        claimed => panic!("{key}: {claimed:?}"),
    }
}

async fn find(store: &FileStore, key: &str) -> Option<RunRecord> {
    store.find(key).await.unwrap()
}

fn log(store: &FileStore, run: &RunRef) -> sse_typed::stores::FileLog {
    store.run_log(run, &retain(100_000).sole_writer())
}

/// The suite for stores of runs.
#[tokio::test]
async fn a_file_store_is_a_store_of_runs() {
    let (folders, clocks) = (std::cell::RefCell::new(Vec::new()), Clocks::new());
    sse_typed::testing::run_store(
        async || {
            let folder = Folder::new();
            let store = clocks.open(&folder);
            folders.borrow_mut().push(folder);
            store
        },
        async |time| clocks.advance(time),
    )
    .await;
}

#[tokio::test]
async fn a_run_of_an_earlier_opening_has_an_expired_lease_and_is_lost_when_somebody_looks() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let mut new = new_run();
    new.input = Some(InputHash::of(b"input"));
    let running = start(&store, "running", &new).await;
    let mut entries = append(&log(&store, &running.run), 0..3).await;
    let ended = start(&store, "ended", &new_run()).await.run;
    store.end(&ended, &last(), End::Stopped).await.unwrap();
    store.close().await;

    let store = FileStore::open(folder.path()).unwrap();
    let found = find(&store, "running").await.unwrap();
    assert_eq!(found.lease_left, Some(Duration::ZERO), "nobody runs it");
    assert_eq!((&found.run, found.input, found.since), (&running.run, new.input, running.since));
    assert_eq!((found.end, found.last.as_ref()), (None, Some(&entries[2].id)));
    let exists = store.claim("running", &new_run()).await.unwrap();
    assert!(matches!(exists, Claimed::Exists(record) if record == found), "a claim does not replace it");
    let RunEnded::Now(id) = store.end(&running.run, &last(), End::Lost).await.unwrap() else { panic!("it is lost") };
    entries.push(LogEntry::last(id, last()));
    let log = log(&store, &running.run);
    assert_eq!(read(&log, &log.before_last(9).await.unwrap()).await, entries, "its events are kept, and then the end");
    assert_eq!(find(&store, "ended").await.unwrap().end, Some(End::Stopped));
}

#[tokio::test]
async fn a_keep_time_goes_on_over_restarts() {
    let (folder, clocks) = (Folder::new(), Clocks::new());
    let store = clocks.open(&folder);
    let run = start(&store, "kept", &new_run()).await.run;
    let entry = append(&log(&store, &run), 0..1).await.remove(0);
    store.end(&run, &last(), End::Complete).await.unwrap();
    let lost = start(&store, "lost", &new_run()).await.run;
    clocks.advance(HOUR / 2);
    store.close().await;

    let store = clocks.open(&folder);
    assert_eq!(find(&store, "kept").await.unwrap().run, run);
    clocks.advance(HOUR / 2 - Duration::from_millis(1));
    store.sweep().await.unwrap();
    assert_eq!(find(&store, "kept").await.unwrap().run, run, "it is kept for its whole time");
    clocks.advance(Duration::from_millis(1));
    store.sweep().await.unwrap();
    assert_eq!(page(&log(&store, &run), entry.id.as_str()).await.entries, [], "the log is removed without a look");
    assert_eq!(find(&store, "kept").await, None);
    assert_eq!(find(&store, "lost").await.unwrap().run, lost, "its lease expired with the restart");
    clocks.advance(HOUR / 2);
    store.sweep().await.unwrap();
    assert_eq!(store.list("", None, 9).await.unwrap(), [], "a run that nobody has ended is removed in time");
}

#[tokio::test]
async fn a_clock_that_is_set_back_removes_nothing_and_ends_no_lease() {
    let (folder, clocks) = (Folder::new(), Clocks::new());
    let store = clocks.open(&folder);
    let (ended, running) =
        (start(&store, "ended", &new_run()).await.run, start(&store, "running", &new_run()).await.run);
    store.end(&ended, &last(), End::Complete).await.unwrap();
    clocks.set_back(24 * HOUR);
    store.sweep().await.unwrap();
    assert!(find(&store, "ended").await.is_some());
    assert!(matches!(store.end(&running, &last(), End::Lost).await.unwrap(), RunEnded::Leased(left) if left == MINUTE));
    clocks.advance(MINUTE);
    let outcome = store.end(&running, &last(), End::Lost).await.unwrap();
    assert!(matches!(outcome, RunEnded::Now(_)), "a lease runs on the other clock: {outcome:?}");
    store.close().await;

    let store = clocks.open(&folder);
    clocks.advance(12 * HOUR);
    store.sweep().await.unwrap();
    assert!(find(&store, "ended").await.is_some(), "it is kept longer");
    assert_eq!(find(&store, "running").await, None, "it ended after the clock was set");
    clocks.advance(13 * HOUR);
    assert_eq!(find(&store, "ended").await, None);
}

#[tokio::test]
async fn a_lease_does_not_expire_while_the_store_is_away() {
    let (disk, clocks) = (Disk::default(), Clocks::new());
    let store = FileStore::builder().hooks(clocks.apply(disk.hooks())).open("").unwrap();
    let run = start(&store, "run", &new_run()).await.run;
    let released = start(&store, "released", &new_run()).await.run;
    store.release(&released).await.unwrap();
    disk.set_fault(Some(Fault::Full));
    log(&store, &run).append(&block(1)).await.unwrap_err();
    assert!(store.renew("owner", MINUTE, std::slice::from_ref(&run), &[]).await.is_err());
    clocks.advance(2 * MINUTE);
    disk.set_fault(None);
    until(&store, is_up).await;
    let outcome = store.end(&run, &last(), End::Lost).await.unwrap();
    assert!(matches!(outcome, RunEnded::Leased(left) if left == MINUTE), "nobody could renew it: {outcome:?}");
    let outcome = store.end(&released, &last(), End::Lost).await.unwrap();
    assert!(matches!(outcome, RunEnded::Now(_)), "a released lease stays so: {outcome:?}");
    clocks.advance(MINUTE);
    assert!(matches!(store.end(&run, &last(), End::Lost).await.unwrap(), RunEnded::Now(_)));
}

#[tokio::test]
async fn an_abandoned_run_has_ended_once_the_store_is_closed() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let run = start(&store, "abandoned", &new_run()).await.run;
    // Out of a runtime, as the drop of one is.
    std::thread::scope(|scope| scope.spawn(|| store.abandon(&run, &last())).join().unwrap());
    drop(store);
    let store = FileStore::open(folder.path()).unwrap();
    assert_eq!(find(&store, "abandoned").await.unwrap().end, Some(End::Lost));
}

#[tokio::test]
async fn claims_at_the_same_time_share_a_sync_and_renewals_cost_none() {
    let disk = Disk::default();
    let store = FileStore::builder().hooks(disk.hooks()).open("").unwrap();
    // The first transactions of a new file may cost the engine one more.
    for n in 0..3 {
        start(&store, &format!("early {n}"), &new_run()).await;
    }
    let before = disk.syncs();
    // The first one is synced while the others are asked for.
    disk.let_syncs_wait(true);
    let new = new_run();
    let mut first = spawn(start(&store, "first", &new));
    assert_pending!(first.poll());
    disk.sync_waits();
    let claims: Vec<_> = (0..64).map(|n| (format!("run {n}"), new_run())).collect();
    let mut others = spawn(join_all(claims.iter().map(|(key, new)| start(&store, key, new))));
    assert_pending!(others.poll());
    disk.let_syncs_wait(false);
    first.await;
    let runs: Vec<_> = others.await.into_iter().map(|record| record.run).collect();
    assert_eq!(disk.syncs() - before, 2, "one of the first, and one of the 64 others");

    let before = disk.syncs();
    for _ in 0..10 {
        let (own, _) = store.renew("owner", MINUTE, &runs, &runs).await.unwrap();
        assert!(own.iter().all(|renewed| matches!(renewed, Renewed::Held { .. })));
    }
    store.ask_stop(&runs[0]).await.unwrap();
    store.release(&runs[0]).await.unwrap();
    start(&store, &claims[0].0, &claims[0].1).await;
    assert!(matches!(store.claim("run 0", &new_run()).await.unwrap(), Claimed::Exists(_)));
    assert!(matches!(store.end(&runs[1], &last(), End::Lost).await.unwrap(), RunEnded::Leased(_)));
    assert_eq!(disk.syncs(), before, "nothing was changed");
}

#[tokio::test]
async fn an_owner_that_appends_after_its_run_was_removed_leaves_nothing() {
    let (folder, clocks) = (Folder::new(), Clocks::new());
    let store = clocks.open(&folder);
    for (key, options) in [("sole", retain(9).sole_writer()), ("any", retain(9))] {
        let run = start(&store, key, &new_run()).await.run;
        let (early, late) = (store.run_log(&run, &options), store.run_log(&run, &options));
        append(&early, 0..2).await;
        store.end(&run, &last(), End::Complete).await.unwrap();
        clocks.advance(HOUR);
        assert_eq!(find(&store, key).await, None);
        for log in [early, late] {
            let refused = log.append(&block(1)).await;
            assert!(matches!(&refused, Err(AppendError::Failed(error)) if error.is_second_writer()), "{refused:?}");
            assert_eq!(page(&log, "").await.entries, []);
        }
    }
}

#[tokio::test]
async fn the_log_of_a_run_does_not_expire_by_itself() {
    let (folder, clocks) = (Folder::new(), Clocks::new());
    let store = clocks.open(&folder);
    let run = start(&store, "run", &NewRun::new("owner", 48 * HOUR, 48 * HOUR)).await.run;
    let options = LogOptions::new().idle_ttl(MINUTE).closed_ttl(MINUTE);
    let log = store.run_log(&run, &options);
    append(&log, 0..2).await;
    clocks.advance(HOUR);
    store.sweep().await.unwrap();
    append(&log, 2..3).await;
    store.end(&run, &last(), End::Complete).await.unwrap();
    clocks.advance(47 * HOUR);
    store.sweep().await.unwrap();
    assert_eq!(page(&log, "").await.entries.len(), 4);
    assert_eq!(find(&store, "run").await.unwrap().end, Some(End::Complete));
}

#[tokio::test]
async fn a_run_whose_log_is_closed_by_its_owner_has_ended() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let run = start(&store, "run", &new_run()).await.run;
    log(&store, &run).close(None, End::Complete).await.unwrap();
    let record = find(&store, "run").await.unwrap();
    assert_eq!((record.end, record.lease_left), (Some(End::Complete), None));
    assert_eq!(store.end(&run, &last(), End::Failed).await.unwrap(), RunEnded::Before(End::Complete));
}
