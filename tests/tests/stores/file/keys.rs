//! Many keys in one store.

use std::collections::HashSet;

use futures_util::future::join_all;
use sse_typed::{
    event::GapReason,
    hub::{AppendError, End, EventLog, EventStore},
    stores::FileStore,
};

use super::{append, block, folder::Folder, page, read, retain};

#[tokio::test]
async fn keys_do_not_see_each_other() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let names = ["a", "a/b", "a/", "A", "ä", "a ", "' OR 1=1", &"x".repeat(512), "\u{10ffff}"];
    let logs = names.map(|name| store.log(name));
    let mut appended = Vec::new();
    for (index, log) in logs.iter().enumerate() {
        let start = log.head().await.unwrap();
        appended.push((start, append(log, index * 10..index * 11).await));
    }
    logs[0].close(None, End::Complete).await.unwrap();
    for (log, (start, entries)) in logs.iter().zip(&appended) {
        assert_eq!(read(log, start).await, *entries);
    }
    assert!(logs[1].append(&block(1)).await.is_ok(), "another key is not closed");
}

#[tokio::test]
async fn two_logs_of_one_key_are_the_same_history() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let (one, two) = (store.log("rides"), store.clone().open("rides", &retain(5)));
    let start = one.head().await.unwrap();
    let mut appended = append(&one, 0..2).await;
    appended.extend(append(&two, 2..4).await);
    assert_eq!(read(&one, &start).await, appended);
    assert_eq!(read(&two, &start).await, appended);
}

#[tokio::test]
async fn ten_thousand_keys_are_apart_and_all_are_kept() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let key = |n: usize| format!("room {n}");
    for from in (0..10_000).step_by(1000) {
        let store = &store;
        join_all((from..from + 1000).map(|n| async move {
            let log = store.log(&key(n));
            append(&log, [n, n + 1]).await;
        }))
        .await;
    }
    store.close().await;

    let store = FileStore::open(folder.path()).unwrap();
    let store = &store;
    let all = join_all((0..10_000).map(|n| async move {
        let log = store.log(&key(n));
        let start = log.before_last(u64::MAX).await.unwrap();
        read(&log, &start).await.into_iter().map(|entry| entry.block).collect::<Vec<_>>()
    }))
    .await;
    for (n, blocks) in all.iter().enumerate() {
        assert_eq!(*blocks, [block(n), block(n + 1)]);
    }
}

#[tokio::test]
async fn a_bad_key_is_the_error_of_every_method() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    for key in ["", "nul\0", &"x".repeat(513), &"ä".repeat(257)] {
        let log = store.log(key);
        let head = "1-00000000".parse().unwrap();
        assert!(matches!(log.append(&block(1)).await, Err(AppendError::Failed(error)) if error.is_invalid_key()));
        assert!(
            matches!(log.close(None, End::Complete).await, Err(AppendError::Failed(error)) if error.is_invalid_key())
        );
        assert!(log.read_after("", 1).await.unwrap_err().is_invalid_key());
        assert!(log.wait_after(&head).await.unwrap_err().is_invalid_key());
        assert!(log.head().await.unwrap_err().is_invalid_key());
        assert!(log.before_last(1).await.unwrap_err().is_invalid_key());
        assert!(store.remove(key).await.unwrap_err().is_invalid_key());
    }
}

#[tokio::test]
async fn a_removed_key_begins_anew_and_its_old_ids_are_gaps() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let (log, other) = (store.log("rides"), store.log("chat"));
    let start = log.head().await.unwrap();
    let old = append(&log, 0..5).await;
    let kept = append(&other, 0..5).await;
    log.close(Some(&block(5)), End::Complete).await.unwrap();
    store.remove("rides").await.unwrap();
    store.remove("rides").await.unwrap();
    store.remove("never seen").await.unwrap();

    assert_eq!(page(&log, start.as_str()).await.closed, None, "the end is removed as well");
    for id in [&start, &old[0].id, &old[4].id] {
        let gap = page(&log, id.as_str()).await.gap.map(|gap| gap.gap.reason);
        assert_eq!(gap, Some(GapReason::UnknownId), "behind {id}");
    }
    let new = append(&log, 10..13).await;
    for id in [&start, &old[0].id, &old[4].id] {
        let page = page(&log, id.as_str()).await;
        assert_eq!(page.entries, new, "behind {id}");
        assert!(page.gap.is_some(), "behind {id}");
    }
    let ids: HashSet<_> = new.iter().chain(&old).map(|entry| &entry.id).collect();
    assert_eq!(ids.len(), 8, "an id is not used twice");
    assert_eq!(read(&other, &other.before_last(9).await.unwrap()).await, kept);
    // Its events are deleted in the background, which must not harm the new ones.
    store.sweep().await.unwrap();
    assert_eq!(read(&log, &log.before_last(9).await.unwrap()).await, new);
}
