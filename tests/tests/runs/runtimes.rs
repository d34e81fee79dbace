//! Runs whose runtime ends, and producers that occupy their thread.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use sse_typed::{
    LastEventId,
    hub::MemoryStore,
    runs::{NewRun, RunState, RunStore, RunWriter},
};
use tokio::runtime::{Builder, Runtime};

use crate::common::{Answer, Setup, hang, started_hanging, token};

fn setup() -> Setup<MemoryStore> {
    Setup { store: MemoryStore::default(), lease: Duration::from_secs(2), slack: Duration::from_secs(10) }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A store in this process closes the log in the drop. For others the lease expires.
fn a_dropped_runtime<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    let (producing, reading) = (runtime(), runtime());
    producing.block_on(async { started_hanging(&here, "7").await });
    reading.block_on(async {
        let run = there.get("7").await.unwrap().unwrap();
        let reader = run.subscribe(LastEventId::none()).await;
        producing.shutdown_background();
        assert_eq!(setup.in_time(crate::common::rest(reader)).await, [token(0), Answer::Lost]);
        assert_eq!(run.status().await.unwrap().unwrap().state(), RunState::Lost);
    });
}

#[test]
fn a_run_whose_runtime_ends_is_lost() {
    a_dropped_runtime(&setup());
}

#[test]
fn leases_are_renewed_after_the_runtime_that_did_it_has_ended() {
    let setup = setup();
    let runs = setup.process("a");
    let (first, second) = (runtime(), runtime());
    first.block_on(async { started_hanging(&runs.public(), "first").await });
    // The task that renews is in the first runtime.
    second.block_on(async { runs.public().start("second", hang).await.unwrap() });
    drop(first);
    second.block_on(async {
        tokio::time::sleep(setup.lease + setup.lease / 2).await;
        let there = setup.process("b").public();
        assert!(there.get("second").await.unwrap().unwrap().last_status().is_running());
        assert_eq!(there.get("first").await.unwrap().unwrap().last_status().state(), RunState::Lost);
    });
}

#[test]
fn a_producer_that_blocks_its_thread_is_stopped_for_its_readers() {
    for is_shutdown in [false, true] {
        let setup = setup();
        let runs = setup.process("a");
        let (go_on, blocks) = mpsc::channel::<()>();
        let (here, other) = (runtime(), runtime());
        let scope = runs.public();
        let producing = thread::spawn(move || {
            here.block_on(async move {
                let produce = move |run: RunWriter<Answer, MemoryStore>| async move {
                    run.publish(&token(0)).await?;
                    // Until the test is over.
                    let _ = blocks.recv();
                    Ok(Answer::Done)
                };
                let run = scope.start("7", produce).await.unwrap().run;
                crate::common::rest(run.subscribe(LastEventId::none()).await).await
            })
        });
        other.block_on(async {
            let there = setup.process("b").public();
            let run = setup.in_time(async {
                loop {
                    match there.get("7").await.unwrap() {
                        Some(run) if run.last_status().last_event().is_some() => break run,
                        _ => tokio::task::yield_now().await,
                    }
                }
            });
            let run = run.await;
            let began = Instant::now();
            let (state, last) = if is_shutdown {
                assert_eq!(runs.shutdown(Duration::ZERO).await, 1);
                (RunState::Lost, Answer::Lost)
            } else {
                there.stop("7").await.unwrap();
                (RunState::Stopped, Answer::Stopped)
            };
            assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
            assert_eq!(run.status().await.unwrap().unwrap().state(), state);
            assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), last.clone()]);
            go_on.send(()).unwrap();
            // Its own last event comes too late.
            assert_eq!(producing.join().unwrap(), [token(0), last]);
        });
    }
}

#[test]
fn readers_are_told_of_a_lost_run_after_the_runtime_that_watched_has_ended() {
    let setup = setup();
    let runs = setup.process("a").public();
    let (first, second) = (runtime(), runtime());
    let new = NewRun::new("dead", setup.lease, setup.lease * 10);
    first.block_on(async { setup.store.claim("answers/*/7", &new).await.unwrap() });
    // The task that watches the lease is in the first runtime.
    let here = first.block_on(async { runs.get("7").await.unwrap().unwrap().subscribe(LastEventId::none()).await });
    second.block_on(async {
        let there = runs.get("7").await.unwrap().unwrap().subscribe(LastEventId::none()).await;
        first.shutdown_background();
        assert_eq!(setup.in_time(crate::common::rest(there)).await, [Answer::Lost]);
    });
    drop(here);
}
