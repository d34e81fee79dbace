use sse_typed::{
    LastEventId,
    runs::{AnyRunStore, RunState, RunStore},
};
use tokio::runtime::Handle;

use crate::common::{Answer, Setup, count, hang, started_hanging, token};

pub(crate) async fn the_status_shows_how_a_run_is<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a"), setup.process("b"));
    let run = started_hanging(&here.scope("An").unwrap(), "7").await;
    let status = there.scope("An").unwrap().get("7").await.unwrap().unwrap().status().await.unwrap().unwrap();
    assert_eq!(
        (status.state(), status.subject(), status.key(), status.owner(), status.id()),
        (RunState::Running, Some("An"), "7", "a", run.id())
    );
    assert!(status.last_event().is_some() && !status.is_stopping());
    assert!(status.since().elapsed().unwrap().as_secs() < 60);
    assert_eq!((run.key(), run.last_status().is_running()), ("7", true));
    run.stop().await.unwrap();
    let status = run.status().await.unwrap().unwrap();
    assert_eq!((status.state(), status.is_stopping(), status.owner()), (RunState::Stopped, false, "a"));
}

pub(crate) async fn all_runs_are_listed_in_pages<S: RunStore>(setup: &Setup<S>) {
    let runs = setup.process("a");
    for subject in ["An", "Bo"] {
        for key in ["1", "2", "a/b"] {
            runs.scope(subject).unwrap().start(key, hang).await.unwrap();
        }
    }
    runs.public().start("9", hang).await.unwrap();
    // Runs of another name are not listed.
    let others = setup.builder("a").build_on(setup.store.clone(), "answers2");
    others.public().start("1", |run| count(run, 1)).await.unwrap();
    let (mut listed, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = runs.list(after.as_deref(), 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.cursor().to_owned());
        assert!(page.len() <= 3 && page.iter().all(|status| status.is_running()));
        listed.extend(page.iter().map(|status| (status.subject().map(str::to_owned), status.key().to_owned())));
    }
    let mut expected = vec![(None, "9".to_owned())];
    for subject in ["An", "Bo"] {
        expected.extend(["1", "2", "a/b"].map(|key| (Some(subject.to_owned()), key.to_owned())));
    }
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

pub(crate) async fn a_store_of_any_type_keeps_runs<S: RunStore>(setup: &Setup<S>) {
    let store = AnyRunStore::new(setup.store.clone());
    let any = setup.builder("a").build_on(store, "answers");
    let run = any.public().start("7", |run| count(run, 2)).await.unwrap().run;
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), token(1), Answer::Done]);
    let there = setup.process("b").public().get("7").await.unwrap().unwrap();
    assert_eq!((there.id(), there.last_status().state()), (run.id(), RunState::Done));
}

pub(crate) async fn nothing_is_left_when_nothing_runs_and_nobody_reads<S: RunStore>(setup: &Setup<S>) {
    let all_tasks = || Handle::current().metrics().num_alive_tasks();
    // Those of the store itself.
    let before = all_tasks();
    let tasks = || all_tasks().saturating_sub(before);
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    let run = here.start("7", |run| count(run, 3)).await.unwrap().run;
    setup.all(&run, LastEventId::none()).await;
    let run = there.get("7").await.unwrap().unwrap();
    setup.all(&run, LastEventId::none()).await;
    // The task of the store's wake-ups stays for as long as it has hubs.
    setup.until(async || tasks() <= 1).await;
    for n in 0..50 {
        here.start(n.to_string(), hang).await.unwrap();
    }
    // A run has one task, and all runs of a process share one. A store may have another for each append.
    setup.until(async || tasks() <= 50 + 2).await;
}
