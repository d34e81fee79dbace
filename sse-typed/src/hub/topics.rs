use std::{
    borrow::Borrow,
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{EventLog, Hub, HubBuilder, MemoryLog, PublishError, Start, Subscription};
use crate::{codec::HubEvent, event::EventId};

/// A hub for each key: rooms, documents, users. It is a handle, cheap to clone.
///
/// A topic's hub is made when it is first used, and dropped with its history when it was idle for a while: nobody is
/// subscribed, nobody holds a handle of it, and so it was for the [idle time](Self::idle). Clients that come back
/// later are told of a gap. Idle topics are looked for when topics are used; no timer runs.
///
/// A topic whose hub was [closed](Hub::close) stays closed for the idle time, so that its clients are told not to come back.
/// Asking for it does not prolong that. [`remove`](Self::remove) makes room for a new one at once.
///
/// Whoever names a key makes a topic. Where keys come from clients, check them first, or use [`get`](Self::get).
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
/// let here = rooms.subscribe("lobby".to_owned(), Start::Live);
/// rooms.publish("lobby".to_owned(), &Chat::Said { who: "An".to_owned(), text: "hello".to_owned() }).await?;
/// assert_eq!(here.lag(), 1);
/// assert!(rooms.get("attic").is_none());
/// # Ok::<(), sse_typed::hub::PublishError>(())
/// # });
/// ```
pub struct Topics<K, E, L = MemoryLog> {
    shared: Arc<Shared<K, E, L>>,
}

struct Shared<K, E, L> {
    make: Box<Make<K, E, L>>,
    idle: Duration,
    state: Mutex<State<K, E, L>>,
}

type Make<K, E, L> = dyn Fn(&K) -> Hub<E, L> + Send + Sync;

struct State<K, E, L> {
    topics: HashMap<K, Topic<E, L>>,
    /// When idle ones were last looked for.
    swept: Instant,
}

struct Topic<E, L> {
    hub: Hub<E, L>,
    /// When it was last asked for.
    asked: Instant,
    /// Since when it is known to be closed.
    closed: Option<Instant>,
}

impl<E, L> Topic<E, L> {
    fn new(hub: Hub<E, L>, now: Instant) -> Self {
        Self { hub, asked: now, closed: None }
    }

    fn closed(&mut self, now: Instant) -> Option<Instant> {
        if self.closed.is_none() && self.hub.is_closed() {
            self.closed = Some(now);
        }
        self.closed
    }

    /// Whether nobody used it for this long. Whoever asks for one that is closed does not keep it.
    fn is_idle(&mut self, now: Instant, time: Duration) -> bool {
        let closed = self.closed(now);
        let unused = self.hub.unused_since();
        unused.is_some_and(|since| now.saturating_duration_since(closed.unwrap_or(since.max(self.asked))) >= time)
    }
}

/// Five minutes: longer than a client stays away that comes back.
const IDLE: Duration = Duration::from_secs(300);

impl<K: Eq + Hash, E: HubEvent + 'static> Topics<K, E> {
    /// Topics whose hubs are all made alike.
    #[must_use]
    pub fn new(builder: HubBuilder<E>) -> Self {
        Self::with(move |_| builder.clone().build())
    }
}

impl<K: Eq + Hash, E: HubEvent, L: EventLog> Topics<K, E, L> {
    /// Publishes an event on a topic.
    ///
    /// # Errors
    ///
    /// [`PublishError`], as of [`Hub::publish`].
    ///
    /// # Cancel safety
    ///
    /// As of [`Hub::publish`].
    pub async fn publish(&self, key: K, event: &E) -> Result<EventId, PublishError> {
        self.hub(key).publish(event).await
    }
}

impl<K: Eq + Hash, E, L> Topics<K, E, L> {
    /// Topics whose hubs are made by `make`, which must not use the topics itself.
    #[must_use]
    pub fn with(make: impl Fn(&K) -> Hub<E, L> + Send + Sync + 'static) -> Self {
        let state = State { topics: HashMap::new(), swept: Instant::now() };
        Self { shared: Arc::new(Shared { make: Box::new(make), idle: IDLE, state: Mutex::new(state) }) }
    }

    /// How long a topic must be idle to be dropped: five minutes, unless said otherwise. It should be longer than clients
    /// stay away that come back. To be said before the topics are shared; later it says nothing.
    #[must_use]
    pub fn idle(mut self, time: Duration) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.idle = time;
        }
        self
    }

    /// The hub of a topic, made now if there is none. A topic is kept as long as somebody holds a handle.
    #[must_use]
    pub fn hub(&self, key: K) -> Hub<E, L> {
        let now = Instant::now();
        let (hub, _gone, _key) = {
            let mut state = self.lock();
            // First: what is asked for now is not idle.
            state.ask(&key, now);
            let gone = state.sweep(now, self.shared.idle);
            match state.ask(&key, now) {
                Some(hub) => (hub, gone, Some(key)),
                None => {
                    let hub = (self.shared.make)(&key);
                    state.topics.insert(key, Topic::new(hub.clone(), now));
                    (hub, gone, None)
                }
            }
        };
        hub
    }

    /// The hub of a topic, if there is one.
    pub fn get<Q>(&self, key: &Q) -> Option<Hub<E, L>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.lock().ask(key, Instant::now())
    }

    /// Takes a topic out, idle or not, and returns its hub. Whoever asks for it next has a new one made; those who have the
    /// old one keep it.
    pub fn remove<Q>(&self, key: &Q) -> Option<Hub<E, L>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let removed = self.lock().topics.remove_entry(key);
        removed.map(|(_, topic)| topic.hub)
    }

    /// Subscribes to a topic: see [`Hub::subscribe`].
    pub fn subscribe(&self, key: K, start: impl Into<Start>) -> Subscription<E> {
        self.hub(key).subscribe(start)
    }

    /// How many topics there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().topics.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the topics that are idle, for programs that do not want to wait for the next use.
    pub fn drop_idle(&self) {
        let now = Instant::now();
        let _gone = {
            let mut state = self.lock();
            state.swept = now;
            state.take_idle(now, self.shared.idle)
        };
    }

    fn lock(&self) -> MutexGuard<'_, State<K, E, L>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is taken out is returned, to be dropped outside of the lock: keys too are user's code.
impl<K: Eq + Hash, E, L> State<K, E, L> {
    /// The hub of a topic that is asked for now.
    fn ask<Q>(&mut self, key: &Q, now: Instant) -> Option<Hub<E, L>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let topic = self.topics.get_mut(key)?;
        topic.asked = now;
        topic.closed(now);
        Some(topic.hub.clone())
    }

    /// Looks for idle topics, if that was not done lately.
    fn sweep(&mut self, now: Instant, idle: Duration) -> Vec<(K, Topic<E, L>)> {
        if now.duration_since(self.swept) < idle / 2 {
            return Vec::new();
        }
        self.swept = now;
        self.take_idle(now, idle)
    }

    fn take_idle(&mut self, now: Instant, idle: Duration) -> Vec<(K, Topic<E, L>)> {
        self.topics.extract_if(|_, topic| topic.is_idle(now, idle)).collect()
    }
}

impl<K, E, L> Clone for Topics<K, E, L> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K, E, L> fmt::Debug for Topics<K, E, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topics").field("idle", &self.shared.idle).finish_non_exhaustive()
    }
}
