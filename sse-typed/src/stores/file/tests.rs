//! The tables of a store that was closed.

use std::{env, fs, process};

use redb::ReadableTableMetadata as _;

use super::{
    Durability, FileStore,
    engine::{EVENTS, Engine, GARBAGE},
    folder::Folder,
};
use crate::{
    event::GapReason,
    hub::{Block, EventLog as _, EventStore as _, LogOptions, Retention},
};

#[tokio::test]
async fn the_events_of_a_removed_log_leave_the_file() {
    let path = env::temp_dir().join(format!("sse-typed-removed-{}", process::id()));
    let store = FileStore::open(&path).unwrap();
    let block = Block::new("data: 1\n\n", false).unwrap();
    for _ in 0..100 {
        store.log("removed").append(&block).await.unwrap();
    }
    store.remove("removed").await.unwrap();
    // Each transaction deletes some of them.
    for _ in 0..3 {
        store.log("kept").append(&block).await.unwrap();
    }
    store.close().await;
    drop(store);
    let folder = Folder::open(&path).unwrap();
    let engine = Engine::open(&folder, Durability::Os, 0).unwrap();
    let transaction = engine.begin_read().unwrap();
    assert_eq!(transaction.open_table(EVENTS).unwrap().len().unwrap(), 3);
    assert_eq!(transaction.open_table(GARBAGE).unwrap().len().unwrap(), 0);
    drop((transaction, engine, folder));
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn a_builder_keeps_the_durability() {
    let builder = FileStore::builder().durability(Durability::Os);
    assert!(format!("{builder:?}").contains("durability: Os"), "{builder:?}");
}

#[tokio::test]
async fn events_are_trimmed_only_after_a_position_that_the_store_has_given() {
    let path = env::temp_dir().join(format!("sse-typed-trimmed-{}", process::id()));
    let store = FileStore::open(&path).unwrap();
    let log = store.open("rides", &LogOptions::new().retain(Retention::events(1)));
    let block = Block::new("data: 1\n\n", false).unwrap();
    let first = log.append(&block).await.unwrap();
    for _ in 0..3 {
        log.append(&block).await.unwrap();
    }
    let (number, mark) = first.as_str().split_once('-').unwrap();
    let other_mark = u32::from_str_radix(mark, 16).unwrap() ^ 1;
    let page = async |after: &str| log.read_after(after, 9).await.unwrap().gap.unwrap().gap;
    let known = page(first.as_str()).await;
    assert_eq!((known.missed, known.reason), (Some(2), GapReason::Trimmed));
    let unknown = page(&format!("{number}-{other_mark:08x}")).await;
    assert_eq!((unknown.missed, unknown.reason), (None, GapReason::UnknownId));
    drop((store, log));
    fs::remove_dir_all(path).unwrap();
}
