use std::{
    future::IntoFuture,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::future::join_all;
use sse_typed::{
    LastEventId,
    runs::{RunState, RunStore, RunWriter},
};
use tokio::{task::yield_now, time::sleep};

use crate::{
    common::{Answer, Dropped, Setup, count, hang, polled, started_hanging, token},
    faulty::Faulty,
};

pub(crate) async fn concurrent_starts_make_one_run<S: RunStore>(setup: &Setup<S>) {
    let processes = ["a", "b", "c"].map(|owner| setup.process(owner));
    let executions = Arc::new(AtomicUsize::new(0));
    let started = join_all((0..60).map(|n| {
        let (scope, executions) = (processes[n % 3].public(), Arc::clone(&executions));
        let produce = move |run| {
            executions.fetch_add(1, Ordering::SeqCst);
            count(run, 3)
        };
        tokio::spawn(async move { scope.start("7", produce).await.unwrap() })
    }));
    let started: Vec<_> = started.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(started.iter().filter(|started| started.is_new).count(), 1);
    let first = started[0].run.id();
    for started in &started {
        assert_eq!(started.run.id(), first);
        assert_eq!(setup.all(&started.run, LastEventId::none()).await.len(), 4);
    }
    assert_eq!(executions.load(Ordering::SeqCst), 1);
}

pub(crate) async fn a_post_that_is_repeated_joins_the_run_while_it_runs_and_after<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let first = here.start("7", |run| async move {
        finished.await?;
        count(run, 2).await
    });
    let first = first.await.unwrap();
    assert!(first.is_new);
    let during = there.start("7", hang).await.unwrap();
    assert!(!during.is_new && during.run.id() == first.run.id() && during.run.last_status().is_running());
    finish.send(()).unwrap();
    let expected = [token(0), token(1), Answer::Done];
    assert_eq!(setup.all(&during.run, LastEventId::none()).await, expected);
    for scope in [&here, &there] {
        let after = scope.start("7", hang).await.unwrap();
        assert!(!after.is_new && after.run.last_status().state() == RunState::Done);
        assert_eq!(setup.all(&after.run, LastEventId::none()).await, expected);
    }
}

pub(crate) async fn another_input_is_an_error<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    scope.start("7", |run| count(run, 1)).input(b"question").await.unwrap();
    assert!(!scope.start("7", hang).input(b"question").await.unwrap().is_new);
    assert!(!scope.start("7", hang).await.unwrap().is_new);
    let error = scope.start("7", hang).input(b"another").await.unwrap_err();
    assert!(error.is_other_input(), "{error}");
    assert_eq!(error.to_string(), "the key has a run of another input");
    scope.start("8", hang).await.unwrap();
    assert!(scope.start("8", hang).input(b"question").await.unwrap_err().is_other_input());
}

pub(crate) async fn a_start_that_is_dropped_at_any_await_leaves_no_run_without_a_producer<S: RunStore>(
    setup: &Setup<S>,
) {
    let scope = setup.process("a").public();
    for polls in 0..20 {
        let key = format!("dropped after {polls}");
        let mut start = scope.start(&*key, |run| count(run, 2)).into_future();
        for _ in 0..polls {
            if polled(&mut start).await.is_ready() {
                break;
            }
            yield_now().await;
        }
        drop(start);
        if polls == 0 {
            sleep(setup.lease / 10).await;
            assert!(scope.get(&key).await.unwrap().is_none(), "a start that was never polled starts nothing");
            continue;
        }
        setup.until(async || scope.get(&key).await.unwrap().is_some()).await;
        let run = scope.get(&key).await.unwrap().unwrap();
        assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), token(1), Answer::Done]);
    }
}

pub(crate) async fn a_post_that_is_dropped_during_the_claim_leaves_a_run_with_a_producer<S: RunStore>(
    setup: &Setup<S>,
) {
    let store = Faulty::new(&setup.store);
    store.faults.waits.send_replace(true);
    let scope = setup.builder("a").build_on(store.clone(), "answers").public();
    let mut start = scope.start("7", |run| count(run, 2)).into_future();
    for _ in 0..10 {
        assert!(polled(&mut start).await.is_pending());
        yield_now().await;
    }
    drop(start);
    assert!(scope.get("7").await.unwrap().is_none());
    store.faults.waits.send_replace(false);
    let other = setup.process("b").public();
    let run = setup.in_time(async {
        loop {
            match other.get("7").await.unwrap() {
                Some(run) => break run,
                None => yield_now().await,
            }
        }
    });
    assert_eq!(setup.all(&run.await, LastEventId::none()).await, [token(0), token(1), Answer::Done]);
}

pub(crate) async fn a_restart_replaces_a_run_that_has_ended<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let first = scope.restart("7", |run| count(run, 1)).await.unwrap();
    assert!(first.is_new);
    setup.all(&first.run, LastEventId::none()).await;
    let second = scope.restart("7", hang).await.unwrap();
    assert!(second.is_new && second.run.id() != first.run.id());
    assert_eq!(first.run.status().await.unwrap(), None);
    let joined = scope.restart("7", |run| count(run, 9)).await.unwrap();
    assert!(!joined.is_new && joined.run.id() == second.run.id(), "a run that is running is joined");
}

pub(crate) async fn two_clicks_on_restart_start_one_run<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    let first = here.start("7", |run| count(run, 1)).await.unwrap().run;
    setup.all(&first, LastEventId::none()).await;
    let short = setup.lease / 2;
    let slow = move |run: RunWriter<Answer, S>| async move {
        sleep(short).await;
        count(run, 2).await
    };
    let (one, two) = tokio::join!(here.restart("7", slow).into_future(), there.restart("7", slow).into_future());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.is_new != two.is_new && one.run.id() == two.run.id());
    // The second click arrives after the new run has ended.
    setup.all(&one.run, LastEventId::none()).await;
    let late = there.restart("7", hang).replacing(first.id()).await.unwrap();
    assert!(!late.is_new && late.run.id() == one.run.id());
}

pub(crate) async fn a_run_that_is_kept_no_longer_is_gone_and_may_begin_anew<S: RunStore>(setup: &Setup<S>) {
    let keep = setup.lease * 2;
    let scope = setup.builder("a").keep(keep).build_on(setup.store.clone(), "answers").public();
    let first = scope.start("7", |run| count(run, 1)).await.unwrap().run;
    setup.all(&first, LastEventId::none()).await;
    sleep(keep / 2).await;
    assert!(scope.get("7").await.unwrap().is_some());
    sleep(keep).await;
    assert!(scope.get("7").await.unwrap().is_none());
    assert_eq!(first.status().await.unwrap(), None);
    let anew = scope.start("7", |run| count(run, 2)).await.unwrap();
    assert!(anew.is_new);
    assert_eq!(setup.all(&anew.run, LastEventId::none()).await, [token(0), token(1), Answer::Done]);
}

pub(crate) async fn a_joined_closure_is_dropped_without_being_called<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    started_hanging(&scope, "7").await;
    let (sender, dropped) = tokio::sync::oneshot::channel();
    let guard = Dropped(Some(sender));
    let joined = scope.start("7", |run: RunWriter<Answer, S>| async move {
        let _guard = guard;
        panic!("a second producer of {run:?}")
    });
    assert!(!joined.await.unwrap().is_new);
    dropped.await.unwrap();
}
