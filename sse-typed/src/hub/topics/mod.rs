mod logs;
mod on_store;
mod table;

use std::{
    borrow::Borrow,
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use self::{
    logs::TopicLogs,
    table::{Cursor, Table},
};
use super::{
    history::MemoryLog,
    hub::{Hub, HubBuilder},
    log::EventLog,
    publish::{PublishError, publish_on_log},
    start::Start,
    state::HubState,
    subscription::Subscription,
};
use crate::{codec::EncodeEvent, event::EventId};

/// A hub for each key, such as rooms, documents or users. It is a handle and cheap to clone.
///
/// A topic's hub is made when the topic is first used. It is dropped with its history when it is idle: when it has
/// had no subscription and no handle for the [idle time](Self::idle). Clients that reconnect later get a gap.
///
/// A topic whose hub was [closed](Hub::close) stays closed for the idle time, so that the server can tell its clients
/// not to reconnect. Using the topic does not extend this time. After [`remove`](Self::remove) the next use makes a
/// new hub at once.
///
/// Methods take borrowed keys: `&str` where keys are `String`s. A key is cloned when its topic is made.
///
/// Using a key makes a topic. Where keys come from clients, check them first, or use [`get`](Self::get).
///
/// # Idle topics
///
/// There is no timer. Each call of [`hub`](Self::hub), [`get`](Self::get), [`publish`](Self::publish) or
/// [`subscribe`](Self::subscribe) also checks about eight other topics, and drops those that are idle. So a call takes
/// about the same time with a million topics as with ten, also while topics are added and dropped. A round of these
/// checks covers all topics. It takes at most half as many calls as there are topics, and the next round begins at
/// least half the idle time after it began. A topic that has become idle is therefore dropped once two conditions hold:
/// another half of the idle time has passed, and as many calls as there are topics were made.
/// [`drop_idle`](Self::drop_idle) drops all idle topics in one call.
///
/// One lock guards the topics. It is held while a call checks topics, compares keys, or makes a hub. Keys are hashed
/// and cloned, and keys and hubs are dropped, outside of the lock.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")]
/// # futures_util::FutureExt::now_or_never(async {
/// use sse_typed::{
///     Gap, SseEvent,
///     hub::{Hub, Start, Topics},
/// };
///
/// #[derive(SseEvent)]
/// enum Chat {
///     Said { who: String, text: String },
///     #[sse(gap)]
///     Missed(Gap),
/// }
///
/// let rooms = Topics::<String, Chat>::new(Hub::builder());
/// let here = rooms.subscribe("lobby", Start::Live);
/// rooms.publish("lobby", &Chat::Said { who: "An".to_owned(), text: "hello".to_owned() }).await?;
/// assert_eq!(here.lag(), 1);
/// assert!(rooms.get("attic").is_none());
/// # Ok::<(), sse_typed::hub::PublishError>(())
/// # });
/// ```
pub struct Topics<K, E, L = MemoryLog> {
    inner: Arc<TopicsInner<K, E, L>>,
}

struct TopicsInner<K, E, L> {
    make_hub: Box<MakeHub<K, E, L>>,
    /// The logs of topics on a store.
    logs: Option<Box<dyn TopicLogs<K, L>>>,
    idle_time: Duration,
    hasher: RandomState,
    state: Mutex<TopicsState<K, E, L>>,
}

type MakeHub<K, E, L> = dyn Fn(&K) -> Hub<E, L> + Send + Sync;

struct TopicsState<K, E, L> {
    topics: Table<K, Topic<E, L>>,
    /// When the last round of checks of all topics began.
    round_began: Instant,
    /// Where that round continues, if it is not complete.
    round_at: Option<Cursor>,
}

/// Topics that were removed, to be dropped outside of the lock: the drops of keys and hubs run user code.
type RemovedTopics<K, E, L> = Vec<(K, Topic<E, L>)>;

struct Topic<E, L> {
    hub: Hub<E, L>,
    /// The state of the hub, one pointer nearer.
    state: Arc<HubState<E>>,
    /// Since when the hub is known to be closed.
    closed_at: Option<Instant>,
}

impl<E, L> Topic<E, L> {
    fn new(hub: Hub<E, L>) -> Self {
        let state = Arc::clone(&hub.inner().state);
        Self { hub, state, closed_at: None }
    }

    fn closed_at(&mut self, now: Instant) -> Option<Instant> {
        if self.closed_at.is_none() && self.state.history.is_closed() {
            self.closed_at = Some(now);
        }
        self.closed_at
    }

    /// Whether the topic has been unused for this time. Returning a handle counts as a use, unless the hub is closed.
    fn is_idle(&mut self, now: Instant, time: Duration) -> bool {
        let closed = self.closed_at(now);
        let unused = self.hub.unused_since();
        unused.is_some_and(|since| now.saturating_duration_since(closed.unwrap_or(since)) >= time)
    }
}

/// The default idle time: longer than a client takes to reconnect.
const IDLE_TIME: Duration = Duration::from_secs(300);

/// How many topics each call checks.
const CHECKED_PER_CALL: usize = 8;

/// How many topics [`Topics::drop_idle`] checks before it releases the lock.
const CHECKED_PER_LOCK: usize = 64;

impl<K: Eq + Hash, E: 'static> Topics<K, E> {
    /// Topics whose hubs are all made by this builder.
    #[must_use]
    pub fn new(builder: HubBuilder<E>) -> Self {
        Self::with(move |_| builder.clone().build())
    }
}

impl<K: Eq + Hash, E: EncodeEvent + 'static> Topics<K, E> {
    /// [`publish`](Self::publish) without `await`.
    ///
    /// # Errors
    ///
    /// The [errors](PublishError) of [`Hub::publish`].
    pub fn publish_now<Q>(&self, key: &Q, event: &E) -> Result<EventId, PublishError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        // This makes no handle, because recording the time of its drop would be a considerable part of the cost.
        let hub = self.with_topic(key, |topic, now| {
            topic.state.record_use_at(now);
            // This keeps the topic for as long as the call takes.
            Arc::clone(topic.hub.inner())
        });
        hub.state.push(event)
    }
}

impl<K: Eq + Hash, E: EncodeEvent, L: EventLog> Topics<K, E, L> {
    /// Publishes an event on a topic.
    ///
    /// On a [store](Self::on) it makes no hub: without one in this process the event goes to the log alone.
    ///
    /// # Errors
    ///
    /// The [errors](PublishError) of [`Hub::publish`].
    ///
    /// # Cancel safety
    ///
    /// The same as of [`Hub::publish`].
    pub async fn publish<Q>(&self, key: &Q, event: &E) -> Result<EventId, PublishError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let Some(logs) = &self.inner.logs else { return self.hub(key).publish(event).await };
        if let Some(hub) = self.get(key) {
            return hub.publish(event).await;
        }
        let log = logs.log(&key.to_owned());
        publish_on_log(&log, event).await
    }
}

impl<K: Eq + Hash, E, L> Topics<K, E, L> {
    /// Topics whose hubs are made by `make`. It is called under the lock and must not use the topics.
    #[must_use]
    pub fn with(make: impl Fn(&K) -> Hub<E, L> + Send + Sync + 'static) -> Self {
        Self::of(make, None)
    }

    fn of(make_hub: impl Fn(&K) -> Hub<E, L> + Send + Sync + 'static, logs: Option<Box<dyn TopicLogs<K, L>>>) -> Self {
        let state = Mutex::new(TopicsState { topics: Table::new(), round_began: Instant::now(), round_at: None });
        let hasher = RandomState::new();
        Self {
            inner: Arc::new(TopicsInner { make_hub: Box::new(make_hub), logs, idle_time: IDLE_TIME, hasher, state }),
        }
    }

    /// Sets how long a topic must be idle to be dropped. The default is five minutes. It should be longer than clients
    /// take to reconnect. Set it before the handle is cloned; later it has no effect.
    #[must_use]
    pub fn idle(mut self, time: Duration) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.idle_time = time;
        }
        self
    }

    /// The hub of a topic, which is made if there is none. A topic is kept for as long as a handle exists.
    #[must_use]
    pub fn hub<Q>(&self, key: &Q) -> Hub<E, L>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        self.with_topic(key, |topic, _| topic.hub.clone())
    }

    /// Calls `take` with a topic, which is made if there is none.
    fn with_topic<Q, T>(&self, key: &Q, take: impl Fn(&Topic<E, L>, Instant) -> T) -> T
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let (hash, now, idle) = (self.hash(key), Instant::now(), self.inner.idle_time);
        // Declared before the guard, so that it is dropped after the unlock, also by a panic.
        let mut removed = RemovedTopics::new();
        let mut state = self.lock();
        if let Some(taken) = state.use_topic(hash, key, now, idle, &mut removed, &take) {
            state.continue_round(now, idle, &mut removed);
            drop(state);
            return taken;
        }
        drop(state);
        // Cloning a key runs user code, so the lock is released, and another call may make the topic meanwhile.
        let owned = key.to_owned();
        let mut state = self.lock();
        let taken = match state.use_topic(hash, key, now, idle, &mut removed, &take) {
            Some(taken) => taken,
            None => {
                let topic = Topic::new((self.inner.make_hub)(&owned));
                let taken = take(&topic, now);
                state.topics.insert(hash, owned, topic);
                taken
            }
        };
        state.continue_round(now, idle, &mut removed);
        drop(state);
        taken
    }

    /// The hub of a topic, if there is one.
    pub fn get<Q>(&self, key: &Q) -> Option<Hub<E, L>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let (hash, now) = (self.hash(key), Instant::now());
        let mut removed = RemovedTopics::new();
        let mut state = self.lock();
        let hub = state.use_topic(hash, key, now, self.inner.idle_time, &mut removed, |topic, _| topic.hub.clone());
        state.continue_round(now, self.inner.idle_time, &mut removed);
        drop(state);
        hub
    }

    /// Removes a topic, idle or not, and returns its hub. The next use of the key makes a new hub. Existing handles and
    /// subscriptions keep the old one.
    pub fn remove<Q>(&self, key: &Q) -> Option<Hub<E, L>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hash(key);
        let removed = {
            let topics = &mut self.lock().topics;
            topics.find(hash, |known| known.borrow() == key).and_then(|at| topics.remove(at))
        };
        removed.map(|(_, topic)| topic.hub)
    }

    /// Subscribes to a topic: see [`Hub::subscribe`].
    pub fn subscribe<Q>(&self, key: &Q, start: impl Into<Start>) -> Subscription<E>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        self.hub(key).subscribe(start)
    }

    /// The number of topics.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().topics.len()
    }

    /// Whether there are no topics.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops all idle topics, for programs that do not want to wait until [other calls](Self#idle-topics) have done so.
    ///
    /// It checks every topic, so its time grows with their number. It releases the lock after every few dozen topics,
    /// and does not hold it while it drops hubs, so other calls do not wait for it.
    pub fn drop_idle(&self) {
        let now = Instant::now();
        let mut at = Some(Cursor::START);
        while let Some(next) = at {
            let mut removed = RemovedTopics::new();
            at = self.lock().remove_idle(next, CHECKED_PER_LOCK, now, self.inner.idle_time, &mut removed);
        }
        let mut state = self.lock();
        (state.round_began, state.round_at) = (now, None);
    }

    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.inner.hasher.hash_one(key)
    }

    fn lock(&self) -> MutexGuard<'_, TopicsState<K, E, L>> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, E, L> TopicsState<K, E, L> {
    /// Calls `take` with a topic, if there is one. A topic that has been closed for the idle time is removed instead.
    fn use_topic<Q, T>(
        &mut self,
        hash: u64,
        key: &Q,
        now: Instant,
        idle: Duration,
        removed: &mut RemovedTopics<K, E, L>,
        take: impl Fn(&Topic<E, L>, Instant) -> T,
    ) -> Option<T>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let at = self.topics.find(hash, |known| known.borrow() == key)?;
        let topic = self.topics.get_mut(at)?;
        if topic.closed_at(now).is_some() && topic.is_idle(now, idle) {
            removed.extend(self.topics.remove(at));
            return None;
        }
        Some(take(topic, now))
    }

    /// Removes the idle ones of the next few topics. Begins a new round if the last one was long enough ago.
    fn continue_round(&mut self, now: Instant, idle: Duration, removed: &mut RemovedTopics<K, E, L>) {
        if self.round_at.is_none() && now.duration_since(self.round_began) >= idle / 2 {
            (self.round_began, self.round_at) = (now, Some(Cursor::START));
        }
        if let Some(at) = self.round_at {
            self.round_at = self.remove_idle(at, CHECKED_PER_CALL, now, idle, removed);
        }
    }

    /// Removes the idle ones of about `count` topics. Returns where to continue.
    fn remove_idle(
        &mut self,
        at: Cursor,
        count: usize,
        now: Instant,
        idle: Duration,
        removed: &mut RemovedTopics<K, E, L>,
    ) -> Option<Cursor> {
        let mut at = Some(at);
        let mut left = count;
        while left > 0 {
            let checked;
            (checked, at) = self.topics.sweep(at?, count, |topic| topic.is_idle(now, idle), removed);
            // An empty bucket costs something as well.
            left = left.saturating_sub(checked.max(1));
        }
        at
    }
}

impl<K, E, L> Clone for Topics<K, E, L> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K, E, L> fmt::Debug for Topics<K, E, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topics").field("idle", &self.inner.idle_time).finish_non_exhaustive()
    }
}
