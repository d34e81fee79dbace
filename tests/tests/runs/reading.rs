use futures_util::{Stream, StreamExt};
use sse_typed::{
    LastEventId,
    hub::EventLog,
    hub::LogOptions,
    runs::{RunRef, RunStore, RunWriter},
};
use tokio::{sync::mpsc, time::sleep};

use crate::common::{Answer, Setup, count, hang, rest, token};

/// A run that publishes what is sent to it, and ends with the channel.
macro_rules! start_fed {
    ($scope:expr) => {{
        let (feed, mut fed) = mpsc::unbounded_channel::<u32>();
        let produce = move |run: RunWriter<Answer, S>| async move {
            while let Some(n) = fed.recv().await {
                run.publish(&token(n)).await?;
            }
            Ok(Answer::Done)
        };
        ($scope.start("7", produce).await.unwrap().run, feed)
    }};
}

pub(crate) async fn a_reader_that_leaves_stops_nothing<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let (run, feed) = start_fed!(scope);
    let mut reader = run.subscribe(LastEventId::none()).await.events();
    feed.send(0).unwrap();
    let first = reader.next().await.unwrap();
    drop((reader, run));
    feed.send(1).unwrap();
    drop(feed);
    let run = scope.get("7").await.unwrap().unwrap();
    assert_eq!(setup.all(&run, first.id.clone()).await, [token(1), Answer::Done]);
}

pub(crate) async fn dropping_every_handle_stops_nothing<S: RunStore>(setup: &Setup<S>) {
    let runs = setup.process("a");
    let (run, feed) = start_fed!(runs.public());
    drop((runs, run));
    // Longer than a lease: it is renewed without handles.
    sleep(setup.lease * 2).await;
    let there = setup.process("b").public();
    let run = there.get("7").await.unwrap().unwrap();
    assert!(run.last_status().is_running());
    feed.send(0).unwrap();
    drop(feed);
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), Answer::Done]);
}

pub(crate) async fn an_event_is_stored_when_publish_returns<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let (published, mut ids) = mpsc::unbounded_channel();
    let run = scope.start("7", |run: RunWriter<Answer, S>| async move {
        for n in 0..3 {
            published.send(run.publish(&token(n)).await?)?;
        }
        Ok(Answer::Done)
    });
    let run = run.await.unwrap().run;
    let log = setup.store.run_log(&RunRef::new(run.last_status().cursor(), run.id()), &LogOptions::new());
    while let Some(id) = ids.recv().await {
        assert!(log.read_after(id.as_str(), 10).await.unwrap().gap.is_none(), "the event is in the store");
    }
}

pub(crate) async fn a_reader_resumes_on_another_process<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    let (run, feed) = start_fed!(here);
    let mut id = LastEventId::none();
    for n in 0..6 {
        let run = if n % 2 == 0 { run.clone() } else { there.get("7").await.unwrap().unwrap() };
        let mut reader = run.subscribe(id).await.events();
        feed.send(n).unwrap();
        let event = setup.in_time(reader.next()).await.unwrap();
        assert_eq!(*event.data, token(n));
        id = event.id.clone().into();
    }
    drop(feed);
    let run = there.get("7").await.unwrap().unwrap();
    assert_eq!(setup.all(&run, id).await, [Answer::Done]);
}

pub(crate) async fn a_second_reader_gets_the_whole_run<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    let (run, feed) = start_fed!(here);
    let one = tokio::spawn(rest(run.subscribe(LastEventId::none()).await));
    (0..300).for_each(|n| feed.send(n).unwrap());
    let run = there.get("7").await.unwrap().unwrap();
    let two = tokio::spawn(rest(run.subscribe(LastEventId::none()).await));
    (300..600).for_each(|n| feed.send(n).unwrap());
    drop(feed);
    let expected: Vec<_> = (0..600).map(token).chain([Answer::Done]).collect();
    assert_eq!(setup.in_time(one).await.unwrap(), expected);
    assert_eq!(setup.in_time(two).await.unwrap(), expected);
}

pub(crate) async fn a_reader_that_comes_after_the_end_gets_the_whole_run<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    let run = here.start("7", |run| count(run, 500)).await.unwrap().run;
    let expected: Vec<_> = (0..500).map(token).chain([Answer::Done]).collect();
    assert_eq!(setup.all(&run, LastEventId::none()).await, expected);
    let run = there.get("7").await.unwrap().unwrap();
    for _ in 0..2 {
        assert_eq!(setup.all(&run, LastEventId::none()).await, expected);
    }
}

pub(crate) async fn a_reader_that_has_everything_is_over_at_once<S: RunStore>(setup: &Setup<S>) {
    let here = setup.process("a").public();
    let run = here.start("7", |run| count(run, 2)).await.unwrap().run;
    let events: Vec<_> = run.subscribe(LastEventId::none()).await.events().collect().await;
    for process in [setup.process("b"), setup.process("c")] {
        let run = process.public().get("7").await.unwrap().unwrap();
        let last = run.subscribe(events[2].id.clone()).await;
        assert_eq!(last.size_hint(), (0, Some(0)), "this is a 204");
        assert_eq!(setup.all(&run, events[1].id.clone()).await, [Answer::Done]);
        assert_ne!(run.subscribe(events[1].id.clone()).await.size_hint(), (0, Some(0)));
    }
}

pub(crate) async fn an_id_of_an_earlier_run_begins_anew<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let run = scope.start("7", |run| count(run, 2)).await.unwrap().run;
    let old: Vec<_> = run.subscribe(LastEventId::none()).await.events().collect().await;
    let run = scope.restart("7", |run| count(run, 3)).await.unwrap().run;
    // The default makes the client forget its id, and ends the stream.
    let mut restarted = run.subscribe(old[0].id.clone()).await;
    let forget = setup.in_time(restarted.next()).await.unwrap();
    assert!(String::from_utf8_lossy(&forget.to_bytes().unwrap()).contains("id:"), "{forget:?}");
    assert!(setup.in_time(restarted.next()).await.is_none());
    assert_eq!(setup.all(&run, LastEventId::none()).await.len(), 4);
}

pub(crate) async fn a_last_event_that_is_not_terminal_ends_the_run_all_the_same<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let run = scope.start("7", |_| async { Ok(token("last")) }).await.unwrap().run;
    let events: Vec<_> = setup.in_time(run.subscribe(LastEventId::none()).await.events().collect()).await;
    assert_eq!(*events[0].data, token("last"));
    assert!(events[0].id.as_ref().unwrap().as_str().ends_with('!'));
    assert_eq!(run.subscribe(events[0].id.clone()).await.size_hint(), (0, Some(0)));
}

pub(crate) async fn a_reader_of_a_run_that_was_replaced_ends<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    here.start("7", |run| count(run, 2)).await.unwrap();
    let old = there.get("7").await.unwrap().unwrap();
    setup.all(&here.get("7").await.unwrap().unwrap(), LastEventId::none()).await;
    here.restart("7", hang).await.unwrap();
    assert_eq!(setup.all(&old, LastEventId::none()).await, []);
}
