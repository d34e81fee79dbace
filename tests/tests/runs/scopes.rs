use std::panic::{AssertUnwindSafe, catch_unwind};

use sse_typed::{
    LastEventId, SseEvent,
    runs::{RunStore, Runs},
};

use crate::common::{Answer, Setup, count, hang, started_hanging, token};

pub(crate) async fn subjects_do_not_share_keys<S: RunStore>(setup: &Setup<S>) {
    let runs = setup.process("a");
    let (an, bo) = (runs.scope("An").unwrap(), runs.scope("Bo").unwrap());
    assert_eq!((an.subject(), bo.subject(), runs.public().subject()), (Some("An"), Some("Bo"), None));
    started_hanging(&an, "7").await;
    assert!(bo.get("7").await.unwrap().is_none());
    assert!(runs.public().get("7").await.unwrap().is_none());
    assert_eq!(bo.stop("7").await.unwrap(), None);
    // Keys and subjects that try to reach into another scope.
    for key in ["../An/7", "An/7", "*/7", "%41n/7"] {
        assert!(bo.get(key).await.unwrap().is_none() && runs.public().get(key).await.unwrap().is_none());
    }
    assert!(runs.scope("*").unwrap().start("7", |run| count(run, 1)).await.unwrap().is_new);
    assert!(runs.public().get("7").await.unwrap().is_none());
    let own = bo.start("7", |run| count(run, 1)).await.unwrap();
    assert!(own.is_new);
    assert_eq!(setup.all(&own.run, LastEventId::none()).await, [token(0), Answer::Done]);
    assert!(an.get("7").await.unwrap().unwrap().last_status().is_running());
}

pub(crate) async fn an_empty_subject_is_an_error<S: RunStore>(setup: &Setup<S>) {
    let runs = setup.process("a");
    let error = runs.scope("").unwrap_err();
    assert!(error.is_invalid_key());
    assert_eq!(error.to_string(), "the subject of a run is empty");
    let error = runs.public().start("", hang).await.unwrap_err();
    assert!(error.is_invalid_key());
    assert_eq!(error.to_string(), "the key of a run is empty");
    assert!(runs.public().get(&"k".repeat(201)).await.unwrap_err().is_invalid_key());
}

/// An event type that does not say how runs end.
#[derive(SseEvent)]
enum Plain {
    Text { text: String },
}

#[test]
fn a_type_without_events_for_the_end_of_a_run_is_a_panic_that_names_what_is_missing() {
    let message = |make: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(make)).unwrap_err();
        *panic.downcast::<String>().unwrap()
    };
    let store = sse_typed::hub::MemoryStore::default;
    let text = |text: &str| Plain::Text { text: text.to_owned() };
    let missing = message(&|| drop(Runs::<Plain, _>::on(store(), "plain")));
    assert!(missing.ends_with(
        "Plain` has no event for a run that is failed: mark a variant with `#[sse(terminal, failed)]`, or set a function \
         with `Runs::builder().failed(..)`"
    ), "{missing}");
    let failed = || Runs::builder().failed(|text| Plain::Text { text });
    let missing = message(&|| drop(failed().build_on(store(), "plain")));
    assert!(missing.contains("`#[sse(terminal, stopped)]`") && missing.contains("builder().stopped(..)"), "{missing}");
    let missing = message(&|| drop(failed().stopped(move || text("stopped")).build_on(store(), "plain")));
    assert!(missing.contains("`#[sse(terminal, lost)]`") && missing.contains("builder().lost(..)"), "{missing}");
    let whole = || failed().stopped(move || text("stopped")).lost(move || text("lost"));
    drop(whole().build_on(store(), "plain"));
    let missing = message(&|| drop(whole().build_on(store(), "a/b")));
    assert!(missing.starts_with("a name of runs has 1 to 64 bytes"), "{missing}");
}
