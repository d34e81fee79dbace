use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use super::{
    error::{BoxError, ErrorKind, RunsError},
    key,
    producer::OwnRun,
    run::Run,
    run_store::{Claimed, InputHash, NewRun, RunId, RunRecord, RunRef, RunStore},
    runs::RunsInner,
    scope::Scope,
    writer::RunWriter,
};
use crate::{
    codec::HubEvent,
    hub::{Woken, retry_pause},
    panics::catch_panic,
    wake::runtime_with_timer,
};

/// A run that was started or joined: the output of [`Scope::start`] and [`Scope::restart`].
#[non_exhaustive]
pub struct Started<E, S: RunStore> {
    /// The run.
    pub run: Run<E, S>,
    /// Whether this call started it. Otherwise the key had a run already, which may have ended.
    pub is_new: bool,
}

/// Starts a run when it is awaited: see [`Scope::start`] and [`Scope::restart`].
///
/// # Errors
///
/// - [`is_invalid_key`](RunsError::is_invalid_key): the key is empty or too long.
/// - [`is_other_input`](RunsError::is_other_input): the key has a run of another [input](Self::input).
/// - [`is_shutting_down`](RunsError::is_shutting_down): the process starts nothing more.
/// - [`is_store`](RunsError::is_store): the store failed. If only its reply was lost, the run is started nevertheless once this
///   is known. A call that is repeated joins it.
/// - [`is_no_runtime`](RunsError::is_no_runtime): there is no Tokio runtime with its timer (`enable_time`).
///
/// # Cancel safety
///
/// If the future is dropped before its first poll, nothing happens. After it, the run is started as if the future had not been
/// dropped: claiming a key and starting its producer is work of a task of its own. So a client that disconnects in the middle
/// leaves no run without a producer.
#[must_use = "nothing is started until it is awaited"]
pub struct StartRun<E, S: RunStore, F> {
    scope: Scope<E, S>,
    key: String,
    produce: F,
    input: Option<InputHash>,
    mode: Mode,
}

/// Whether a run that has ended is joined or replaced.
#[derive(Clone, Copy, Debug)]
enum Mode {
    /// It is joined.
    Join,
    /// Another one is started.
    Replace,
    /// Another one is started if it is this one.
    ReplaceOnly(RunId),
}

impl<E, S: RunStore, F> StartRun<E, S, F> {
    pub(super) const fn new(scope: Scope<E, S>, key: String, produce: F, replaces: bool) -> Self {
        let mode = if replaces { Mode::Replace } else { Mode::Join };
        Self { scope, key, produce, input: None, mode }
    }

    /// Sets the input of the run, for example the body of the request. Its SHA-256 hash is stored with the run.
    ///
    /// If the key has a run of another input, or of none, that run is not joined, and the call fails with
    /// [`is_other_input`](RunsError::is_other_input): a client has used a key twice. Without this setting any run of the key is
    /// joined.
    pub fn input(mut self, input: &[u8]) -> Self {
        self.input = Some(InputHash::of(input));
        self
    }

    /// Replaces only this run of the key. If the key has another run by now, that one is joined.
    ///
    /// A page that shows a run which has ended sends its id with the request to begin anew. Two clicks then start one run, even
    /// if that has ended before the second click arrives.
    pub fn replacing(mut self, run: RunId) -> Self {
        self.mode = Mode::ReplaceOnly(run);
        self
    }
}

impl<E, S, F, Fut> IntoFuture for StartRun<E, S, F>
where
    E: HubEvent + Send + Sync + 'static,
    S: RunStore,
    F: FnOnce(RunWriter<E, S>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<E, BoxError>> + Send + 'static,
{
    type Output = Result<Started<E, S>, RunsError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { scope, key, produce, input, mode } = self;
            let store_key = key::store_key(&scope.runs.name, &scope.subject_part, &key)?;
            let runtime = runtime_with_timer().ok_or(ErrorKind::NoRuntime)?;
            let (answer, answered) = oneshot::channel();
            let start = Start { runs: scope.runs, store_key, input, mode, answer };
            runtime.spawn(Box::pin(start.start(produce)));
            // The task is dropped with its runtime.
            answered.await.unwrap_or_else(|_| Err(ErrorKind::NoRuntime.into()))
        })
    }
}

/// The task that claims a key, and then is the task of its run.
struct Start<E: HubEvent + Send + Sync + 'static, S: RunStore> {
    runs: Arc<RunsInner<E, S>>,
    store_key: String,
    input: Option<InputHash>,
    mode: Mode,
    answer: oneshot::Sender<Result<Started<E, S>, RunsError>>,
}

/// The outcome of a claim.
enum Outcome<E: HubEvent + Send + Sync + 'static, S: RunStore> {
    Started(RunRecord, OwnRun<E, S>, Woken),
    Joined(RunRecord),
    /// The store failed. The run may be claimed.
    Unknown(RunsError, OwnRun<E, S>, Woken),
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> Start<E, S> {
    async fn start<F, Fut>(self, produce: F)
    where
        F: FnOnce(RunWriter<E, S>) -> Fut,
        Fut: Future<Output = Result<E, BoxError>> + Send,
    {
        let outcome = self.claim().await;
        let Self { runs, input, answer, .. } = self;
        // The caller may no longer wait for the answer.
        match outcome {
            Ok(Outcome::Started(record, own, woken)) => {
                own.set_claimed();
                let _ = answer.send(Ok(Started { run: Run::new(runs, record), is_new: true }));
                own.produce(woken, produce).await;
            }
            Ok(Outcome::Joined(record)) => {
                // Its captures may be large. Their drop is user code.
                let _ = catch_panic(|| drop(produce));
                let is_other = input.is_some() && record.input != input;
                let run = Run::new(runs, record);
                let _ = answer.send(if is_other {
                    Err(ErrorKind::OtherInput.into())
                } else {
                    Ok(Started { run, is_new: false })
                });
            }
            Ok(Outcome::Unknown(error, own, woken)) => {
                let _ = answer.send(Err(error));
                if is_claimed(&own).await {
                    own.set_claimed();
                    own.produce(woken, produce).await;
                } else {
                    own.give_up();
                }
            }
            Err(error) => {
                let _ = answer.send(Err(error));
            }
        }
    }

    async fn claim(&self) -> Result<Outcome<E, S>, RunsError> {
        let replaces = match self.mode {
            Mode::Join => None,
            Mode::ReplaceOnly(run) => Some(run),
            Mode::Replace => match self.runs.find(&self.store_key).await? {
                Some(record) if record.end.is_none() => return Ok(Outcome::Joined(record)),
                found => found.map(|record| record.run.run),
            },
        };
        let settings = &self.runs.settings;
        let mut new = NewRun::new(self.runs.owner.clone(), settings.lease, settings.keep);
        (new.replaces, new.input) = (replaces, self.input);
        let run = RunRef::new(&*self.store_key, new.run);
        // A request to stop may come as soon as the record exists.
        let woken = self.runs.store.wakes().wait(&run.signal_key());
        let own = OwnRun::add(&self.runs, run).ok_or(ErrorKind::ShuttingDown)?;
        match self.runs.trust.noting(self.runs.call(self.runs.store.claim(&self.store_key, &new)).await) {
            Ok(Claimed::Started(record)) => Ok(Outcome::Started(record, own, woken)),
            Ok(Claimed::Exists(record)) => {
                own.give_up();
                Ok(Outcome::Joined(self.runs.end_if_lost(record).await))
            }
            Err(error) => Ok(Outcome::Unknown(error, own, woken)),
        }
    }
}

/// Finds out whether a claim without a reply has happened. If not within a lease, the run is lost either way.
async fn is_claimed<E: HubEvent + Send + Sync + 'static, S: RunStore>(own: &OwnRun<E, S>) -> bool {
    let deadline = Instant::now() + own.runs.settings.lease;
    for failures in 0.. {
        sleep(retry_pause(failures)).await;
        match own.runs.call(own.runs.store.find(&own.run.key)).await {
            Ok(found) => return found.is_some_and(|record| record.run == own.run && record.end.is_none()),
            Err(_) if Instant::now() >= deadline || own.control.current().is_abandoned => break,
            Err(_) => {}
        }
    }
    false
}

impl<E, S: RunStore> fmt::Debug for Started<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").field("run", &self.run).field("is_new", &self.is_new).finish()
    }
}

impl<E, S: RunStore, F> fmt::Debug for StartRun<E, S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartRun").field("key", &self.key).field("mode", &self.mode).finish_non_exhaustive()
    }
}
