use std::future::pending;

use sse_typed::{
    LastEventId,
    runs::{BoxError, RunState, RunStore, RunWriter},
};

use crate::common::{Answer, Setup, count, token};

fn failed(reason: &str) -> Answer {
    Answer::Failed { reason: reason.to_owned() }
}

pub(crate) async fn an_error_is_the_failed_event_with_its_text<S: RunStore>(setup: &Setup<S>) {
    let (here, there) = (setup.process("a").public(), setup.process("b").public());
    let produce = |run: RunWriter<Answer, S>| async move {
        run.publish(&token(0)).await?;
        Err("the model is overloaded".into())
    };
    here.start("7", produce).await.unwrap();
    let run = there.get("7").await.unwrap().unwrap();
    let expected = [token(0), failed("the model is overloaded")];
    assert_eq!(setup.all(&run, LastEventId::none()).await, expected);
    assert_eq!(run.status().await.unwrap().unwrap().state(), RunState::Failed);

    let long = "é".repeat(5_000);
    let run = here.start("long", |_| async move { Err(long.into()) }).await.unwrap().run;
    assert_eq!(setup.all(&run, LastEventId::none()).await, [failed(&"é".repeat(2_048))]);
}

pub(crate) async fn a_panic_is_the_failed_event_without_its_text<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.process("a").public();
    let produce = |run: RunWriter<Answer, S>| async move {
        run.publish(&token(0)).await?;
        panic!("a secret")
    };
    let run = scope.start("7", produce).await.unwrap().run;
    let expected = [token(0), failed("the producer panicked")];
    assert_eq!(setup.all(&run, LastEventId::none()).await, expected);
    assert_eq!(run.status().await.unwrap().unwrap().state(), RunState::Failed);
}

pub(crate) async fn a_panic_when_the_closure_is_called_fails_the_run<S: RunStore>(setup: &Setup<S>) {
    fn produce<S: RunStore>(_: RunWriter<Answer, S>) -> std::future::Pending<Result<Answer, BoxError>> {
        panic!("a secret")
    }
    let run = setup.process("a").public().start("7", produce).await.unwrap().run;
    assert_eq!(setup.all(&run, LastEventId::none()).await, [failed("the producer panicked")]);
}

pub(crate) async fn a_run_that_publishes_too_many_events_fails<S: RunStore>(setup: &Setup<S>) {
    let scope = setup.builder("a").max_events(3).build_on(setup.store.clone(), "answers").public();
    let run = scope.start("fits", |run| count(run, 3)).await.unwrap().run;
    assert_eq!(setup.all(&run, LastEventId::none()).await, [token(0), token(1), token(2), Answer::Done]);
    let expected = [token(0), token(1), token(2), failed("the run has published as many events as a run may")];
    let run = scope.start("returns the error", |run| count(run, 4)).await.unwrap().run;
    assert_eq!(setup.all(&run, LastEventId::none()).await, expected);
    let produce = |run: RunWriter<Answer, S>| async move {
        for n in 0..4 {
            let published = run.publish(&token(n)).await;
            assert_eq!(published.is_err_and(|error| error.is_limit()), n == 3);
        }
        pending().await
    };
    let run = scope.start("ignores the error", produce).await.unwrap().run;
    assert_eq!(setup.all(&run, LastEventId::none()).await, expected);
    assert_eq!(run.status().await.unwrap().unwrap().state(), RunState::Failed);
}

pub(crate) async fn a_run_that_publishes_too_many_bytes_fails<S: RunStore>(setup: &Setup<S>) {
    let size = "event: token\ndata: {\"text\":\"\"}\n\n".len() as u64 + 1_000;
    // Nine events are exactly as many bytes as it may publish.
    let scope = setup.builder("a").max_bytes(size * 9).build_on(setup.store.clone(), "answers").public();
    let produce = |run: RunWriter<Answer, S>| async move {
        loop {
            run.publish(&token("x".repeat(1_000))).await?;
        }
    };
    let run = scope.start("7", produce).await.unwrap().run;
    let events = setup.all(&run, LastEventId::none()).await;
    assert_eq!(events.len(), 10);
    assert_eq!(events[9], failed("the run has published as many bytes as a run may"));
}

pub(crate) async fn an_event_that_cannot_be_sent_does_not_end_the_run<S: RunStore>(setup: &Setup<S>) {
    let runs = sse_typed::runs::Runs::builder()
        .failed(Part::failed)
        .stopped(|| Part::failed("stopped".to_owned()))
        .lost(|| Part::failed("lost".to_owned()))
        .build_on(setup.store.clone(), "parts");
    let produce = |run: RunWriter<Part, S>| async move {
        let error = run.publish(&Part { number: Number(None), text: String::new() }).await.unwrap_err();
        assert!(error.is_event(), "{error}");
        run.publish(&Part { number: Number(Some(1)), text: "sent".to_owned() }).await?;
        Ok(Part { number: Number(None), text: "never sent".to_owned() })
    };
    let run = runs.public().start("7", produce).await.unwrap().run;
    let events: Vec<_> = setup
        .in_time(async { futures_util::StreamExt::collect::<Vec<_>>(run.subscribe(LastEventId::none()).await).await })
        .await;
    let text: String =
        events.iter().map(|entries| String::from_utf8_lossy(&entries.to_bytes().unwrap()).into_owned()).collect();
    assert!(text.contains("sent") && text.contains("the last event cannot be sent"), "{text}");
}

/// An event that can fail to be encoded.
#[derive(sse_typed::EncodeEvent, serde::Serialize)]
struct Part {
    number: Number,
    text: String,
}

struct Number(Option<u32>);

impl Part {
    fn failed(text: String) -> Self {
        Self { number: Number(Some(0)), text }
    }
}

impl serde::Serialize for Number {
    fn serialize<T: serde::Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        match self.0 {
            Some(number) => serializer.serialize_u32(number),
            None => Err(serde::ser::Error::custom("no number")),
        }
    }
}
