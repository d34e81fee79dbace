use std::sync::atomic::Ordering;

use sse_typed::{
    LastEventId,
    runs::{RunStore, RunWriter},
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
