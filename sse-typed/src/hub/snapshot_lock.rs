use std::{
    ptr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The lock under which changes with their events, and snapshots, are made one at a time.
///
/// It is held while user code runs. So it knows the thread that holds it: user code that would wait for itself gets an
/// error instead.
#[derive(Debug, Default)]
pub(super) struct SnapshotLock {
    lock: Mutex<()>,
    /// The thread that holds the lock, or zero.
    holder: AtomicUsize,
}

impl SnapshotLock {
    /// Whether this thread is within [`run`](Self::run).
    pub(super) fn is_held_by_this_thread(&self) -> bool {
        // A thread always sees what itself has stored. If another thread holds the lock, it sees some other value, and
        // that suffices.
        let holder = self.holder.load(Ordering::Relaxed);
        holder != 0 && holder == this_thread_id()
    }

    /// Runs `f` under the lock. Within another `run` of the same thread the lock is held already.
    pub(super) fn run<T>(&self, f: impl FnOnce() -> T) -> T {
        if self.is_held_by_this_thread() {
            return f();
        }
        // A panic of user code leaves nothing inconsistent here.
        let _lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let _holder = HolderGuard::new(&self.holder);
        f()
    }
}

/// Resets the holder when it is dropped, also by a panic.
struct HolderGuard<'a>(&'a AtomicUsize);

impl<'a> HolderGuard<'a> {
    fn new(holder: &'a AtomicUsize) -> Self {
        holder.store(this_thread_id(), Ordering::Relaxed);
        Self(holder)
    }
}

impl Drop for HolderGuard<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// A number that no other running thread has: the address of a thread-local value.
fn this_thread_id() -> usize {
    thread_local!(static ANCHOR: u8 = const { 0 });
    ANCHOR.with(|anchor| ptr::from_ref(anchor).addr())
}
