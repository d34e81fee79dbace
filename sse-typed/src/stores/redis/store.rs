use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{Cmd, Value};
use tokio::{runtime::Handle, task::AbortHandle};

#[cfg(feature = "runs")]
use super::runs::Scripts;
use super::{
    append::Reply,
    builder::RedisStoreBuilder,
    calls::{Calls, KeyCall},
    commands::{CallError, Commands},
    connect::{CommandConnection, NotificationConnection, Target},
    error::{Kind, RedisError},
    log::RedisLog,
    notifications::Notifications,
    position::Position,
    queue::{Queue, QueueOfKey},
    record::{self, Record},
    script::ServerScript,
    status::Status,
    trace,
};
use crate::hub::{EventStore, Health, LogOptions, Wakes, check_key};

/// Keeps the histories of many keys in a Redis server, which any number of processes share.
///
/// See the [module](crate::stores::redis) for what the server needs, and for what the store promises.
///
/// A store is a handle: its clones share two connections and two tasks. These end when the last clone and the last log are dropped.
/// The store is of the Tokio runtime in which it was made, which needs its timer and its I/O. When this runtime ends,
/// [`health`](EventStore::health) is [`Failed`](crate::hub::StoreState::Failed) and all methods fail.
///
/// ```no_run
/// use sse_typed::stores::RedisStore;
///
/// # async fn connect() -> Result<(), sse_typed::stores::RedisError> {
/// let store = RedisStore::connect("redis://127.0.0.1").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore(Arc<Shared>);

/// What the handles of a store share.
pub(super) struct Shared {
    target: Arc<Target>,
    options: Arc<LogOptions>,
    commands: Arc<Commands>,
    wakes: Wakes,
    status: Arc<Status>,
    runtime: Handle,
    append_script: ServerScript,
    before_last_script: ServerScript,
    page_script: ServerScript,
    #[cfg(feature = "runs")]
    run_scripts: Scripts,
    calls: Calls,
    queues: Mutex<Queues>,
    skipped: AtomicU64,
    tasks: [AbortHandle; 2],
}

/// The queues of the keys that have several writers.
#[derive(Default)]
struct Queues {
    by_key: HashSet<QueueOfKey>,
    /// How many there may be before those that no log uses are removed.
    clean_at: usize,
    /// The options of the key that was opened last, if they are not the store's: those of the next key may be the same.
    options: Option<Arc<LogOptions>>,
}

/// Is held by each task of a store. A task ends with the store, or with its runtime.
struct Running {
    commands: Arc<Commands>,
    wakes: Wakes,
    status: Arc<Status>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.commands.stop();
        self.status.stop();
        // Nothing wakes the readers later. They find out when they read.
        self.wakes.all_changed();
    }
}

impl RedisStore {
    /// Connects to a server with the default settings.
    ///
    /// The URL is `redis://[<user>][:<password>@]<host>[:<port>][/<database>]`, `rediss://..` for TLS, or `unix:///<path>`.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached now, if it is none that the store can use, or if the user lacks a right.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes its connections.
    pub async fn connect(url: &str) -> Result<Self, RedisError> {
        Self::builder(url).connect().await
    }

    /// A store that connects in the background, and keeps trying for as long as it takes.
    ///
    /// Until it is connected appends fail, subscribers wait, and [`health`](EventStore::health) has the latest error.
    ///
    /// # Errors
    ///
    /// If the URL is malformed, or if there is no Tokio runtime with its timer.
    pub fn connect_lazy(url: &str) -> Result<Self, RedisError> {
        Self::builder(url).connect_lazy()
    }

    /// Settings for a store on this server. The URL is that of [`connect`](Self::connect).
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url)
    }

    /// How often a read has skipped a record that is no event, since the store was made. Such records come from programs
    /// that write to the keys of the store.
    #[must_use]
    pub fn skipped_records(&self) -> u64 {
        self.0.skipped.load(Ordering::Relaxed)
    }

    /// How far the wake-ups of this process lag behind the server: how long the last PING took on the connection that
    /// receives notifications. The server answers it after the notifications that it has sent before.
    ///
    /// It is measured every 5 seconds. `None` before the first measurement, and while that connection is down. An answer
    /// that takes more than 2 seconds counts as a lost connection.
    #[must_use]
    pub fn notification_lag(&self) -> Option<Duration> {
        self.0.status.round_trip()
    }

    #[cfg(feature = "runs")]
    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    pub(super) fn start(
        target: Target,
        options: LogOptions,
        runtime: Handle,
        connected: Result<(CommandConnection, NotificationConnection), RedisError>,
    ) -> Self {
        let (target, wakes) = (Arc::new(target), Wakes::new());
        let (commands, notifications, error) = match connected {
            Ok((commands, notifications)) => (Some(commands), Some(notifications), None),
            Err(error) => (None, None, Some(error)),
        };
        let status = Arc::new(Status::new(error.clone()));
        let connection = Arc::new(Commands::new(error.unwrap_or_else(RedisError::stopped)));
        if let Some(commands) = &commands {
            // Before the first call, which may come before the task runs.
            connection.set_up(commands, Commands::FIRST);
        }
        let running =
            || Running { commands: Arc::clone(&connection), wakes: wakes.clone(), status: Arc::clone(&status) };
        let commands = runtime.spawn({
            let keep = Arc::clone(&connection).keep_connected(Arc::clone(&target), Arc::clone(&status), commands);
            let running = running();
            async move {
                let _running = running;
                keep.await;
            }
        });
        let forwarding = runtime.spawn({
            let forward =
                Notifications::new(Arc::clone(&target), wakes.clone(), Arc::clone(&status)).run(notifications);
            let running = running();
            async move {
                let _running = running;
                forward.await;
            }
        });
        Self(Arc::new(Shared {
            target,
            options: Arc::new(options),
            commands: connection,
            wakes,
            status,
            runtime,
            append_script: ServerScript::new(include_str!("append.lua")),
            before_last_script: ServerScript::new(include_str!("before_last.lua")),
            page_script: ServerScript::new(include_str!("page.lua")),
            #[cfg(feature = "runs")]
            run_scripts: Scripts::new(),
            calls: Calls::default(),
            queues: Mutex::default(),
            skipped: AtomicU64::new(0),
            tasks: [commands.abort_handle(), forwarding.abort_handle()],
        }))
    }
}

impl EventStore for RedisStore {
    type Log = RedisLog;

    fn open(&self, key: &str, options: &LogOptions) -> RedisLog {
        let options = self.0.shared_options(options);
        let queue = checked(key).map(|key| self.0.queue(key, &options));
        if let Err(error) = &queue {
            trace::invalid_key(error);
        }
        RedisLog::new(Arc::clone(&self.0), queue, options)
    }

    fn options(&self) -> &LogOptions {
        &self.0.options
    }

    async fn remove(&self, key: &str) -> Result<(), RedisError> {
        checked(key)?;
        let mut command = redis::cmd("UNLINK");
        command.arg(self.0.stream(key));
        self.0.read(&command).await?;
        // The key is removed, whatever becomes of this: readers that do not hear of it find out later.
        let mut command = redis::cmd("PUBLISH");
        command.arg(self.0.channel(key)).arg("");
        let _ = self.0.read(&command).await;
        Ok(())
    }

    fn wakes(&self) -> &Wakes {
        &self.0.wakes
    }

    fn health(&self) -> Health {
        self.0.status.health()
    }
}

impl Shared {
    pub(super) const fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(super) fn commands(&self) -> &Commands {
        &self.commands
    }

    pub(super) const fn wakes(&self) -> &Wakes {
        &self.wakes
    }

    pub(super) const fn append_script(&self) -> &ServerScript {
        &self.append_script
    }

    #[cfg(feature = "runs")]
    pub(super) const fn run_scripts(&self) -> &Scripts {
        &self.run_scripts
    }

    pub(super) const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Runs the append script for a key.
    pub(super) async fn append(self: &Arc<Self>, call: KeyCall) -> Result<Reply, CallError> {
        self.calls.append(self, call).await
    }

    /// The name of a log in the server.
    pub(super) fn stream(&self, key: &str) -> String {
        self.target.redis_key(key)
    }

    /// The channel of a log.
    pub(super) fn channel(&self, key: &str) -> String {
        self.target.channel(key)
    }

    /// Sends a command that may be repeated.
    pub(super) async fn read(&self, command: &Cmd) -> Result<Value, RedisError> {
        self.commands.call(command).await.map_err(CallError::into_error)
    }

    /// The newest record of a key.
    pub(super) async fn newest(&self, key: &str) -> Result<Option<Record>, RedisError> {
        let mut command = redis::cmd("XREVRANGE");
        command.arg(self.target.redis_key(key)).arg("+").arg("-").arg("COUNT").arg(1);
        Ok(record::records(self.read(&command).await?)?.pop())
    }

    /// The position after the newest record of a key.
    pub(super) async fn newest_record(&self, key: &str) -> Result<Position, RedisError> {
        Ok(self.newest(key).await?.map_or(Position::BEGINNING, |record| record.position))
    }

    /// The position before the newest `n` events, as far as they are retained. `None` if there are no events.
    pub(super) async fn before_last(&self, key: &str, n: u64) -> Result<Option<Position>, RedisError> {
        let key = self.target.redis_key(key);
        // Numbers of Lua are exact up to 2^53.
        let (mut wanted, mut from, mut before) = (n.min(1 << 53), "+".to_owned(), None);
        loop {
            let reply = self.before_last_script.call(&self.commands, |command| {
                command.arg(1).arg(&key).arg(wanted).arg(&from);
            });
            let reply = reply.await.map_err(CallError::into_error)?;
            let reply: (String, u64, String) =
                redis::from_redis_value(reply).map_err(|_| RedisError::unexpected("a position is no text"))?;
            before = Position::parse(&reply.0).or(before);
            if reply.2.is_empty() {
                return Ok(before);
            }
            (wanted, from) = (reply.1, reply.2);
        }
    }

    /// The records from an entry on, or from the beginning for `-`, up to `count` records and about `bytes` bytes of
    /// events. An entry whose id is `from` comes without its event.
    pub(super) async fn page(
        &self,
        stream: &str,
        from: &str,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<Record>, RedisError> {
        let reply = self.page_script.call(&self.commands, |command| {
            command.arg(1).arg(stream).arg(from).arg(count).arg(bytes);
        });
        record::records(reply.await.map_err(CallError::into_error)?)
    }

    pub(super) fn note_skipped(&self, key: &str, record: &Record) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
        trace::skipped_record(key, &record.position);
    }

    /// These options, without a copy where that can be.
    pub(super) fn shared_options(&self, options: &LogOptions) -> Arc<LogOptions> {
        if *options == *self.options {
            return Arc::clone(&self.options);
        }
        let mut queues = self.lock_queues();
        match &queues.options {
            Some(last) if **last == *options => Arc::clone(last),
            _ => Arc::clone(queues.options.insert(Arc::new(options.clone()))),
        }
    }

    fn queue(&self, key: Arc<str>, options: &LogOptions) -> Arc<Queue> {
        if options.is_sole_writer() {
            return Arc::new(Queue::new(key, true));
        }
        let mut queues = self.lock_queues();
        if let Some(QueueOfKey(queue)) = queues.by_key.get(&*key) {
            return Arc::clone(queue);
        }
        if queues.by_key.len() >= queues.clean_at {
            queues.by_key.retain(|QueueOfKey(queue)| Arc::strong_count(queue) > 1);
            queues.clean_at = (queues.by_key.len() * 2).max(64);
        }
        let queue = Arc::new(Queue::new(key, false));
        queues.by_key.insert(QueueOfKey(Arc::clone(&queue)));
        queue
    }

    fn lock_queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn checked(key: &str) -> Result<Arc<str>, RedisError> {
    check_key(key).map_err(|fault| Kind::InvalidKey(fault).into())
}

impl Drop for Shared {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("target", &self.0.target)
            .field("options", &self.0.options)
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}
