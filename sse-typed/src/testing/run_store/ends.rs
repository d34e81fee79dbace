use std::{future::poll_fn, pin::Pin, time::Duration};

use futures_core::Stream;
use tokio::time::timeout;

use super::{LATER, LONG, SHORT, TIME_LIMIT, answer, block, find, last, new_run, options, start};
use crate::{
    codec::{EncodeEvent, EventKind, EventWriter, HubEvent},
    event::EncodeError,
    hub::{AppendError, End, EventLog, Hub, LogEntry, OnGap, Start},
    runs::{Claimed, NewRun, ReadRun, Renewed, RunEnded, RunRef, RunStore},
};

/// How many processes end a run at the same time.
const ENDS: usize = 16;

pub(super) async fn the_first_end_wins<S: RunStore>(store: &S) {
    let run = start(store, "ended", &new_run()).await.run;
    let kinds = [End::Complete, End::Failed, End::Stopped];
    let mut ends = Vec::new();
    for n in 0..ENDS {
        let (store, run) = (store.clone(), run.clone());
        let end = kinds[n % kinds.len()];
        ends.push(tokio::spawn(async move { (answer(store.end(&run, &block(&n.to_string()), end)).await, end) }));
    }
    let (mut first, mut before) = (Vec::new(), Vec::new());
    for end in ends {
        match end.await {
            Ok((RunEnded::Now(id), end)) => first.push((id, end)),
            Ok((RunEnded::Before(end), _)) => before.push(end),
            outcome => panic!("a run ends now or has ended before: {outcome:?}"),
        }
    }
    assert_eq!(first.len(), 1, "one of {ENDS} ends is the first");
    let (id, end) = first.remove(0);
    assert!(before.iter().all(|before| *before == end), "the others return the end of the first");
    let record = find(store, "ended").await.unwrap_or_else(|| panic!("an ended run is kept"));
    assert_eq!((record.end, record.lease_left), (Some(end), None), "the record has the end, and no lease");
    assert_eq!(record.last.as_ref(), Some(&id), "the last event is that of the first end");
    let log = store.run_log(&run, &options());
    let page = answer(log.read_after(answer(log.before_last(9)).await.as_str(), 9)).await;
    assert_eq!((page.entries.len(), page.closed), (1, Some(end)), "the log has the last event of the first end alone");
    let outcome = answer(store.end(&run, &last(), End::Lost)).await;
    assert_eq!(outcome, RunEnded::Before(end), "a run that has ended is not lost");
}

pub(super) async fn an_end_closes_the_log_and_wakes_its_followers<S: RunStore>(store: &S) {
    let run = start(store, "fenced", &new_run()).await.run;
    let (log, reader) = (store.run_log(&run, &options()), store.run_log(&run, &options()));
    let begin = answer(reader.head()).await;
    let id = answer(log.append(&block("1"))).await;
    assert_eq!(
        find(store, "fenced").await.and_then(|record| record.last),
        Some(id.clone()),
        "a record has the last id"
    );
    let woken = store.wakes().wait(&run.log_key());
    let RunEnded::Now(ended) = answer(store.end(&run, &last(), End::Failed)).await else { panic!("a run is ended") };
    assert!(timeout(TIME_LIMIT, woken).await.is_ok(), "the followers of the log are woken by the end");
    assert!(timeout(TIME_LIMIT, reader.wait_after(&id)).await.is_ok(), "nothing is waited for after the end");
    let page = answer(reader.read_after(begin.as_str(), 9)).await;
    let all = [LogEntry::new(id, block("1")), LogEntry::last(ended, last())];
    assert_eq!((&page.entries[..], page.closed, page.gap), (&all[..], Some(End::Failed), None), "the log is closed");
    let refused = log.append(&block("late")).await;
    assert!(matches!(refused, Err(AppendError::Closed(End::Failed))), "the end fences off the owner: {refused:?}");
    let refused = log.close(Some(&block("late")), End::Complete).await;
    assert!(matches!(refused, Err(AppendError::Closed(End::Failed))), "the first close wins: {refused:?}");
}

/// An event whose data is this text.
struct Text(&'static str);

impl EventKind for Text {
    fn event_type(&self) -> &str {
        "text"
    }
}

impl EncodeEvent for Text {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        event.event_type("text")?;
        event.text(self.0)
    }
}

impl HubEvent for Text {}

pub(super) async fn the_last_event_ends_the_subscriptions<S: RunStore>(store: &S) {
    let run = start(store, "followed", &new_run()).await.run;
    let hub = Hub::<Text, _>::builder_on_gap(OnGap::Restart).build_on(store.run_log(&run, &options()));
    let mut subscription = hub.subscribe(Start::Earliest);
    let log = store.run_log(&run, &options());
    answer(log.append(&block("1"))).await;
    let mut wire = String::new();
    let mut read = async |until: &str| {
        while !wire.contains(until) {
            let next = poll_fn(|cx| Pin::new(&mut subscription).poll_next(cx));
            let Ok(next) = timeout(TIME_LIMIT, next).await else { panic!("an event arrives after {wire:?}") };
            let Some(entries) = next else { break };
            let bytes = entries.to_bytes().unwrap_or_else(|error| panic!("{error}"));
            wire.push_str(&String::from_utf8_lossy(&bytes));
        }
        wire.clone()
    };
    read("data: 1\n").await;
    let RunEnded::Now(id) = answer(store.end(&run, &block("2"), End::Complete)).await else { panic!("a run is ended") };
    let wire = read("nothing").await;
    assert!(wire.contains("data: 2\n"), "a subscription receives the last event: {wire:?}");
    assert!(wire.contains(&format!("id: {id}!\n")), "its id says that it is the last: {wire:?}");
}

pub(super) async fn a_run_that_is_not_the_current_one_is_missing<S: RunStore>(store: &S) {
    let old = start(store, "missing", &new_run()).await.run;
    answer(store.end(&old, &last(), End::Complete)).await;
    let mut new = new_run();
    new.replaces = Some(old.run);
    let current = start(store, "missing", &new).await.run;
    for run in [&old, &RunRef::new("never", old.run)] {
        let outcome = answer(store.end(run, &last(), End::Complete)).await;
        assert_eq!(outcome, RunEnded::Missing, "it cannot be ended");
        assert_eq!(answer(store.ask_stop(run)).await, None, "it cannot be stopped");
        let runs = std::slice::from_ref(run);
        let answers = answer(store.renew("owner", LONG, runs, runs)).await;
        assert_eq!(answers, (vec![Renewed::Missing], vec![ReadRun::Missing]), "it cannot be renewed");
        store.abandon(run, &last());
    }
    let record = find(store, "missing").await;
    assert!(
        record.is_some_and(|record| record.run == current && record.end.is_none() && !record.is_stop_asked),
        "the current run of the key is not changed"
    );
}

pub(super) async fn a_run_is_kept_for_its_time<S: RunStore>(store: &S, pass: &impl AsyncFn(Duration)) {
    let short_keep = NewRun::new("owner", LONG, SHORT);
    let kept = start(store, "kept", &new_run()).await.run;
    let gone = start(store, "gone", &short_keep).await.run;
    let running = start(store, "running", &short_keep).await.run;
    let log = store.run_log(&gone, &options());
    let id = answer(log.append(&block("1"))).await;
    answer(store.end(&kept, &last(), End::Complete)).await;
    answer(store.end(&gone, &last(), End::Complete)).await;
    pass(LATER).await;
    assert_eq!(find(store, "kept").await.map(|record| record.run), Some(kept.clone()), "an ended run is kept");
    assert_eq!(find(store, "running").await.map(|record| record.run), Some(running.clone()), "a run that runs is kept");
    assert_eq!(find(store, "gone").await, None, "a run is removed once its keep time is over");
    let listed: Vec<_> = answer(store.list("", None, 9)).await.into_iter().map(|record| record.run.run).collect();
    assert_eq!(listed, [kept.run, running.run], "it is not listed");
    assert_eq!(answer(store.end(&gone, &last(), End::Complete)).await, RunEnded::Missing, "it cannot be ended");
    let page = answer(log.read_after(id.as_str(), 9)).await;
    assert!(page.entries.is_empty() && page.closed.is_none(), "its log is removed with it: {page:?}");
    let page = answer(store.run_log(&kept, &options()).read_after("0", 9)).await;
    assert_eq!((page.entries.len(), page.closed), (1, Some(End::Complete)), "the log of a kept run is kept");
    let again = start(store, "gone", &new_run()).await;
    assert_eq!((again.end, again.last), (None, None), "the key is free again");

    // One that nobody has ended is removed as well.
    let lost = NewRun::new("owner", SHORT, SHORT);
    let lost = start(store, "lost", &lost).await.run;
    answer(store.run_log(&lost, &options()).append(&block("1"))).await;
    pass(LATER).await;
    pass(LATER).await;
    assert_eq!(find(store, "lost").await, None, "a run that nobody has ended is kept for its time after its lease");
}

pub(super) async fn a_run_that_begins_anew_has_another_log<S: RunStore>(store: &S) {
    let old = start(store, "anew", &new_run()).await.run;
    let log = store.run_log(&old, &options());
    let mut ids = vec![answer(log.append(&block("1"))).await, answer(log.append(&block("2"))).await];
    let RunEnded::Now(id) = answer(store.end(&old, &last(), End::Failed)).await else { panic!("a run is ended") };
    ids.push(id);
    let mut new = new_run();
    new.replaces = Some(old.run);
    let Claimed::Started(record) = answer(store.claim("anew", &new)).await else { panic!("a run is replaced") };
    let anew = store.run_log(&record.run, &options());
    let begin = answer(anew.head()).await;
    for written in [false, true] {
        for id in &ids {
            let page = answer(anew.read_after(id.as_str(), 9)).await;
            assert!(page.gap.is_some(), "an id of the old run is a gap in the log of the new one: {id}");
            assert_eq!((page.entries.len(), page.closed), (usize::from(written), None), "the log begins anew");
        }
        if !written {
            answer(anew.append(&block("1"))).await;
        }
    }
    let page = answer(anew.read_after(begin.as_str(), 9)).await;
    assert_eq!((page.entries.len(), page.gap), (1, None), "its own beginning is no gap");
    let page = answer(log.read_after(ids[0].as_str(), 9)).await;
    assert!(page.entries.is_empty() && page.closed.is_none(), "the log of the replaced run is removed: {page:?}");
}
