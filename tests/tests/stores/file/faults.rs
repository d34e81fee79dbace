//! A disk that fails.

use std::{error::Error, future::Future, io, time::Duration};

use futures_util::future::join_all;
use sse_typed::{
    hub::{AppendError, End, EventLog, EventStore, LogEntry, StoreState},
    stores::FileStore,
};
use tokio_test::{assert_pending, task::spawn};

use super::{
    append, block,
    memory::{Disk, Fault},
    read,
};

fn open(disk: &Disk) -> FileStore {
    FileStore::builder().hooks(disk.hooks()).open("").unwrap()
}

/// Waits for the health that is asked for.
pub(super) async fn until(store: &FileStore, is_it: impl Fn(&StoreState) -> bool) {
    let mut health = store.health();
    let mut state = health.state();
    while !is_it(&state) {
        state = tokio::time::timeout(Duration::from_secs(30), health.changed()).await.unwrap();
    }
}

pub(super) const fn is_up(state: &StoreState) -> bool {
    matches!(state, StoreState::Up)
}

#[tokio::test]
async fn a_full_disk_fails_publishers_and_the_store_recovers_by_itself() {
    let disk = Disk::default();
    let store = open(&disk);
    let log = store.log("rides");
    let start = log.head().await.unwrap();
    let mut kept = append(&log, 0..3).await;
    let head = kept[2].id.clone();
    let waiting = tokio::spawn({
        let log = log.clone();
        async move { log.wait_after(&head).await }
    });

    disk.set_fault(Some(Fault::Full));
    let error = log.append(&block(3)).await.unwrap_err();
    let AppendError::Unknown(error) = error else { panic!("{error:?}") };
    assert!(error.is_disk_full(), "{error:?}");
    until(&store, |state| matches!(state, StoreState::Away { .. })).await;
    let StoreState::Away { error, .. } = store.health().state() else { panic!("it is away") };
    assert_eq!(error.to_string(), "cannot read or write the history");
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::StorageFull, "health shows the cause");
    for n in 4..6 {
        let error = log.append(&block(n)).await.unwrap_err();
        let AppendError::Failed(error) = error else { panic!("{error:?}") };
        assert!(error.is_unavailable() && error.is_disk_full(), "{error:?}");
    }
    assert!(log.head().await.unwrap_err().is_unavailable());

    disk.set_fault(None);
    until(&store, is_up).await;
    // It is woken, unless it had only begun to read when the disk was full.
    if let Err(error) = tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap().unwrap() {
        assert!(error.is_unavailable(), "{error:?}");
    }
    kept.extend(append(&log, 6..8).await);
    let found = read(&log, &start).await;
    let found: Vec<_> = found.into_iter().filter(|entry| entry.block != block(3)).collect();
    assert_eq!(found, kept, "nothing is lost, and what failed is not there");
}

#[tokio::test]
async fn whether_an_append_is_stored_is_known_if_the_disk_is_full_for_a_moment() {
    let disk = Disk::default();
    let store = open(&disk);
    let log = store.log("rides");
    let start = log.head().await.unwrap();
    let (mut kept, mut failed) = (Vec::new(), 0);
    for n in 0..30 {
        disk.set_fault(Some(Fault::FullOnce(u32::try_from(n % 10).unwrap())));
        match log.append(&block(n)).await {
            Ok(id) => kept.push(LogEntry::new(id, block(n))),
            Err(AppendError::Failed(error)) => {
                assert!(error.is_disk_full(), "{error:?}");
                failed += 1;
            }
            Err(error) => panic!("{error:?}"),
        }
        disk.set_fault(None);
        until(&store, is_up).await;
        assert_eq!(read(&log, &start).await, kept);
    }
    assert!(failed > 0 && !kept.is_empty());
    log.close(Some(&block(30)), End::Complete).await.unwrap();
}

#[tokio::test]
async fn a_failed_sync_stops_the_store_for_good() {
    let disk = Disk::default();
    let store = open(&disk);
    let log = store.log("rides");
    let start = log.head().await.unwrap();
    let kept = append(&log, 0..3).await;
    disk.set_fault(Some(Fault::Sync));
    let error = log.append(&block(3)).await.unwrap_err();
    assert!(matches!(&error, AppendError::Unknown(error) if error.is_stopped()), "{error:?}");
    // The syncs behind it would succeed.
    assert_eq!(disk.fault(), None);
    let syncs = disk.syncs();
    let error = log.append(&block(4)).await.unwrap_err();
    assert!(matches!(&error, AppendError::Failed(error) if error.is_stopped()), "{error:?}");
    assert!(log.head().await.unwrap_err().is_stopped());
    assert!(store.remove("rides").await.unwrap_err().is_stopped());
    assert!(matches!(store.health().state(), StoreState::Failed { .. }));
    store.close().await;
    assert_eq!(disk.syncs(), syncs, "a failed sync is not tried again");

    let store = open(&disk.after_power_loss(|_| Vec::new()));
    assert_eq!(read(&store.log("rides"), &start).await, kept);
}

#[tokio::test]
async fn a_sync_that_fails_while_the_store_recovers_stops_it_too() {
    let disk = Disk::default();
    let store = open(&disk);
    let log = store.log("rides");
    disk.set_fault(Some(Fault::FullThenSync));
    assert!(matches!(log.append(&block(0)).await, Err(AppendError::Unknown(_))));
    assert_eq!(disk.fault(), None, "both have happened");
    assert!(matches!(store.health().state(), StoreState::Failed { .. }));
    assert!(log.head().await.unwrap_err().is_stopped());
}

#[tokio::test]
async fn a_read_that_fails_is_recovered_from() {
    let disk = Disk::default();
    let store = open(&disk);
    let log = store.log("rides");
    let start = log.head().await.unwrap();
    let kept = append(&log, 0..500).await;
    store.close().await;

    let mut hooks = disk.hooks();
    hooks.cache = 0;
    let store = FileStore::builder().hooks(hooks).open("").unwrap();
    let log = store.log("rides");
    disk.set_fault(Some(Fault::Read));
    assert!(log.read_after(start.as_str(), 500).await.is_err());
    until(&store, |state| matches!(state, StoreState::Away { .. })).await;
    disk.set_fault(None);
    until(&store, is_up).await;
    assert_eq!(read(&log, &start).await, kept);
}

#[tokio::test]
async fn appends_that_wait_at_the_same_time_share_a_sync() {
    let disk = Disk::default();
    let store = open(&disk);
    let logs: Vec<_> = (0..64).map(|n| store.log(&format!("room {}", n % 8))).collect();
    let before = disk.syncs();
    // The first one is synced while the others are asked for.
    disk.let_syncs_wait(true);
    let (first, other) = (block(0), block(1));
    let mut leading = spawn(logs[0].append(&first));
    assert_pending!(leading.poll());
    disk.sync_waits();
    let mut all = spawn(join_all(logs.iter().map(|log| log.append(&other))));
    assert_pending!(all.poll());
    disk.let_syncs_wait(false);
    leading.await.unwrap();
    for outcome in all.await {
        outcome.unwrap();
    }
    assert_eq!(disk.syncs() - before, 2, "one of the first, and one of the 64 others");
}

#[tokio::test]
async fn an_append_that_is_refused_costs_no_sync() {
    let disk = Disk::default();
    let store = open(&disk);
    let log = store.log("job");
    log.close(None, End::Complete).await.unwrap();
    let before = disk.syncs();
    for _ in 0..10 {
        assert!(matches!(log.append(&block(1)).await, Err(AppendError::Closed(_))));
    }
    store.remove("never seen").await.unwrap();
    assert_eq!(disk.syncs(), before);
}

#[tokio::test]
async fn an_append_whose_future_is_dropped_has_happened_or_not() {
    let disk = Disk::default();
    let store = open(&disk);
    let log = store.log("rides");
    let start = log.head().await.unwrap();
    let blocks: Vec<_> = (0..20).map(block).collect();
    for block in &blocks {
        let mut dropped = spawn(log.append(block));
        let _ = dropped.poll();
    }
    let last = append(&log, 20..21).await;
    let found = read(&log, &start).await;
    assert_eq!(found.last(), last.last());
    let found: Vec<_> = found.into_iter().map(|entry| entry.block).collect();
    assert_eq!(found[..20], blocks, "each was sent before it was dropped");
}

/// A waker of a task whose runtime is broken.
struct Panics;

impl std::task::Wake for Panics {
    fn wake(self: std::sync::Arc<Self>) {
        panic!("this waker panics");
    }
}

#[tokio::test]
async fn a_waker_that_panics_harms_no_other_task() {
    let disk = Disk::default();
    let store = open(&disk);
    let (log, other) = (store.log("rides"), block(1));
    disk.let_syncs_wait(true);
    let first = block(0);
    let mut leading = spawn(log.append(&first));
    assert_pending!(leading.poll());
    disk.sync_waits();
    // One batch.
    let panics = std::sync::Arc::new(Panics).into();
    let mut harmed = Box::pin(log.append(&other));
    assert!(harmed.as_mut().poll(&mut std::task::Context::from_waker(&panics)).is_pending());
    let mut after = spawn(log.append(&other));
    assert_pending!(after.poll());
    let mut read = Box::pin(log.head());
    // A reader may have answered already.
    let _ = read.as_mut().poll(&mut std::task::Context::from_waker(&panics));
    disk.let_syncs_wait(false);
    leading.await.unwrap();
    after.await.unwrap();
    append(&log, 2..4).await;
    log.head().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_that_retry_at_once_do_not_keep_the_store_from_recovering() {
    let disk = Disk::default();
    let store = open(&disk);
    disk.set_fault(Some(Fault::Full));
    let publishers: Vec<_> = (0..64)
        .map(|n| {
            let log = store.log("rides");
            tokio::spawn(async move { while log.append(&block(n)).await.is_err() {} })
        })
        .collect();
    until(&store, |state| matches!(state, StoreState::Away { .. })).await;
    disk.set_fault(None);
    for publisher in publishers {
        tokio::time::timeout(Duration::from_secs(30), publisher).await.unwrap().unwrap();
    }
}
