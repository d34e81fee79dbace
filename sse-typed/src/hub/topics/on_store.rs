use std::{borrow::Borrow, fmt::Display, hash::Hash};

use super::{
    Topics,
    logs::{StoreTopics, TopicLogs as _},
};
use crate::hub::{
    hub::HubBuilder,
    log::{AnyLogError, EventLog},
    store::EventStore,
};

impl<K, E, L> Topics<K, E, L>
where
    K: Eq + Hash + Display + 'static,
    E: 'static,
    L: EventLog,
{
    /// Topics whose histories are in a store, under the keys `<name>/<key>`. `<key>` is what [`Display`] writes, which
    /// must differ for different keys. A store key has at most 512 bytes and no NUL. If the key of a topic breaks this
    /// rule, publishing returns the error of the store, and subscriptions have ended from the start.
    ///
    /// The name keeps the topics of different event types apart: two event types in one store have two names.
    ///
    /// A topic that is dropped when it is idle keeps its history in the store, and so does one that is
    /// [removed](Self::remove). [`delete`](Self::delete) removes the history.
    /// [`publish`](Self::publish) on a topic without a hub in this process appends to its log and makes no hub.
    ///
    /// ```
    /// # #[cfg(not(feature = "derive"))]
    /// # fn main() {}
    /// # #[cfg(feature = "derive")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use sse_typed::{
    ///     Gap, SseEvent,
    ///     hub::{EventStore, Hub, MemoryStore, Start, Topics},
    /// };
    ///
    /// #[derive(SseEvent)]
    /// enum Chat {
    ///     Said { text: String },
    ///     #[sse(gap)]
    ///     Missed(Gap),
    /// }
    ///
    /// let store = MemoryStore::default(); // or any other
    /// let rooms = Topics::<String, Chat, _>::on(store.clone(), "rooms", Hub::builder());
    /// rooms.publish("lobby", &Chat::Said { text: "hello".to_owned() }).await?;
    /// assert!(rooms.get("lobby").is_none());
    ///
    /// let all = rooms.subscribe("lobby", Start::Earliest).ready().await;
    /// assert_eq!(all.lag(), 1);
    /// rooms.delete("lobby").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the name is empty, has over 128 bytes, or has a `/` or a NUL.
    #[must_use]
    pub fn on<S: EventStore<Log = L>>(store: S, name: &str, builder: HubBuilder<E>) -> Self {
        let is_valid = (1..=128).contains(&name.len()) && !name.contains(['/', '\0']);
        assert!(is_valid, "a name of topics has 1 to 128 bytes, without `/` and NUL: {name:?}");
        let topics = StoreTopics { store, name: name.into() };
        let hubs = StoreTopics { store: topics.store.clone(), name: topics.name.clone() };
        let make_hub = move |key: &K| builder.clone().build_on(hubs.log(key));
        Self::of(make_hub, Some(Box::new(topics)))
    }
}

impl<K: Eq + Hash, E, L: EventLog> Topics<K, E, L> {
    /// Removes the history of a topic and its end, so that it can be used again. Its clients get a gap.
    ///
    /// On a [store](Self::on) this holds for every process. If the hub of the topic is closed, it is also removed from
    /// these topics, so the next use makes a new one. Other processes keep a closed hub for the [idle
    /// time](Self::idle). Without a store it is [`remove`](Self::remove).
    ///
    /// # Errors
    ///
    /// If the store fails; the history may be removed in spite of it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the history is removed or it is not.
    pub async fn delete<Q>(&self, key: &Q) -> Result<(), AnyLogError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let Some(deleted) = self.inner.logs.as_ref().map(|logs| logs.delete(&key.to_owned())) else {
            self.remove(key);
            return Ok(());
        };
        deleted.await?;
        if self.get(key).is_some_and(|hub| hub.is_closed()) {
            self.remove(key);
        }
        Ok(())
    }
}
