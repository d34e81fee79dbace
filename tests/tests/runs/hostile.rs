//! Settings, producers and events that are as bad as they can be.

use std::{error::Error, fmt, future::pending, time::Duration};

use futures_util::{Stream, StreamExt, future::join_all};
use serde::{Serialize, Serializer};
use sse_typed::{
    LastEventId, SseEvent,
    runs::{BoxError, RunState, RunStore, RunWriter, Runs, Started},
};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use crate::{
    common::{Answer, Setup, count, hang, polled, rest, started_hanging, token},
    faulty::{Faults, Faulty},
};

pub(crate) async fn the_largest_settings_are_no_panic<S: RunStore>(setup: &Setup<S>) {
    let store = Faulty::new(&setup.store);
    let runs = Runs::builder()
        .lease(Duration::MAX)
        .keep(Duration::MAX)
        .outage(Duration::MAX)
        .grace(Duration::MAX)
        .cancel_on_disconnect(Duration::MAX)
        .max_events(u64::MAX)
        .max_bytes(u64::MAX)
        .build_on(store.clone(), "answers");
    let (go_on, waits) = oneshot::channel::<()>();
    let produce = move |run: RunWriter<Answer, Faulty<S>>| async move {
        run.publish(&token(0)).await?;
        waits.await?;
        run.publish(&token(1)).await?;
        run.stopped().await;
        Ok(Answer::Done)
    };
    let run = runs.public().start("7", produce).await.unwrap().run;
    let reader = tokio::spawn(rest(run.subscribe(LastEventId::none()).await));
    sleep(setup.lease / 10).await;
    Faults::set(&store.faults.is_away, true);
    go_on.send(()).unwrap();
    sleep(setup.lease / 10).await;
    Faults::set(&store.faults.is_away, false);
    let stopped = setup.in_time(run.stop()).await.unwrap().unwrap();
    assert_eq!(stopped.state(), RunState::Stopped);
    assert_eq!(setup.in_time(reader).await.unwrap(), [token(0), token(1), Answer::Done]);
    assert_eq!(setup.in_time(runs.shutdown(Duration::MAX)).await, 0);
}

pub(crate) async fn the_smallest_settings_are_no_panic<S: RunStore>(setup: &Setup<S>) {
    let runs = Runs::builder()
        .lease(Duration::ZERO)
        .keep(Duration::ZERO)
        .outage(Duration::ZERO)
        .cancel_on_disconnect(Duration::ZERO)
        .max_events(0)
        .max_bytes(0)
        .build_on(setup.store.clone(), "answers");
    let run = runs.public().start("7", |run| count(run, 1)).await.unwrap().run;
    let events = setup.all(&run, LastEventId::none()).await;
    assert!(matches!(&events[..], [Answer::Failed { .. } | Answer::Stopped]), "{events:?}");
    assert_eq!(runs.list(None, 0).await.unwrap(), []);
    assert_eq!(setup.in_time(runs.shutdown(Duration::ZERO)).await, 0);
}

/// A run that is not kept at all would be removed before anybody has read its end.
pub(crate) async fn readers_get_the_end_of_a_run_that_is_kept_for_no_time<S: RunStore>(setup: &Setup<S>) {
    let build = |owner| setup.builder(owner).keep(Duration::ZERO).build_on(setup.store.clone(), "answers");
    let (here, there) = (build("a"), build("b"));
    let run = started_hanging(&here.public(), "7").await;
    let elsewhere = there.public().get("7").await.unwrap().unwrap();
    let one = tokio::spawn(rest(run.subscribe(LastEventId::none()).await));
    let two = tokio::spawn(rest(elsewhere.subscribe(LastEventId::none()).await));
    sleep(setup.lease * 2).await;
    let stopped = run.stop().await.unwrap().expect("it is there when it has just ended");
    assert_eq!(stopped.state(), RunState::Stopped);
    for reader in [one, two] {
        assert_eq!(setup.in_time(reader).await.unwrap(), [token(0), Answer::Stopped]);
    }
    setup.until(async || here.public().get("7").await.unwrap().is_none()).await;
}

pub(crate) async fn a_run_that_ignores_its_limit_is_not_done<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.builder("a").max_events(1).build_on(setup.store.clone(), "answers").public();
    let failed = Answer::Failed { reason: "the run has published as many events as a run may".to_owned() };
    for (key, panics) in [("returns", false), ("panics", true)] {
        let produce = move |run: RunWriter<Answer, S>| async move {
            run.publish(&token(0)).await?;
            assert!(run.publish(&token(1)).await.unwrap_err().is_limit());
            assert!(!panics, "the event was not published");
            Ok(Answer::Done)
        };
        let run = scope.start(key, produce).await.unwrap().run;
        assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), failed.clone()], "{key}");
        assert_eq!(run.status().await.unwrap().unwrap().state(), RunState::Failed);
    }
}

/// An error that panics when it is used.
#[derive(Debug)]
struct Panics {
    in_display: bool,
    in_drop: bool,
}

impl fmt::Display for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(!self.in_display, "a secret");
        f.write_str("text")
    }
}

impl Error for Panics {}

impl Drop for Panics {
    fn drop(&mut self) {
        assert!(!self.in_drop || std::thread::panicking(), "a secret");
    }
}

pub(crate) async fn an_error_that_panics_fails_the_run<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    for (in_display, in_drop, reason) in
        [(true, false, "the producer panicked"), (false, true, "text"), (true, true, "the producer panicked")]
    {
        let produce = move |_| async move { Err(BoxError::from(Panics { in_display, in_drop })) };
        let run = scope.start(format!("{in_display} {in_drop}"), produce).await.unwrap().run;
        let failed = Answer::Failed { reason: reason.to_owned() };
        assert_eq!(setup.all(&run, LastEventId::none()).await, [failed]);
        assert_eq!(run.status().await.unwrap().unwrap().state(), RunState::Failed);
    }
}

/// An event that panics when it is encoded or dropped.
#[derive(SseEvent)]
#[sse(rename_all = "snake_case")]
enum Bomb {
    Part(PanicsOnUse),
    #[sse(terminal, failed)]
    Failed {
        reason: String,
    },
    #[sse(terminal, stopped)]
    Stopped,
    #[sse(terminal, lost)]
    Lost,
}

#[derive(serde::Deserialize)]
struct PanicsOnUse {
    in_encode: bool,
    in_drop: bool,
}

impl Serialize for PanicsOnUse {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        assert!(!self.in_encode, "a secret");
        serializer.serialize_str("part")
    }
}

impl Drop for PanicsOnUse {
    fn drop(&mut self) {
        assert!(!self.in_drop || std::thread::panicking(), "a secret");
    }
}

pub(crate) async fn a_last_event_that_panics_ends_the_run<S: RunStore>(setup: &Setup<S>) {
    let runs = Runs::<Bomb, _>::on(setup.store.clone(), "bombs");
    for (in_encode, in_drop, state, text) in [
        (true, false, RunState::Failed, "the producer panicked"),
        (false, true, RunState::Done, "data: \"part\""),
        (true, true, RunState::Failed, "the producer panicked"),
    ] {
        let produce = move |_| async move { Ok(Bomb::Part(PanicsOnUse { in_encode, in_drop })) };
        let run = runs.public().start(format!("{in_encode} {in_drop}"), produce).await.unwrap().run;
        let read = async { run.subscribe(LastEventId::none()).await.collect::<Vec<_>>().await };
        let events = setup.in_time(read).await;
        let bytes: Vec<u8> = events.iter().flat_map(|event| event.to_bytes().unwrap().to_vec()).collect();
        let sent = String::from_utf8_lossy(&bytes);
        assert!(sent.contains(text) && !sent.contains("lost"), "{sent}");
        assert_eq!(run.status().await.unwrap().unwrap().state(), state);
    }
}

pub(crate) async fn a_joined_closure_may_panic_when_it_is_dropped<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let first = started_hanging(&scope, "7").await;
    let bomb = Panics { in_display: false, in_drop: true };
    let Started { run, is_new, .. } = scope.start("7", move |run| drop_late(run, bomb)).await.unwrap();
    assert!(!is_new && run.id() == first.id());
}

async fn drop_late<S: RunStore>(_: RunWriter<Answer, S>, _bomb: Panics) -> Result<Answer, BoxError> {
    pending().await
}

pub(crate) async fn a_producer_that_panics_when_it_is_dropped_is_stopped<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let bomb = Panics { in_display: false, in_drop: true };
    let run = scope.start("7", move |run| drop_late(run, bomb)).await.unwrap().run;
    assert_eq!(run.stop().await.unwrap().unwrap().state(), RunState::Stopped);
    assert_eq!(setup.all(&run, LastEventId::none()).await, [Answer::Stopped]);
}

pub(crate) async fn a_writer_that_outlives_its_closure_cannot_publish<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let (sender, receiver) = oneshot::channel();
    let produce = move |run: RunWriter<Answer, S>| async move {
        let _ = sender.send(run.clone());
        count(run, 1).await
    };
    let run = scope.start("7", produce).await.unwrap().run;
    let writer = receiver.await.unwrap();
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Done]);
    let error = writer.publish(&token(1)).await.unwrap_err();
    assert!(error.is_ended(), "{error}");
    setup.in_time(writer.stopped()).await;
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Done]);
}

pub(crate) async fn clones_of_a_writer_publish_each_event_once<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let short = setup.lease / 1000;
    let produce = move |run: RunWriter<Answer, S>| async move {
        let publishers = (0..8).map(|publisher| {
            let run = run.clone();
            tokio::spawn(async move {
                let mut published = Vec::new();
                for n in 0..20 {
                    let event = token(format!("{publisher}-{n}"));
                    if n % 5 == 0 {
                        // Given up: published or not.
                        let _ = timeout(short * (n % 4), run.publish(&event)).await;
                    } else {
                        run.publish(&event).await.unwrap();
                        published.push(event);
                    }
                }
                published
            })
        });
        let published = join_all(publishers).await.into_iter().flat_map(Result::unwrap);
        run.publish(&token(published.count())).await?;
        Ok(Answer::Done)
    };
    let run = scope.start("7", produce).await.unwrap().run;
    let events = setup.all(&run, LastEventId::none()).await;
    let certain = |event: &&Answer| matches!(event, Answer::Token { text } if text.contains('-'));
    let mut seen: Vec<_> = events.iter().filter(certain).map(|event| format!("{event:?}")).collect();
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all, "an event is stored once");
    assert!((8 * 16..=8 * 20).contains(&all), "{all}");
    assert_eq!(events[events.len() - 2..], [token(8 * 16), Answer::Done]);
}

pub(crate) async fn the_mark_of_an_earlier_end_does_not_hide_a_run<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    let first = here.start("7", |run| count(run, 2)).await.unwrap().run;
    let old: Vec<_> = first.subscribe(LastEventId::none()).await.events().collect().await;
    let last = old[2].id.clone().unwrap();
    assert!(last.as_str().ends_with('!'));
    here.restart("7", hang).await.unwrap();
    for scope in [&here, &there] {
        let run = scope.get("7").await.unwrap().unwrap();
        for id in [last.as_str(), "garbage!", "0-0-0!!"] {
            let id = LastEventId::from(sse_typed::EventId::new(id).unwrap());
            let mut restarted = setup.in_time(run.subscribe(id)).await;
            assert_ne!(restarted.size_hint(), (0, Some(0)), "a 204 would hide the run");
            assert!(setup.in_time(restarted.next()).await.is_some(), "the client forgets its id");
            assert!(setup.in_time(restarted.next()).await.is_none(), "and begins anew");
        }
    }
    here.stop("7").await.unwrap();
    for scope in [&here, &there] {
        let run = scope.get("7").await.unwrap().unwrap();
        let events: Vec<_> = run.subscribe(LastEventId::none()).await.events().collect().await;
        let last = events.last().unwrap().id.clone();
        assert_eq!(setup.in_time(run.subscribe(last)).await.size_hint(), (0, Some(0)), "this client has everything");
    }
}

pub(crate) async fn a_terminal_event_before_the_end_hides_nothing_from_those_who_resume<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let produce = |run: RunWriter<Answer, S>| async move {
        run.publish(&Answer::Done).await?;
        count(run, 1).await
    };
    let run = scope.start("7", produce).await.unwrap().run;
    let events: Vec<_> = setup.in_time(run.subscribe(LastEventId::none()).await.events().collect()).await;
    assert_eq!(events.iter().map(|event| Answer::clone(&event.data)).collect::<Vec<_>>(), [Answer::Done]);
    assert_eq!(setup.all(&run, events[0].id.clone()).await, [token(0), Answer::Done]);
}

pub(crate) async fn a_producer_may_start_join_and_stop_runs<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let inner = scope.clone();
    let produce = move |run: RunWriter<Answer, S>| async move {
        let part = inner.start("part", |run| count(run, 2)).await?.run;
        assert_eq!(rest(part.subscribe(LastEventId::none()).await).await.len(), 3);
        let joined = inner.start("7", hang).await?;
        assert!(!joined.is_new);
        run.publish(&token(0)).await?;
        joined.run.stop().await?;
        Ok(Answer::Done)
    };
    let run = scope.start("7", produce).await.unwrap().run;
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Stopped]);
}

pub(crate) async fn a_reader_of_a_run_that_expires_meanwhile_ends<S: RunStore>(setup: &Setup<S>) {
    let keep = setup.lease * 2;
    let runs = setup.builder("a").keep(keep).build_on(setup.store.clone(), "answers");
    let scope = runs.public();
    let run = scope.start("7", |run| count(run, 1_000)).await.unwrap().run;
    let mut behind = run.subscribe(LastEventId::none()).await.events();
    assert!(setup.in_time(behind.next()).await.is_some());
    setup.all(&run, LastEventId::none()).await;
    sleep(keep * 2).await;
    assert!(scope.get("7").await.unwrap().is_none());
    let left = setup.in_time(async { behind.collect::<Vec<_>>().await }).await;
    assert!(left.len() <= 1_000, "{}", left.len());
}

pub(crate) async fn a_shutdown_may_be_called_twice_and_while_runs_start<S: RunStore>(setup: &Setup<S>) {
    let runs = setup.process("a");
    let scope = runs.public();
    let starts = (0..20).map(|n| {
        let scope = scope.clone();
        tokio::spawn(async move { scope.start(n.to_string(), hang).await })
    });
    let starts: Vec<_> = starts.collect();
    tokio::task::yield_now().await;
    let (one, two) =
        setup.in_time(async { tokio::join!(runs.shutdown(Duration::ZERO), runs.shutdown(setup.lease)) }).await;
    let mut started = 0;
    for start in starts {
        match start.await.unwrap() {
            Ok(Started { run, .. }) => {
                started += 1;
                assert_eq!(run.status().await.unwrap().unwrap().state(), RunState::Lost);
            }
            Err(error) => assert!(error.is_shutting_down(), "{error}"),
        }
    }
    assert!(one.max(two) <= started, "{one} {two} {started}");
    assert_eq!(runs.shutdown(Duration::ZERO).await, 0);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_runs_leave_nothing_behind() {
    let setup = crate::memory_setup();
    let runs = setup.builder("a").keep(setup.lease * 4).build_on(setup.store.clone(), "answers");
    let scope = runs.public();
    for block in 0..10 {
        let starts = (0..1_000).map(|n| {
            let scope = scope.clone();
            async move {
                let run = scope.start(format!("{block}-{n}"), |run| count(run, 2)).await.unwrap().run;
                rest(run.subscribe(LastEventId::none()).await).await.len()
            }
        });
        assert!(setup.in_time(join_all(starts)).await.into_iter().all(|events| events == 3));
    }
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    setup.until(async || tasks() == 0).await;
    sleep(setup.lease * 5).await;
    assert_eq!(runs.list(None, usize::MAX).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn runs_go_on_without_their_handles() {
    let setup = crate::memory_setup();
    let lease = setup.lease;
    let produce = move |run: RunWriter<Answer, _>| async move {
        sleep(lease * 3).await;
        count(run, 1).await
    };
    drop(setup.process("a").public().start("7", produce).await.unwrap());
    let run = setup.process("b").public().get("7").await.unwrap().unwrap();
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Done]);
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_uses_up_its_budget_is_stopped() {
    let setup = crate::memory_setup();
    let scope = setup.process("a").public();
    let produce = |_: RunWriter<Answer, _>| async {
        loop {
            // Always ready, until the budget of the task is used up.
            tokio::task::coop::consume_budget().await;
        }
    };
    let run = scope.start("7", produce).await.unwrap().run;
    assert_eq!(run.stop().await.unwrap().unwrap().state(), RunState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_complete_while_runs_begin_and_end() {
    let setup = crate::memory_setup();
    let runs = setup.process("a");
    let scope = runs.public();
    for n in 0..30 {
        scope.start(format!("{n:02}"), hang).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = runs.list(after.as_deref(), 4).await.unwrap();
        let Some(last) = page.last() else { break };
        // The run of the cursor is replaced, and others begin before and behind it.
        scope.stop(last.key()).await.unwrap();
        scope.restart(last.key(), |run| count(run, 1)).await.unwrap();
        for number in [0, 29] {
            scope.start(format!("{number:02}-{}", seen.len()), hang).await.unwrap();
        }
        after = Some(last.cursor().to_owned());
        seen.extend(page.iter().map(|status| status.key().to_owned()));
    }
    for n in 0..30 {
        assert_eq!(seen.iter().filter(|key| **key == format!("{n:02}")).count(), 1, "{n}");
    }
    assert!(seen.is_sorted());
}

/// The request and the return are in one poll.
#[tokio::test(start_paused = true)]
async fn a_producer_that_returns_as_it_sees_the_stop_is_stopped() {
    let setup = crate::memory_setup();
    let scope = setup.builder("a").grace(setup.lease).build_on(setup.store.clone(), "answers").public();
    let inner = scope.clone();
    let produce = move |run: RunWriter<Answer, _>| async move {
        let mut stop = Box::pin(inner.stop("7"));
        assert!(polled(&mut stop).await.is_pending());
        assert!(run.is_stopped());
        Ok(token("saved"))
    };
    let run = scope.start("7", produce).await.unwrap().run;
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token("saved")]);
    assert_eq!(run.status().await.unwrap().unwrap().state(), RunState::Stopped);
}

pub(crate) async fn a_task_of_a_stopped_producer_reaches_no_later_run<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let (sender, mut errors) = tokio::sync::mpsc::unbounded_channel();
    let produce = |run: RunWriter<Answer, S>| async move {
        run.publish(&token("old")).await?;
        let writer = run.clone();
        tokio::spawn(async move {
            loop {
                match writer.publish(&token("old")).await {
                    Ok(_) => sleep(Duration::from_millis(1)).await,
                    Err(error) => break sender.send(error),
                }
            }
        });
        pending().await
    };
    let old = scope.start("7", produce).await.unwrap().run;
    let begun = old.subscribe(LastEventId::none()).await.events().take(3).count();
    assert_eq!(setup.in_time(begun).await, 3);
    setup.in_time(scope.stop("7")).await.unwrap();
    let run = scope.restart("7", |run| count(run, 3)).await.unwrap().run;
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), token(1), token(2), Answer::Done]);
    assert!(setup.in_time(errors.recv()).await.unwrap().is_ended());
}

pub(crate) async fn readers_get_the_largest_events<S: RunStore>(setup: &Setup<S>) {
    let runs = setup.builder("a").max_bytes(u64::MAX).build_on(setup.store.clone(), "answers");
    let large = |text: &str, mebibytes: usize| token(text.repeat(mebibytes << 20));
    let produce = move |run: RunWriter<Answer, S>| async move {
        for n in 0..3 {
            run.publish(&token(n)).await?;
            run.publish(&large("x", 2)).await?;
        }
        Ok(large("last", 5))
    };
    let scope = runs.public();
    let run = scope.start("7", produce).await.unwrap().run;
    let lengths = |events: Vec<Answer>| -> Vec<usize> {
        let length = |event| if let Answer::Token { text } = event { text.len() } else { 0 };
        events.into_iter().map(length).collect()
    };
    let expected = [1, 2 << 20, 1, 2 << 20, 1, 2 << 20, 20 << 20];
    for process in [scope, setup.process("b").public()] {
        let run = process.get("7").await.unwrap().unwrap();
        assert_eq!(lengths(setup.all(&run, LastEventId::none()).await), expected);
    }
    drop(run);
}
