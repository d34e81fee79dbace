use std::{
    fmt,
    panic::resume_unwind,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use super::state::{SourceState, StateChanges, StateReport};
use crate::wake::{Ticket, WakeEpoch, WakeQueue};

/// Controls an [`EventSource`](super::EventSource) from another task: it closes or restarts the source and reads its
/// state. Clones control the same source.
///
/// A readiness probe that runs while another task reads the events:
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
pub struct Handle(Arc<HandleInner>);

struct HandleInner {
    control: Mutex<Control>,
    epoch: WakeEpoch,
}

struct Control {
    command: Option<Command>,
    /// The waker of the task that polls the source.
    waker: Option<Waker>,
    state: SourceState,
    /// Counts the changes of the state that [`StateChanges`] yields.
    version: u64,
    /// The tasks that wait for a change of the state.
    change_waiters: WakeQueue,
}

impl AsMut<WakeQueue> for Control {
    fn as_mut(&mut self) -> &mut WakeQueue {
        &mut self.change_waiters
    }
}

/// A command to the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Restart,
    Close,
}

impl Handle {
    /// Closes the source. It delivers no further event, not even one that was already received, and makes no further
    /// attempt. The connection is closed when the source is next polled, or dropped.
    pub fn close(&self) {
        self.send_command(Command::Close);
    }

    /// Closes the connection, or ends the wait for the next attempt, and reconnects at once with the last event ID.
    ///
    /// It has no effect on a source that has ended. It also has no effect on a request with a method other than GET
    /// that may be sent only once, or that [`Resume::Get`](crate::client::Resume::Get) cannot resume yet because no
    /// event ID was received.
    pub fn restart(&self) {
        self.send_command(Command::Restart);
    }

    /// Returns the current state of the source.
    ///
    /// The source updates its state when it is polled. A source that is not polled does not notice that its
    /// connection is lost.
    #[must_use]
    pub fn state(&self) -> SourceState {
        self.lock().state.clone()
    }

    /// Returns a stream of the current state and of each later change.
    pub fn state_changes(&self) -> StateChanges {
        StateChanges::new(self.clone())
    }

    fn send_command(&self, command: Command) {
        let mut control = self.lock();
        if control.command != Some(Command::Close) {
            control.command = Some(command);
        }
        let waker = control.waker.take();
        let woken = if command == Command::Close && control.state.close() {
            self.wake_change_waiters(control)
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

    /// Wakes the tasks that wait for a change of the state.
    fn wake_change_waiters(&self, mut control: MutexGuard<'_, Control>) -> std::thread::Result<()> {
        control.version += 1;
        self.0.epoch.wake_all(control, || self.lock())
    }

    /// Returns the state and its version, if the version is newer than `known`.
    ///
    /// # Errors
    ///
    /// When there is no newer state. The task is registered then, unless the state is final.
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
        let replaced = control.change_waiters.register(ticket, waker);
        drop(control);
        drop(replaced);
        Err(Unchanged::Registered)
    }

    pub(super) fn deregister(&self, ticket: &mut Ticket) {
        if ticket.was_given() {
            let waker = self.lock().change_waiters.deregister(ticket);
            drop(waker);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Control> {
        self.0.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why there is no newer state.
pub(super) enum Unchanged {
    /// The task will be woken by the next change.
    Registered,
    /// The state is final.
    Final,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The source's side of its handles, if there are any.
#[derive(Default)]
pub(super) struct Handles(Option<Handle>);

impl Handles {
    pub(super) fn get_or_create(&mut self, state: impl FnOnce() -> SourceState) -> Handle {
        let new = || {
            let (command, waker, version, change_waiters) = (None, None, 0, WakeQueue::default());
            let control = Mutex::new(Control { command, waker, state: state(), version, change_waiters });
            Handle(Arc::new(HandleInner { control, epoch: WakeEpoch::default() }))
        };
        self.0.get_or_insert_with(new).clone()
    }

    /// Takes the command and registers the waker for the next one, because the source may return pending after a
    /// command too.
    pub(super) fn take_command(&self, waker: &Waker) -> Option<Command> {
        let mut control = self.0.as_ref()?.lock();
        let command = control.command.take();
        let known = control.waker.as_ref().is_some_and(|old| old.will_wake(waker));
        let old = if known { None } else { control.waker.replace(waker.clone()) };
        // Dropping a waker may drop a task and all that it owns, so the lock is released first.
        drop(control);
        drop(old);
        command
    }

    /// Whether a handle has closed the source.
    pub(super) fn is_closed(&self) -> bool {
        self.0.as_ref().is_some_and(|handle| handle.lock().command == Some(Command::Close))
    }

    /// Updates the state that the handles read, and returns whether a handle has closed the source. Does nothing
    /// while there is no handle.
    pub(super) fn report<'a>(&self, report: impl FnOnce() -> StateReport<'a>) -> bool {
        let Some(handle) = &self.0 else { return false };
        let report = report();
        let mut control = handle.lock();
        // The handle has already set the closed state.
        if control.command == Some(Command::Close) {
            return true;
        }
        if control.state.update(&report)
            && let Err(panic) = handle.wake_change_waiters(control)
        {
            resume_unwind(panic);
        }
        false
    }

    /// Drops the waker, because the source is no longer polled.
    pub(super) fn forget_waker(&self) {
        let waker = self.0.as_ref().and_then(|handle| handle.lock().waker.take());
        drop(waker);
    }
}

/// Handles may outlive the source, and their waker would keep its task alive.
impl Drop for Handles {
    fn drop(&mut self) {
        self.forget_waker();
        let Some(handle) = &self.0 else { return };
        let mut control = handle.lock();
        if control.state.source_dropped() {
            // The source may be dropped by a panic, and a second panic, of a waker, would abort the process.
            let _ = handle.wake_change_waiters(control);
        }
    }
}
