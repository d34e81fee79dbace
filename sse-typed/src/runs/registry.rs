use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{
    control::Control,
    run_store::{RunRef, RunStore},
};
use crate::{
    codec::HubEvent,
    event::LastEventId,
    hub::{Hub, OnGap, Retention, Start, Subscription},
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
    /// The keeper is to renew at once.
    must_renew: bool,
    refuses_new: bool,
}

/// What the keeper has to care for.
pub(super) struct Kept {
    pub(super) own: Vec<(RunRef, Arc<Control>)>,
    /// The runs of other processes that have readers here, as far as they are not known to have ended.
    pub(super) read: Vec<RunRef>,
    /// When a hub may be dropped that has no reader any more.
    pub(super) hub_expires: Option<Instant>,
    /// Whether to renew at once.
    pub(super) must_renew: bool,
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
            must_renew: false,
            refuses_new: false,
        };
        Self { state: Mutex::new(state), over: Notify::new(), keeper: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State<E, S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a run of this process, unless nothing is started any more.
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
        let removed = self.lock().own.remove(run);
        drop(removed);
        self.over.notify_waiters();
        self.keeper.notify_one();
    }

    /// Ends the subscriptions of a run that is not kept any more.
    pub(super) fn remove_hub(&self, run: &RunRef) {
        let removed = self.lock().hubs.remove(run);
        drop(removed);
    }

    /// Whether a run of another process may go on without a notice of its end: it is not known to have ended.
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

    /// Notes that somebody becomes the keeper. False if there is one.
    pub(super) fn take_keeper(&self) -> bool {
        !std::mem::replace(&mut self.lock().has_keeper, true)
    }

    /// Notes that the keeper was dropped with its runtime. The tasks of the runs start another one in theirs.
    pub(super) fn lose_keeper(&self) {
        let own: Vec<_> = {
            let mut state = self.lock();
            state.has_keeper = false;
            state.own.values().cloned().collect()
        };
        own.iter().for_each(|control| control.wake());
    }

    pub(super) fn has_keeper(&self) -> bool {
        self.lock().has_keeper
    }

    /// Makes the keeper renew at once.
    pub(super) fn renew_now(&self) {
        self.lock().must_renew = true;
        self.keeper.notify_one();
    }

    /// The work of the keeper. `None` if there is none: then there is no keeper from now on.
    pub(super) fn kept(&self, now: Instant) -> Option<Kept> {
        let mut unused = Vec::new();
        let mut locked = self.lock();
        let state = &mut *locked;
        let (mut read, mut hub_expires) = (Vec::new(), None::<Instant>);
        state.hubs.retain(|run, hub| {
            let Some(since) = hub.unused_since() else {
                match state.own.get(run) {
                    Some(control) => control.record_read(now),
                    None if hub.is_closed() => {}
                    None => read.push(run.clone()),
                }
                return true;
            };
            if let Some(control) = state.own.get(run) {
                control.record_read(since);
            }
            let expires = since + UNUSED_HUB;
            if expires <= now {
                unused.push(hub.clone());
                return false;
            }
            hub_expires = Some(hub_expires.map_or(expires, |earliest| earliest.min(expires)));
            true
        });
        if state.own.is_empty() && state.hubs.is_empty() {
            (state.has_keeper, state.must_renew) = (false, false);
            return None;
        }
        let own = state.own.iter().filter(|(_, control)| control.is_claimed());
        let own = own.map(|(run, control)| (run.clone(), Arc::clone(control))).collect();
        let must_renew = std::mem::take(&mut state.must_renew);
        drop(locked);
        Some(Kept { own, read, hub_expires, must_renew })
    }
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> Registry<E, S> {
    /// Subscribes to a run: from its beginning, if there is no id. Also returns whether the run had no readers here.
    pub(super) fn subscribe(
        &self,
        run: &RunRef,
        on_gap: OnGap<E>,
        log: impl FnOnce() -> S::Log,
        id: LastEventId,
    ) -> (Subscription<E>, bool) {
        let known = self.lock().hubs.get(run).cloned();
        let is_new = known.is_none();
        let hub = known.unwrap_or_else(|| {
            let builder = Hub::builder_on_gap(on_gap).retain(RING).notify_unused(Arc::clone(&self.keeper));
            let hub = builder.build_on(log());
            // Another call may have made one meanwhile. The hub that is not used is dropped after the unlock.
            self.lock().hubs.entry(run.clone()).or_insert_with(|| hub.clone()).clone()
        });
        (hub.subscribe(id.or(Start::Earliest)), is_new)
    }
}
