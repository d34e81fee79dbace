//! The thread that writes: it stores what waits by one transaction, which costs one sync.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    Durability,
    core::Core,
    engine::Engine,
    error::FileStoreError,
    hooks::Hooks,
    job::{Applied, Failure, Job, expire, transact},
    read::Snapshot,
    storage::Files,
    trace,
    writer::Writer,
};
use crate::{hub::AppendError, panics};

/// How many jobs one transaction has at most, and how many bytes of events.
const BATCH: usize = 1024;
const BATCH_BYTES: usize = 8 << 20;

/// How often logs that have expired are removed, and how many by one transaction.
const SWEEP: Duration = Duration::from_secs(60);
const SWEPT_AT_ONCE: usize = 1024;

/// How many events of removed logs a transaction deletes: one with other work, and one without.
const DELETED_BESIDE: u64 = 64;
const DELETED_AT_ONCE: u64 = 2048;
/// How long the queue must be empty before a transaction without other work.
const IDLE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) enum Request {
    Job(Job),
    /// A read has met this error, after which the engine must be opened again.
    Broken(FileStoreError),
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// What the thread owns.
pub(super) struct Committer {
    core: Arc<Core>,
    requests: Receiver<Request>,
    hooks: Hooks,
    durability: Durability,
    /// Let go, and with it the lock of a folder, once the store is closed.
    files: Option<Arc<dyn Files>>,
    phase: Phase,
    /// Was received with a batch, and is not part of it.
    pending: Option<Request>,
    /// How many jobs the last transaction had.
    last_batch: usize,
    /// How long it took.
    last_commit: Duration,
    next_sweep: Instant,
    /// Events of removed logs may be left.
    has_garbage: bool,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Up,
    /// The engine has failed, and is opened again at this time.
    Away(Instant),
    /// The store was closed, or has failed for good.
    Over,
}

impl Committer {
    pub(super) fn new(
        core: Arc<Core>,
        requests: Receiver<Request>,
        hooks: Hooks,
        durability: Durability,
        files: Arc<dyn Files>,
    ) -> Self {
        Self {
            core,
            requests,
            hooks,
            durability,
            files: Some(files),
            phase: Phase::Up,
            pending: None,
            last_batch: 1,
            last_commit: Duration::ZERO,
            next_sweep: Instant::now() + SWEEP,
            has_garbage: true,
        }
    }

    /// Runs until all handles are dropped.
    pub(super) fn run(mut self) {
        loop {
            let Ok(request) = self.next() else { break };
            // A waker may panic.
            let _ = panics::catch_panic(|| match request {
                Some(request) => self.handle(request),
                None => self.on_time(),
            });
        }
        self.close();
    }

    /// `Ok(None)` when it is time for something else, and an error when all handles are dropped.
    fn next(&mut self) -> Result<Option<Request>, ()> {
        if let Some(pending) = self.pending.take() {
            return Ok(Some(pending));
        }
        let now = Instant::now();
        let due = match self.phase {
            Phase::Up => self.next_sweep,
            Phase::Away(at) => at,
            Phase::Over => now + SWEEP,
        };
        // Before the next request, for requests may never cease.
        if due <= now {
            return Ok(None);
        }
        let wait = match self.phase {
            Phase::Up if self.has_garbage => IDLE,
            _ => due - now,
        };
        match self.requests.recv_timeout(wait) {
            Ok(request) => Ok(Some(request)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(()),
        }
    }

    fn handle(&mut self, request: Request) {
        match (request, self.phase) {
            (Request::Job(job), Phase::Up) => self.commit(job),
            (Request::Job(job), Phase::Away(_) | Phase::Over) => {
                let error = self.core.with_engine(|_| Ok(())).err().unwrap_or_else(FileStoreError::closed);
                job.fail(AppendError::Failed(error));
            }
            (Request::Broken(error), Phase::Up) => self.fail(error),
            (Request::Broken(_), Phase::Away(_) | Phase::Over) => {}
            (Request::Close { reply }, _) => {
                self.close();
                // The caller may have dropped its future.
                let _ = reply.send(());
            }
        }
    }

    fn commit(&mut self, first: Job) {
        let jobs = self.gather(first);
        self.last_batch = jobs.len();
        let mut applied = Vec::with_capacity(jobs.len());
        let start = Instant::now();
        let outcome = self.transact_all(&jobs, &mut applied);
        self.last_commit = start.elapsed();
        match outcome {
            Ok(()) => self.conclude(jobs, applied),
            Err(failure) => {
                let mut outcome = failure.outcome();
                self.fail(failure.error.clone());
                if failure.is_unknown && matches!(self.phase, Phase::Away(_)) {
                    match self.was_stored(&jobs, &applied) {
                        Some(true) => return self.conclude(jobs, applied),
                        Some(false) => outcome = AppendError::Failed(failure.error),
                        None => {}
                    }
                }
                let is_unknown = matches!(outcome, AppendError::Unknown(_));
                for job in &jobs {
                    job.settle(if is_unknown { Writer::set_unknown } else { Writer::set_failed });
                }
                for job in jobs {
                    // A waker that panics harms no other task.
                    let _ = panics::catch_panic(|| job.fail(outcome.clone()));
                }
            }
        }
    }

    fn conclude(&mut self, jobs: Vec<Job>, applied: Vec<Result<Applied, FileStoreError>>) {
        jobs.iter().for_each(|job| job.settle(Writer::set_stored));
        // Tasks are woken before callers are answered: a caller that waits for the next event is not woken by its own.
        for (job, applied) in jobs.iter().zip(&applied) {
            if let Ok(applied) = applied {
                self.has_garbage |= applied.leaves_garbage();
                let _ = panics::catch_panic(|| job.wake(applied, &self.core));
            }
        }
        for (job, applied) in jobs.into_iter().zip(applied) {
            // A waker that panics harms no other task.
            let _ = panics::catch_panic(|| job.conclude(applied));
        }
    }

    /// Whether a transaction was stored although its commit has failed, as that of a disk that is full does. It is found out by
    /// opening the history once more, which also sees to it that the answer stays true. `None` if that fails.
    fn was_stored(&mut self, jobs: &[Job], applied: &[Result<Applied, FileStoreError>]) -> Option<bool> {
        // A removal leaves nothing to look for.
        let writes: Option<Vec<_>> = jobs.iter().map(Job::as_write).collect();
        let last = writes?.into_iter().zip(applied).rev().find_map(|(write, applied)| match applied {
            Ok(Applied::Stored(position)) => Some((write, *position)),
            _ => None,
        });
        let (write, position) = last?;
        let engine = match Engine::open(&**self.files.as_ref()?, self.durability, self.hooks.cache) {
            Ok(engine) => engine,
            Err(error) => {
                self.fail(error);
                return None;
            }
        };
        let found = panics::catch_panic(|| {
            let log = Snapshot::new(&engine, &write.key)?;
            Ok::<_, FileStoreError>(log.head() == position && log.end() == write.end)
        });
        let _ = panics::catch_panic(|| drop(engine));
        found?.ok()
    }

    /// What waits, and what is about to come.
    ///
    /// Publishers that are all answered at once send their next events one by one. The first of them would begin a transaction,
    /// and the others would wait for it: the publishers fall into two groups, of which each waits for the other's sync. So if
    /// the last transaction had several jobs, this waits for as many, at most half as long as that took. A lone publisher never
    /// waits.
    fn gather(&mut self, first: Job) -> Vec<Job> {
        let deadline = Instant::now() + self.last_commit / 2;
        let mut bytes = first.size();
        let mut jobs = vec![first];
        while jobs.len() < BATCH && bytes < BATCH_BYTES {
            let next = match self.requests.try_recv() {
                Err(_) if self.last_batch > 1 && jobs.len() < self.last_batch => {
                    self.requests.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
                }
                next => next.ok(),
            };
            match next {
                Some(Request::Job(job)) => {
                    bytes += job.size();
                    jobs.push(job);
                }
                other => {
                    self.pending = other;
                    break;
                }
            }
        }
        jobs
    }

    /// One damaged log, or a run of a newer version, is the error of its own jobs alone.
    fn transact_all(
        &mut self,
        jobs: &[Job],
        applied: &mut Vec<Result<Applied, FileStoreError>>,
    ) -> Result<(), Failure> {
        let deleted = if self.has_garbage { DELETED_BESIDE } else { 0 };
        let has_garbage = self.transact(|batch| {
            for job in jobs {
                match job.apply(batch, &self.core) {
                    Err(error) if !error.is_corrupt() && !error.is_newer_format() => return Err(error),
                    outcome => applied.push(outcome),
                }
            }
            batch.delete_removed(deleted)
        })?;
        self.has_garbage &= has_garbage;
        Ok(())
    }

    fn transact<T>(
        &self,
        work: impl FnOnce(&mut super::batch::Batch<'_>) -> Result<T, FileStoreError>,
    ) -> Result<T, Failure> {
        let now = self.hooks.now();
        let mut is_unknown = true;
        let outcome = self.core.with_engine(|engine| {
            transact(engine, now, work).map_err(|failure| {
                is_unknown = failure.is_unknown;
                failure.error
            })
        });
        // The outcome of a transaction that panicked is not known.
        outcome.map_err(|error| Failure { error, is_unknown })
    }

    fn on_time(&mut self) {
        match self.phase {
            Phase::Away(at) if at <= Instant::now() => self.reopen(),
            Phase::Away(_) | Phase::Over => {}
            Phase::Up => {
                if let Err(failure) = self.maintain() {
                    self.fail(failure.error);
                }
            }
        }
    }

    fn maintain(&mut self) -> Result<(), Failure> {
        if self.has_garbage {
            self.has_garbage = self.transact(|batch| batch.delete_removed(DELETED_AT_ONCE))?;
        }
        if self.next_sweep <= Instant::now() {
            let expired = self.transact(|batch| expire(batch, &self.core, SWEPT_AT_ONCE))?;
            #[cfg(feature = "runs")]
            self.core.leases.forget_expired();
            expired.wake(&self.core.wakes);
            self.has_garbage |= !expired.keys.is_empty();
            // What is left is swept when there is no other work.
            self.next_sweep = Instant::now() + if expired.all { SWEEP } else { IDLE };
        }
        Ok(())
    }

    fn fail(&mut self, error: FileStoreError) {
        if error.is_stopped() {
            trace::stopped(&error);
            self.core.health.set_failed(error.clone());
            self.core.shut(error);
            self.phase = Phase::Over;
        } else {
            trace::away(&error, self.hooks.reopen_after);
            self.core.health.set_away(error.clone());
            self.core.shut(error.unavailable());
            self.phase = Phase::Away(Instant::now() + self.hooks.reopen_after);
        }
    }

    fn reopen(&mut self) {
        let Some(files) = &self.files else { return };
        match Engine::open(&**files, self.durability, self.hooks.cache) {
            Ok(engine) => {
                trace::up();
                self.core.open(engine);
                self.has_garbage = true;
                self.phase = Phase::Up;
            }
            Err(error) => self.fail(error),
        }
    }

    fn close(&mut self) {
        if !matches!(self.phase, Phase::Over) {
            self.core.health.set_failed(FileStoreError::closed());
        }
        self.core.shut(FileStoreError::closed());
        self.files = None;
        self.phase = Phase::Over;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        env, fs,
        path::PathBuf,
        process,
        sync::mpsc::{Sender, channel},
        time::SystemTime,
    };

    use tokio_test::{assert_pending, assert_ready, task};

    use super::{
        super::{batch::Write, engine::LOGS, folder::Folder},
        *,
    };
    use crate::hub::{Block, LogOptions};

    /// A committer with a folder of the test's own, which the test runs by itself.
    fn committer(test: &str) -> (Committer, Sender<Request>, PathBuf) {
        let path = env::temp_dir().join(format!("sse-typed-committer-{test}-{}", process::id()));
        let folder = Arc::new(Folder::open(&path).unwrap());
        let core = Arc::new(Core::new(Engine::open(&*folder, Durability::Os, 0).unwrap(), &Hooks::default()));
        let (requests, queue) = channel();
        (Committer::new(core, queue, Hooks::default(), Durability::Os, folder), requests, path)
    }

    fn append(key: &str, options: &LogOptions) -> Job {
        let write = Write {
            key: key.into(),
            options: Arc::new(options.clone()),
            block: Some(Block::new("data: 1\n\n", false).unwrap()),
            end: None,
            writer: None,
            is_of_run: false,
        };
        Job::Write { write, reply: oneshot::channel().0, _permit: None }
    }

    #[test]
    fn requests_that_never_cease_do_not_keep_it_from_what_is_due() {
        let (mut committer, requests, path) = committer("due");
        for _ in 0..3 {
            requests.send(Request::Broken(FileStoreError::closed())).unwrap();
        }
        assert!(committer.next().unwrap().is_some());
        committer.next_sweep = Instant::now();
        assert!(committer.next().unwrap().is_none(), "a sweep is due");
        committer.phase = Phase::Away(Instant::now());
        assert!(committer.next().unwrap().is_none(), "an opening is due");
        committer.phase = Phase::Over;
        assert!(committer.next().unwrap().is_some());
        drop(committer);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_damaged_log_fails_its_own_appends_alone() {
        let (mut committer, _requests, path) = committer("damaged");
        let damage = |engine: &Engine| {
            let transaction = engine.begin_write()?;
            transaction.open_table(LOGS)?.insert("damaged", &[0xff][..])?;
            Ok(transaction.commit()?)
        };
        committer.core.with_engine(damage).unwrap();
        let options = LogOptions::new();
        let jobs = ["a", "damaged", "b"].map(|key| append(key, &options));
        let mut applied = Vec::new();
        committer.transact_all(&jobs, &mut applied).unwrap();
        assert!(
            matches!(&applied[..], [Ok(Applied::Stored(_)), Err(error), Ok(Applied::Stored(_))] if error.is_corrupt())
        );
        drop(committer);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn logs_that_have_expired_are_removed_when_a_sweep_is_due() {
        let (mut committer, _requests, path) = committer("sweep");
        committer.commit(append("rides", &LogOptions::new().idle_ttl(SWEEP)));
        committer.hooks.now = Arc::new(|| SystemTime::now() + 2 * SWEEP);
        let core = Arc::clone(&committer.core);
        let mut removed = task::spawn(core.wakes.wait("rides"));
        committer.on_time();
        assert_pending!(removed.poll());
        committer.next_sweep = Instant::now();
        committer.on_time();
        assert_ready!(removed.poll());
        assert!(committer.next_sweep > Instant::now() + SWEEP / 2);
        drop((committer, core));
        fs::remove_dir_all(path).unwrap();
    }
}
