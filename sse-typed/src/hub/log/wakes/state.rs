use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    task::Waker,
};

use super::{
    schedule::{Entry, Schedule},
    signal::Signal,
};
use crate::panics;

/// A key that the store has to start or stop following, from [`Wakes::interest`](super::Wakes::interest).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interest {
    /// The key has a waiter or follower now: report its changes. Report one change at once, because the key may have
    /// changed before.
    Follow(Arc<str>),
    /// The key has no waiter and no follower any more: its changes need no report.
    Leave(Arc<str>),
}

/// The state that the clones of [`Wakes`](super::Wakes) share.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) signal: Arc<Signal>,
    /// The task that runs the followers exists.
    pub(super) is_hosted: AtomicBool,
}

/// The waiters and followers of each key, guarded by the lock of [`Shared`].
#[derive(Default)]
pub(super) struct State {
    pub(super) keys: HashMap<Arc<str>, Key>,
    /// How often all keys have changed at once.
    pub(super) all_changes: u64,
    /// The number of the newest waiter or follower.
    last_number: u64,
    /// Keys whose interest has to be compared with the interest that was last returned. `None` until the first call of
    /// [`Wakes::interest`](super::Wakes::interest).
    pub(super) uncertain: Option<VecDeque<Arc<str>>>,
    pub(super) interest_waker: Option<Waker>,
    pub(super) schedule: Schedule,
}

/// A key that has waiters or followers, or whose last returned interest is [`Interest::Follow`].
#[derive(Default)]
pub(super) struct Key {
    pub(super) changes: u64,
    /// The number of waiters and followers.
    pub(super) users: usize,
    pub(super) waiters: Vec<(u64, Waker)>,
    /// The numbers of its followers.
    pub(super) followers: Vec<u64>,
    /// [`Interest::Follow`] was returned, and no [`Interest::Leave`] after it.
    is_followed: bool,
    pub(super) is_uncertain: bool,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Counts a waiter or follower of a key.
    pub(super) fn add_user(&mut self, key: &str) -> Arc<str> {
        let name = match self.keys.get_key_value(key) {
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(key),
        };
        self.keys.entry(Arc::clone(&name)).or_default().users += 1;
        name
    }

    /// Removes a follower. Returns the waker of the task that waits for the next [`Interest`].
    pub(super) fn remove_follower(&mut self, number: u64) -> (Option<Entry>, Option<Waker>) {
        let Some(entry) = self.schedule.remove(number) else { return (None, None) };
        if let Some(key) = self.keys.get_mut(&entry.key) {
            key.users -= 1;
            key.followers.retain(|known| *known != number);
        }
        let waker = self.note_interest(&entry.key);
        (Some(entry), waker)
    }

    /// Notes that interest in a key may have changed. Returns the waker of the task that waits for it.
    pub(super) fn note_interest(&mut self, name: &Arc<str>) -> Option<Waker> {
        let key = self.keys.get_mut(name)?;
        if key.users == 0 && !key.is_followed {
            // The store does not follow this key, so there is nothing to return. `next_interest` skips a name left in `uncertain`.
            self.keys.remove(name);
            shrink(&mut self.keys);
            return None;
        }
        let uncertain = self.uncertain.as_mut()?;
        if !mem::replace(&mut key.is_uncertain, true) {
            uncertain.push_back(Arc::clone(name));
        }
        if uncertain.len() / 2 > self.keys.len().max(64) {
            self.remove_passed_over();
        }
        self.interest_waker.take()
    }

    /// Removes the names that [`next_interest`](Self::next_interest) would skip. These are most names if the store has not called
    /// `interest` for long.
    fn remove_passed_over(&mut self) {
        let Some(uncertain) = &mut self.uncertain else { return };
        let keys = &mut self.keys;
        // The first of two equal names is kept.
        uncertain.retain(|name| keys.get_mut(name).is_some_and(|key| mem::take(&mut key.is_uncertain)));
        uncertain.shrink_to(uncertain.len() * 2);
        for name in uncertain {
            if let Some(key) = keys.get_mut(name) {
                key.is_uncertain = true;
            }
        }
    }

    pub(super) fn next_interest(&mut self) -> Option<Interest> {
        while let Some(name) = self.uncertain.as_mut()?.pop_front() {
            let Some(key) = self.keys.get_mut(&name) else { continue };
            key.is_uncertain = false;
            let is_wanted = key.users > 0;
            let has_changed = is_wanted != mem::replace(&mut key.is_followed, is_wanted);
            if !is_wanted {
                self.keys.remove(&name);
                shrink(&mut self.keys);
            }
            if has_changed {
                return Some(if is_wanted { Interest::Follow(name) } else { Interest::Leave(name) });
            }
        }
        None
    }

    pub(super) fn changes_of(&self, name: &str) -> u64 {
        self.all_changes.wrapping_add(self.keys.get(name).map_or(0, |key| key.changes))
    }
}

/// Frees memory that removed keys have used.
fn shrink(keys: &mut HashMap<Arc<str>, Key>) {
    if keys.capacity() / 8 > keys.len().max(64) {
        keys.shrink_to(keys.len() * 2);
    }
}

/// Wakes tasks, outside of the lock. A waker that panics keeps no other from being woken.
pub(super) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        let _ = panics::catch_panic(|| waker.wake());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_were_used_and_left_take_no_memory_if_the_store_does_not_ask() {
        let mut state = State { uncertain: Some(VecDeque::new()), ..State::default() };
        let mut most = 0;
        for n in 0..10_000 {
            let name = state.add_user(&n.to_string());
            assert!(state.note_interest(&name).is_none());
            if let Some(key) = state.keys.get_mut(&name) {
                key.users -= 1;
            }
            assert!(state.note_interest(&name).is_none());
            most = most.max(state.uncertain.as_ref().map_or(0, VecDeque::len));
        }
        assert!(most <= 2 * 64 + 2, "{most}");
        assert!(state.uncertain.as_ref().is_some_and(|names| names.capacity() <= 512));
        assert_eq!((state.keys.len(), state.next_interest()), (0, None));
    }

    #[test]
    fn the_memory_of_removed_keys_is_freed() {
        let mut state = State { uncertain: Some(VecDeque::new()), ..State::default() };
        let names: Vec<_> = (0..10_000).map(|n: u32| state.add_user(&n.to_string())).collect();
        for name in &names {
            assert!(state.note_interest(name).is_none());
            assert_eq!(state.next_interest(), Some(Interest::Follow(Arc::clone(name))));
        }
        assert!(state.keys.capacity() >= 10_000);
        for name in &names[1..] {
            if let Some(key) = state.keys.get_mut(name) {
                key.users -= 1;
            }
            assert!(state.note_interest(name).is_none());
            assert_eq!(state.next_interest(), Some(Interest::Leave(Arc::clone(name))));
        }
        assert_eq!(state.keys.len(), 1);
        assert!(state.keys.capacity() < 64 * 2 * 8, "{}", state.keys.capacity());
    }
}
