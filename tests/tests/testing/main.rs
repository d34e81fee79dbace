//! The test kit: what it accepts, what it refuses, and what it says then.

mod collect;
mod control;
mod cuts;
mod failures;
mod frames;
mod http;
mod polling;
mod raw_client;
mod scripted;
mod sockets;
mod time;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

use futures_util::FutureExt;
use sse_typed::{Gap, SseEvent};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum Feed {
    Tick(u64),
    Moved {
        from: String,
        to: String,
        by: Option<String>,
    },
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Done,
}

/// The examples of the page include the file.
#[test]
fn the_application_on_the_manuals_page_is_the_one_that_its_examples_test() {
    let page = include_str!("../../../sse-typed/src/manual/testing.md");
    let application = include_str!("../../../sse-typed/src/manual/testing_app.rs");
    assert!(page.contains(application));
}

/// The message with which an expectation fails.
pub(crate) async fn failure<T>(expectation: impl Future<Output = T>) -> String {
    match AssertUnwindSafe(expectation).catch_unwind().await {
        Ok(_) => panic!("it does not fail"),
        Err(panic) => message(&*panic),
    }
}

/// The message with which a check fails.
pub(crate) fn sync_failure<T>(check: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(check)) {
        Ok(_) => panic!("it does not fail"),
        Err(panic) => message(&*panic),
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    match panic.downcast_ref::<String>() {
        Some(message) => message.clone(),
        None => (*panic.downcast_ref::<&str>().expect("a message")).to_owned(),
    }
}

/// The line that a panic of `f` names. The hook is the process's: nextest has one for each test.
pub(crate) async fn line_of_failure<T>(expectation: impl Future<Output = T>) -> (String, u32) {
    let place = Arc::<Mutex<Option<(String, u32)>>>::default();
    let noted = Arc::clone(&place);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if let Some(location) = panic.location() {
            noted.lock().unwrap().get_or_insert((location.file().to_owned(), location.line()));
        }
    }));
    let failed = AssertUnwindSafe(expectation).catch_unwind().await.is_err();
    std::panic::set_hook(before);
    assert!(failed, "it does not fail");
    place.lock().unwrap().take().expect("a place")
}
