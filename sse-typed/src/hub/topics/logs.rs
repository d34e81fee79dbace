use std::fmt::Display;

use crate::hub::{
    log::{AnyLogError, BoxFuture},
    store::EventStore,
};

/// The logs of topics whose histories are in a store.
pub(super) trait TopicLogs<K, L>: Send + Sync {
    fn log(&self, key: &K) -> L;

    /// Removes the history of a topic.
    fn delete(&self, key: &K) -> BoxFuture<'static, ()>;
}

/// Topics in a store, under a name.
pub(super) struct StoreTopics<S> {
    pub(super) store: S,
    pub(super) name: Box<str>,
}

impl<S> StoreTopics<S> {
    fn store_key(&self, key: &impl Display) -> String {
        format!("{}/{key}", self.name)
    }
}

impl<K: Display, S: EventStore> TopicLogs<K, S::Log> for StoreTopics<S> {
    fn log(&self, key: &K) -> S::Log {
        self.store.log(&self.store_key(key))
    }

    fn delete(&self, key: &K) -> BoxFuture<'static, ()> {
        let (store, key) = (self.store.clone(), self.store_key(key));
        Box::pin(async move { store.remove(&key).await.map_err(AnyLogError::new) })
    }
}
