//! Logs that have a sole writer.

use std::error::Error;

use sse_typed::{
    hub::{AppendError, End, EventLog, EventStore, LogOptions},
    stores::{FileLog, FileStore},
};
use tokio_test::task::spawn;

use super::{
    append, block,
    faults::{is_up, until},
    folder::Folder,
    memory::{Disk, Fault},
    read,
};

fn sole(store: &FileStore) -> FileLog {
    store.open("job", &LogOptions::new().sole_writer())
}

fn is_second_writer(error: &AppendError<sse_typed::stores::FileStoreError>) -> bool {
    matches!(error, AppendError::Failed(error) if error.is_second_writer())
}

#[tokio::test]
async fn an_append_behind_those_of_another_writer_fails() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let (first, second) = (sole(&store), sole(&store));
    let start = first.head().await.unwrap();
    let mut all = append(&first, 0..3).await;
    // A new writer does not know which event is the newest.
    all.extend(append(&second, 3..5).await);
    for _ in 0..2 {
        let error = first.append(&block(5)).await.unwrap_err();
        assert!(is_second_writer(&error), "{error:?}");
        let source = error.source().unwrap().to_string();
        assert_eq!(source, "another writer has changed a key that has a sole writer");
        assert!(is_second_writer(&first.close(None, End::Complete).await.unwrap_err()));
    }
    all.extend(append(&second, 5..7).await);
    // A clone is the same writer.
    all.extend(append(&second.clone(), 7..8).await);
    all.extend(append(&second, 8..9).await);
    assert_eq!(read(&first, &start).await, all);
    second.close(None, End::Complete).await.unwrap();
    assert!(matches!(first.append(&block(9)).await, Err(AppendError::Closed(End::Complete))));
}

#[tokio::test]
async fn an_append_behind_a_removal_fails() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let log = sole(&store);
    append(&log, 0..3).await;
    store.remove("job").await.unwrap();
    assert!(is_second_writer(&log.append(&block(3)).await.unwrap_err()));
    append(&sole(&store), 3..4).await;
}

#[tokio::test]
async fn appends_at_the_same_time_and_dropped_ones_are_those_of_one_writer() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let log = sole(&store);
    let start = log.head().await.unwrap();
    let blocks: Vec<_> = (0..50).map(|n| block(n / 2)).collect();
    let outcomes = futures_util::future::join_all(blocks.iter().map(|block| log.append(block))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    for n in 50..60 {
        let next = block(n);
        let _ = spawn(log.append(&next)).poll();
    }
    append(&log, 60..61).await;
    let found: Vec<_> = read(&log, &start).await.into_iter().map(|entry| entry.block).collect();
    assert_eq!(found[..50], blocks, "equal events are stored each");
    assert_eq!(found.len(), 61);
}

#[tokio::test]
async fn a_retry_of_an_append_whose_outcome_is_unknown_is_stored_once() {
    let mut unknown = 0;
    for fault in (0..20).flat_map(|calls| [Fault::FullAfter(calls), Fault::FullBehind(calls)]) {
        let disk = Disk::default();
        let store = FileStore::builder().hooks(disk.hooks()).open("").unwrap();
        let log = sole(&store);
        let start = log.head().await.unwrap();
        let mut all = append(&log, 0..3).await;
        // The disk is full from some call of the append on, and stays so while the store looks whether it was stored.
        disk.set_fault(Some(fault));
        let outcome = log.append(&block(3)).await;
        disk.set_fault(None);
        until(&store, is_up).await;
        let id = match outcome {
            Ok(id) => id,
            Err(AppendError::Unknown(_)) => {
                unknown += 1;
                log.append(&block(3)).await.unwrap()
            }
            Err(AppendError::Failed(_)) => log.append(&block(3)).await.unwrap(),
            Err(error) => panic!("{error:?}"),
        };
        all.push(sse_typed::hub::LogEntry::new(id, block(3)));
        // The same event again is another one.
        all.extend(append(&log, [3, 4]).await);
        assert_eq!(read(&log, &start).await, all, "{fault:?}");
    }
    assert!(unknown > 0);
}
