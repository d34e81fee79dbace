//! The wake-ups of a store: the waiters of each key, and the task that follows the keys for the hubs of this process.
//!
//! | file | contents |
//! |---|---|
//! | `schedule` | which followers have something to read, and when |
//! | `host` | the task that runs their steps |
//! | `signal` | how the task and its steps are woken |
//! | `state` | the waiters and followers of each key, guarded by one lock |
//! | `woken` | a future that waits for one key |
//!
//! One lock guards all of this state. No waker, future or log is called under it. A follower may take the lock of its hub's
//! history while this lock is held. The reverse order is not allowed.

mod follower;
mod host;
mod schedule;
mod signal;
mod state;
#[cfg(test)]
mod tests;
mod woken;

use std::{
    fmt,
    future::poll_fn,
    mem,
    sync::{Arc, atomic::Ordering},
    task::Poll,
};

use tokio::time::Instant;

pub(in crate::hub) use self::follower::{Follower, News, StepFuture, StepOutcome};
use self::{
    host::Host,
    state::{Shared, wake_all},
};
pub use self::{state::Interest, woken::Woken};
use crate::{event::EventId, wake::runtime_with_timer};

/// Wakes the tasks that wait for events of a [store](crate::hub::EventStore). One instance serves all keys of the store.
///
/// A store creates one and shares it between its clones. It calls [`changed`](Self::changed) whenever a key has a new event,
/// and its logs wait with [`wait`](Self::wait). If the engine requires a subscription for each key,
/// [`interest`](Self::interest) returns the keys that the store has to subscribe to and unsubscribe from.
///
/// It also follows the keys for the hubs of this process: one task for each store, whatever the number of keys, which reads
/// a key after each report of a change. At most 64 keys are read at the same time, so `all_changed` does not flood the
/// engine. A log that fails or panics is read again with back-off, and holds up no other key. A read that does not
/// answer within 30 seconds is given up and has failed. At most 32 of the 64 are reads after a failure. So keys whose
/// reads never answer hold up others once, until each of them has failed: 30 seconds for 64 keys, and up to 30 seconds more
/// for each further 32 keys. The first subscription that is polled in a Tokio runtime starts the task there; when that
/// runtime ends, a subscription in another runtime starts it anew.
///
/// # Example
///
/// The `wait_after` of a log:
///
/// ```
/// use sse_typed::hub::Wakes;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let wakes = Wakes::new();
/// let woken = wakes.wait("rides"); // 1. register
/// // 2. read: return at once if there is an event already
/// wakes.changed("rides", None); //    (another task appends)
/// woken.await; // 3. wait
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Wakes(Arc<Shared>);

impl Wakes {
    /// Wake-ups for a new store.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Reports that a key has a new event, was closed or was removed, and that this can be read now.
    ///
    /// `newest` is the id of the newest event, if it is known: a hub that has this event does not read. It is `None` for a
    /// close without a last event, and for a key that was removed.
    pub fn changed(&self, key: &str, newest: Option<&EventId>) {
        let mut locked = self.0.lock();
        let state = &mut *locked;
        let Some(key) = state.keys.get_mut(key) else { return };
        key.changes = key.changes.wrapping_add(1);
        let woken = mem::take(&mut key.waiters);
        for number in &key.followers {
            let has_read = |newest| state.schedule.get(*number).is_some_and(|entry| entry.follower.has_read(newest));
            match newest {
                Some(newest) if has_read(newest) => {}
                Some(newest) => state.schedule.mark(*number, News::UpTo(Box::new(newest.clone()))),
                None => state.schedule.mark(*number, News::Unknown),
            }
        }
        let has_followers = !key.followers.is_empty();
        drop(locked);
        if has_followers {
            self.0.signal.wake();
        }
        wake_all(woken.into_iter().map(|(_, waker)| waker));
    }

    /// Reports that any key may have changed. A store calls this after each interruption of its wake-up path, once
    /// the path works again.
    pub fn all_changed(&self) {
        let mut state = self.0.lock();
        state.all_changes = state.all_changes.wrapping_add(1);
        let woken: Vec<_> = state.keys.values_mut().flat_map(|key| mem::take(&mut key.waiters)).collect();
        state.schedule.mark_all();
        drop(state);
        self.0.signal.wake();
        wake_all(woken.into_iter().map(|(_, waker)| waker));
    }

    /// Waits until a key gets its first waiter or follower ([`Interest::Follow`]) or loses its last one
    /// ([`Interest::Leave`]). The first calls return a `Follow` for each key that has one already.
    ///
    /// One task of the store calls this in a loop. If two do, each change goes to one of them.
    ///
    /// # Cancel safety
    ///
    /// No change is lost when the future is dropped.
    pub async fn interest(&self) -> Interest {
        poll_fn(|cx| {
            let mut locked = self.0.lock();
            let state = &mut *locked;
            if state.uncertain.is_none() {
                for key in state.keys.values_mut() {
                    key.is_uncertain = true;
                }
                state.uncertain = Some(state.keys.keys().cloned().collect());
            }
            if let Some(interest) = state.next_interest() {
                return Poll::Ready(interest);
            }
            let replaced = state.interest_waker.replace(cx.waker().clone());
            drop(locked);
            drop(replaced);
            Poll::Pending
        })
        .await
    }

    /// Returns a future that waits for the next change of a key. Changes count from this call on, so to miss none: call
    /// `wait`, then read, and await the future only if there was nothing to read.
    pub fn wait(&self, key: &str) -> Woken {
        let mut state = self.0.lock();
        let name = state.add_user(key);
        let (seen, number) = (state.changes_of(&name), state.next_number());
        let waker = state.note_interest(&name);
        drop(state);
        wake_all(waker);
        Woken::new(Arc::clone(&self.0), name, seen, number)
    }

    /// A number for a follower.
    pub(in crate::hub) fn next_number(&self) -> u64 {
        self.0.lock().next_number()
    }

    /// Counts a subscription of a hub, and follows the key from now on if it is the first one.
    pub(in crate::hub) fn add_subscription(&self, number: u64, key: &str, follower: &Arc<dyn Follower>) {
        let now = Instant::now();
        let (mut waker, mut forgotten) = (None, None);
        let mut state = self.0.lock();
        if state.schedule.get(number).is_none() {
            let name = state.add_user(key);
            if let Some(key) = state.keys.get_mut(&name) {
                key.followers.reserve_exact(1);
                key.followers.push(number);
            }
            waker = state.note_interest(&name);
            state.schedule.add(number, name, Arc::clone(follower), now);
        }
        if state.schedule.add_subscription(number, now) {
            // There was no task that could have noticed, or it was not its turn yet.
            forgotten = Some(follower.become_dormant());
            state.schedule.restart(number);
        }
        drop(state);
        self.0.signal.wake();
        wake_all(waker);
        drop(forgotten);
    }

    /// Uncounts a subscription of a hub.
    pub(in crate::hub) fn remove_subscription(&self, number: u64) {
        self.0.lock().schedule.remove_subscription(number, Instant::now());
        self.0.signal.wake();
    }

    /// Notes that a hub has something to find out.
    pub(in crate::hub) fn mark(&self, number: u64) {
        self.0.lock().schedule.mark(number, News::Unknown);
        self.0.signal.wake();
    }

    /// Removes the follower of a hub.
    pub(in crate::hub) fn remove_follower(&self, number: u64) {
        let (entry, waker) = self.0.lock().remove_follower(number);
        self.0.signal.wake();
        wake_all(waker);
        drop(entry);
    }

    /// Spawns the task that runs the followers, unless there is one. False if there is no runtime with a timer here to
    /// spawn it.
    pub(in crate::hub) fn ensure_hosted(&self) -> bool {
        if self.0.is_hosted.load(Ordering::Acquire) {
            return true;
        }
        let Some(runtime) = runtime_with_timer() else { return false };
        if !self.0.is_hosted.swap(true, Ordering::AcqRel) {
            runtime.spawn(Host::new(Arc::clone(&self.0)));
        }
        true
    }
}

impl Default for Wakes {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Wakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        let (keys, followers) = (state.keys.len(), state.schedule.len());
        drop(state);
        f.debug_struct("Wakes").field("keys", &keys).field("followers", &followers).finish_non_exhaustive()
    }
}
