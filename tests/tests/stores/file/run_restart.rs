//! Runs whose process or runtime ends before they do.

use std::future::pending;

use futures_util::StreamExt;
use sse_typed::{
    LastEventId, SseEvent,
    hub::End,
    runs::{BoxError, RunState, RunStore, Runs},
    stores::FileStore,
};

use super::{folder::Folder, memory::Disk};

#[derive(Debug, PartialEq, SseEvent)]
enum Answer {
    Token(u32),
    #[sse(terminal)]
    Done,
    #[sse(terminal, failed)]
    Failed {
        reason: String,
    },
    #[sse(terminal, stopped)]
    Stopped,
    #[sse(terminal, lost)]
    Lost,
}

/// Starts a run that publishes three events and then waits for ever. Returns the id of the second.
async fn start(runs: &Runs<Answer, FileStore>) -> LastEventId {
    let started = runs.public().start("key", async |run| {
        for n in 0..3 {
            run.publish(&Answer::Token(n)).await?;
        }
        pending::<()>().await;
        Ok::<_, BoxError>(Answer::Done)
    });
    let run = started.await.unwrap().run;
    let mut events = run.subscribe(LastEventId::none()).await.events();
    let read: Vec<_> = events.by_ref().take(3).collect().await;
    LastEventId::from(read[1].id.clone().unwrap())
}

#[tokio::test]
async fn a_reader_of_a_run_whose_process_was_killed_resumes_and_learns_that_it_is_lost() {
    let disk = Disk::default();
    let open = |disk: &Disk| FileStore::builder().hooks(disk.hooks()).open("").unwrap();
    let runs = Runs::<Answer, _>::on(open(&disk), "answers");
    let read = start(&runs).await;
    // It goes on with what was synced.
    let restarted = Runs::<Answer, _>::on(open(&disk.after_power_loss(|_| Vec::new())), "answers");
    for from in [read, LastEventId::none()] {
        let run = restarted.public().get("key").await.unwrap().expect("the run is kept");
        let is_resumed = from != LastEventId::none();
        let events: Vec<_> = run.subscribe(from).await.events().map(|event| event.data).collect().await;
        let events: Vec<_> = events.iter().map(|event| &**event).collect();
        let all = [&Answer::Token(0), &Answer::Token(1), &Answer::Token(2), &Answer::Lost];
        assert_eq!(events, all[if is_resumed { 2 } else { 0 }..]);
    }
    let run = restarted.public().get("key").await.unwrap().unwrap();
    assert_eq!(run.status().await.unwrap().unwrap().state(), RunState::Lost);
    drop(runs);
}

#[test]
fn a_runtime_that_ends_leaves_its_runs_as_lost() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    let first = runtime();
    let runs = Runs::<Answer, _>::on(store.clone(), "answers");
    first.block_on(start(&runs));
    drop(first);
    let second = runtime();
    second.block_on(store.close());
    drop((runs, store));
    let store = FileStore::open(folder.path()).unwrap();
    let records = second.block_on(store.list("", None, 9)).unwrap();
    assert_eq!(records.iter().map(|record| record.end).collect::<Vec<_>>(), [Some(End::Lost)]);
}
