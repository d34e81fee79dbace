//! Logs that are not in the memory of this process: slow, shared, and sometimes failing.

mod closing;
mod ends;
mod following;
mod reading;
mod ready;
mod sharing;
mod sharing_model;
mod test_log;

use std::{
    convert::Infallible,
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt;
use sse_typed::{
    EventId,
    hub::{AppendError, Block, End, EventLog, Hub, MemoryLog, Page, Retention},
};
use tokio::{sync::watch, task::yield_now, time::timeout};

use self::test_log::infallible;
use crate::common::{Feed, Reader};

/// A log on a server: other processes append to it, its answers take time, and its waits sometimes return too early.
#[derive(Clone)]
pub(crate) struct NetworkLog {
    log: Arc<MemoryLog>,
    turns: Arc<AtomicU64>,
    is_down: Arc<AtomicBool>,
    /// The next read panics.
    panics: Arc<AtomicBool>,
    /// Appends wait before they begin.
    holds_appends: watch::Sender<bool>,
    /// Appends wait before they are answered.
    holds_answers: watch::Sender<bool>,
}

impl NetworkLog {
    pub(crate) fn new(retained: usize) -> Self {
        Self {
            log: Arc::new(MemoryLog::new(Retention::events(retained))),
            turns: Arc::default(),
            is_down: Arc::default(),
            panics: Arc::default(),
            holds_appends: watch::Sender::new(false),
            holds_answers: watch::Sender::new(false),
        }
    }

    async fn travel(&self) -> io::Result<()> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        for _ in 0..turn % 5 {
            yield_now().await;
        }
        if self.is_down.load(Ordering::Relaxed) { Err(io::Error::other("the network is down")) } else { Ok(()) }
    }

    /// A write, with the way there and back.
    async fn write(
        &self,
        write: impl Future<Output = Result<EventId, AppendError<Infallible>>>,
    ) -> Result<EventId, AppendError<io::Error>> {
        wait_until_released(&self.holds_appends).await;
        self.travel().await.map_err(AppendError::Failed)?;
        let id = write.await.map_err(|error| error.map(|never| match never {}))?;
        wait_until_released(&self.holds_answers).await;
        self.travel().await.map_err(AppendError::Unknown)?;
        Ok(id)
    }

    /// It cannot be reached from now on.
    pub(crate) fn go_down(&self) {
        self.is_down.store(true, Ordering::Relaxed);
    }

    /// A hub of one process that retains this many events in memory.
    pub(crate) fn hub(&self, ring: usize) -> Hub<Feed, Self> {
        Hub::builder().retain(Retention::events(ring)).build_on(self.clone())
    }

    /// Another process publishes ticks with these numbers.
    async fn add(&self, numbers: impl IntoIterator<Item = u64>) {
        for n in numbers {
            self.log.append(&Block::new(format!("event: tick\ndata: {n}\n\n"), false).unwrap()).await.unwrap();
        }
    }
}

async fn wait_until_released(holds: &watch::Sender<bool>) {
    holds.subscribe().wait_for(|holds| !holds).await.expect("the log owns the sender");
}

impl EventLog for NetworkLog {
    type Error = io::Error;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<io::Error>> {
        self.write(self.log.append(block)).await
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<io::Error>> {
        self.write(self.log.close(last, end)).await
    }

    async fn read_after(&self, after: &str, limit: usize) -> io::Result<Page> {
        self.travel().await?;
        assert!(!self.panics.swap(false, Ordering::Relaxed), "the log panics");
        let page = infallible(self.log.read_after(after, limit).await);
        self.travel().await?;
        Ok(page)
    }

    async fn wait_after(&self, after: &EventId) -> io::Result<()> {
        self.travel().await?;
        if self.turns.load(Ordering::Relaxed).is_multiple_of(3) {
            return Ok(());
        }
        infallible(self.log.wait_after(after).await);
        Ok(())
    }

    async fn head(&self) -> io::Result<EventId> {
        self.travel().await?;
        Ok(infallible(self.log.head().await))
    }

    async fn before_last(&self, n: u64) -> io::Result<EventId> {
        self.travel().await?;
        Ok(infallible(self.log.before_last(n).await))
    }
}

async fn publish<L: EventLog>(hub: &Hub<Feed, L>, numbers: impl IntoIterator<Item = u64>) {
    for n in numbers {
        hub.publish(&Feed::Tick(n)).await.unwrap();
    }
}

fn ticks(numbers: impl IntoIterator<Item = u64>) -> Vec<Feed> {
    numbers.into_iter().map(Feed::Tick).collect()
}

/// Waits for a future, with a timeout.
async fn soon<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(20), future).await.expect("it completes")
}

/// Lets other tasks run until the condition holds.
async fn until(mut condition: impl FnMut() -> bool) {
    soon(async {
        while !condition() {
            yield_now().await;
        }
    })
    .await;
}

/// Lets other tasks run until they have nothing left to do.
async fn settle() {
    for _ in 0..200 {
        yield_now().await;
    }
}

impl Reader {
    /// Waits for the next item.
    async fn next(&mut self) -> Option<Vec<(Feed, String)>> {
        let entries = soon(self.subscription.as_mut().unwrap().next()).await?;
        Some(self.decode(&entries))
    }

    /// Waits for this many events.
    async fn take(&mut self, count: usize) -> Vec<Feed> {
        let mut events = Vec::new();
        while events.len() < count {
            let Some(seen) = self.next().await else { panic!("it ends after {events:?}") };
            events.extend(seen.into_iter().map(|(event, _)| event));
        }
        assert_eq!(events.len(), count, "{events:?}");
        events
    }

    /// Waits for all events up to the end.
    async fn rest(&mut self) -> Vec<Feed> {
        let mut events = Vec::new();
        while let Some(seen) = self.next().await {
            events.extend(seen.into_iter().map(|(event, _)| event));
        }
        events
    }
}
