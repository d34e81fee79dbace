//! A panic ends the stream after the events before it, and after the last event of `on_panic` if there is one.

use std::future::pending;

use futures_util::{StreamExt, stream};
use sse_typed::Sse;
use tokio::time::sleep;

use crate::{
    common::{Scene, encoded},
    end_conditions::{DONE, TICK, ended, open, seconds},
};

fn explode() {
    panic!("in the future");
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_condition_ends_the_stream_like_one_of_the_stream() {
    let last = || Some(encoded(&Scene::Done));
    let panicked = |sent: &str, events| (format!("panicked events={events}"), sent.to_owned());
    let end = async |sse: Sse<_>| {
        let (reason, sent, _) = ended(sse).await;
        (reason, sent)
    };
    let in_future = || {
        open().boxed().until(async {
            sleep(seconds(1)).await;
            explode();
        })
    };
    assert_eq!(end(in_future()).await, panicked(TICK, 1));
    assert_eq!(end(in_future().on_panic(last)).await, panicked(&format!("{TICK}{DONE}"), 2));
    let in_check = open().boxed().recheck(seconds(1), || async { panic!("in the future of the check") });
    assert_eq!(end(in_check.on_panic(last)).await, panicked(&format!("{TICK}{DONE}"), 2));
    let in_closure = open().boxed().recheck(seconds(1), || -> std::future::Ready<bool> { panic!("in the closure") });
    assert_eq!(end(in_closure.on_panic(last)).await, panicked(&format!("{TICK}{DONE}"), 2));
}

#[tokio::test]
async fn the_event_of_on_panic_is_sent_after_a_panic_of_the_stream() {
    let done = || Some(encoded(&Scene::Done));
    let events = || stream::iter([Scene::Tick(1)]).chain(stream::once(async { panic!("in the stream") })).boxed();
    let expected = ("panicked events=2".to_owned(), format!("{TICK}{DONE}"), 0);
    assert_eq!(ended(Sse::new(events()).on_panic(done)).await, expected);
    assert_eq!(ended(Sse::new(events()).on_panic(done).boxed()).await, expected);
}

#[tokio::test]
async fn the_event_of_on_panic_is_sent_once_and_last_wherever_the_panic_is() {
    let done = || Some(encoded(&Scene::Done));
    let both = format!("{TICK}{DONE}");
    let while_encoding = Sse::new(stream::iter([Scene::Tick(1), Scene::Panics, Scene::Tick(2)])).on_panic(done);
    assert_eq!(ended(while_encoding).await.1, both);
    let in_replacement = Sse::new(stream::iter([Scene::Tick(1), Scene::Broken]))
        .on_unsendable(|_| panic!("in the replacement"))
        .on_panic(done);
    assert_eq!(ended(in_replacement).await.1, both);
    let failing = stream::iter([Ok(Scene::Tick(1)), Err(())]);
    let in_last = Sse::from_results(failing, |()| -> Option<Scene> { panic!("in the last event") }).on_panic(done);
    assert_eq!(ended(in_last).await.1, both);

    // No event, a closure that panics itself, and the last of two settings.
    let panics = || Sse::new(stream::iter([Scene::Tick(1), Scene::Panics]));
    assert_eq!(ended(panics().on_panic(|| None)).await.1, TICK);
    assert_eq!(ended(panics().on_panic(|| panic!("once more"))).await, ("panicked events=1".into(), TICK.into(), 0));
    assert_eq!(ended(panics().on_panic(|| None).on_panic(done)).await.1, both);
}

#[tokio::test]
async fn a_panic_after_the_end_sends_no_event_of_on_panic() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the drop");
        }
    }
    let bomb = Bomb;
    let events = stream::iter([Scene::Tick(1), Scene::Done]).inspect(move |_| {
        let _held = &bomb;
    });
    let sse = Sse::new(events).on_panic(|| Some(encoded(&Scene::Tick(2))));
    let expected = ("panicked events=2".to_owned(), format!("{TICK}{DONE}"), 0);
    assert_eq!(ended(sse).await, expected);
    // Neither does a panic in the drop of a future.
    let bomb = Bomb;
    let held = async move {
        pending::<()>().await;
        drop(bomb);
    };
    let sse =
        Sse::new(stream::iter([Scene::Tick(1), Scene::Done])).until(held).on_panic(|| Some(encoded(&Scene::Done)));
    assert_eq!(ended(sse).await, expected);
}

/// A panic during the unwinding of another would abort the process.
#[tokio::test]
async fn any_number_of_panics_during_the_drop_ends_the_stream_once() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the drop");
        }
    }
    let held = || {
        let bomb = Bomb;
        async move {
            pending::<()>().await;
            drop(bomb);
        }
    };
    let (in_replace, in_on_panic, in_check) = (Bomb, Bomb, Bomb);
    let sse = Sse::new(stream::iter([Scene::Tick(1), Scene::Done]))
        .until(held())
        .until(held())
        .recheck(seconds(1), move || {
            let _held = &in_check;
            std::future::ready(true)
        })
        .on_unsendable(move |_| {
            let _held = &in_replace;
            None
        })
        .on_panic(move || {
            drop(in_on_panic);
            None
        });
    assert_eq!(ended(sse).await, ("panicked events=2".to_owned(), format!("{TICK}{DONE}"), 0));
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in the payload");
    }
}

#[tokio::test]
async fn a_panic_whose_payload_panics_in_its_drop_ends_the_stream() {
    let done = || Some(encoded(&Scene::Done));
    let sse = open()
        .boxed()
        .until(async {
            if true {
                std::panic::panic_any(Bomb)
            }
        })
        .on_panic(done);
    assert_eq!(ended(sse).await.1, DONE);
}
