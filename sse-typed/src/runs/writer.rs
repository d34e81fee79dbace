use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

use super::{
    control::Control,
    error::{WriteError, WriteErrorKind},
    run_store::{RunId, RunRef, RunStore},
    runs::CALL_TIMEOUT,
    trace,
};
use crate::{
    codec::HubEvent,
    event::EventId,
    hub::{AppendError, Block, EventLog, encode_block, retry_pause},
};

/// Publishes the events of a run. The closure of [`Scope::start`](super::Scope::start) gets one.
///
/// It is a handle and cheap to clone.
pub struct RunWriter<E, S: RunStore> {
    state: Arc<WriterState<S>>,
    events: PhantomData<fn(E)>,
}

struct WriterState<S: RunStore> {
    run: RunRef,
    appends: Arc<Appends<S>>,
    /// The append that is not finished, if its `publish` was dropped. The next one finishes it first, so that the log knows its
    /// newest event.
    unfinished: Mutex<Option<Append>>,
}

/// The source of the error if the store does not answer.
const NO_ANSWER: &str = "the store did not answer in time";

type Append = Pin<Box<dyn Future<Output = Result<EventId, WriteError>> + Send>>;

/// The log and the limits of a run, which each append uses.
struct Appends<S: RunStore> {
    log: S::Log,
    control: Arc<Control>,
    limits: WriterLimits,
    events: AtomicU64,
    bytes: AtomicU64,
}

/// The limits of one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct WriterLimits {
    pub(super) max_events: u64,
    pub(super) max_bytes: u64,
    pub(super) outage: Duration,
}

impl<E, S: RunStore> RunWriter<E, S> {
    pub(super) fn new(run: RunRef, log: S::Log, control: Arc<Control>, limits: WriterLimits) -> Self {
        let appends = Appends { log, control, limits, events: AtomicU64::new(0), bytes: AtomicU64::new(0) };
        let state = WriterState { run, appends: Arc::new(appends), unfinished: Mutex::default() };
        Self { state: Arc::new(state), events: PhantomData }
    }

    /// Publishes an event after all others of the run. It is stored when this returns, and its readers get it then.
    ///
    /// While the store fails, the event is tried again, for [30 seconds](super::RunsBuilder::outage) by default. It is stored
    /// once, however often it is tried.
    ///
    /// A terminal event ends the streams of the readers, and the run goes on without them. So return it from the closure instead.
    ///
    /// # Errors
    ///
    /// [`WriteError`]. After [`is_ended`](WriteError::is_ended) and [`is_limit`](WriteError::is_limit) no later call succeeds.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the event was published or not. The next call finds out first.
    pub async fn publish(&self, event: &E) -> Result<EventId, WriteError>
    where
        E: HubEvent,
    {
        let block = encode_block(event).map_err(WriteErrorKind::Event)?;
        let WriterState { appends, unfinished, .. } = &*self.state;
        let mut unfinished = unfinished.lock().await;
        if unfinished.is_some() {
            // Its error is that of a call that was given up. A lasting one comes again.
            let _ = appends.finish(&mut unfinished).await?;
        }
        *unfinished = Some(Box::pin(Arc::clone(appends).append(block)));
        appends.finish(&mut unfinished).await?
    }

    /// Waits until the run is asked to stop, or has ended.
    ///
    /// The closure then has the [grace](super::RunsBuilder::grace) to return, for example to save what it has. It may publish
    /// meanwhile. If it returns an event in time, that is the last event; else readers get the event for stopped runs.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is harmless.
    pub async fn stopped(&self) {
        let mut signals = self.state.appends.control.signals();
        // The sender is in the state.
        let _ = signals.wait_for(|signals| signals.is_stop_asked || signals.is_ended || signals.is_abandoned).await;
    }

    /// Whether the run was asked to stop, or has ended.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        let signals = self.state.appends.control.current();
        signals.is_stop_asked || signals.is_ended || signals.is_abandoned
    }

    /// The id of the run.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.state.run.run
    }
}

impl<S: RunStore> Appends<S> {
    /// Finishes an append. It stays unfinished, with an error, if the store does not answer for too long.
    async fn finish(&self, unfinished: &mut Option<Append>) -> Result<Result<EventId, WriteError>, WriteError> {
        let Some(append) = unfinished else { return Err(WriteErrorKind::Store(NO_ANSWER.into()).into()) };
        let Ok(outcome) = timeout(self.limits.outage.saturating_add(CALL_TIMEOUT), append).await else {
            return Err(WriteErrorKind::Store(NO_ANSWER.into()).into());
        };
        *unfinished = None;
        Ok(outcome)
    }

    /// Appends a block, and tries again while the store fails.
    async fn append(self: Arc<Self>, block: Block) -> Result<EventId, WriteError> {
        self.check(&block)?;
        let (mut failing_since, mut failures) = (None, 0);
        loop {
            let signals = self.control.current();
            if signals.is_ended {
                return Err(WriteErrorKind::Ended(signals.end).into());
            }
            let error = match self.log.append(&block).await {
                Ok(id) => {
                    self.events.fetch_add(1, Ordering::Relaxed);
                    self.bytes.fetch_add(block.as_bytes().len() as u64, Ordering::Relaxed);
                    return Ok(id);
                }
                Err(AppendError::Closed(end)) => {
                    self.control.set_ended(Some(end));
                    return Err(WriteErrorKind::Ended(Some(end)).into());
                }
                Err(AppendError::Failed(error) | AppendError::Unknown(error)) => error,
            };
            let now = Instant::now();
            let left = (*failing_since.get_or_insert(now) + self.limits.outage).saturating_duration_since(now);
            if left.is_zero() {
                return Err(WriteErrorKind::Store(Box::new(error)).into());
            }
            let pause = retry_pause(failures).min(left);
            failures = failures.saturating_add(1);
            trace::append_failed(&error, pause);
            sleep(pause).await;
        }
    }

    fn check(&self, block: &Block) -> Result<(), WriteError> {
        let bytes = self.bytes.load(Ordering::Relaxed).saturating_add(block.as_bytes().len() as u64);
        let limit = if self.events.load(Ordering::Relaxed) >= self.limits.max_events {
            "the run has published as many events as a run may"
        } else if bytes > self.limits.max_bytes {
            "the run has published as many bytes as a run may"
        } else {
            return Ok(());
        };
        self.control.reach_limit(limit);
        Err(WriteErrorKind::Limit(limit).into())
    }
}

impl<E, S: RunStore> Clone for RunWriter<E, S> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), events: PhantomData }
    }
}

impl<E, S: RunStore> fmt::Debug for RunWriter<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunWriter").field("run", &self.state.run).finish_non_exhaustive()
    }
}
