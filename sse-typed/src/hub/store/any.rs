use std::{fmt, future::Future, pin::Pin, sync::Arc};

use super::{event_store::EventStore, health::Health, options::LogOptions};
use crate::hub::log::{AnyLog, AnyLogError, Wakes};

/// A store of any type, so that configuration can choose it.
///
/// [`AnyStore::open`](AnyStore#method.open) opens a store by a URL.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use sse_typed::hub::{AnyStore, EventLog, EventStore, MemoryStore};
///
/// let store = AnyStore::new(MemoryStore::default()); // or another one, depending on configuration
/// let log = store.log("rides/7");
/// # log.head().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AnyStore(Arc<dyn ErasedStore>);

/// [`EventStore`] for trait objects.
pub(super) trait ErasedStore: Send + Sync + 'static {
    fn open(&self, key: &str, options: &LogOptions) -> AnyLog;
    fn log(&self, key: &str) -> AnyLog;
    fn options(&self) -> &LogOptions;
    fn remove<'a>(&'a self, key: &'a str) -> Pin<Box<dyn Future<Output = Result<(), AnyLogError>> + Send + 'a>>;
    fn wakes(&self) -> &Wakes;
    fn health(&self) -> Health;
}

impl<S: EventStore> ErasedStore for S {
    fn open(&self, key: &str, options: &LogOptions) -> AnyLog {
        AnyLog::new(EventStore::open(self, key, options))
    }

    fn log(&self, key: &str) -> AnyLog {
        AnyLog::new(EventStore::log(self, key))
    }

    fn options(&self) -> &LogOptions {
        EventStore::options(self)
    }

    fn remove<'a>(&'a self, key: &'a str) -> Pin<Box<dyn Future<Output = Result<(), AnyLogError>> + Send + 'a>> {
        Box::pin(async { EventStore::remove(self, key).await.map_err(AnyLogError::new) })
    }

    fn wakes(&self) -> &Wakes {
        EventStore::wakes(self)
    }

    fn health(&self) -> Health {
        EventStore::health(self)
    }
}

impl AnyStore {
    /// Erases the type of a store.
    #[must_use]
    pub fn new(store: impl EventStore) -> Self {
        Self(Arc::new(store))
    }
}

impl EventStore for AnyStore {
    type Log = AnyLog;

    fn open(&self, key: &str, options: &LogOptions) -> AnyLog {
        self.0.open(key, options)
    }

    fn options(&self) -> &LogOptions {
        self.0.options()
    }

    fn log(&self, key: &str) -> AnyLog {
        self.0.log(key)
    }

    async fn remove(&self, key: &str) -> Result<(), AnyLogError> {
        self.0.remove(key).await
    }

    fn wakes(&self) -> &Wakes {
        self.0.wakes()
    }

    fn health(&self) -> Health {
        self.0.health()
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyStore").field("health", &self.0.health()).finish_non_exhaustive()
    }
}
