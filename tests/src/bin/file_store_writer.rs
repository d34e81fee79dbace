//! Appends to a file store until it is killed, and prints each event once it is acknowledged: `<key> <publisher> <n> <id>`.
//! The arguments are the folder, and a name for this run, which its publishers have.

use std::{
    env,
    io::{Write, stdout},
};

use sse_typed::{
    hub::{Block, EventLog, EventStore, LogOptions, Retention},
    stores::{Durability, FileStore},
};

const PUBLISHERS: usize = 8;

#[tokio::main]
async fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [folder, run, durability] = &args[..] else { panic!("the arguments are a folder, a name and a durability") };
    let durability = if durability == "os" { Durability::Os } else { Durability::Commit };
    let options = LogOptions::new().retain(Retention::events(1_000_000));
    let store = FileStore::builder().durability(durability).options(options).open(folder).unwrap();
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| tokio::spawn(publish(store.clone(), format!("{run}-{publisher}"), publisher % 3)))
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
}

async fn publish(store: FileStore, publisher: String, key: usize) {
    let key = format!("key-{key}");
    let log = store.log(&key);
    for n in 0_u64.. {
        let block = Block::new(format!("event: {publisher}\ndata: {n}\n\n"), false).unwrap();
        let id = log.append(&block).await.unwrap();
        // One write, so that lines are whole. With nobody left who reads, it ends.
        let line = format!("{key} {publisher} {n} {id}\n");
        if stdout().lock().write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}
