use std::{fmt, sync::Arc, time::Duration};

use super::{
    end_events::{EndEventFns, EndEvents},
    key::is_name,
    run_store::RunStore,
    runs::Runs,
};
use crate::{codec::HubEvent, hub::OnGap};

/// The settings of [`Runs`]. [`Runs::builder`] makes one.
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

    /// How long a run belongs to its process without a sign of life. 15 seconds by default, and at least one.
    ///
    /// All leases are renewed together, three times in this period. Clients of a process that died are told within it. A
    /// process that is paused for longer, such as a virtual machine that moves, loses its runs.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease.max(SHORTEST_LEASE);
        self
    }

    /// How long a run is kept after its end. 24 hours by default. Then its key has no run, and may begin anew.
    pub const fn keep(mut self, keep: Duration) -> Self {
        self.settings.keep = keep;
        self
    }

    /// How many events a run may publish, besides its last one. 100,000 by default. A run that publishes more fails.
    pub const fn max_events(mut self, events: u64) -> Self {
        self.settings.max_events = events;
        self
    }

    /// How many bytes of events a run may publish, besides its last one, as they are on the wire. 16 MiB by default. A run that
    /// publishes more fails.
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_bytes = bytes;
        self
    }

    /// How long an event is tried to be stored while the store fails. 30 seconds by default. Then
    /// [`publish`](super::RunWriter::publish) fails.
    pub const fn outage(mut self, outage: Duration) -> Self {
        self.settings.outage = outage;
        self
    }

    /// How long a producer that is asked to [stop](super::Run::stop) may go on before its future is dropped. Zero by default.
    /// [`RunWriter::stopped`](super::RunWriter::stopped) tells it.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// Stops a run that has had no reader for this time. Off by default: a client that disconnects stops nothing.
    ///
    /// The time begins when the run starts, and anew whenever its last reader is gone. Readers on this process count exactly.
    /// Those of other processes on the store count by leases: a run whose last reader was elsewhere may go on for one and a
    /// third leases more. With several processes choose at least 10 seconds, so that a reader that moves to another process is
    /// seen there.
    pub const fn cancel_on_disconnect(mut self, grace: Duration) -> Self {
        self.settings.cancel_on_disconnect = Some(grace);
        self
    }

    /// What a reader gets whose last event ID is not one of the run's, such as that of an earlier run of the key.
    /// [`OnGap::Restart`] by default: the reader begins anew, and gets the whole run.
    pub const fn on_gap(mut self, on_gap: OnGap<E>) -> Self {
        self.settings.on_gap = on_gap;
        self
    }

    /// Makes the last event of a run that failed, from the text of its error. For types without a variant
    /// `#[sse(terminal, failed)]`, and in place of it.
    pub fn failed(mut self, event: impl Fn(String) -> E + Send + Sync + 'static) -> Self {
        self.end_events.failed = Some(Arc::new(event));
        self
    }

    /// Makes the last event of a run that was stopped. For types without a variant `#[sse(terminal, stopped)]`, and in place of
    /// it. It is called once, by [`build_on`](Self::build_on).
    pub fn stopped(mut self, event: impl Fn() -> E + Send + Sync + 'static) -> Self {
        self.end_events.stopped = Some(Arc::new(event));
        self
    }

    /// Makes the last event of a run whose process died. For types without a variant `#[sse(terminal, lost)]`, and in place of
    /// it. It is called once, by [`build_on`](Self::build_on).
    pub fn lost(mut self, event: impl Fn() -> E + Send + Sync + 'static) -> Self {
        self.end_events.lost = Some(Arc::new(event));
        self
    }

    /// The name of this process in the records of its runs, for people who read [`RunStatus::owner`](super::RunStatus::owner).
    /// By default the process id and a random number. Two processes must not have one name.
    pub fn owner(mut self, owner: impl Into<Box<str>>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Runs whose records and events are in this store, under this name.
    ///
    /// It does no I/O. Two event types in one store have two names, and [`Topics`](crate::hub::Topics) have names of their own
    /// as well.
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
        Runs::new(store, name, owner, self.settings, EndEvents::new(self.end_events))
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
