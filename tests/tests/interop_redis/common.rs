//! What several tests do.

use std::time::Duration;

use sse_typed::{
    EventId,
    hub::{AppendError, Block, End, EventLog, EventStore, LogEntry, PageGap, StoreState},
    stores::{RedisError, RedisLog, RedisStore},
};
use tokio::time::timeout;

use crate::server::{LIMIT, Server};

pub(crate) async fn store(server: &Server) -> RedisStore {
    connect(&server.url()).await
}

/// A store that notices a dead server quickly.
pub(crate) async fn connect(url: &str) -> RedisStore {
    RedisStore::builder(url).response_timeout(Duration::from_millis(500)).connect().await.unwrap()
}

/// An event that can be told apart from others.
pub(crate) fn block(n: u64) -> Block {
    Block::new(format!("data: {n}\n\n"), false).unwrap()
}

pub(crate) fn number(entry: &LogEntry) -> u64 {
    let text = str::from_utf8(entry.block.as_bytes()).unwrap();
    text.trim_end().strip_prefix("data: ").unwrap().parse().unwrap()
}

pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(LIMIT, what).await.expect("it does not come to an end")
}

/// Whether the ids are in the order of the stream. Their numbers are compared: as text, `9` is behind `10`.
pub(crate) fn are_in_order(ids: &[EventId]) -> bool {
    let numbers = |id: &EventId| {
        let mut numbers = id.as_str().split('-').map(|number| number.parse::<u64>());
        (numbers.next().unwrap().unwrap(), numbers.next().unwrap().unwrap())
    };
    ids.iter().map(numbers).is_sorted_by(|one, next| one < next)
}

/// Waits until the store is connected, or not.
pub(crate) async fn until_up(store: &RedisStore, up: bool) {
    let mut health = store.health();
    within(async {
        while matches!(health.state(), StoreState::Up) != up {
            health.changed().await;
        }
    })
    .await;
}

/// Appends until it works.
pub(crate) async fn append_at_last(log: &RedisLog, n: u64) -> EventId {
    within(async {
        loop {
            match log.append(&block(n)).await {
                Ok(id) => return id,
                Err(AppendError::Failed(error)) => assert!(error.is_unreachable(), "{error:?}"),
                Err(error) => panic!("{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

/// A reader that follows a log, and notes what it is told.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) position: EventId,
    pub(crate) seen: Vec<u64>,
    pub(crate) gaps: Vec<PageGap>,
    pub(crate) closed: Option<End>,
}

impl Reader {
    pub(crate) fn at(position: EventId) -> Self {
        Self { position, seen: Vec::new(), gaps: Vec::new(), closed: None }
    }

    pub(crate) async fn at_head(log: &RedisLog) -> Self {
        Self::at(log.head().await.unwrap())
    }

    /// Reads one page. Returns whether there was something new.
    pub(crate) async fn read(&mut self, log: &RedisLog) -> Result<bool, RedisError> {
        let page = log.read_after(self.position.as_str(), 256).await?;
        let next = page.next_position(&self.position);
        let is_new = next != self.position || page.closed != self.closed;
        self.seen.extend(page.entries.iter().map(number));
        self.gaps.extend(page.gap);
        self.closed = page.closed;
        self.position = next;
        Ok(is_new)
    }

    /// Reads all that there is.
    pub(crate) async fn read_all(&mut self, log: &RedisLog) {
        within(async { while self.read(log).await.unwrap() {} }).await;
    }

    /// Follows the log until it has seen this event, through outages.
    pub(crate) async fn follow_to(&mut self, log: &RedisLog, last: u64) {
        within(async {
            while self.seen.last() != Some(&last) {
                match self.read(log).await {
                    Ok(true) => {}
                    Ok(false) => {
                        if let Err(error) = log.wait_after(&self.position).await {
                            assert!(error.is_unreachable(), "{error:?}");
                        }
                    }
                    Err(error) => {
                        assert!(error.is_unreachable(), "{error:?}");
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
            }
        })
        .await;
    }
}
