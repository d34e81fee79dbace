use std::{future::pending, time::Duration};

use sse_typed::{
    LastEventId,
    runs::{RunState, RunStore, RunWriter},
};
use tokio::{
    task::yield_now,
    time::{Instant, sleep},
};

use crate::{
    common::{Answer, Setup, count, hang, polled, started_hanging, started_with_guard, token},
    faulty::{Faults, Faulty},
};

pub(crate) async fn a_stop_from_another_process_drops_the_producer<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    let (run, dropped) = started_with_guard(&here, "7").await;
    let began = Instant::now();
    let status = setup.in_time(there.stop("7")).await.unwrap().unwrap();
    assert_eq!(status.state(), RunState::Stopped);
    assert!(began.elapsed() < setup.slack, "the owner is woken, and does not find out by its next renewal");
    dropped.await.unwrap();
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Stopped]);
}

pub(crate) async fn a_stop_from_the_same_process_drops_the_producer<S: RunStore>(setup: &Setup<S>) {
    let here = setup.process("a").public();
    let (run, dropped) = started_with_guard(&here, "7").await;
    assert_eq!(setup.in_time(run.stop()).await.unwrap().unwrap().state(), RunState::Stopped);
    dropped.await.unwrap();
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Stopped]);
}

pub(crate) async fn a_producer_has_the_grace_to_return_its_own_last_event<S: RunStore>(setup: &Setup<S>) {
    let grace = setup.lease * 5;
    let (here, there) = (
        setup.builder("a").grace(grace).build_on(setup.store.clone(), "answers").public(),
        setup.builder("b").grace(grace).build_on(setup.store.clone(), "answers").public(),
    );
    for returns_error in [false, true] {
        let key = format!("error: {returns_error}");
        let produce = move |run: RunWriter<Answer, S>| async move {
            assert!(!run.is_stopped());
            run.stopped().await;
            assert!(run.is_stopped());
            run.publish(&token("saved")).await?;
            if returns_error { Err("cancelled".into()) } else { Ok(Answer::Done) }
        };
        let run = here.start(&*key, produce).await.unwrap().run;
        let began = Instant::now();
        let status = setup.in_time(there.stop(&key)).await.unwrap().unwrap();
        assert_eq!(status.state(), RunState::Stopped);
        assert!(began.elapsed() < grace, "the grace is not waited for");
        let last = if returns_error { Answer::Stopped } else { Answer::Done };
        assert_eq!(setup.all(&run, LastEventId::none()).await, [token("saved"), last]);
    }
}

pub(crate) async fn a_producer_that_ignores_the_grace_is_dropped_after_it<S: RunStore>(setup: &Setup<S>) {
    let grace = setup.lease / 2;
    let here = setup.builder("a").grace(grace).build_on(setup.store.clone(), "answers").public();
    let run = started_hanging(&here, "7").await;
    let began = Instant::now();
    let status = setup.in_time(run.stop()).await.unwrap().unwrap();
    assert_eq!(status.state(), RunState::Stopped);
    let took = began.elapsed();
    assert!(took >= grace && took < grace + setup.slack, "{took:?}");
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Stopped]);
}

pub(crate) async fn a_stop_after_the_end_changes_nothing<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    let run = here.start("7", |run| count(run, 1)).await.unwrap().run;
    setup.all(&run, LastEventId::none()).await;
    for scope in [here, there] {
        assert_eq!(scope.stop("7").await.unwrap().unwrap().state(), RunState::Done);
    }
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Done]);
}

pub(crate) async fn a_stop_of_a_producer_that_does_not_hear_is_done_by_the_caller<S: RunStore>(setup: &Setup<S>) {
    // The process of the run cannot renew, so it does not learn that somebody asked.
    let store = Faulty::new(&setup.store);
    Faults::set(&store.faults.renewals_fail, true);
    let here = setup.builder("a").build_on(store, "answers").public();
    let (sender, mut asked) = tokio::sync::mpsc::unbounded_channel::<()>();
    let produce = move |run: RunWriter<Answer, Faulty<S>>| async move {
        run.publish(&token(0)).await?;
        let _guard = sender;
        pending().await
    };
    here.start("7", produce).await.unwrap();
    let there = setup.process("b").public();
    let began = Instant::now();
    let status = setup.in_time(there.stop("7")).await.unwrap().unwrap();
    assert_eq!(status.state(), RunState::Stopped);
    assert!(began.elapsed() >= Duration::from_secs(2), "it has waited for the process of the run");
    let run = there.get("7").await.unwrap().unwrap();
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Stopped]);
    assert!(asked.try_recv().is_err());
}

pub(crate) async fn spurious_wake_ups_stop_nothing<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    let here = setup.builder("a").build_on(store.clone(), "answers").public();
    let run = here.start("7", hang).await.unwrap().run;
    for _ in 0..50 {
        setup.store.wakes().all_changed();
        yield_now().await;
    }
    sleep(setup.lease / 10).await;
    assert!(run.status().await.unwrap().unwrap().is_running());
    let renewals = store.faults.renewals.load(std::sync::atomic::Ordering::SeqCst);
    assert!((1..=60).contains(&renewals), "{renewals}");
    assert_eq!(setup.in_time(run.stop()).await.unwrap().unwrap().state(), RunState::Stopped);
}

pub(crate) async fn a_stop_that_is_dropped_at_any_await_leaves_no_reader_waiting<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    for polls in 0..12 {
        let key = format!("dropped after {polls}");
        let run = started_hanging(&here, &key).await;
        let mut stop = Box::pin(there.stop(&key));
        for _ in 0..polls {
            if polled(&mut stop).await.is_ready() {
                break;
            }
            yield_now().await;
        }
        drop(stop);
        sleep(setup.lease / 10).await;
        let is_consistent = async || {
            let status = run.status().await.unwrap().unwrap();
            !status.is_stopping()
        };
        setup.until(is_consistent).await;
        assert_eq!(setup.in_time(run.stop()).await.unwrap().unwrap().state(), RunState::Stopped);
        assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Stopped]);
    }
}

pub(crate) async fn a_stop_of_no_run_is_none<S: RunStore>(setup: &Setup<S>) {
    assert_eq!(setup.process("a").public().stop("7").await.unwrap(), None);
}
