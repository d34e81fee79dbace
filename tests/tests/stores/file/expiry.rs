//! Logs that are kept for a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use sse_typed::{
    __private::Hooks,
    event::GapReason,
    hub::{AppendError, End, EventLog, EventStore, LogOptions, Retention},
    stores::FileStore,
};

use super::{append, block, folder::Folder, page, read};

/// A clock that a test moves.
#[derive(Clone, Debug)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_000_000)))
    }

    fn advance(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    fn hooks(&self) -> Hooks {
        let clock = self.clone();
        let mut hooks = Hooks::default();
        hooks.now = Arc::new(move || UNIX_EPOCH + Duration::from_millis(clock.0.load(Ordering::Relaxed)));
        hooks
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn a_log_that_is_idle_for_its_time_is_removed_and_one_that_is_used_is_not() {
    let (folder, clock) = (Folder::new(), Clock::new());
    let open = || FileStore::builder().hooks(clock.hooks()).open(folder.path()).unwrap();
    let store = open();
    let options = LogOptions::new().idle_ttl(10 * MINUTE);
    let (idle, used, kept) = (store.open("idle", &options), store.open("used", &options), store.log("kept"));
    let lost = append(&idle, 0..3).await;
    append(&used, 0..1).await;
    let forever = append(&kept, 0..1).await;
    // The times are stored.
    store.close().await;
    let store = open();
    let (idle, used, kept) = (store.open("idle", &options), store.open("used", &options), store.log("kept"));
    for n in 1..20 {
        clock.advance(5 * MINUTE);
        append(&used, [n]).await;
        store.sweep().await.unwrap();
        let is_there = !page(&idle, lost[0].id.as_str()).await.entries.is_empty();
        assert_eq!(is_there, n < 2, "after {} minutes", 5 * n);
    }
    let gap = page(&idle, lost[0].id.as_str()).await.gap.expect("a client that missed events is told");
    assert_eq!((gap.gap.missed, gap.gap.reason), (Some(2), GapReason::Trimmed));
    assert_eq!(page(&idle, lost[2].id.as_str()).await.gap, None, "a client that has them all is not");
    assert_eq!(read(&used, &used.before_last(99).await.unwrap()).await.len(), 20);
    assert_eq!(read(&kept, &kept.before_last(99).await.unwrap()).await, forever);
}

#[tokio::test]
async fn a_closed_log_is_removed_after_its_own_time_and_may_begin_anew() {
    let (folder, clock) = (Folder::new(), Clock::new());
    let store = FileStore::builder().hooks(clock.hooks()).open(folder.path()).unwrap();
    let log = store.open("job", &LogOptions::new().idle_ttl(100 * MINUTE).closed_ttl(10 * MINUTE));
    append(&log, 0..3).await;
    let last = log.close(Some(&block(3)), End::Complete).await.unwrap();
    clock.advance(9 * MINUTE);
    store.sweep().await.unwrap();
    assert!(matches!(log.append(&block(4)).await, Err(AppendError::Closed(End::Complete))));
    clock.advance(2 * MINUTE);
    store.sweep().await.unwrap();
    let new = append(&log, 4..6).await;
    assert_eq!(page(&log, "").await.entries, new);
    assert_eq!(page(&log, last.as_str()).await.gap, None, "nothing is missing behind the last event");
}

#[tokio::test]
async fn a_removal_makes_the_ids_of_an_expired_log_unknown() {
    let (folder, clock) = (Folder::new(), Clock::new());
    let store = FileStore::builder().hooks(clock.hooks()).open(folder.path()).unwrap();
    let log = store.open("job", &LogOptions::new().idle_ttl(10 * MINUTE));
    let old = append(&log, 0..3).await;
    clock.advance(11 * MINUTE);
    store.sweep().await.unwrap();
    assert_eq!(page(&log, old[2].id.as_str()).await.gap, None);
    store.remove("job").await.unwrap();
    let head = log.head().await.unwrap();
    let new = append(&log, 3..5).await;
    for entry in &old {
        let gap = page(&log, entry.id.as_str()).await.gap.map(|gap| gap.gap.reason);
        assert_eq!(gap, Some(GapReason::UnknownId), "{}", entry.id);
    }
    assert_eq!(read(&log, &head).await, new);
}

#[tokio::test]
async fn no_id_is_used_twice_after_a_removed_log_is_forgotten() {
    let (folder, clock) = (Folder::new(), Clock::new());
    let store = FileStore::builder().hooks(clock.hooks()).open(folder.path()).unwrap();
    let (log, other) = (store.log("job"), store.log("other"));
    let beginning = log.head().await.unwrap();
    let old = append(&log, 0..5).await;
    let live = append(&other, 0..2).await;
    store.remove("job").await.unwrap();
    clock.advance(2 * DAY);
    store.sweep().await.unwrap();
    let fresh = log.head().await.unwrap();
    let new = append(&log, 0..8).await;
    assert_eq!(read(&log, &fresh).await, new);
    for id in old.iter().map(|entry| &entry.id).chain([&beginning]) {
        let page = page(&log, id.as_str()).await;
        assert_eq!(page.gap.map(|gap| gap.gap.reason), Some(GapReason::UnknownId), "{id}");
        assert_eq!(page.entries, new);
    }
    let more = append(&other, 2..3).await;
    assert_eq!(read(&other, &live[1].id).await, more, "other logs go on");
}

#[tokio::test]
async fn events_that_are_too_old_are_trimmed_by_appends() {
    let (folder, clock) = (Folder::new(), Clock::new());
    let store = FileStore::builder().hooks(clock.hooks()).open(folder.path()).unwrap();
    let log = store.open("rides", &LogOptions::new().retain(Retention::events(100).age(10 * MINUTE)));
    append(&log, 0..4).await;
    clock.advance(11 * MINUTE);
    let appended = append(&log, 4..6).await;
    assert_eq!(page(&log, "").await.entries, appended);
}

#[tokio::test]
async fn history_is_trimmed_by_bytes_and_the_newest_event_is_kept() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let size = block(10).as_bytes().len();
    let options = LogOptions::new().retain(Retention::events(100).bytes(3 * size));
    let log = store.open("rides", &options);
    let appended = append(&log, 10..20).await;
    assert_eq!(page(&log, "").await.entries, appended[7..]);
    let small = store.open("small", &LogOptions::new().retain(Retention::events(100).bytes(1)));
    let appended = append(&small, 0..3).await;
    assert_eq!(page(&small, "").await.entries, appended[2..]);
}
