use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    task::yield_now,
    time::{Instant, timeout, timeout_at},
};

use super::{
    builder::{RunsBuilder, Settings},
    end_events::EndEvents,
    error::{ErrorKind, RunsError},
    key,
    registry::Registry,
    run_store::{RunEnded, RunId, RunRecord, RunRef, RunStore},
    scope::Scope,
    status::RunStatus,
    trace,
    trust::Trust,
};
use crate::{
    codec::HubEvent,
    hub::{End, EventLog, EventStore},
    wake::runtime_with_timer,
};

/// Work that outlives the connection that asked for it, with one run for a key. See the [module](super).
///
/// It is a handle and cheap to clone. Dropping it stops nothing.
pub struct Runs<E, S: RunStore> {
    pub(super) inner: Arc<RunsInner<E, S>>,
}

/// The state that handles and tasks share.
pub(super) struct RunsInner<E, S: RunStore> {
    pub(super) store: S,
    pub(super) name: Box<str>,
    pub(super) owner: Box<str>,
    /// The random name under which this process reads runs.
    pub(super) reader: Box<str>,
    pub(super) settings: Settings<E>,
    pub(super) end_events: EndEvents<E>,
    pub(super) registry: Registry<E, S>,
    pub(super) trust: Trust,
}

/// The error of a store.
type StoreErrorOf<S> = <<S as EventStore>::Log as EventLog>::Error;

/// How long a call of the store may take.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long [`Runs::shutdown`] waits for the tasks of its runs once the deadline is over.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// How long it then waits for the store.
const LAST_CALLS_FOR_OTHERS: Duration = Duration::from_secs(1);

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> Runs<E, S> {
    /// Runs in this store with the default settings: [`builder`](Self::builder) has others.
    ///
    /// # Panics
    ///
    /// The panics of [`RunsBuilder::build_on`].
    #[must_use]
    pub fn on(store: S, name: &str) -> Self {
        RunsBuilder::new().build_on(store, name)
    }

    pub(super) fn new(store: S, name: &str, owner: Box<str>, settings: Settings<E>, end_events: EndEvents<E>) -> Self {
        let (registry, trust) = (Registry::new(), Trust::default());
        let (name, reader) = (name.into(), RunId::random().to_string().into());
        Self { inner: Arc::new(RunsInner { store, name, owner, reader, settings, end_events, registry, trust }) }
    }

    /// The runs of a subject, for example a user. The same key in two subjects is two runs, so no subject can read or stop the
    /// run of another one.
    ///
    /// Take the subject from the session, never from the request's path or body.
    ///
    /// # Errors
    ///
    /// [`is_invalid_key`](RunsError::is_invalid_key) if the subject is empty, which a missing user id often is, or has over 200
    /// bytes (some characters count three).
    pub fn scope(&self, subject: &str) -> Result<Scope<E, S>, RunsError> {
        Ok(Scope::new(Arc::clone(&self.inner), Some(subject.into()), key::subject_part(Some(subject))?))
    }

    /// The public runs: everybody who knows the key of one may read and stop it.
    #[must_use]
    pub fn public(&self) -> Scope<E, S> {
        Scope::new(Arc::clone(&self.inner), None, key::subject_part(None).unwrap_or_default())
    }

    /// The runs of all subjects in the order of their keys in the store, at most `limit`, after the one with this [cursor](RunStatus::cursor). For the page of an
    /// operator. Runs whose lease has expired are ended as lost.
    ///
    /// # Errors
    ///
    /// [`is_store`](RunsError::is_store) and [`is_no_runtime`](RunsError::is_no_runtime).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is harmless.
    pub async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<RunStatus>, RunsError> {
        RunsInner::<E, S>::require_timer()?;
        let prefix = format!("{}/", self.inner.name);
        let records = self.inner.call(self.inner.store.list(&prefix, after, limit)).await;
        let records = self.inner.trust.noting(records)?;
        let mut listed = Vec::with_capacity(records.len());
        for record in records {
            listed.push(RunStatus::new(self.inner.end_if_lost(record).await));
        }
        Ok(listed)
    }

    /// Starts nothing more on this handle and its clones, waits until the runs of this process have ended, and ends those that
    /// have not by the deadline as lost. Returns the number of these.
    ///
    /// Call it before the runtime ends. Their readers get the event for lost runs. When the runtime ends without it, the runs
    /// are lost as well: at once in a store in this process, and otherwise when their leases expire.
    ///
    /// A store that does not answer, or a producer that does not yield, delays it by at most three seconds.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime with its timer (`enable_time`).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing more is started, and runs that were not ended go on. It can be called again.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        let registry = &self.inner.registry;
        registry.refuse_new();
        let _ = timeout(deadline, registry.wait_until_idle()).await;
        let left = registry.own();
        left.iter().for_each(|(_, control)| control.abandon());
        let last_call = Instant::now() + LAST_CALLS;
        if timeout_at(last_call, registry.wait_until_idle()).await.is_err() {
            // A producer that does not yield keeps its task from ending the run.
            for (run, control) in registry.own() {
                let _ = timeout_at(last_call + LAST_CALLS_FOR_OTHERS, self.inner.end_as_lost(&run)).await;
                control.set_ended(Some(End::Lost));
            }
        }
        left.len()
    }
}

// The builder of a type needs no store.
impl<E: HubEvent + Send + Sync + 'static> Runs<E, crate::hub::MemoryStore> {
    /// The settings of runs: see [`RunsBuilder`].
    pub const fn builder() -> RunsBuilder<E> {
        RunsBuilder::new()
    }
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> RunsInner<E, S> {
    /// The answer of the store. An error if there is none in time.
    pub(super) async fn call<T>(&self, call: impl Future<Output = Result<T, StoreErrorOf<S>>>) -> Result<T, RunsError> {
        match timeout(CALL_TIMEOUT, call).await {
            Ok(answer) => answer.map_err(RunsError::store),
            Err(_) => Err(RunsError::no_answer()),
        }
    }

    /// An error where no call of the store can have a time limit.
    pub(super) fn require_timer() -> Result<(), RunsError> {
        runtime_with_timer().map(drop).ok_or_else(|| ErrorKind::NoRuntime.into())
    }

    /// The record of a key, if it has one. A run whose lease has expired is ended as lost.
    pub(super) async fn find(&self, store_key: &str) -> Result<Option<RunRecord>, RunsError> {
        Self::require_timer()?;
        match self.trust.noting(self.call(self.store.find(store_key)).await)? {
            Some(record) => Ok(Some(self.end_if_lost(record).await)),
            None => Ok(None),
        }
    }

    /// Ends the run of a record as lost if its lease has expired. If the store fails meanwhile, the record stays as it is.
    pub(super) async fn end_if_lost(&self, mut record: RunRecord) -> RunRecord {
        let is_expired = record.end.is_none() && record.lease_left.is_some_and(|left| left.is_zero());
        if !is_expired || self.registry.is_own(&record.run) || self.trusted_in() > Duration::ZERO {
            return record;
        }
        match self.call(self.store.end(&record.run, self.end_events.lost(), End::Lost)).await {
            Ok(RunEnded::Now(last)) => {
                trace::ended(&record.run, End::Lost);
                (record.end, record.lease_left, record.last) = (Some(End::Lost), None, Some(last));
            }
            Ok(RunEnded::Before(end)) => (record.end, record.lease_left) = (Some(end), None),
            Ok(RunEnded::Leased(left)) => record.lease_left = Some(left),
            Ok(RunEnded::Missing) | Err(_) => {}
        }
        record
    }

    /// How long this process must wait before it may take an expired lease for a sign that its owner died.
    pub(super) fn trusted_in(&self) -> Duration {
        self.trust.trusted_in(self.store.reachable_since(), self.settings.lease)
    }

    /// Ends a run of this process as lost, whatever its lease. The run must be abandoned, so that its lease is not renewed again.
    pub(super) async fn end_as_lost(&self, run: &RunRef) -> Result<RunEnded, RunsError> {
        loop {
            self.call(self.store.release(run)).await?;
            let ended = self.call(self.store.end(run, self.end_events.lost(), End::Lost)).await?;
            if !matches!(ended, RunEnded::Leased(_)) {
                return Ok(ended);
            }
            // A renewal that was under way has taken the lease again: release it once more. The callers have a time limit.
            yield_now().await;
        }
    }
}

impl<E, S: RunStore> Clone for Runs<E, S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<E, S: RunStore> fmt::Debug for Runs<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.inner, f)
    }
}

impl<E, S: RunStore> fmt::Debug for RunsInner<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runs")
            .field("name", &self.name)
            .field("owner", &self.owner)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
