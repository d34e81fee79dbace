//! A process that is killed while it writes.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use sse_typed::{
    EventId,
    hub::{EventLog, EventStore, LogEntry},
    stores::FileStore,
};

use super::{folder::Folder, read};

const RUNS: usize = 15;

/// An event that was acknowledged: its key, its wire bytes, its id.
type Acknowledged = (String, String, EventId);

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    for durability in ["commit", "os"] {
        let folder = Folder::new();
        let mut acknowledged = Vec::new();
        for run in 0..RUNS {
            acknowledged.extend(killed_writer(folder.path(), run, durability));
            check(folder.path(), &acknowledged).await;
        }
        assert!(acknowledged.len() > RUNS * 10);
    }
}

#[tokio::test]
async fn a_folder_is_open_in_one_process() {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let writer = Command::new(env!("CARGO_BIN_EXE_file_store_writer")).arg(folder.path()).args(["run", "os"]).output();
    let writer = writer.unwrap();
    assert!(!writer.status.success() && writer.stdout.is_empty());
    assert!(String::from_utf8_lossy(&writer.stderr).contains("already open, in this process or in another"));
    store.close().await;
}

/// Runs a process that writes, and kills it after some events, in the middle of others.
fn killed_writer(folder: &Path, run: usize, durability: &str) -> Vec<Acknowledged> {
    let mut writer = Command::new(env!("CARGO_BIN_EXE_file_store_writer"))
        .arg(folder)
        .args([&format!("run{run}"), durability])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).split(b'\n');
    let mut acknowledged = Vec::new();
    let mut add = |line: std::io::Result<Vec<u8>>| {
        let line = String::from_utf8(line.unwrap()).unwrap();
        // The last one may be cut.
        if let [key, publisher, n, id] = line.split(' ').collect::<Vec<_>>()[..]
            && id.split_once('-').is_some_and(|(_, mark)| mark.len() == 8)
        {
            let bytes = format!("event: {publisher}\ndata: {n}\n\n");
            acknowledged.push((key.to_owned(), bytes, EventId::new(id).unwrap()));
        }
    };
    // Another number of events in each run.
    lines.by_ref().take(10 + 37 * run).for_each(&mut add);
    writer.kill().unwrap();
    writer.wait().unwrap();
    // What was acknowledged before it was killed, and not read yet.
    lines.for_each(&mut add);
    acknowledged
}

async fn check(folder: &Path, acknowledged: &[Acknowledged]) {
    let store = FileStore::open(folder).unwrap();
    let mut found: HashMap<String, Vec<LogEntry>> = HashMap::new();
    for n in 0..3 {
        let key = format!("key-{n}");
        let log = store.log(&key);
        let entries = read(&log, &log.before_last(u64::MAX).await.unwrap()).await;
        assert_eq!(log.head().await.unwrap(), entries.last().unwrap().id);
        found.insert(key, entries);
    }
    store.close().await;
    let ids: HashMap<_, _> = found
        .iter()
        .flat_map(|(key, entries)| entries.iter().map(move |entry| ((key.as_str(), &entry.id), entry)))
        .collect();
    for (key, bytes, id) in acknowledged {
        let entry =
            ids.get(&(key.as_str(), id)).unwrap_or_else(|| panic!("{id} of {key} was acknowledged, and is lost"));
        assert_eq!(entry.block.as_bytes(), bytes, "{id} of {key}");
    }
    // Each publisher waits for an id before its next event: its events are in its order, and none is missing.
    for entries in found.values() {
        let mut next: HashMap<String, u64> = HashMap::new();
        for entry in entries {
            let text = str::from_utf8(entry.block.as_bytes()).unwrap();
            let (publisher, n) = text.trim_end().split_once("\ndata: ").unwrap();
            let next = next.entry(publisher.to_owned()).or_default();
            assert_eq!(n.parse::<u64>().unwrap(), *next, "{publisher}");
            *next += 1;
        }
    }
}
