use std::{future::pending, time::Duration};

use futures_util::StreamExt;
use sse_typed::{
    LastEventId,
    runs::{Claimed, NewRun, RunRef, RunState, RunStore, RunWriter},
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use crate::{
    common::{Answer, Setup, count, hang, rest, started_hanging, started_with_guard, token},
    faulty::{Faults, Faulty},
};

/// A run of a process that dies right after the claim.
async fn died<S: RunStore>(setup: &Setup<S>, key: &str) {
    let new = NewRun::new("dead", setup.lease, setup.lease * 10);
    let claimed = setup.store.claim(&format!("answers/*/{key}"), &new).await.unwrap();
    assert!(matches!(claimed, Claimed::Started(_)));
}

pub(crate) async fn a_reader_is_told_within_a_lease_that_the_process_died<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    died(setup, "7").await;
    let began = Instant::now();
    let one = here.get("7").await.unwrap().unwrap().subscribe(LastEventId::none()).await;
    let two = there.get("7").await.unwrap().unwrap().subscribe(LastEventId::none()).await;
    assert_eq!(setup.in_time(rest(one)).await, [Answer::Lost]);
    assert_eq!(setup.in_time(rest(two)).await, [Answer::Lost]);
    let took = began.elapsed();
    assert!(took < setup.lease + setup.slack, "{took:?}");
    assert_eq!(here.get("7").await.unwrap().unwrap().last_status().state(), RunState::Lost);
}

pub(crate) async fn a_look_finds_that_the_process_died<S: RunStore>(setup: &Setup<S>) {
    let here = setup.process("a");
    for key in ["get", "start", "list", "restart"] {
        died(setup, key).await;
    }
    assert!(here.public().get("get").await.unwrap().unwrap().last_status().is_running());
    sleep(setup.lease + Duration::from_millis(100)).await;
    assert_eq!(here.public().get("get").await.unwrap().unwrap().last_status().state(), RunState::Lost);
    let started = here.public().start("start", hang).await.unwrap();
    assert!(!started.is_new && started.run.last_status().state() == RunState::Lost);
    assert!(here.public().restart("restart", hang).await.unwrap().is_new, "a lost run may begin anew");
    let listed = here.list(None, 10).await.unwrap();
    let states: Vec<_> = listed.iter().map(|status| (status.key(), status.state())).collect();
    let (lost, running) = (RunState::Lost, RunState::Running);
    assert_eq!(states, [("get", lost), ("list", lost), ("restart", running), ("start", lost)]);
}

pub(crate) async fn a_producer_that_is_late_is_fenced<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    Faults::set(&store.faults.renewals_fail, true);
    let here = setup.builder("a").build_on(store, "answers").public();
    let (go_on, waits) = oneshot::channel::<()>();
    let (sender, failed) = oneshot::channel();
    let produce = move |run: RunWriter<Answer, Faulty<S>>| async move {
        run.publish(&token(0)).await?;
        waits.await?;
        let error = run.publish(&token(1)).await.unwrap_err();
        let _ = sender.send(error);
        pending().await
    };
    here.start("7", produce).await.unwrap();
    let there = setup.process("b").public();
    let run = there.get("7").await.unwrap().unwrap();
    let expected = [token(0), Answer::Lost];
    assert_eq!(setup.all(&run, LastEventId::none()).await, expected);
    go_on.send(()).unwrap();
    let error = setup.in_time(failed).await.unwrap();
    assert!(error.is_ended(), "{error}");
    assert_eq!(error.end(), Some(sse_typed::hub::End::Lost));
    assert_eq!(setup.all(&run, LastEventId::none()).await, expected);
}

pub(crate) async fn a_producer_whose_run_was_ended_elsewhere_is_dropped<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    // A process that has just connected to its store takes no run for lost.
    sleep(setup.lease).await;
    let (run, dropped) = started_with_guard(&here, "7").await;
    setup.store.release(&RunRef::new(run.last_status().cursor(), run.id())).await.unwrap();
    // The lease has expired before its process renews it.
    assert_eq!(there.get("7").await.unwrap().unwrap().last_status().state(), RunState::Lost);
    setup.in_time(dropped).await.unwrap();
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Lost]);
}

pub(crate) async fn a_look_after_an_outage_finds_a_lost_run_one_lease_later<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    let here = setup.builder("a").build_on(store.clone(), "answers").public();
    died(setup, "7").await;
    Faults::set(&store.faults.is_away, true);
    assert!(here.get("7").await.unwrap_err().is_store());
    sleep(setup.lease * 2).await;
    Faults::set(&store.faults.is_away, false);
    assert!(here.get("7").await.unwrap().unwrap().last_status().is_running());
    sleep(setup.lease).await;
    assert_eq!(here.get("7").await.unwrap().unwrap().last_status().state(), RunState::Lost);
}

pub(crate) async fn a_run_whose_lease_expired_goes_on_until_somebody_looks<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    Faults::set(&store.faults.renewals_fail, true);
    let here = setup.builder("a").build_on(store.clone(), "answers").public();
    let run = here.start("7", hang).await.unwrap().run;
    sleep(setup.lease * 3).await;
    // Its own process knows that it lives.
    assert!(run.status().await.unwrap().unwrap().is_running());
    Faults::set(&store.faults.renewals_fail, false);
    sleep(setup.lease).await;
    let there = setup.process("b").public();
    assert!(there.get("7").await.unwrap().unwrap().last_status().is_running());
}

pub(crate) async fn a_process_takes_none_of_its_own_runs_for_lost<S: RunStore>(setup: &Setup<S>) {
    let here = setup.process("a");
    let run = here.public().start("7", hang).await.unwrap().run;
    // As after a pause of the process, before its leases are renewed.
    setup.store.release(&RunRef::new(run.last_status().cursor(), run.id())).await.unwrap();
    assert!(run.status().await.unwrap().unwrap().is_running());
    assert!(here.list(None, 10).await.unwrap()[0].is_running());
    sleep(setup.lease).await;
    let there = setup.process("b").public();
    assert!(there.get("7").await.unwrap().unwrap().last_status().is_running());
}

pub(crate) async fn leases_are_renewed_for_as_long_as_a_run_takes<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    let here = setup.builder("a").build_on(store.clone(), "answers").public();
    for n in 0..10 {
        here.start(n.to_string(), hang).await.unwrap();
    }
    let renewals = || store.faults.renewals.load(std::sync::atomic::Ordering::SeqCst);
    // A store may wake each run once, when it has subscribed to its signals.
    sleep(setup.lease).await;
    let before = renewals();
    sleep(setup.lease * 5).await;
    let there = setup.process("b").public();
    for n in 0..10 {
        assert!(there.get(&n.to_string()).await.unwrap().unwrap().last_status().is_running());
    }
    let renewals = renewals() - before;
    assert!((10..=20).contains(&renewals), "one call renews all leases three times in a lease: {renewals}");
}

pub(crate) async fn after_an_outage_nobody_is_lost_for_one_lease<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    let here = setup.builder("a").build_on(store.clone(), "answers").public();
    died(setup, "7").await;
    let run = here.get("7").await.unwrap().unwrap();
    let mut reader = run.subscribe(LastEventId::none()).await.events();
    Faults::set(&store.faults.is_away, true);
    sleep(setup.lease * 2).await;
    Faults::set(&store.faults.is_away, false);
    let back = Instant::now();
    assert_eq!(*setup.in_time(reader.next()).await.unwrap().data, Answer::Lost);
    let took = back.elapsed();
    assert!(took >= setup.lease && took < setup.lease * 2 + setup.slack, "{took:?}");
}

pub(crate) async fn a_shutdown_lets_runs_finish_and_ends_the_rest_as_lost<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a"), setup.process("b").public());
    let scope = here.public();
    let short = setup.lease / 10;
    let slow = move |run: RunWriter<Answer, S>| async move {
        sleep(short).await;
        count(run, 1).await
    };
    let slow = scope.start("slow", slow).await.unwrap().run;
    let endless = started_hanging(&scope, "endless").await;
    let began = Instant::now();
    let deadline = setup.lease;
    let shutdown = tokio::spawn({
        let here = here.clone();
        async move { here.shutdown(deadline).await }
    });
    tokio::task::yield_now().await;
    let refused = scope.start("late", hang).await.unwrap_err();
    assert!(refused.is_shutting_down(), "{refused}");
    assert_eq!(setup.in_time(shutdown).await.unwrap(), 1);
    let took = began.elapsed();
    assert!(took >= deadline && took < deadline + setup.slack, "{took:?}");
    assert_eq!(setup.all(&slow, LastEventId::none()).await, [token(0), Answer::Done]);
    assert_eq!(there.get("endless").await.unwrap().unwrap().last_status().state(), RunState::Lost);
    assert_eq!(setup.all(&endless, LastEventId::none()).await, [token(0), Answer::Lost]);
    assert_eq!(setup.in_time(here.shutdown(deadline)).await, 0);
}

pub(crate) async fn a_renewal_during_the_shutdown_keeps_no_run_running<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    Faults::set(&store.faults.renews_after_release, true);
    let here = setup.builder("a").build_on(store.clone(), "answers");
    let endless = started_hanging(&here.public(), "endless").await;
    assert_eq!(setup.in_time(here.shutdown(Duration::ZERO)).await, 1);
    assert!(!store.faults.renews_after_release.load(std::sync::atomic::Ordering::SeqCst));
    let there = setup.process("b").public();
    assert_eq!(there.get("endless").await.unwrap().unwrap().last_status().state(), RunState::Lost);
    assert_eq!(setup.all(&endless, LastEventId::none()).await, [token(0), Answer::Lost]);
}
