use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::{Handle, Id},
    sync::Notify,
    time::Instant,
};

use super::{
    builder::Settings,
    control::Control,
    run_store::{RunRef, RunStore},
};
use crate::{
    codec::HubEvent,
    event::{EventId, LastEventId},
    hub::{Hub, Retention, Start, Subscription},
};

/// The runs of this process, and the hubs of those that it reads.
///
/// One lock guards both. No store and no user code is called under it.
pub(super) struct Registry<E, S: RunStore> {
    state: Mutex<State<E, S>>,
    /// Notified when a run of this process is over.
    over: Notify,
    /// Notified when the keeper has something to look at.
    pub(super) keeper: Arc<Notify>,
}

struct State<E, S: RunStore> {
    /// The runs of which this process has a task.
    own: HashMap<RunRef, Arc<Control>>,
    /// The hubs of runs that have readers here.
    hubs: HashMap<RunRef, Hub<E, S::Log>>,
    has_keeper: bool,
    /// The runtimes that have needed a keeper since there was none. If that of the keeper ends, another one takes over.
    runtimes: HashMap<Id, Handle>,
    /// The keeper is to renew at once.
    must_renew: bool,
    refuses_new: bool,
}

/// The next work of the keeper.
pub(super) struct Survey {
    /// Runs that have had no reader for too long.
    pub(super) unread: Vec<Arc<Control>>,
    /// When the next survey is due for a run without a reader, or for a hub without one.
    pub(super) next: Option<Instant>,
    /// Whether to renew at once.
    pub(super) must_renew: bool,
}

/// The runs of one renewal.
pub(super) struct Renewals {
    /// The runs of this process.
    pub(super) own: Vec<RunRef>,
    pub(super) controls: Vec<Arc<Control>>,
    /// The runs of other processes that have readers here, as far as they are not known to have ended.
    pub(super) read: Vec<RunRef>,
}

/// How long a hub without readers is kept.
const UNUSED_HUB: Duration = Duration::from_secs(5);

/// How many events of a run are in memory for its live readers. Those further back read the store.
const RING: Retention = Retention::events(256).bytes(1 << 20);

impl<E, S: RunStore> Registry<E, S> {
    pub(super) fn new() -> Self {
        let state = State {
            own: HashMap::new(),
            hubs: HashMap::new(),
            has_keeper: false,
            runtimes: HashMap::new(),
            must_renew: false,
            refuses_new: false,
        };
        Self { state: Mutex::new(state), over: Notify::new(), keeper: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State<E, S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a run of this process, unless the process no longer starts runs.
    pub(super) fn add(&self, run: &RunRef) -> Option<Arc<Control>> {
        let mut state = self.lock();
        if state.refuses_new {
            return None;
        }
        let control = Arc::new(Control::new());
        state.own.insert(run.clone(), Arc::clone(&control));
        Some(control)
    }

    pub(super) fn remove(&self, run: &RunRef) {
        let mut state = self.lock();
        let removed = state.own.remove(run);
        let is_idle = state.own.is_empty();
        drop(state);
        drop(removed);
        self.over.notify_waiters();
        if is_idle {
            self.keeper.notify_one();
        }
    }

    /// Ends the subscriptions of a run that is no longer kept.
    pub(super) fn remove_hub(&self, run: &RunRef) {
        let removed = self.lock().hubs.remove(run);
        drop(removed);
    }

    /// Whether only the store knows if this run, which has readers here, has ended or is lost.
    pub(super) fn must_look(&self, run: &RunRef) -> bool {
        let state = self.lock();
        !state.own.contains_key(run) && state.hubs.get(run).is_some_and(|hub| !hub.is_closed())
    }

    pub(super) fn refuse_new(&self) {
        self.lock().refuses_new = true;
    }

    pub(super) fn is_own(&self, run: &RunRef) -> bool {
        self.lock().own.contains_key(run)
    }

    pub(super) fn control(&self, run: &RunRef) -> Option<Arc<Control>> {
        self.lock().own.get(run).cloned()
    }

    pub(super) fn own(&self) -> Vec<(RunRef, Arc<Control>)> {
        self.lock().own.iter().map(|(run, control)| (run.clone(), Arc::clone(control))).collect()
    }

    /// Waits until this process has no run.
    pub(super) async fn wait_until_idle(&self) {
        loop {
            // Registered before the look.
            let over = self.over.notified();
            if self.lock().own.is_empty() {
                return;
            }
            over.await;
        }
    }

    /// Notes that a runtime needs a keeper. If there is none, the caller becomes it.
    pub(super) fn take_keeper(&self, runtime: &Handle) -> bool {
        let mut state = self.lock();
        state.runtimes.entry(runtime.id()).or_insert_with(|| runtime.clone());
        !mem::replace(&mut state.has_keeper, true)
    }

    /// Notes that the keeper was dropped with its runtime. Returns another one, in which the caller starts the next keeper.
    pub(super) fn lose_keeper(&self, ended: &Handle) -> Option<Handle> {
        let mut state = self.lock();
        let removed = state.runtimes.remove(&ended.id());
        let next = state.runtimes.values().next().cloned();
        state.has_keeper = next.is_some();
        drop(state);
        drop(removed);
        next
    }

    /// Makes the keeper renew at once.
    pub(super) fn renew_now(&self) {
        self.lock().must_renew = true;
        self.keeper.notify_one();
    }

    /// Looks at all runs and hubs. A run is unread if it has had no reader for `grace`. `None` if there is nothing to keep: then
    /// there is no keeper from now on.
    pub(super) fn survey(&self, now: Instant, grace: Option<Duration>) -> Option<Survey> {
        let (mut unused, mut unread) = (Vec::new(), Vec::new());
        let mut locked = self.lock();
        let state = &mut *locked;
        let mut next: Option<Instant> = None;
        let mut due = |at: Instant| next = Some(next.map_or(at, |earliest| earliest.min(at)));
        state.hubs.retain(|run, hub| {
            let last_read = hub.unused_since().unwrap_or(now);
            if let Some(control) = state.own.get(run) {
                control.record_read(last_read);
            }
            let expires = last_read + UNUSED_HUB;
            let is_kept = expires > now;
            if !is_kept {
                unused.push(hub.clone());
            } else if last_read < now {
                due(expires);
            }
            is_kept
        });
        if state.own.is_empty() && state.hubs.is_empty() {
            (state.has_keeper, state.must_renew) = (false, false);
            let runtimes = mem::take(&mut state.runtimes);
            drop(locked);
            drop(runtimes);
            return None;
        }
        if let Some(grace) = grace {
            let running = state.own.values().filter(|control| control.is_claimed() && !control.current().is_stop_asked);
            for control in running {
                let at = control.last_read() + grace;
                if at <= now {
                    unread.push(Arc::clone(control));
                } else {
                    due(at);
                }
            }
        }
        let must_renew = mem::take(&mut state.must_renew);
        drop(locked);
        Some(Survey { unread, next, must_renew })
    }

    /// The runs whose leases are renewed, and those that are looked at. The lease of an abandoned run is released, so it is not
    /// renewed.
    pub(super) fn renewals(&self) -> Renewals {
        let state = self.lock();
        let claimed = state.own.iter().filter(|(_, control)| control.is_claimed() && !control.current().is_abandoned);
        let (own, controls) = claimed.map(|(run, control)| (run.clone(), Arc::clone(control))).unzip();
        let is_read = |run: &RunRef, hub: &Hub<E, S::Log>| {
            !state.own.contains_key(run) && !hub.is_closed() && hub.unused_since().is_none()
        };
        let read = state.hubs.iter().filter(|(run, hub)| is_read(run, hub)).map(|(run, _)| run.clone()).collect();
        Renewals { own, controls, read }
    }
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> Registry<E, S> {
    /// Subscribes to a run: from its beginning, if there is no id. Also returns whether the run had no readers here.
    pub(super) fn subscribe(
        &self,
        run: &RunRef,
        settings: &Settings<E>,
        log: impl FnOnce() -> S::Log,
        id: LastEventId,
    ) -> (Subscription<E>, bool) {
        let known = self.lock().hubs.get(run).cloned();
        let is_new = known.is_none();
        let hub = known.unwrap_or_else(|| {
            let mut builder = Hub::builder_on_gap(settings.on_gap).retain(RING);
            if settings.cancel_on_disconnect.is_some() {
                builder = builder.notify_unused(Arc::clone(&self.keeper));
            }
            let hub = builder.build_on(log());
            // Another call may have made one meanwhile. The hub that is not used is dropped after the unlock.
            self.lock().hubs.entry(run.clone()).or_insert_with(|| hub.clone()).clone()
        });
        (hub.subscribe(start_after(id)), is_new)
    }
}

/// Where a reader begins. The mark of a last event ID would end its stream by itself, and the id may be that of an earlier run of
/// the key: the log knows.
fn start_after(id: LastEventId) -> Start {
    let without_mark = id.as_str().map(|id| id.trim_end_matches('!'));
    match without_mark {
        None | Some("") => Start::Earliest,
        Some(known) if Some(known) == id.as_str() => Start::After(id),
        Some(known) => Start::after(EventId::from_wire(known)),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::{
        codec::{EncodeEvent, EventKind, EventWriter},
        event::EncodeError,
        hub::{LogOptions, MemoryStore},
        runs::{RunId, RunsBuilder},
    };

    /// No event is published here.
    struct Never;

    impl EventKind for Never {
        fn event_type(&self) -> &str {
            "never"
        }
    }

    impl EncodeEvent for Never {
        fn encode(&self, _: &mut EventWriter<'_>) -> Result<(), EncodeError> {
            Ok(())
        }
    }

    impl HubEvent for Never {}

    /// A registry, and a subscription to a run in it.
    fn read_run() -> (Registry<Never, MemoryStore>, RunRef, Subscription<Never>) {
        let (registry, store) = (Registry::new(), MemoryStore::default());
        let run = RunRef::new("key", RunId::from_u64(1));
        let log = || store.run_log(&run, &LogOptions::new());
        let settings = RunsBuilder::new().settings;
        let (subscription, is_new) = registry.subscribe(&run, &settings, log, LastEventId::none());
        assert!(is_new && !registry.subscribe(&run, &settings, log, LastEventId::none()).1);
        (registry, run, subscription)
    }

    #[tokio::test(start_paused = true)]
    async fn a_hub_is_removed_when_it_had_no_reader_for_five_seconds() {
        let (registry, _, subscription) = read_run();
        advance(Duration::from_secs(60)).await;
        assert_eq!(registry.survey(Instant::now(), None).unwrap().next, None, "it has a reader");
        let left = Instant::now();
        drop(subscription);
        advance(Duration::from_secs(1)).await;
        assert_eq!(registry.survey(Instant::now(), None).unwrap().next, Some(left + UNUSED_HUB));
        advance(UNUSED_HUB).await;
        assert!(registry.survey(Instant::now(), None).is_none(), "there is nothing to keep");
    }

    #[tokio::test(start_paused = true)]
    async fn the_store_is_asked_for_runs_of_other_processes_that_have_readers_here() {
        let (registry, run, subscription) = read_run();
        assert!(registry.must_look(&run));
        assert_eq!(registry.renewals().read, std::slice::from_ref(&run));
        registry.add(&run).unwrap();
        assert!(!registry.must_look(&run), "its task is in this process");
        assert!(registry.renewals().read.is_empty());
        registry.remove(&run);
        drop(subscription);
        assert!(registry.renewals().read.is_empty(), "it has no reader");
        registry.remove_hub(&run);
        assert!(!registry.must_look(&run));
    }

    #[tokio::test(start_paused = true)]
    async fn leases_are_renewed_of_claimed_runs_that_are_not_abandoned() {
        let registry = Registry::<Never, MemoryStore>::new();
        let run = RunRef::new("key", RunId::from_u64(1));
        let control = registry.add(&run).unwrap();
        assert!(registry.renewals().own.is_empty());
        control.set_claimed();
        let renewals = registry.renewals();
        assert_eq!((renewals.own, renewals.controls.len()), (vec![run], 1));
        control.abandon();
        assert!(registry.renewals().own.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_claimed_run_without_readers_is_unread_after_the_grace_until_it_is_stopped() {
        let registry = Registry::<Never, MemoryStore>::new();
        let control = registry.add(&RunRef::new("key", RunId::from_u64(1))).unwrap();
        let (began, grace) = (Instant::now(), Duration::from_secs(10));
        let survey = || registry.survey(Instant::now(), Some(grace)).map(|survey| (survey.unread.len(), survey.next));
        assert_eq!(survey(), Some((0, None)), "it is not claimed yet");
        control.set_claimed();
        assert_eq!(survey(), Some((0, Some(began + grace))));
        advance(grace).await;
        assert_eq!(survey(), Some((1, None)));
        control.ask_stop();
        assert_eq!(survey(), Some((0, None)));
    }
}
