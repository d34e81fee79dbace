use std::sync::atomic::Ordering;

use sse_typed::{
    LastEventId,
    runs::{AnyRunStore, RunState, RunStore, RunWriter},
};
use tokio::{
    sync::oneshot,
    task::yield_now,
    time::{Instant, sleep, timeout},
};

use crate::{
    common::{Answer, Setup, count, token},
    faulty::{Faults, Faulty},
};

pub(crate) async fn an_event_is_published_once_through_an_outage<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    let scope = setup.builder("a").outage(setup.lease * 4).build_on(store.clone(), "answers").public();
    let (go_on, waits) = oneshot::channel::<()>();
    let produce = move |run: RunWriter<Answer, Faulty<S>>| async move {
        run.publish(&token(0)).await?;
        waits.await?;
        run.publish(&token(1)).await?;
        Ok(Answer::Done)
    };
    let run = scope.start("7", produce).await.unwrap().run;
    Faults::set(&store.faults.is_away, true);
    go_on.send(()).unwrap();
    sleep(setup.lease / 2).await;
    assert!(store.faults.appends.load(Ordering::SeqCst) > 2, "it is tried again");
    Faults::set(&store.faults.is_away, false);
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), token(1), Answer::Done]);
}

pub(crate) async fn an_outage_that_lasts_too_long_is_an_error<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    let outage = setup.lease * 2;
    let scope = setup.builder("a").outage(outage).build_on(store.clone(), "answers").public();
    let (sender, failed) = oneshot::channel();
    let faults = std::sync::Arc::clone(&store.faults);
    let produce = move |run: RunWriter<Answer, Faulty<S>>| async move {
        Faults::set(&faults.is_away, true);
        let began = Instant::now();
        let error = run.publish(&token(0)).await.unwrap_err();
        Faults::set(&faults.is_away, false);
        let _ = sender.send((error.is_store(), began.elapsed()));
        Err(error.into())
    };
    let run = scope.start("7", produce).await.unwrap().run;
    let (is_store, took) = setup.in_time(failed).await.unwrap();
    assert!(is_store && took >= outage && took < outage + setup.slack, "{took:?}");
    let reason = "the store of the run failed for too long".to_owned();
    assert_eq!(setup.all(&run, LastEventId::none()).await, [Answer::Failed { reason }]);
}

pub(crate) async fn a_start_without_a_store_is_an_error<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    Faults::set(&store.faults.is_away, true);
    let scope = setup.builder("a").build_on(store.clone(), "answers").public();
    let error = scope.start("7", |run| count(run, 1)).await.unwrap_err();
    assert!(error.is_store(), "{error}");
    assert!(scope.get("7").await.unwrap_err().is_store());
    assert!(scope.stop("7").await.unwrap_err().is_store());
    Faults::set(&store.faults.is_away, false);
    sleep(setup.lease * 2).await;
    assert!(scope.get("7").await.unwrap().is_none(), "the claim has not happened, and nothing is run");
}

pub(crate) async fn a_claim_whose_reply_was_lost_is_run<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    Faults::set(&store.faults.loses_claim, true);
    let scope = setup.builder("a").build_on(store, "answers").public();
    let error = scope.start("7", |run| count(run, 1)).await.unwrap_err();
    assert!(error.is_store(), "{error}");
    let again = scope.start("7", |run| count(run, 9)).await.unwrap();
    assert!(!again.is_new);
    assert_eq!(setup.all(&again.run, LastEventId::none()).await, [token(0), Answer::Done]);
}

pub(crate) async fn renewals_that_fail_kill_no_producer<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    Faults::set(&store.faults.renewals_fail, true);
    let scope = setup.builder("a").build_on(store, "answers").public();
    let long = setup.lease * 3;
    let produce = move |run: RunWriter<Answer, Faulty<S>>| async move {
        sleep(long).await;
        count(run, 1).await
    };
    let run = scope.start("7", produce).await.unwrap().run;
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Done]);
}

pub(crate) async fn renewals_that_panic_are_tried_again<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    Faults::set(&store.faults.renewals_panic, true);
    let scope = setup.builder("a").build_on(store.clone(), "answers").public();
    let began = Instant::now();
    scope.start("7", crate::common::hang).await.unwrap();
    sleep(setup.lease / 2).await;
    // Redis also wakes a run when its connection is there, and when its subscription takes effect. The host may be slow.
    let most = 2 + began.elapsed().as_millis() / (setup.lease / 3).as_millis();
    let renewals = store.faults.renewals.load(Ordering::SeqCst);
    assert!(renewals >= 1 && renewals as u128 <= most, "and not at once: {renewals} > {most}");
    Faults::set(&store.faults.renewals_panic, false);
    sleep(setup.lease * 2).await;
    let there = setup.process("b").public();
    assert!(there.get("7").await.unwrap().unwrap().last_status().is_running());
}

pub(crate) async fn a_publish_that_is_dropped_is_finished_by_the_next<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    let faults = std::sync::Arc::clone(&store.faults);
    let scope = setup.builder("a").build_on(store, "answers").public();
    let short = setup.lease / 20;
    let produce = move |run: RunWriter<Answer, Faulty<S>>| async move {
        run.publish(&token(0)).await?;
        faults.waits.send_replace(true);
        assert!(timeout(short, run.publish(&token(1))).await.is_err());
        faults.waits.send_replace(false);
        yield_now().await;
        run.publish(&token(2)).await?;
        Ok(Answer::Done)
    };
    let run = scope.start("7", produce).await.unwrap().run;
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), token(1), token(2), Answer::Done]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_an_error() {
    let setup = crate::memory_setup();
    let store = Faulty::new(&setup.store);
    let runs = setup.builder("a").build_on(store.clone(), "answers");
    let scope = runs.public();
    let run = scope.start("7", crate::common::hang).await.unwrap().run;
    Faults::set(&store.faults.is_silent, true);
    store.faults.waits.send_replace(true);
    let (start, get, status, stop, list) = setup
        .in_time(async {
            tokio::join!(
                async { scope.start("8", crate::common::hang).await.map(drop) },
                async { scope.get("7").await.map(drop) },
                async { run.status().await.map(drop) },
                async { run.stop().await.map(drop) },
                async { runs.list(None, 9).await.map(drop) },
            )
        })
        .await;
    for answer in [start, get, status, stop, list] {
        assert!(answer.unwrap_err().is_store());
    }
    Faults::set(&store.faults.is_silent, false);
    store.faults.waits.send_replace(false);
    setup.in_time(run.stop()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_the_store_does_not_answer_is_an_error() {
    let setup = crate::memory_setup();
    let store = Faulty::new(&setup.store);
    let faults = std::sync::Arc::clone(&store.faults);
    let scope = setup.builder("a").outage(setup.lease).build_on(store, "answers").public();
    let lease = setup.lease;
    let produce = move |run: RunWriter<Answer, _>| async move {
        faults.waits.send_replace(true);
        for _ in 0..2 {
            let error = timeout(lease * 4, run.publish(&token(0))).await.expect("it takes too long").unwrap_err();
            assert!(error.is_store(), "{error}");
        }
        faults.waits.send_replace(false);
        run.publish(&token(1)).await?;
        Ok(Answer::Done)
    };
    let run = scope.start("7", produce).await.unwrap().run;
    // Of the first event it was not known whether it is stored, so it is the first one to be finished.
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), token(1), Answer::Done]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_the_store_does_not_answer_is_lost_with_its_lease() {
    let setup = crate::memory_setup();
    let store = Faulty::new(&setup.store);
    let (here, there) = (setup.builder("a").build_on(store.clone(), "answers"), setup.process("b"));
    let faults = std::sync::Arc::clone(&store.faults);
    let produce = move |run: RunWriter<Answer, _>| async move {
        run.publish(&token(0)).await?;
        Faults::set(&faults.is_silent, true);
        Ok(Answer::Done)
    };
    here.public().start("7", produce).await.unwrap();
    let run = there.public().get("7").await.unwrap().unwrap();
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Lost]);
    // Nothing is left that waits for the store.
    setup.until(async || tokio::runtime::Handle::current().metrics().num_alive_tasks() <= 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_reply_was_lost_is_run_after_an_outage_that_is_shorter_than_a_lease() {
    let setup = crate::memory_setup();
    let store = Faulty::new(&setup.store);
    Faults::set(&store.faults.loses_claim, true);
    let scope = setup.builder("a").build_on(store.clone(), "answers").public();
    assert!(scope.start("7", |run| count(run, 1)).await.unwrap_err().is_store());
    Faults::set(&store.faults.is_away, true);
    sleep(setup.lease / 2).await;
    Faults::set(&store.faults.is_away, false);
    let run = setup.process("b").public().get("7").await.unwrap().unwrap();
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Done]);
}

#[tokio::test(start_paused = true)]
async fn a_claim_without_a_reply_is_given_up_after_one_lease_or_with_the_process() {
    let setup = crate::memory_setup();
    for ends in [false, true] {
        let store = Faulty::new(&setup.store);
        Faults::set(&store.faults.is_away, true);
        let runs = setup.builder("a").build_on(store, "answers");
        let (sender, dropped) = oneshot::channel();
        let guard = crate::common::Dropped(Some(sender));
        let produce = move |run: RunWriter<Answer, _>| async move {
            let _guard = guard;
            crate::common::hang(run).await
        };
        assert!(runs.public().start("7", produce).await.unwrap_err().is_store());
        let began = Instant::now();
        if ends {
            runs.shutdown(setup.lease / 10).await;
        }
        dropped.await.unwrap();
        let took = began.elapsed();
        assert_eq!(took < setup.lease, ends, "{took:?}");
        assert!(took < setup.lease * 2, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_without_a_reply_is_given_up_if_the_key_has_another_run() {
    let setup = crate::memory_setup();
    let store = Faulty::new(&setup.store);
    Faults::set(&store.faults.is_away, true);
    let scope = setup.builder("a").build_on(store.clone(), "answers").public();
    let (sender, called) = oneshot::channel();
    let produce = move |run| {
        sender.send(()).unwrap();
        crate::common::hang(run)
    };
    assert!(scope.start("7", produce).await.unwrap_err().is_store());
    let run = crate::common::started_hanging(&setup.process("b").public(), "7").await;
    Faults::set(&store.faults.is_away, false);
    assert!(called.await.is_err(), "it is dropped without being called");
    let found = scope.get("7").await.unwrap().unwrap();
    assert!(found.id() == run.id() && found.last_status().is_running());
}

#[tokio::test(start_paused = true)]
async fn no_run_is_lost_before_the_engine_was_reached_for_one_lease() {
    let setup = crate::memory_setup();
    let silent = Faulty::new(&setup.store);
    Faults::set(&silent.faults.renewals_fail, true);
    crate::common::started_hanging(&setup.builder("a").build_on(silent, "answers").public(), "7").await;
    sleep(setup.lease * 2).await;
    let store = Faulty::new(&setup.store);
    store.faults.reachable_since.set(Instant::now()).unwrap();
    let there = setup.builder("b").build_on(AnyRunStore::new(store), "answers").public();
    sleep(setup.lease / 2).await;
    assert!(there.get("7").await.unwrap().unwrap().last_status().is_running());
    sleep(setup.lease).await;
    assert_eq!(there.get("7").await.unwrap().unwrap().last_status().state(), RunState::Lost);
}
