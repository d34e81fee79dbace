use std::{
    fmt,
    panic::resume_unwind,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use super::state::{Progress, SourceState, StateChanges};
use crate::wake::{Ticket, WakeEpoch, WakeQueue};

/// A hold on an [`EventSource`](super::EventSource) from elsewhere: it closes and restarts the source, and has its state.
/// Clones hold the same source.
///
/// A readiness probe, while another task reads the events:
///
/// ```
/// use sse_typed::client::{Handle, ReadyState};
///
/// fn is_ready(feed: &Handle) -> Result<(), String> {
///     let state = feed.state();
///     match (state.ready_state(), state.last_error()) {
///         (ReadyState::Open, _) => Ok(()),
///         (_, Some(error)) => Err(format!("attempt {}: {}", state.attempts(), error.message())),
///         (_, None) => Err("not connected yet".to_owned()),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

struct Shared {
    control: Mutex<Control>,
    epoch: WakeEpoch,
}

struct Control {
    order: Option<Order>,
    /// Of the task that waits for the source.
    waker: Option<Waker>,
    state: SourceState,
    /// Of the state, as far as [`StateChanges`] yields its changes.
    version: u64,
    /// The tasks that wait for a change of the state.
    waiting: WakeQueue,
}

impl AsMut<WakeQueue> for Control {
    fn as_mut(&mut self) -> &mut WakeQueue {
        &mut self.waiting
    }
}

/// What the source is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Restart,
    Close,
}

impl Handle {
    /// Ends the source: not one event is delivered any more, not even one that was received before, and no attempt is
    /// made. The connection is closed when the source is polled next, or dropped.
    pub fn close(&self) {
        self.give(Order::Close);
    }

    /// Ends the connection, or the wait for one, and connects anew at once, with the last event ID.
    ///
    /// It does nothing to a source that is over, nor where the request may not be made again: one of another method than
    /// GET that no [`Resume`](crate::client::Resume) repeats, or not yet.
    pub fn restart(&self) {
        self.give(Order::Restart);
    }

    /// The state of the source now.
    ///
    /// The source keeps it up to date when it is polled: a source that nobody polls does not notice that its connection
    /// is gone.
    #[must_use]
    pub fn state(&self) -> SourceState {
        self.lock().state.clone()
    }

    /// The state of the source now, and each time that it changes.
    pub fn state_changes(&self) -> StateChanges {
        StateChanges::new(self.clone())
    }

    fn give(&self, order: Order) {
        let mut control = self.lock();
        if control.order != Some(Order::Close) {
            control.order = Some(order);
        }
        let waker = control.waker.take();
        let woken = if order == Order::Close && control.state.close() {
            self.wake_waiting(control)
        } else {
            drop(control);
            Ok(())
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        if let Err(panic) = woken {
            resume_unwind(panic);
        }
    }

    /// Wakes those who wait for a change of the state.
    fn wake_waiting(&self, mut control: MutexGuard<'_, Control>) -> std::thread::Result<()> {
        control.version += 1;
        self.0.epoch.wake_all(control, || self.lock())
    }

    /// The state with its version, unless the version is known already.
    ///
    /// # Errors
    ///
    /// When it is: the task is registered then, or the source is over.
    pub(super) fn newer_or_register(
        &self,
        known: Option<u64>,
        ticket: &mut Ticket,
        waker: &Waker,
    ) -> Result<(SourceState, u64), Unchanged> {
        // A change wakes every registered task, so a task that is still registered knows the newest state.
        if known.is_some() && self.0.epoch.is_registered(ticket, waker) {
            return Err(Unchanged::Registered);
        }
        let mut control = self.lock();
        if known != Some(control.version) {
            return Ok((control.state.clone(), control.version));
        }
        if control.state.is_final() {
            return Err(Unchanged::Final);
        }
        let replaced = control.waiting.register(ticket, waker);
        drop(control);
        drop(replaced);
        Err(Unchanged::Registered)
    }

    pub(super) fn deregister(&self, ticket: &mut Ticket) {
        if ticket.was_given() {
            let waker = self.lock().waiting.deregister(ticket);
            drop(waker);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Control> {
        self.0.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why there is no newer state.
pub(super) enum Unchanged {
    /// The task is woken when there is one.
    Registered,
    /// There will be none.
    Final,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The source's end of its handles, if it has given any away.
#[derive(Default)]
pub(super) struct Orders(Option<Handle>);

impl Orders {
    pub(super) fn handle(&mut self, state: impl FnOnce() -> SourceState) -> Handle {
        let new = || {
            let (order, waker, version, waiting) = (None, None, 0, WakeQueue::default());
            let control = Mutex::new(Control { order, waker, state: state(), version, waiting });
            Handle(Arc::new(Shared { control, epoch: WakeEpoch::default() }))
        };
        self.0.get_or_insert_with(new).clone()
    }

    /// Takes the order, and leaves word whom to wake for the next: what obeys one may have to wait as well.
    pub(super) fn take(&self, waker: &Waker) -> Option<Order> {
        let mut control = self.0.as_ref()?.lock();
        let order = control.order.take();
        let known = control.waker.as_ref().is_some_and(|old| old.will_wake(waker));
        let old = if known { None } else { control.waker.replace(waker.clone()) };
        // Dropping a waker may drop a task, and what it owns: not under the lock.
        drop(control);
        drop(old);
        order
    }

    /// Whether the source is to end when it is polled next.
    pub(super) fn is_closed(&self) -> bool {
        self.0.as_ref().is_some_and(|handle| handle.lock().order == Some(Order::Close))
    }

    /// Tells the handles how far the source is, and whether it is to end. It costs nothing while there is no handle.
    pub(super) fn report<'a>(&self, progress: impl FnOnce() -> Progress<'a>) -> bool {
        let Some(handle) = &self.0 else { return false };
        let progress = progress();
        let mut control = handle.lock();
        // The handle has said so already.
        if control.order == Some(Order::Close) {
            return true;
        }
        if control.state.update(&progress)
            && let Err(panic) = handle.wake_waiting(control)
        {
            resume_unwind(panic);
        }
        false
    }

    /// Nobody waits for the source any more.
    pub(super) fn forget_waker(&self) {
        let waker = self.0.as_ref().and_then(|handle| handle.lock().waker.take());
        drop(waker);
    }
}

/// Handles outlive the source, and would keep its task.
impl Drop for Orders {
    fn drop(&mut self) {
        self.forget_waker();
        let Some(handle) = &self.0 else { return };
        let mut control = handle.lock();
        if control.state.source_dropped() {
            // A second panic, of a waker, would abort the process.
            let _ = handle.wake_waiting(control);
        }
    }
}
