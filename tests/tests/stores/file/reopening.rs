//! What a restart finds.

use sse_typed::{
    event::GapReason,
    hub::{AppendError, End, EventLog, EventStore, LogEntry},
    stores::{Durability, FileStore},
};

use super::{append, block, folder::Folder, page, read, retain};

#[tokio::test]
async fn events_ids_ends_and_trimming_survive() {
    for durability in [Durability::Commit, Durability::Os] {
        let folder = Folder::new();
        let open = || FileStore::builder().durability(durability).open(folder.path()).unwrap();
        let store = open();
        let (rides, closed, empty) = (store.open("rides", &retain(5)), store.log("closed"), store.log("empty"));
        let start = rides.head().await.unwrap();
        let first = append(&rides, 0..10).await;
        append(&closed, 0..2).await;
        let last = closed.close(Some(&block(2)), End::Failed).await.unwrap();
        let end = empty.close(None, End::Lost).await.unwrap();
        store.close().await;

        let store = open();
        let (rides, closed, empty) = (store.open("rides", &retain(5)), store.log("closed"), store.log("empty"));
        assert_eq!(rides.head().await.unwrap(), first[9].id);
        assert_eq!(read(&rides, &first[4].id).await, first[5..], "what was retained");
        let old = page(&rides, start.as_str()).await;
        let gap = old.gap.unwrap().gap;
        assert_eq!((gap.missed, gap.reason), (Some(5), GapReason::Trimmed), "what was trimmed");
        assert_eq!(old.entries, first[5..]);
        // Another opening stores under another mark, and a read goes on over it.
        let second = append(&rides, 10..12).await;
        assert_eq!(read(&rides, &first[8].id).await, [&first[9..], &second[..]].concat());
        assert_eq!(closed.head().await.unwrap(), last);
        let before = closed.before_last(1).await.unwrap();
        let rest = page(&closed, before.as_str()).await;
        assert_eq!((rest.entries, rest.closed), (vec![LogEntry::last(last, block(2))], Some(End::Failed)));
        assert_eq!(empty.head().await.unwrap(), end);
        assert!(matches!(empty.append(&block(1)).await, Err(AppendError::Closed(End::Lost))));
    }
}

#[tokio::test]
async fn the_place_of_an_empty_log_survives() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let start = store.log("rides").head().await.unwrap();
    store.close().await;
    let store = FileStore::open(folder.path()).unwrap();
    let log = store.log("rides");
    assert_eq!(page(&log, start.as_str()).await.gap, None);
    let appended = append(&log, 0..2).await;
    assert_eq!(read(&log, &start).await, appended);
}

#[tokio::test]
async fn ids_from_before_a_wipe_are_gaps() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let log = store.log("rides");
    let start = log.head().await.unwrap();
    let old = append(&log, 0..5).await;
    store.close().await;
    for name in ["history", "LOCK"] {
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }

    let store = FileStore::open(folder.path()).unwrap();
    let log = store.log("rides");
    for appended in 0..8 {
        for id in old.iter().map(|entry| &entry.id).chain([&start]) {
            let page = page(&log, id.as_str()).await;
            assert_eq!(page.entries.len(), appended);
            assert_eq!(page.gap.map(|gap| gap.gap.reason), Some(GapReason::UnknownId), "{id}, {appended} events");
        }
        append(&log, [appended]).await;
    }
}

#[tokio::test]
async fn ids_of_a_tail_that_a_restored_backup_lacks_are_gaps() {
    let (folder, backup) = (Folder::new(), Folder::new());
    let store = FileStore::open(folder.path()).unwrap();
    let kept = append(&store.log("rides"), 0..3).await;
    store.close().await;
    std::fs::copy(folder.path().join("history"), backup.path().join("history")).unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let lost = append(&store.log("rides"), 3..6).await;
    store.close().await;

    let store = FileStore::open(backup.path()).unwrap();
    let log = store.log("rides");
    let new = append(&log, 13..18).await;
    assert_eq!(read(&log, &kept[2].id).await, new, "what the backup has can be resumed");
    for entry in &lost {
        let gap = page(&log, entry.id.as_str()).await.gap.expect("a gap");
        assert_eq!(gap.gap.reason, GapReason::UnknownId);
    }
}

#[tokio::test]
async fn a_file_is_at_most_four_times_as_large_as_what_is_kept() {
    let folder = Folder::new();
    let store = FileStore::builder().durability(Durability::Os).open(folder.path()).unwrap();
    let log = store.open("rides", &retain(2000));
    let block = sse_typed::hub::Block::new(format!("data: {}\n\n", "x".repeat(1016)), false).unwrap();
    for _ in 0..200 {
        futures_util::future::join_all((0..100).map(|_| log.append(&block))).await;
    }
    let kept = read(&log, &log.before_last(u64::MAX).await.unwrap()).await.len();
    assert_eq!(kept, 2000);
    store.close().await;
    let times = folder.size() as f64 / (2000.0 * 1024.0);
    assert!(times <= 4.0, "{times}");
}
