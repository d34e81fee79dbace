use super::{LONG, answer, block, find, last, new_run, options, start};
use crate::{
    hub::{End, EventLog},
    runs::{Renewed, RunEnded, RunStore},
};

/// How many runs the suite uses at the same time.
const RUNS: usize = 1_000;

pub(super) async fn a_key_may_be_any_text<S: RunStore>(store: &S) {
    let long = "k".repeat(495);
    let longer = format!("{}K", "k".repeat(494));
    let keys = [
        "a", "A", "b", "a/", "a/b", "/a", "a@b", "@", "a:b", "a*", "a?", "a[b]", " a", "a\n", "{a}", "}{", "é", "💥",
        "%61", "a!", &long, &longer,
    ];
    let mut runs = Vec::new();
    for (n, key) in keys.iter().enumerate() {
        let run = start(store, key, &new_run()).await.run;
        let log = store.run_log(&run, &options());
        answer(log.append(&block(&n.to_string()))).await;
        runs.push((run, log));
    }
    let (ended, log) = &runs[0];
    assert!(matches!(answer(store.end(ended, &last(), End::Complete)).await, RunEnded::Now(_)));
    let closed = log.append(&block("late")).await;
    assert!(closed.is_err(), "the log of an ended run is closed");
    for (n, (run, log)) in runs.iter().enumerate().skip(1) {
        let record = find(store, keys[n]).await.unwrap_or_else(|| panic!("a run is found: {:?}", keys[n]));
        assert_eq!((&record.run, record.end), (run, None), "keys are independent: {:?}", keys[n]);
        let page = answer(log.read_after(answer(log.before_last(9)).await.as_str(), 9)).await;
        let blocks: Vec<_> = page.entries.into_iter().map(|entry| entry.block).collect();
        assert_eq!(blocks, [block(&n.to_string())], "the logs of runs are independent: {:?}", keys[n]);
    }
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    let listed: Vec<_> = answer(store.list("", None, 99)).await.into_iter().map(|record| record.run.key).collect();
    assert_eq!(listed, sorted.into_iter().map(Box::from).collect::<Vec<_>>(), "all keys are listed in order");
}

pub(super) async fn an_invalid_key_is_an_error<S: RunStore>(store: &S) {
    let long = "k".repeat(496);
    for key in ["", "a\0b", "\0", &long] {
        assert!(store.claim(key, &new_run()).await.is_err(), "an invalid key cannot be claimed: {key:?}");
        assert!(store.find(key).await.is_err(), "an invalid key cannot be looked for: {key:?}");
    }
}

pub(super) async fn records_are_listed_by_prefix_in_pages<S: RunStore>(store: &S) {
    let keys = ["a", "a/1", "a/2", "a/3", "a/é", "a0", "A/1", "b/1", "a/\u{10ffff}"];
    let mut runs = Vec::new();
    for key in keys {
        runs.push(start(store, key, &new_run()).await.run);
    }
    answer(store.end(&runs[2], &last(), End::Stopped)).await;
    let list = async |prefix: &str, after: Option<&str>, limit: usize| -> Vec<String> {
        let records = answer(store.list(prefix, after, limit)).await;
        records.into_iter().map(|record| record.run.key.into_string()).collect()
    };
    let of_a = ["a/1", "a/2", "a/3", "a/é", "a/\u{10ffff}"];
    assert_eq!(list("a/", None, 99).await, of_a, "the keys with a prefix, in order");
    assert_eq!(list("a/", None, 2).await, of_a[..2], "a limit is kept");
    assert_eq!(list("a/", Some("a/2"), 2).await, of_a[2..4], "a page begins after a key");
    assert_eq!(list("a/", Some("a/25"), 9).await, of_a[2..], "also after a key that has no run");
    assert_eq!(list("a/", Some("A"), 9).await, of_a, "a key before the prefix changes nothing");
    assert_eq!(list("a/", Some("b"), 9).await, [""; 0], "after a key behind the prefix there is nothing");
    assert_eq!(list("a/", Some("a/\u{10ffff}"), 9).await, [""; 0], "nothing is after the last key");
    assert_eq!(list("c", None, 9).await, [""; 0], "a prefix without runs");
    assert_eq!(list("a/", None, 0).await, [""; 0], "a limit of nothing");
    assert_eq!(list("", None, 99).await.len(), keys.len(), "the empty prefix is that of all keys");
    let records = answer(store.list("a/2", None, 1)).await;
    let found = find(store, "a/2").await;
    assert_eq!(records.first(), found.as_ref(), "a record is listed as it is found");
}

pub(super) async fn a_thousand_runs_are_renewed_in_one_call<S: RunStore>(store: &S) {
    let mut starts = Vec::new();
    for n in 0..RUNS {
        let store = store.clone();
        starts.push(tokio::spawn(async move { start(&store, &format!("many/{n:04}"), &new_run()).await.run }));
    }
    let mut runs = Vec::new();
    for start in starts {
        runs.push(start.await.unwrap_or_else(|error| panic!("many runs are started: {error}")));
    }
    for run in runs.iter().step_by(2) {
        answer(store.end(run, &last(), End::Complete)).await;
    }
    let (own, read) = answer(store.renew("owner", LONG, &runs, &runs)).await;
    assert_eq!((own.len(), read.len()), (RUNS, RUNS), "each run has an answer");
    for (n, renewed) in own.into_iter().enumerate() {
        assert_eq!(matches!(renewed, Renewed::Ended(End::Complete)), n % 2 == 0, "each run has its own answer: {n}");
    }
    let (mut after, mut listed) = (None::<Box<str>>, Vec::new());
    loop {
        let page = answer(store.list("many/", after.as_deref(), 300)).await;
        let Some(last) = page.last() else { break };
        after = Some(last.run.key.clone());
        listed.extend(page.into_iter().map(|record| record.run));
    }
    assert_eq!(listed, runs, "many runs are listed page by page");
}
