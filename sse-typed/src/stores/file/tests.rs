//! The tables of a store that was closed.

use std::{env, fs, process};

use redb::ReadableTableMetadata as _;

use super::{
    Durability, FileStore,
    engine::{EVENTS, Engine, GARBAGE},
    folder::Folder,
};
use crate::hub::{Block, EventLog as _, EventStore as _};

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
