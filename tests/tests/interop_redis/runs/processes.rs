//! Runs that several processes share. The test is one of them, and `run_process` is the other.

use std::{future::pending, time::Duration};

use futures_util::StreamExt;
use sse_typed::{
    LastEventId, Subscription,
    runs::{BoxError, RunState, RunWriter, Runs, Scope},
    stores::RedisStore,
};
use tests::runs::Count;
use tokio::time::Instant;

use super::process::Process;
use crate::{
    common::{store, within},
    server::{Server, found},
};

const LEASE: Duration = Duration::from_secs(1);

/// How late something may be on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// The runs as this process has them.
async fn here(server: &Server, lease: Duration) -> Scope<Count, RedisStore> {
    Runs::<Count, _>::builder().lease(lease).owner("here").build_on(store(server).await, "counts").public()
}

async fn subscribe(scope: &Scope<Count, RedisStore>, key: &str) -> Subscription<Count> {
    scope.get(key).await.unwrap().unwrap().subscribe(LastEventId::none()).await
}

/// The events of a subscription up to its end.
async fn rest(subscription: Subscription<Count>) -> Vec<Count> {
    within(subscription.events().map(|event| Count::clone(&event.data)).collect()).await
}

/// Checks that the events are all numbers, each once and in order, and then this one. Returns how many numbers there are.
fn numbers_before(last: &Count, events: &[Count]) -> usize {
    let (end, numbers) = events.split_last().expect("there are events");
    assert_eq!(end, last);
    contiguous(numbers)
}

fn contiguous(numbers: &[Count]) -> usize {
    for (n, event) in numbers.iter().enumerate() {
        assert_eq!(*event, Count::Number { n: n as u64 });
    }
    numbers.len()
}

/// A producer that must not be called.
async fn unwanted(_run: RunWriter<Count, RedisStore>) -> Result<Count, BoxError> {
    panic!("the key has a run already")
}

/// A producer that publishes nothing.
async fn quiet(_run: RunWriter<Count, RedisStore>) -> Result<Count, BoxError> {
    pending().await
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn readers_of_a_process_that_is_killed_are_told_within_a_lease() {
    if !found("readers_of_a_process_that_is_killed_are_told_within_a_lease") {
        return;
    }
    let server = Server::start();
    let mut owner = Process::counting(&server, LEASE, "k").await;
    let here = here(&server, LEASE).await;
    let reader = tokio::spawn(rest(subscribe(&here, "k").await));
    owner.until_published(20).await;
    owner.kill();
    let killed = Instant::now();
    let events = reader.await.unwrap();
    let took = killed.elapsed();
    assert!(took < LEASE + SLACK, "{took:?}");
    assert!(numbers_before(&Count::Lost, &events) >= owner.published(), "what was acknowledged is not lost");
    assert_eq!(here.get("k").await.unwrap().unwrap().last_status().state(), RunState::Lost);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_process_that_was_paused_for_longer_than_its_lease_cannot_append_and_drops_the_producer() {
    if !found("a_process_that_was_paused_for_longer_than_its_lease_cannot_append_and_drops_the_producer") {
        return;
    }
    let server = Server::start();
    let owner = Process::counting(&server, LEASE, "k").await;
    let here = here(&server, LEASE).await;
    let reader = subscribe(&here, "k").await;
    owner.pause();
    let events = rest(reader).await;
    let numbers = numbers_before(&Count::Lost, &events);
    owner.resume();
    owner.line("dropped k").await;
    assert!(owner.published() <= numbers, "nothing is published after the end");
    assert_eq!(rest(subscribe(&here, "k").await).await, events);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn starts_of_one_key_by_several_processes_at_the_same_time_make_one_run() {
    if !found("starts_of_one_key_by_several_processes_at_the_same_time_make_one_run") {
        return;
    }
    let server = Server::start();
    let keys: Vec<_> = (0..20).map(|n| format!("k{n}")).collect();
    let names: Vec<_> = keys.iter().map(String::as_str).collect();
    let mut processes = Vec::new();
    for name in ["a", "b", "c"] {
        processes.push(Process::ready(&server, name, Duration::from_secs(60), &names).await);
    }
    processes.iter_mut().for_each(Process::begin);
    for process in &processes {
        process
            .until(|lines| {
                let started = |line: &&String| line.starts_with("new ") || line.starts_with("joined ");
                lines.iter().filter(started).count() == keys.len()
            })
            .await;
    }
    let here = here(&server, LEASE).await;
    for key in &keys {
        let run = here.get(key).await.unwrap().unwrap().id();
        let mut new = 0;
        for process in &processes {
            if process.has(&format!("new {key} {run}")) {
                new += 1;
            } else {
                assert!(process.has(&format!("joined {key} {run}")), "all have the same run");
            }
        }
        assert_eq!(new, 1, "{key}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_stop_reaches_the_producer_of_another_process() {
    if !found("a_stop_reaches_the_producer_of_another_process") {
        return;
    }
    let server = Server::start();
    // The owner renews no lease within the test, so it hears of the stop by the notification.
    let owner = Process::counting(&server, Duration::from_secs(3600), "k").await;
    let here = here(&server, LEASE).await;
    let reader = subscribe(&here, "k").await;
    assert_eq!(within(here.stop("k")).await.unwrap().unwrap().state(), RunState::Stopped);
    owner.line("dropped k").await;
    let numbers = numbers_before(&Count::Stopped, &rest(reader).await);
    assert!(numbers >= owner.published());
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_post_that_is_repeated_on_another_process_joins_the_run() {
    if !found("a_post_that_is_repeated_on_another_process_joins_the_run") {
        return;
    }
    let server = Server::start();
    let owner = Process::counting(&server, LEASE, "k").await;
    let here = here(&server, LEASE).await;
    let started = here.start("k", unwanted).await.unwrap();
    assert!(!started.is_new);
    assert_eq!(owner.line("new k ").await, format!("new k {}", started.run.id()));
    let reader = started.run.subscribe(LastEventId::none()).await;
    owner.until_published(5).await;
    here.stop("k").await.unwrap();
    assert!(numbers_before(&Count::Stopped, &rest(reader).await) >= owner.published());
    assert!(!here.start("k", unwanted).await.unwrap().is_new, "also after the end");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_server_that_is_killed_and_restarted_under_a_run_loses_and_doubles_nothing() {
    if !found("a_server_that_is_killed_and_restarted_under_a_run_loses_and_doubles_nothing") {
        return;
    }
    let lease = 5 * LEASE;
    let mut server = Server::start_durable();
    let owner = Process::counting(&server, lease, "k").await;
    let here = here(&server, lease).await;
    let reader = tokio::spawn(rest(subscribe(&here, "k").await));
    for _ in 0..2 {
        server.kill();
        server.restart();
        owner.until_published(20).await;
    }
    let stopped = within(async {
        loop {
            // This process may reconnect later than the other.
            if let Ok(stopped) = here.stop("k").await {
                break stopped;
            }
        }
    });
    assert_eq!(stopped.await.unwrap().state(), RunState::Stopped);
    let events = reader.await.unwrap();
    assert!(numbers_before(&Count::Stopped, &events) >= owner.published());
    assert_eq!(rest(subscribe(&here, "k").await).await, events);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_wipe_under_a_run_ends_its_readers_and_its_producer() {
    if !found("a_wipe_under_a_run_ends_its_readers_and_its_producer") {
        return;
    }
    for restarts in [true, false] {
        let mut server = Server::start();
        let owner = Process::counting(&server, LEASE, "k").await;
        let here = here(&server, LEASE).await;
        let reader = subscribe(&here, "k").await;
        if restarts {
            server.kill();
            server.restart_empty();
        } else {
            let _: redis::Value = server.run(&["FLUSHALL"]);
        }
        let events = rest(reader).await;
        contiguous(&events);
        owner.line("dropped k").await;
        let found = within(async {
            loop {
                if let Ok(found) = here.get("k").await {
                    break found;
                }
            }
        });
        assert!(found.await.is_none(), "the key has no run");
        assert!(here.start("k", quiet).await.unwrap().is_new, "it may begin anew");
        let keys: Vec<String> = server.run(&["KEYS", "*@*"]);
        assert_eq!(keys, [""; 0], "the late owner has not made the log again");
    }
}
