//! A store in the memory of this process.

mod error;
mod key;
mod log;
#[cfg(feature = "runs")]
mod runs;
mod shared;

use std::{fmt, sync::Arc};

use self::shared::Shared;
pub use self::{error::MemoryStoreError, log::MemoryStoreLog};
use crate::hub::{
    log::Wakes,
    store::{event_store::EventStore, health::Health, options::LogOptions},
};

/// A store in the memory of this process: for tests, and for programs that choose their store by configuration.
///
/// It behaves like a store elsewhere: its keys outlive the hubs on them, two hubs on one key share its events, and a hub is
/// followed by a task and so needs a Tokio runtime. A hub that is [built](crate::hub::HubBuilder::build) without a store is
/// faster, and needs no runtime.
///
/// Its ids are `<random>-<n>`. The random part is drawn when a key is first used, so ids of a removed key are gaps.
///
/// Retention is exact. A page has at most 1 MiB of events, or one larger event. A key whose time to live is over is removed
/// when it is next used in any way, or soon after when other keys are appended to: there is no timer. Hubs on the key are
/// woken then, and their clients get the gap.
///
/// With the feature `runs` it keeps runs: it is a `RunStore`. Leases and keep times run on the clock of Tokio. The key of a run has
/// at most 495 bytes.
///
/// ```
/// # #[cfg(not(feature = "derive"))]
/// # fn main() {}
/// # #[cfg(feature = "derive")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use sse_typed::{
///     Gap, Hub, SseEvent,
///     hub::{EventStore, MemoryStore, Start},
/// };
///
/// #[derive(Debug, PartialEq, SseEvent)]
/// enum Ride {
///     Started,
///     #[sse(gap)]
///     Missed(Gap),
/// }
///
/// let store = MemoryStore::default();
/// let here = Hub::<Ride>::builder().build_on(store.log("rides/7"));
/// let there = Hub::<Ride>::builder().build_on(store.log("rides/7"));
/// let mut events = there.subscribe(Start::Earliest).events();
/// here.publish(&Ride::Started).await?;
/// assert_eq!(*events.next().await.unwrap().data, Ride::Started);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

impl MemoryStore {
    /// An empty store whose logs have these options.
    #[must_use]
    pub fn new(options: LogOptions) -> Self {
        Self { shared: Arc::new(Shared::new(options)) }
    }

    fn open_log(&self, key: &str, options: Arc<LogOptions>) -> MemoryStoreLog {
        MemoryStoreLog::new(Arc::clone(&self.shared), self.shared.open_key(key), options)
    }
}

impl EventStore for MemoryStore {
    type Log = MemoryStoreLog;

    fn open(&self, key: &str, options: &LogOptions) -> MemoryStoreLog {
        self.open_log(key, Arc::new(options.clone()))
    }

    fn options(&self) -> &LogOptions {
        &self.shared.options
    }

    fn log(&self, key: &str) -> MemoryStoreLog {
        self.open_log(key, Arc::clone(&self.shared.options))
    }

    async fn remove(&self, key: &str) -> Result<(), MemoryStoreError> {
        self.shared.remove(key)
    }

    fn wakes(&self) -> &Wakes {
        &self.shared.wakes
    }

    fn health(&self) -> Health {
        self.shared.health.health()
    }
}

/// With the default [`LogOptions`].
impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(LogOptions::default())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("keys", &self.shared.lock().by_name.len()).finish_non_exhaustive()
    }
}
