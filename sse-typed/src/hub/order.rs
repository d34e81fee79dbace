use std::{
    ptr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The order in which changes and their events, and snapshots, happen: one at a time.
///
/// It is held while user's code runs, so it knows who holds it: what that code calls must not wait for itself.
#[derive(Debug, Default)]
pub(super) struct Order {
    lock: Mutex<()>,
    /// The thread that holds the lock, or zero.
    holder: AtomicUsize,
}

impl Order {
    /// Whether this thread is within [`keep`](Self::keep).
    pub(super) fn is_held_here(&self) -> bool {
        // A thread always sees what itself has stored; of others, only that it is another.
        let holder = self.holder.load(Ordering::Relaxed);
        holder != 0 && holder == this_thread()
    }

    /// Runs `f` alone. Within another `keep` of the same thread it is alone already.
    pub(super) fn keep<T>(&self, f: impl FnOnce() -> T) -> T {
        if self.is_held_here() {
            return f();
        }
        // A panic of user's code has left nothing half done here.
        let _lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let _holder = Holder::new(&self.holder);
        f()
    }
}

struct Holder<'a>(&'a AtomicUsize);

impl<'a> Holder<'a> {
    fn new(holder: &'a AtomicUsize) -> Self {
        holder.store(this_thread(), Ordering::Relaxed);
        Self(holder)
    }
}

/// By a panic as well.
impl Drop for Holder<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// A number that no other living thread has: the address of something of its own.
fn this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| ptr::from_ref(here).addr())
}
