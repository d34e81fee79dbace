use std::{
    future::{pending, poll_fn, ready},
    pin::{Pin, pin},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
};

use tokio::{runtime, sync::oneshot};
use tokio_test::{assert_pending, assert_ready, task};

use super::*;
use crate::wake::budget::spend_budget;

#[test]
fn all_waiting_tasks_are_woken_when_the_shutdown_begins() {
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
fn clones_of_a_shutdown_are_the_same_and_others_are_not() {
    let shutdown = Shutdown::new();
    assert!(shutdown.is_same(&shutdown.clone()));
    assert!(!shutdown.is_same(&Shutdown::new()));
}

#[test]
fn a_future_that_moves_to_another_task_wakes_that_task() {
    let shutdown = Shutdown::new();
    let mut first = task::spawn(());
    let mut second = task::spawn(());
    let mut begun = shutdown.begun();
    first.enter(|cx, _| assert_pending!(Pin::new(&mut begun).poll(cx)));
    second.enter(|cx, _| assert_pending!(Pin::new(&mut begun).poll(cx)));
    shutdown.begin();
    assert!(second.is_woken() && !first.is_woken());
}

#[test]
fn a_dropped_future_wakes_no_task() {
    let shutdown = Shutdown::new();
    let mut task = task::spawn(());
    let mut begun = shutdown.begun();
    task.enter(|cx, _| assert_pending!(Pin::new(&mut begun).poll(cx)));
    drop(begun);
    shutdown.begin();
    assert!(!task.is_woken());
}

/// A regression test: a wake-up was lost when a task registered after the beginning and before the others were woken.
#[test]
fn a_task_that_registers_while_others_are_woken_is_ready_at_once() {
    let shutdown = Shutdown::new();
    let registered = Arc::new(OnceLock::new());
    let (late, seen) = (shutdown.clone(), Arc::clone(&registered));
    // This waker polls another task while the shutdown wakes its tasks.
    let polling_waker = std::task::Waker::from(Arc::new(OnWake(move || {
        let mut begun = task::spawn(late.begun());
        let _ = seen.set(begun.poll().is_ready());
    })));
    let mut begun = shutdown.begun();
    assert_pending!(Pin::new(&mut begun).poll(&mut Context::from_waker(&polling_waker)));
    shutdown.begin();
    assert_eq!(registered.get(), Some(&true));
}

struct OnWake<F>(F);

impl<F: Fn() + Send + Sync + 'static> std::task::Wake for OnWake<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

#[test]
fn threads_that_wait_begin_and_drop_concurrently_miss_no_wake_up() {
    for round in 0..2_000_usize {
        let shutdown = Shutdown::new();
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
            shutdown.begin();
        });
    }
}

#[tokio::test]
async fn a_task_without_coop_budget_is_woken() {
    let shutdown = Shutdown::new();
    let mut begun = shutdown.begun();
    let mut polls = 0;
    poll_fn(|cx| {
        spend_budget(cx);
        polls += 1;
        Pin::new(&mut begun).poll(cx).map(drop)
    })
    .now_or_later(&shutdown)
    .await;
    assert!(polls >= 2);
}

/// Polls a future once without success, begins the shutdown, and awaits the future.
trait NowOrLater: Future<Output = ()> + Sized {
    async fn now_or_later(self, shutdown: &Shutdown) {
        let mut future = pin!(self);
        poll_fn(|cx| {
            assert_pending!(future.as_mut().poll(cx));
            Poll::Ready(())
        })
        .await;
        shutdown.begin();
        future.await;
    }
}

impl<F: Future<Output = ()>> NowOrLater for F {}

#[tokio::test]
async fn a_shutdown_begins_for_all_waiting_tasks_when_its_future_ends() {
    let (sender, receiver) = oneshot::channel::<()>();
    let shutdown = Shutdown::on(async { drop(receiver.await) });
    let mut waiting: Vec<_> = (0..3).map(|_| task::spawn(shutdown.begun())).collect();
    waiting.iter_mut().for_each(|begun| assert_pending!(begun.poll()));
    drop(sender);
    shutdown.begun().await;
    assert!(waiting.iter().all(task::Spawn::is_woken));
    waiting.iter_mut().for_each(|begun| assert_ready!(begun.poll()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_future_that_is_ready_at_once_begins_the_shutdown() {
    for _ in 0..200 {
        Shutdown::on(ready(())).begun().await;
    }
}

#[test]
fn has_begun_polls_no_future() {
    let polls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&polls);
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    let shutdown = {
        let _entered = runtime.enter();
        Shutdown::on(poll_fn(move |_| {
            seen.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(())
        }))
    };
    // Neither on this thread nor on one outside of the runtime.
    assert!(!shutdown.has_begun());
    std::thread::scope(|scope| scope.spawn(|| assert!(!shutdown.has_begun())).join().unwrap());
    assert_pending!(task::spawn(shutdown.begun()).poll());
    assert_eq!(polls.load(Ordering::Relaxed), 0);
    runtime.block_on(shutdown.begun());
    assert_eq!(polls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_future_that_wakes_itself_or_checks_its_own_shutdown_causes_no_deadlock() {
    let cell = Arc::new(OnceLock::<Shutdown>::new());
    let own = Arc::clone(&cell);
    let mut polls = 0;
    let shutdown = Shutdown::on(poll_fn(move |cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        assert!(own.get().is_none_or(|shutdown| !shutdown.has_begun()));
        if polls == 100 { Poll::Ready(()) } else { Poll::Pending }
    }));
    cell.set(shutdown.clone()).unwrap();
    shutdown.begun().await;
}

#[tokio::test]
async fn a_future_that_wakes_itself_lets_other_tasks_run() {
    let happened = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&happened);
    let shutdown = Shutdown::on(poll_fn(move |cx| {
        if seen.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    assert!(!shutdown.has_begun());
    happened.store(true, Ordering::SeqCst);
    shutdown.begun().await;
}

#[tokio::test]
async fn a_future_that_panics_begins_the_shutdown() {
    let shutdown = Shutdown::on(async { panic!("no signals here") });
    shutdown.begun().await;
    assert!(shutdown.has_begun());
}

#[test]
fn a_shutdown_begins_when_the_runtime_of_its_future_is_shut_down() {
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    let shutdown = runtime.block_on(async { Shutdown::on(pending()) });
    let mut begun = task::spawn(shutdown.begun());
    assert_pending!(begun.poll());
    drop(runtime);
    assert!(begun.is_woken());
    assert_ready!(begun.poll());
}

#[tokio::test]
async fn the_future_is_dropped_with_the_last_handle_of_its_shutdown() {
    let (mut sender, receiver) = oneshot::channel::<()>();
    let shutdown = Shutdown::on(async { drop(receiver.await) });
    let begun = shutdown.begun();
    let clone = shutdown.clone();
    drop((shutdown, clone));
    for _ in 0..3 {
        tokio::task::yield_now().await;
        assert!(!sender.is_closed(), "a future of `begun` is still alive");
    }
    drop(begun);
    sender.closed().await;
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn a_future_needs_a_runtime() {
    let _ = Shutdown::on(pending());
}
