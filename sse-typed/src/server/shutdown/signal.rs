use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, TryLockError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
};

use tokio::{
    sync::{Notify, futures::OwnedNotified},
    time::Instant,
};

use crate::server::trace;

/// How often a cause that wakes itself is polled in a row.
const LOOKS: usize = 8;

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What all clones of a shutdown share.
pub(super) struct Signal {
    begun: OnceLock<Instant>,
    everyone: Arc<Notify>,
    /// Counts how often everyone was woken: who waits since an earlier round has to enlist again.
    round: AtomicUsize,
    cause: Option<Cause>,
}

/// The future whose end is the beginning. Whoever waits polls it, and when it stirs all who wait are woken: which of them
/// will be polled is not known. A body behind a socket that is full is not.
struct Cause {
    /// Gone when it is over, and while it is polled.
    future: Mutex<Option<BoxFuture>>,
    /// It wants to be polled.
    stirred: AtomicBool,
}

impl Signal {
    pub(super) fn new(cause: Option<BoxFuture>) -> Self {
        let cause = cause.map(|future| Cause { future: Mutex::new(Some(future)), stirred: AtomicBool::new(true) });
        Self { begun: OnceLock::new(), everyone: Arc::default(), round: AtomicUsize::new(0), cause }
    }

    pub(super) fn begin(&self) {
        // The first beginning counts.
        if self.begun.set(Instant::now()).is_ok() {
            self.wake_everyone();
        }
    }

    pub(super) fn begun_at(&self) -> Option<Instant> {
        self.begun.get().copied()
    }

    pub(super) fn round(&self) -> usize {
        self.round.load(Ordering::Acquire)
    }

    /// Is notified of every round that begins after this call.
    pub(super) fn notified(&self) -> OwnedNotified {
        Arc::clone(&self.everyone).notified_owned()
    }

    fn wake_everyone(&self) {
        self.round.fetch_add(1, Ordering::AcqRel);
        self.everyone.notify_waiters();
    }

    /// Polls the cause, if it stirred; again if that stirs it, but not for ever: what it waits for may need this very thread.
    /// Whoever waits was woken by it, and comes again.
    pub(super) fn look(self: &Arc<Self>) {
        let Some(cause) = &self.cause else { return };
        // When another holds the lock, it looks again after giving it back.
        for _ in 0..LOOKS {
            if self.begun_at().is_some() || !cause.stirred.load(Ordering::SeqCst) {
                return;
            }
            let mut place = match cause.future.try_lock() {
                Ok(place) => place,
                Err(TryLockError::Poisoned(place)) => place.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            cause.stirred.store(false, Ordering::SeqCst);
            let Some(mut future) = place.take() else { return };
            let waker = Waker::from(Arc::new(Stir(Arc::downgrade(self))));
            let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(&waker))));
            match polled {
                Ok(poll) if poll.is_pending() => *place = Some(future),
                over => {
                    drop(place);
                    if over.is_err() {
                        trace::shutdown_cause_panicked();
                    }
                    self.begin();
                    return;
                }
            }
        }
        if cause.stirred.load(Ordering::SeqCst) {
            // Those whom it woke may have come while it was taken.
            self.wake_everyone();
        }
    }
}

/// The waker of a cause. It is weak: the cause may be held by what holds its waker.
struct Stir(Weak<Signal>);

impl Wake for Stir {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(signal) = self.0.upgrade() else { return };
        if let Some(cause) = &signal.cause {
            cause.stirred.store(true, Ordering::SeqCst);
            signal.wake_everyone();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, poll_fn, ready},
        pin::pin,
        task::Poll,
    };

    use tokio::sync::oneshot;
    use tokio_test::{assert_pending, assert_ready, task};

    use super::*;
    use crate::server::Shutdown;

    #[test]
    fn all_who_wait_are_woken_once_and_for_all() {
        let shutdown = Shutdown::new();
        let mut waiting: Vec<_> = (0..1000).map(|_| task::spawn(shutdown.begun())).collect();
        waiting.iter_mut().for_each(|begun| assert_pending!(begun.poll()));
        assert!(!shutdown.has_begun());
        let clone = shutdown.clone();
        clone.begin();
        shutdown.begin();
        assert!(shutdown.has_begun());
        for begun in &mut waiting {
            assert!(begun.is_woken());
            assert_ready!(begun.poll());
            assert_ready!(begun.poll());
        }
        assert_ready!(task::spawn(shutdown.begun()).poll());
    }

    #[test]
    fn who_moves_to_another_task_is_woken_there() {
        let shutdown = Shutdown::new();
        let mut first = task::spawn(());
        let mut second = task::spawn(());
        let mut begun = shutdown.begun();
        first.enter(|cx, _| assert_pending!(Pin::new(&mut begun).poll(cx)));
        second.enter(|cx, _| assert_pending!(Pin::new(&mut begun).poll(cx)));
        shutdown.begin();
        assert!(second.is_woken());
    }

    #[test]
    fn the_end_of_a_future_is_the_beginning_for_all_who_wait() {
        let (sender, receiver) = oneshot::channel::<()>();
        let shutdown = Shutdown::on(async { drop(receiver.await) });
        let mut waiting: Vec<_> = (0..3).map(|_| task::spawn(shutdown.begun())).collect();
        waiting.iter_mut().for_each(|begun| assert_pending!(begun.poll()));
        drop(sender);
        // Whichever of them is polled.
        assert!(waiting.iter().all(task::Spawn::is_woken));
        assert_ready!(waiting[2].poll());
        waiting.iter_mut().for_each(|begun| assert_ready!(begun.poll()));
    }

    #[test]
    fn a_future_that_stirs_without_an_end_is_polled_again_by_any_who_wait() {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<()>();
        let shutdown = Shutdown::on(async move { while receiver.recv().await.is_some() {} });
        let mut unpolled = task::spawn(shutdown.begun());
        let mut polled = task::spawn(shutdown.begun());
        assert_pending!(unpolled.poll());
        assert_pending!(polled.poll());
        for _ in 0..3 {
            sender.send(()).unwrap();
            assert!(polled.is_woken());
            assert_pending!(polled.poll());
        }
        drop(sender);
        assert!(polled.is_woken());
        assert_ready!(polled.poll());
        assert!(unpolled.is_woken());
    }

    #[test]
    fn a_question_looks_at_the_future_too() {
        assert!(Shutdown::on(ready(())).has_begun());
        let never = Shutdown::on(pending());
        assert!(!never.has_begun());
        never.begin();
        assert!(never.has_begun());
    }

    #[test]
    fn a_future_that_wakes_itself_or_asks_for_its_own_shutdown_is_no_deadlock() {
        let mut polls = 0;
        let slot = Arc::new(OnceLock::<Shutdown>::new());
        let own = Arc::clone(&slot);
        let shutdown = Shutdown::on(poll_fn(move |cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            assert!(own.get().is_none_or(|shutdown| !shutdown.has_begun()));
            if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
        }));
        slot.set(shutdown.clone()).unwrap();
        assert_ready!(task::spawn(shutdown.begun()).poll());
    }

    #[test]
    fn a_future_that_wakes_itself_until_something_happens_lets_others_run() {
        let happened = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&happened);
        let shutdown = Shutdown::on(poll_fn(move |cx| {
            if seen.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            // As it is done to yield.
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        let mut begun = task::spawn(shutdown.begun());
        for _ in 0..3 {
            assert_pending!(begun.poll());
            assert!(begun.is_woken(), "to look again");
        }
        happened.store(true, Ordering::SeqCst);
        assert_ready!(begun.poll());
    }

    #[test]
    fn a_future_that_stirs_while_others_look_is_seen_by_one_of_them() {
        // Two who wait, in two threads; whichever looks finds it taken by the other now and then. It takes many turns, and
        // who waits is only ever polled when woken.
        for _ in 0..50 {
            let mut turns = 0;
            let shutdown = Shutdown::on(poll_fn(move |cx| {
                turns += 1;
                if turns == 200 {
                    return Poll::Ready(());
                }
                let waker = cx.waker().clone();
                std::thread::yield_now();
                waker.wake();
                Poll::Pending
            }));
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| tokio_test::block_on(shutdown.begun()));
                }
            });
        }
    }

    #[test]
    fn a_future_that_panics_begins_the_shutdown() {
        let shutdown = Shutdown::on(async { panic!("no signals here") });
        assert_ready!(task::spawn(shutdown.begun()).poll());
        assert!(shutdown.has_begun());
    }

    #[test]
    fn a_shutdown_that_nobody_holds_is_gone_with_its_future() {
        // A future that is kept by the place that holds its waker, as those of a runtime are.
        let (sender, receiver) = oneshot::channel::<()>();
        let shutdown = Shutdown::on(async { drop(receiver.await) });
        assert!(!shutdown.has_begun());
        drop(shutdown);
        assert!(sender.is_closed());
    }

    #[test]
    fn threads_that_wait_begin_and_drop_at_once_miss_nothing() {
        for round in 0..200_usize {
            let (sender, receiver) = oneshot::channel::<()>();
            let shutdown = if round % 2 == 0 { Shutdown::new() } else { Shutdown::on(async { drop(receiver.await) }) };
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        tokio_test::block_on(async {
                            for _ in 0..round % 7 {
                                let mut begun = pin!(shutdown.begun());
                                poll_fn(|cx| Poll::Ready(begun.as_mut().poll(cx).is_ready())).await;
                            }
                            shutdown.begun().await;
                        });
                    });
                }
                if round % 2 == 0 { shutdown.begin() } else { drop(sender) }
            });
        }
    }
}
