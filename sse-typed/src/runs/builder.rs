use std::{fmt, sync::Arc, time::Duration};

use super::{
    end_events::{EndEventFns, EndEvents},
    key::is_name,
    run_store::RunStore,
    runs::Runs,
};
use crate::{codec::HubEvent, hub::OnGap};

/// The settings of [`Runs`]. [`Runs::builder`] makes one.
///
/// A time of more than 30 years counts as 30 years.
#[must_use = "a builder does nothing until `build_on`"]
pub struct RunsBuilder<E> {
    pub(super) settings: Settings<E>,
    end_events: EndEventFns<E>,
    owner: Option<Box<str>>,
}

/// The settings of all runs of a [`Runs`].
pub(super) struct Settings<E> {
    pub(super) lease: Duration,
    pub(super) keep: Duration,
    pub(super) max_events: u64,
    pub(super) max_bytes: u64,
    pub(super) outage: Duration,
    pub(super) grace: Duration,
    pub(super) cancel_on_disconnect: Option<Duration>,
    pub(super) on_gap: OnGap<E>,
}

/// The shortest lease, so that renewals cannot flood a store.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

/// The longest time of a setting. It can be added to a moment, also by a store.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

impl<E> Settings<E> {
    fn within_limits(mut self) -> Self {
        self.lease = self.lease.clamp(SHORTEST_LEASE, LONGEST);
        // A run that is not kept at all is removed before its readers have got the end.
        self.keep = self.keep.clamp(self.lease, LONGEST);
        (self.outage, self.grace) = (self.outage.min(LONGEST), self.grace.min(LONGEST));
        self.cancel_on_disconnect = self.cancel_on_disconnect.map(|grace| grace.min(LONGEST));
        self
    }
}

impl<E> RunsBuilder<E> {
    pub(super) const fn new() -> Self {
        let settings = Settings {
            lease: Duration::from_secs(15),
            keep: Duration::from_secs(24 * 3600),
            max_events: 100_000,
            max_bytes: 16 << 20,
            outage: Duration::from_secs(30),
            grace: Duration::ZERO,
            cancel_on_disconnect: None,
            on_gap: OnGap::Restart,
        };
        Self { settings, end_events: EndEventFns::none(), owner: None }
    }

    /// Sets for how long a process owns a run without renewing its lease. 15 seconds by default, and at least one.
    ///
    /// All leases are renewed together, three times in this period. When a process dies, the readers of its runs receive the
    /// event for lost runs within this period. A process that is paused for longer loses its runs, for example while its virtual
    /// machine moves.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// Sets how long a run is kept after its end. 24 hours by default, and at least the
    /// [lease](Self::lease), so that all readers get the end. Afterwards its key has no run, and can start a new one.
    pub const fn keep(mut self, keep: Duration) -> Self {
        self.settings.keep = keep;
        self
    }

    /// Sets how many events a run may publish, besides its last one. 100,000 by default. A run that publishes more fails.
    pub const fn max_events(mut self, events: u64) -> Self {
        self.settings.max_events = events;
        self
    }

    /// Sets how many bytes of events a run may publish, besides its last one, as they are on the wire. 16 MiB by default. A run
    /// that publishes more fails.
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_bytes = bytes;
        self
    }

    /// Sets how long [`publish`](super::RunWriter::publish) retries while the store fails, before it returns an error. 30 seconds
    /// by default. The last event of a run is retried for as long.
    pub const fn outage(mut self, outage: Duration) -> Self {
        self.settings.outage = outage;
        self
    }

    /// Sets how long a producer may continue after a request to [stop](super::Run::stop), before its future is dropped. Zero by
    /// default. [`RunWriter::stopped`](super::RunWriter::stopped) resolves when this time begins.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// Stops a run that has had no reader for this time. Off by default: a client that disconnects stops nothing.
    ///
    /// The time begins when the run starts, and again whenever its last reader leaves. The count of readers is exact in this
    /// process. Readers in other processes are counted by leases, so a run whose last reader was in another process may continue
    /// for one and a third leases longer. With several processes choose at least 10 seconds, so that a reader that reconnects to
    /// another process is counted in time.
    pub const fn cancel_on_disconnect(mut self, grace: Duration) -> Self {
        self.settings.cancel_on_disconnect = Some(grace);
        self
    }

    /// Sets what a reader receives whose last event ID is not an id of this run, for example the id of an earlier run of the
    /// key. [`OnGap::Restart`] by default: the client reconnects without an id, and receives the whole run.
    pub const fn on_gap(mut self, on_gap: OnGap<E>) -> Self {
        self.settings.on_gap = on_gap;
        self
    }

    /// Sets the function that makes the last event of a failed run from the text of its error. For types without a variant
    /// `#[sse(terminal, failed)]`, and in place of it.
    pub fn failed(mut self, event: impl Fn(String) -> E + Send + Sync + 'static) -> Self {
        self.end_events.failed = Some(Arc::new(event));
        self
    }

    /// Sets the function that makes the last event of a stopped run. For types without a variant `#[sse(terminal, stopped)]`, and in place of
    /// it. It is called once, by [`build_on`](Self::build_on).
    pub fn stopped(mut self, event: impl Fn() -> E + Send + Sync + 'static) -> Self {
        self.end_events.stopped = Some(Arc::new(event));
        self
    }

    /// Sets the function that makes the last event of a lost run. For types without a variant `#[sse(terminal, lost)]`, and in place of
    /// it. It is called once, by [`build_on`](Self::build_on).
    pub fn lost(mut self, event: impl Fn() -> E + Send + Sync + 'static) -> Self {
        self.end_events.lost = Some(Arc::new(event));
        self
    }

    /// Sets the name of this process in the records of its runs: see [`RunStatus::owner`](super::RunStatus::owner). By default it
    /// is the process id and a random number. Several processes may have the same name.
    pub fn owner(mut self, owner: impl Into<Box<str>>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Builds runs whose records and events are in this store, under this name. It does no I/O.
    ///
    /// Each event type in a store needs a name of its own, which must differ from the names of [`Topics`](crate::hub::Topics) in
    /// the same store.
    ///
    /// # Panics
    ///
    /// If the name is empty, has over 64 bytes, or has a control character or one of `/ % * @ ! { }`. If the event type has no
    /// event for a run that is failed, stopped or lost and the builder has no function for it, or if the event cannot be sent.
    #[must_use]
    pub fn build_on<S: RunStore>(self, store: S, name: &str) -> Runs<E, S>
    where
        E: HubEvent + Send + Sync + 'static,
    {
        assert!(
            is_name(name),
            "a name of runs has 1 to 64 bytes, without control characters and `/ % * @ ! {{ }}`: {name:?}"
        );
        let owner = self.owner.unwrap_or_else(random_owner);
        Runs::new(store, name, owner, self.settings.within_limits(), EndEvents::new(self.end_events))
    }
}

fn random_owner() -> Box<str> {
    format!("{}-{}", std::process::id(), super::RunId::random()).into()
}

impl<E> Clone for RunsBuilder<E> {
    fn clone(&self) -> Self {
        let end_events = EndEventFns {
            failed: self.end_events.failed.clone(),
            stopped: self.end_events.stopped.clone(),
            lost: self.end_events.lost.clone(),
        };
        Self { settings: self.settings.clone(), end_events, owner: self.owner.clone() }
    }
}

impl<E> Clone for Settings<E> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<E> fmt::Debug for RunsBuilder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunsBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for Settings<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("lease", &self.lease)
            .field("keep", &self.keep)
            .field("max_events", &self.max_events)
            .field("max_bytes", &self.max_bytes)
            .field("outage", &self.outage)
            .field("grace", &self.grace)
            .field("cancel_on_disconnect", &self.cancel_on_disconnect)
            .field("on_gap", &self.on_gap)
            .finish()
    }
}
