//! Many runs and processes at once, on several threads.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use sse_typed::{
    LastEventId,
    hub::MemoryStore,
    runs::{RunId, RunWriter},
};
use tokio::task::yield_now;

use crate::common::{Answer, Setup, rest, token};

const PROCESSES: usize = 4;
const KEYS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_run_is_executed_once_and_all_readers_see_it_whole() {
    let setup = Arc::new(Setup {
        store: MemoryStore::default(),
        lease: Duration::from_secs(2),
        slack: Duration::from_secs(10),
    });
    let processes: Vec<_> = (0..PROCESSES).map(|n| setup.process(&n.to_string())).collect();
    let executions: Arc<Mutex<HashMap<RunId, u32>>> = Arc::default();
    let seen: Arc<Mutex<HashMap<RunId, Vec<Answer>>>> = Arc::default();
    let clients = (0..160).map(|n| {
        let scope = processes[n % PROCESSES].public();
        let (executions, seen, setup) = (Arc::clone(&executions), Arc::clone(&seen), Arc::clone(&setup));
        tokio::spawn(async move {
            for round in 0..10_usize {
                let key = ((n / PROCESSES + round * 7) % KEYS).to_string();
                let executions = Arc::clone(&executions);
                let produce = move |run: RunWriter<Answer, MemoryStore>| async move {
                    *executions.lock().unwrap().entry(run.id()).or_default() += 1;
                    for n in 0..20 {
                        run.publish(&token(n)).await?;
                        yield_now().await;
                    }
                    Ok(Answer::Done)
                };
                let started = if (n + round) % 3 == 0 {
                    scope.restart(&*key, produce).await
                } else {
                    scope.start(&*key, produce).await
                };
                let run = started.unwrap().run;
                let reader = run.subscribe(LastEventId::none()).await;
                if (n + round) % 11 == 0 {
                    setup.in_time(run.stop()).await.unwrap();
                }
                let events = setup.in_time(rest(reader)).await;
                // A run that was replaced meanwhile may be gone.
                let is_whole = events.last().is_some_and(|last| *last != token(19));
                if is_whole && matches!(events.last(), Some(Answer::Done | Answer::Stopped)) {
                    let known = seen.lock().unwrap().entry(run.id()).or_insert_with(|| events.clone()).clone();
                    assert_eq!(known, events, "all readers of a run see the same");
                }
            }
        })
    });
    join_all(clients).await.into_iter().for_each(|client| client.unwrap());
    assert!(executions.lock().unwrap().values().all(|times| *times == 1));
    assert!(seen.lock().unwrap().len() >= KEYS);
}
