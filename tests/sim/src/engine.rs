//! The machine of the store. It never crashes, and records each change for the oracle.

use std::sync::Arc;

use futures_util::FutureExt;
use sse_typed::{
    event::EventId,
    hub::{Block, End, EventStore, MemoryStore, MemoryStoreLog},
};
use tokio::sync::mpsc;

use crate::{
    store::{Job, Notice},
    world::{TrueEvent, World},
};

/// The state of the store, on its machine.
pub(crate) struct Engine {
    pub(crate) store: MemoryStore,
    pub(crate) world: Arc<World>,
    /// Keeps the positions of logs that have no events yet.
    _logs: Vec<MemoryStoreLog>,
    /// The processes that are notified of changes.
    processes: Vec<mpsc::UnboundedSender<Notice>>,
}

/// Runs the store.
pub(crate) async fn run(world: Arc<World>, mut jobs: mpsc::UnboundedReceiver<Job>, store: MemoryStore) {
    let topics = (0..world.plan.topics.len()).map(|topic| store.log(&world.plan.topic_key(topic))).collect();
    let mut engine = Engine { store, world, _logs: topics, processes: Vec::new() };
    while let Some(job) = jobs.recv().await {
        job(&mut engine);
    }
}

impl Engine {
    pub(crate) fn add_process(&mut self, notices: mpsc::UnboundedSender<Notice>) {
        self.processes.push(notices);
    }

    /// Notifies every process.
    pub(crate) fn notify(&mut self, key: &str, newest: Option<&EventId>) {
        self.processes.retain(|process| process.send(Notice { key: key.to_owned(), newest: newest.cloned() }).is_ok());
    }

    /// Records an event that was stored, and notifies every process.
    pub(crate) fn record(&mut self, key: &str, id: &EventId, block: Option<&Block>, end: Option<End>) {
        let mut truth = self.world.truth();
        let log = truth.logs.entry(key.to_owned()).or_default();
        if let Some(block) = block {
            log.events.push(TrueEvent { id: id.as_str().to_owned(), block: block.as_bytes().clone() });
        }
        let len = log.events.len();
        if let Some(end) = end {
            log.end = Some(end);
        }
        drop(truth);
        let text = block.map_or("", |block| std::str::from_utf8(block.as_bytes()).unwrap_or("?"));
        let text = text.get(..60).unwrap_or(text).escape_debug();
        self.world.note(format_args!("stored {key} {len} {id} {text} {end:?}"));
        self.notify(key, block.map(|_| id));
    }
}

/// The output of a future that is ready at once, as those of a `MemoryStore` are.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a memory store answers at once")
}
