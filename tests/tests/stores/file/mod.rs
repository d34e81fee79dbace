//! Histories in a folder.

mod crash;
mod cut_sessions;
mod damage;
mod expiry;
mod faults;
mod folder;
mod hub;
mod keys;
mod killed;
mod memory;
mod opening;
mod pages;
mod reopening;
mod restart;
mod run_crash;
mod run_restart;
mod runs;
mod sole_writer;

use sse_typed::{
    EventId,
    hub::{Block, EventLog, EventStore, LogEntry, LogOptions, Page},
    stores::{FileLog, FileStore},
};

use self::folder::Folder;

/// The suite for logs, each a key of one store.
#[tokio::test]
async fn a_log_of_a_file_store_keeps_what_a_log_promises() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let made = std::cell::Cell::new(0);
    sse_typed::testing::event_log(async |events| {
        made.set(made.get() + 1);
        store.open(&format!("log {}", made.get()), &retain(events))
    })
    .await;
    store.close().await;
}

/// The suite for stores.
#[tokio::test]
async fn a_file_store_keeps_what_a_store_promises() {
    let folders = std::cell::RefCell::new(Vec::new());
    sse_typed::testing::event_store(async |options| {
        let folder = Folder::new();
        let store = FileStore::builder().options(options).open(folder.path()).unwrap();
        folders.borrow_mut().push(folder);
        store
    })
    .await;
}

fn retain(events: usize) -> LogOptions {
    LogOptions::new().retain(sse_typed::hub::Retention::events(events))
}

fn block(n: usize) -> Block {
    Block::new(format!("event: tick\ndata: {n}\n\n"), false).unwrap()
}

async fn append(log: &FileLog, numbers: impl IntoIterator<Item = usize>) -> Vec<LogEntry> {
    let mut entries = Vec::new();
    for n in numbers {
        entries.push(LogEntry::new(log.append(&block(n)).await.unwrap(), block(n)));
    }
    entries
}

/// All that is kept behind a place that is known.
async fn read(log: &FileLog, after: &EventId) -> Vec<LogEntry> {
    let (mut entries, mut place) = (Vec::new(), after.clone());
    loop {
        let page = page(log, place.as_str()).await;
        assert_eq!(page.gap, None, "behind {place}");
        if page.entries.is_empty() {
            return entries;
        }
        place = page.next_position(&place);
        entries.extend(page.entries);
    }
}

async fn page(log: &FileLog, after: &str) -> Page {
    log.read_after(after, 1000).await.unwrap()
}
