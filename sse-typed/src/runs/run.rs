use std::{fmt, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{
    error::RunsError,
    run_store::{RunEnded, RunId, RunRecord, RunRef, RunStore},
    runs::RunsInner,
    status::RunStatus,
};
use crate::{
    codec::HubEvent,
    event::LastEventId,
    hub::{End, LogOptions, Subscription},
};

/// A run, on whichever process it runs. It is a handle and cheap to clone; dropping it stops nothing.
pub struct Run<E, S: RunStore> {
    runs: Arc<RunsInner<E, S>>,
    status: Arc<RunStatus>,
    run: RunRef,
}

/// How long a caller waits for the process of a run to stop it, besides the grace.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the caller looks meanwhile, if there is no signal.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl<E, S: RunStore> Run<E, S> {
    pub(super) fn new(runs: Arc<RunsInner<E, S>>, record: RunRecord) -> Self {
        let run = record.run.clone();
        Self { runs, status: Arc::new(RunStatus::new(record)), run }
    }

    /// The id of the run. Another run of the same key has another id.
    #[must_use]
    pub const fn id(&self) -> RunId {
        self.run.run
    }

    /// The key of the run.
    #[must_use]
    pub fn key(&self) -> &str {
        self.status.key()
    }

    /// The status when this handle was made: without a call of the store, and perhaps out of date.
    #[must_use]
    pub fn last_status(&self) -> &RunStatus {
        &self.status
    }
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> Run<E, S> {
    /// Subscribes to the events of the run: from a client's last event ID, or from the beginning without one.
    ///
    /// A run that has ended yields its events after that position and then the end, for as long as it is kept. When this
    /// returns, it is known whether there is anything to send, so a client that has everything is answered 204. It waits for as
    /// long as the store does not answer, so put a timeout around it.
    ///
    /// The id of an earlier run of the key is a [gap](super::RunsBuilder::on_gap). The subscription of a run that is no longer
    /// kept ends.
    ///
    /// It is called in a Tokio runtime. This process then watches the lease of the run for as long as there are subscriptions,
    /// and ends the run as lost when the lease expires.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is harmless.
    pub async fn subscribe(&self, last_event_id: impl Into<LastEventId>) -> Subscription<E> {
        let runs = &self.runs;
        let log = || runs.store.run_log(&self.run, &LogOptions::new());
        let registry = &runs.registry;
        let (subscription, is_new) = registry.subscribe(&self.run, &runs.settings, log, last_event_id.into());
        runs.ensure_keeper();
        let subscription = subscription.ready().await;
        if is_new && registry.must_look(&self.run) {
            registry.renew_now();
        }
        subscription
    }

    /// The present status, from the store. `None` if the run is no longer kept, or the key has another run. A run whose lease has
    /// expired is ended as lost.
    ///
    /// # Errors
    ///
    /// [`is_store`](RunsError::is_store) and [`is_no_runtime`](RunsError::is_no_runtime).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is harmless.
    pub async fn status(&self) -> Result<Option<RunStatus>, RunsError> {
        let record = self.runs.find(&self.run.key).await?;
        Ok(record.filter(|record| record.run == self.run).map(RunStatus::new))
    }

    /// Stops the run, on whichever process it runs, and waits until it has ended. Returns its status: it may have ended
    /// otherwise before. `None` if the run is no longer kept, or the key has another run.
    ///
    /// The producer's [`RunWriter::stopped`](super::RunWriter::stopped) resolves. After the [grace](super::RunsBuilder::grace)
    /// its future is dropped, and readers get the event for stopped runs. If the process of the run does not end it within the
    /// grace and two seconds, because it is dead or its producer does not yield, this call ends it.
    ///
    /// # Errors
    ///
    /// [`is_store`](RunsError::is_store): the run may be stopped nevertheless. [`is_no_runtime`](RunsError::is_no_runtime).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the run was asked to stop or was not. If it was, its process ends it.
    pub async fn stop(&self) -> Result<Option<RunStatus>, RunsError> {
        RunsInner::<E, S>::require_timer()?;
        let (store, run) = (&self.runs.store, &self.run);
        let deadline = Instant::now() + self.runs.settings.grace + STOP_TIMEOUT;
        let mut woken = store.wakes().wait(&run.signal_key());
        let Some(record) = self.runs.call(store.ask_stop(run)).await? else { return Ok(None) };
        if record.end.is_some() {
            return Ok(Some(RunStatus::new(record)));
        }
        if let Some(control) = self.runs.registry.control(run) {
            control.ask_stop();
        }
        while Instant::now() < deadline {
            // A store that has just begun to listen to the key may miss the first signal.
            let _ = timeout_at(deadline.min(Instant::now() + LOOK_AGAIN), woken).await;
            // Registered before the look, so that no later signal is missed.
            woken = store.wakes().wait(&run.signal_key());
            // A run whose lease expires meanwhile is not lost but stopped.
            let found = self.runs.trust.noting(store.find(&run.key).await).map_err(RunsError::store)?;
            match found.filter(|record| record.run == *run) {
                Some(record) if record.end.is_none() => {}
                ended => return Ok(ended.map(RunStatus::new)),
            }
        }
        let ended = self.runs.call(store.end(run, &self.runs.end_events.stopped(), End::Stopped)).await?;
        if let (RunEnded::Now(_), Some(control)) = (ended, self.runs.registry.control(run)) {
            control.set_ended(Some(End::Stopped));
        }
        self.status().await
    }
}

impl<E, S: RunStore> Clone for Run<E, S> {
    fn clone(&self) -> Self {
        Self { runs: Arc::clone(&self.runs), status: Arc::clone(&self.status), run: self.run.clone() }
    }
}

impl<E, S: RunStore> fmt::Debug for Run<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("run", &self.run).finish_non_exhaustive()
    }
}
