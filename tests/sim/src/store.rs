//! A store on another machine, as a process of a server sees it: calls take time and fail, replies and notices are lost, and
//! the network to it is cut.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use sse_typed::{
    event::EventId,
    hub::{
        AppendError, Block, End, EventLog, EventStore, Health, HealthReporter, LogOptions, MemoryStoreError,
        MemoryStoreLog, Page, Wakes,
    },
    runs::{Claimed, NewRun, ReadRun, Renewed, RunEnded, RunRecord, RunRef, RunStore},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep},
};

use crate::{
    engine::{Engine, now},
    inject::{Injection, change_end, change_page},
    server::ServerMachine,
    world::World,
};

/// A call, which runs on the machine of the store.
pub(crate) type Job = Box<dyn FnOnce(&mut Engine) + Send>;

/// The way to the machine of the store.
pub(crate) type StoreClient = mpsc::UnboundedSender<Job>;

/// A change of a key.
pub(crate) struct Notice {
    pub(crate) key: String,
    pub(crate) newest: Option<EventId>,
}

/// The store as one process sees it.
#[derive(Clone)]
pub(crate) struct SimStore {
    process: Arc<Process>,
    options: LogOptions,
}

struct Process {
    world: Arc<World>,
    number: usize,
    wakes: Wakes,
    health: HealthReporter,
    machine: Arc<ServerMachine>,
    reachable_since: Mutex<Instant>,
}

/// How often a process asks whether it reaches the store.
const WATCH: Duration = Duration::from_millis(50);

impl SimStore {
    /// The store for a process that has just started.
    pub(crate) fn new(world: &Arc<World>, number: usize, machine: &Arc<ServerMachine>) -> Self {
        let process = Process {
            world: Arc::clone(world),
            number,
            wakes: Wakes::new(),
            health: HealthReporter::new(),
            machine: Arc::clone(machine),
            reachable_since: Mutex::new(Instant::now()),
        };
        let store = Self { process: Arc::new(process), options: LogOptions::new() };
        let (sender, notices) = mpsc::unbounded_channel();
        let _ = world.store.send(Box::new(move |engine| engine.add_process(sender)));
        tokio::spawn(store.clone().take_notices(notices));
        tokio::spawn(store.clone().watch());
        store
    }

    /// The same store with other options for logs.
    pub(crate) fn with_options(&self, options: LogOptions) -> Self {
        Self { process: Arc::clone(&self.process), options }
    }

    /// Wakes what waits for changes. Notices are late, and lost while the store is not reached.
    async fn take_notices(self, mut notices: mpsc::UnboundedReceiver<Notice>) {
        while let Some(notice) = notices.recv().await {
            let Process { world, wakes, .. } = &*self.process;
            sleep(world.time_up_to(world.plan.store.max_delay)).await;
            if !self.is_cut() {
                let newest = notice.newest.filter(|_| !world.one_in(4));
                wakes.changed(&notice.key, newest.as_ref());
            }
        }
    }

    /// Finds out when the store is reached again.
    async fn watch(self) {
        let mut was_cut = false;
        loop {
            let is_cut = self.is_cut();
            match (was_cut, is_cut) {
                (false, true) => self.process.health.set_away("the network is cut"),
                (true, false) => {
                    self.set_reachable_since(Instant::now());
                    self.process.health.set_up();
                    self.process.wakes.all_changed();
                }
                _ => {}
            }
            was_cut = is_cut;
            sleep(WATCH).await;
        }
    }

    fn is_cut(&self) -> bool {
        self.process.machine.is_cut.load(Ordering::Relaxed)
    }

    fn set_reachable_since(&self, since: Instant) {
        *self.process.reachable_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Runs a job on the machine of the store.
    async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> Result<T, CallError> {
        let world = &self.process.world;
        let plan = world.plan.store;
        sleep(world.time_up_to(plan.max_delay)).await;
        if self.is_cut() || plan.calls_per_failure.is_some_and(|n| world.one_in(n)) {
            // A lost connection is noticed at once or late.
            if world.one_in(4) {
                sleep(world.time_up_to(Duration::from_secs(2))).await;
            }
            return Err(CallError::NotSent);
        }
        let (sender, reply) = oneshot::channel();
        let _ = world.store.send(Box::new(move |engine| {
            let _ = sender.send(job(engine));
        }));
        let reply = reply.await;
        sleep(world.time_up_to(plan.max_delay)).await;
        match reply {
            Ok(reply) if !self.is_cut() && !plan.calls_per_failure.is_some_and(|n| world.one_in(n)) => Ok(reply),
            _ => Err(CallError::NoReply),
        }
    }

    /// Runs a job that cannot fail once it has arrived.
    async fn call_store<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Engine) -> Result<T, MemoryStoreError> + Send + 'static,
    ) -> Result<T, SimError> {
        self.call(job).await?.map_err(SimError::Store)
    }
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    NotSent,
    NoReply,
}

#[derive(Debug)]
pub(crate) enum SimError {
    Call(CallError),
    Store(MemoryStoreError),
}

impl From<CallError> for SimError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl fmt::Display for SimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(CallError::NotSent) => f.write_str("the store is not reached"),
            Self::Call(CallError::NoReply) => f.write_str("the reply of the store is lost"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl Error for SimError {}

/// A log of the store, as one process sees it.
pub(crate) struct SimLog {
    store: SimStore,
    key: String,
    options: LogOptions,
    run: Option<RunRef>,
    /// It is opened on the machine of the store.
    log: Arc<OnceLock<MemoryStoreLog>>,
    /// The append of a sole writer whose reply was lost, and its id if it is stored.
    unanswered: Arc<Mutex<Option<Unanswered>>>,
}

#[derive(PartialEq)]
struct Unanswered {
    block: Option<Bytes>,
    end: Option<End>,
    id: Option<EventId>,
}

impl SimLog {
    /// Runs a job with the log.
    async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Engine, &MemoryStoreLog) -> T + Send + 'static,
    ) -> Result<T, CallError> {
        let (log, key, options, run) =
            (Arc::clone(&self.log), self.key.clone(), self.options.clone(), self.run.clone());
        let call = move |engine: &mut Engine| {
            let store = engine.store.clone();
            let log = log.get_or_init(|| match &run {
                Some(run) => store.run_log(run, &options),
                None => store.open(&key, &options),
            });
            job(engine, log)
        };
        self.store.call(call).await
    }

    async fn write(&self, block: Option<&Block>, end: Option<End>) -> Result<EventId, AppendError<SimError>> {
        let (key, mut block, mut end, unanswered) =
            (self.key.clone(), block.cloned(), end, Arc::clone(&self.unanswered));
        if let (Some(last), Some(closed)) = (&block, end) {
            let (last, changed) = change_end(&self.store.process.world, last, closed);
            (block, end) = (Some(last), Some(changed));
        }
        let is_sole_writer = self.options.is_sole_writer();
        let injection = self.store.process.world.injection;
        let written = self
            .call(move |engine, log| {
                let bytes = block.as_ref().map(|block| block.as_bytes().clone());
                let mut unanswered = unanswered.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(found) = unanswered.as_ref().filter(|found| found.block == bytes && found.end == end)
                    && let Some(id) = &found.id
                {
                    return Ok(id.clone());
                }
                if injection == Some(Injection::LoseAppend) && end.is_none() && engine.world.one_in(10) {
                    return now(log.head()).map_err(AppendError::Failed);
                }
                let written = match (&block, end) {
                    (Some(block), None) => now(log.append(block)),
                    (block, end) => now(log.close(block.as_ref(), end.unwrap_or_default())),
                };
                if let Ok(id) = &written {
                    engine.record(&key, id, block.as_ref(), end);
                    if is_sole_writer {
                        *unanswered = Some(Unanswered { block: bytes, end, id: Some(id.clone()) });
                    }
                }
                written
            })
            .await;
        match written {
            Ok(written) => {
                *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = None;
                written.map_err(|error| error.map(SimError::Store))
            }
            Err(error @ CallError::NotSent) => Err(AppendError::Failed(error.into())),
            Err(error) if injection == Some(Injection::DenyAppend) => Err(AppendError::Failed(error.into())),
            Err(error @ CallError::NoReply) => Err(AppendError::Unknown(error.into())),
        }
    }
}

impl EventLog for SimLog {
    type Error = SimError;

    async fn append(&self, block: &Block) -> Result<EventId, AppendError<SimError>> {
        self.write(Some(block), None).await
    }

    async fn close(&self, last: Option<&Block>, end: End) -> Result<EventId, AppendError<SimError>> {
        self.write(last, Some(end)).await
    }

    async fn read_after(&self, after: &str, limit: usize) -> Result<Page, SimError> {
        let after = after.to_owned();
        let page = self.call(move |engine, log| {
            // Some pages are shorter than the limit.
            let limit =
                if engine.world.one_in(4) { limit.min(engine.world.draw(|rng| rng.usize(1..5))) } else { limit };
            now(log.read_after(&after, limit))
        });
        let mut page = page.await?.map_err(SimError::Store)?;
        change_page(&self.store.process.world, &mut page);
        Ok(page)
    }

    async fn wait_after(&self, after: &EventId) -> Result<(), SimError> {
        let woken = self.store.process.wakes.wait(&self.key);
        let after = after.clone();
        let waits = self.call(move |_, log| -> Result<bool, MemoryStoreError> {
            let page = now(log.read_after(after.as_str(), 1))?;
            Ok(page.entries.is_empty() && page.gap.is_none() && page.closed.is_none())
        });
        if waits.await?.map_err(SimError::Store)? {
            woken.await;
        }
        Ok(())
    }

    async fn head(&self) -> Result<EventId, SimError> {
        self.call(|_, log| now(log.head())).await?.map_err(SimError::Store)
    }

    async fn before_last(&self, n: u64) -> Result<EventId, SimError> {
        self.call(move |_, log| now(log.before_last(n))).await?.map_err(SimError::Store)
    }

    fn wakes(&self) -> Option<(&Wakes, &str)> {
        Some((&self.store.process.wakes, &self.key))
    }
}

impl EventStore for SimStore {
    type Log = SimLog;

    fn open(&self, key: &str, options: &LogOptions) -> SimLog {
        SimLog {
            store: self.clone(),
            key: key.to_owned(),
            options: options.clone(),
            run: None,
            log: Arc::default(),
            unanswered: Arc::default(),
        }
    }

    fn options(&self) -> &LogOptions {
        &self.options
    }

    async fn remove(&self, key: &str) -> Result<(), SimError> {
        let key = key.to_owned();
        self.call_store(move |engine| {
            let removed = now(engine.store.remove(&key));
            engine.notify(&key, None);
            removed
        })
        .await
    }

    fn wakes(&self) -> &Wakes {
        &self.process.wakes
    }

    fn health(&self) -> Health {
        self.process.health.health()
    }
}

impl RunStore for SimStore {
    async fn claim(&self, key: &str, new: &NewRun) -> Result<Claimed, SimError> {
        let (key, new, process) = (key.to_owned(), new.clone(), self.process.number);
        self.call_store(move |engine| {
            let claimed = now(engine.store.claim(&key, &new))?;
            engine.world.note(format_args!("server {process} claims {key}: {claimed:?}"));
            if let Claimed::Started(record) = &claimed {
                engine.world.truth().claims.insert(record.run.log_key());
            }
            if let (Claimed::Started(_), Some(replaced)) = (&claimed, new.replaces) {
                let replaced = RunRef::new(key, replaced);
                engine.notify(&replaced.log_key(), None);
                engine.notify(&replaced.signal_key(), None);
            }
            Ok(match claimed {
                Claimed::Exists(mut record)
                    if engine.world.injection == Some(Injection::SecondRun) && record.end.is_none() =>
                {
                    record.run.run = new.run;
                    Claimed::Started(record)
                }
                claimed => claimed,
            })
        })
        .await
    }

    async fn find(&self, key: &str) -> Result<Option<RunRecord>, SimError> {
        let key = key.to_owned();
        self.call_store(move |engine| now(engine.store.find(&key))).await
    }

    fn run_log(&self, run: &RunRef, options: &LogOptions) -> SimLog {
        SimLog { run: Some(run.clone()), ..self.open(&run.log_key(), options) }
    }

    async fn renew(
        &self,
        reader: &str,
        lease: Duration,
        own: &[RunRef],
        read: &[RunRef],
    ) -> Result<(Vec<Renewed>, Vec<ReadRun>), SimError> {
        let (reader, own, read) = (reader.to_owned(), own.to_vec(), read.to_vec());
        self.call_store(move |engine| now(engine.store.renew(&reader, lease, &own, &read))).await
    }

    async fn end(&self, run: &RunRef, last: &Block, end: End) -> Result<RunEnded, SimError> {
        let (run, process) = (run.clone(), self.process.number);
        let (last, end) = change_end(&self.process.world, last, end);
        self.call_store(move |engine| {
            if engine.world.injection == Some(Injection::NoEnd) && end == End::Lost {
                return Ok(RunEnded::Leased(Duration::from_secs(1)));
            }
            let ended = now(engine.store.end(&run, &last, end))?;
            engine.world.note(format_args!("server {process} ends {run:?} as {end}: {ended:?}"));
            if let RunEnded::Now(id) = &ended {
                engine.record(&run.log_key(), id, Some(&last), Some(end));
                engine.notify(&run.signal_key(), None);
            }
            Ok(ended)
        })
        .await
    }

    async fn release(&self, run: &RunRef) -> Result<(), SimError> {
        let run = run.clone();
        self.call_store(move |engine| now(engine.store.release(&run))).await
    }

    fn reachable_since(&self) -> Option<Instant> {
        let since = *self.process.reachable_since.lock().unwrap_or_else(PoisonError::into_inner);
        Some(if self.is_cut() { Instant::now() } else { since })
    }

    async fn ask_stop(&self, run: &RunRef) -> Result<Option<RunRecord>, SimError> {
        let run = run.clone();
        self.call_store(move |engine| {
            let asked = now(engine.store.ask_stop(&run))?;
            engine.world.note(format_args!("stop of {run:?} asked: {asked:?}"));
            engine.notify(&run.signal_key(), None);
            Ok(asked)
        })
        .await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<RunRecord>, SimError> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        self.call_store(move |engine| now(engine.store.list(&prefix, after.as_deref(), limit))).await
    }
}

impl fmt::Debug for SimStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimStore").field("process", &self.process.number).finish_non_exhaustive()
    }
}
