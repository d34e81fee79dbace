use std::time::Duration;

use futures_util::StreamExt;
use sse_typed::{
    LastEventId,
    runs::{RunState, RunStore, Runs},
};
use tokio::time::{Instant, sleep};

use crate::{
    common::{Answer, Setup, hang, rest, token},
    faulty::{Faults, Faulty},
};

fn process<S: RunStore>(setup: &Setup<S>, owner: &str, grace: Duration) -> Runs<Answer, S> {
    setup.builder(owner).cancel_on_disconnect(grace).build_on(setup.store.clone(), "answers")
}

pub(crate) async fn a_run_is_stopped_when_its_last_reader_has_left<S: RunStore>(setup: &Setup<S>) {
    for grace in [Duration::ZERO, setup.lease * 2] {
        let scope = process(setup, "a", grace.max(Duration::from_millis(300))).public();
        let grace = grace.max(Duration::from_millis(300));
        let key = format!("{grace:?}");
        let run = scope.start(&*key, hang).await.unwrap().run;
        let (mut one, two) =
            (run.subscribe(LastEventId::none()).await.events(), run.subscribe(LastEventId::none()).await);
        one.next().await.unwrap();
        drop(two);
        sleep(grace * 2).await;
        assert!(run.status().await.unwrap().unwrap().is_running(), "there is a reader");
        let began = Instant::now();
        drop(one);
        setup
            .in_time(async {
                while run.status().await.unwrap().unwrap().is_running() {
                    sleep(grace / 20).await;
                }
            })
            .await;
        let took = began.elapsed();
        assert!(took >= grace && took < grace + grace / 2 + setup.slack, "{took:?} of {grace:?}");
        assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Stopped]);
    }
}

pub(crate) async fn a_run_that_nobody_ever_read_is_stopped<S: RunStore>(setup: &Setup<S>) {
    let scope = process(setup, "a", setup.lease / 2).public();
    let run = scope.start("7", hang).await.unwrap().run;
    sleep(setup.lease / 4).await;
    assert!(run.status().await.unwrap().unwrap().is_running());
    sleep(setup.lease / 2).await;
    assert_eq!(run.status().await.unwrap().unwrap().state(), RunState::Stopped);
}

pub(crate) async fn a_reader_that_comes_back_in_time_keeps_the_run<S: RunStore>(setup: &Setup<S>) {
    let grace = setup.lease * 2;
    let scope = process(setup, "a", grace).public();
    let run = scope.start("7", hang).await.unwrap().run;
    for _ in 0..5 {
        let reader = run.subscribe(LastEventId::none()).await;
        sleep(grace / 4).await;
        drop(reader);
        sleep(grace / 4).await;
    }
    assert!(run.status().await.unwrap().unwrap().is_running());
}

pub(crate) async fn a_reader_on_another_process_keeps_the_run<S: RunStore>(setup: &Setup<S>) {
    let grace = setup.lease * 2;
    let here = process(setup, "a", grace).public();
    let there = process(setup, "b", grace).public();
    here.start("7", hang).await.unwrap();
    let run = there.get("7").await.unwrap().unwrap();
    let reader = run.subscribe(LastEventId::none()).await;
    sleep(setup.lease * 5).await;
    assert!(run.status().await.unwrap().unwrap().is_running());
    let began = Instant::now();
    let rest = tokio::spawn(rest(run.subscribe(LastEventId::none()).await));
    sleep(setup.lease * 3).await;
    assert!(!rest.is_finished(), "a second reader counts as well");
    rest.abort();
    drop(reader);
    setup
        .in_time(async {
            while run.status().await.unwrap().unwrap().is_running() {
                sleep(setup.lease / 10).await;
            }
        })
        .await;
    assert!(began.elapsed() < setup.lease * 5 + grace + setup.slack, "{:?}", began.elapsed());
}

pub(crate) async fn a_reader_on_another_process_keeps_the_run_through_an_outage<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    let grace = setup.lease;
    let build = |owner| setup.builder(owner).cancel_on_disconnect(grace).build_on(store.clone(), "answers");
    let (here, there) = (build("a").public(), build("b").public());
    here.start("7", hang).await.unwrap();
    let run = there.get("7").await.unwrap().unwrap();
    let reader = run.subscribe(LastEventId::none()).await;
    sleep(setup.lease).await;
    Faults::set(&store.faults.renewals_fail, true);
    sleep(setup.lease * 3).await;
    Faults::set(&store.faults.renewals_fail, false);
    sleep(setup.lease * 2).await;
    let status = run.status().await.unwrap().unwrap();
    assert!(status.is_running(), "an owner that does not know of the readers stops nothing: {status:?}");
    drop(reader);
    setup.until(async || !run.status().await.unwrap().unwrap().is_running()).await;
}

/// Names are for people: all processes of a service may have the same one.
pub(crate) async fn a_reader_on_a_process_of_the_same_name_keeps_the_run<S: RunStore>(setup: &Setup<S>) {
    let grace = setup.lease * 2;
    let (here, there) = (process(setup, "service", grace).public(), process(setup, "service", grace).public());
    here.start("7", hang).await.unwrap();
    let run = there.get("7").await.unwrap().unwrap();
    let _reader = run.subscribe(LastEventId::none()).await;
    sleep(grace * 2).await;
    assert!(run.status().await.unwrap().unwrap().is_running());
}
