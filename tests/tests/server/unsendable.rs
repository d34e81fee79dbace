//! With `on_unsendable`, a stream continues after an event that cannot be sent.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::ready,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use axum::{Router, body::Body, routing::get};
use futures_util::{Stream, StreamExt, stream};
use http::Request;
use http_body_util::BodyExt;
use sse_typed::{
    EncodeError, EncodeEvent, Event, EventId, EventItem, Hub, LastEventId, RawEvent, RawEventRef, Sse, SseLayer,
    codec::Encoder,
    hub::OnGap,
    server::{Events, Stats},
};
use tower::{Layer, ServiceExt, service_fn};

use crate::common::{Scene, Watch, frames, next_frame, poll_once, response, text};

fn tick(n: u64) -> String {
    format!("event: tick\ndata: {n}\n\n")
}

/// Three events, of which the second cannot be sent.
fn broken() -> impl Stream<Item = Scene> + Send {
    stream::iter([Scene::Tick(1), Scene::Broken, Scene::Tick(2)])
}

/// The calls of the observers, and the text of the body.
async fn observed<St: Events>(sse: Sse<St>) -> (Vec<String>, String) {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let (unsendable, closed) = (Arc::clone(&notes), Arc::clone(&notes));
    let stats = Stats::new();
    let layer = SseLayer::new()
        .stats(&stats)
        .on_unsendable(move |error| unsendable.lock().unwrap().push(error.event_type().to_owned()))
        .on_close(move |it| {
            closed.lock().unwrap().push(format!("{} {} {}", it.reason().name(), it.events(), it.bytes()));
        });
    let mut sse = Some(sse);
    let service = layer.layer(service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(sse.take().unwrap()))));
    let text = text(service.oneshot(Request::new(())).await.unwrap()).await;
    let notes = notes.lock().unwrap().clone();
    assert_eq!(stats.unsendable() as usize, notes.len() - 1, "{notes:?}");
    assert!(notes.last().unwrap().ends_with(&format!(" {}", text.len())), "{notes:?}");
    (notes, text)
}

#[tokio::test]
async fn an_event_that_cannot_be_sent_is_skipped_and_the_stream_continues() {
    let (notes, sent) = observed(Sse::new(broken()).on_unsendable(|error| {
        assert_eq!((error.event_type(), error.to_string().contains("not today")), ("broken", true));
        None
    }))
    .await;
    assert_eq!(sent, tick(1) + &tick(2));
    assert_eq!(notes, ["broken".to_owned(), format!("finished 2 {}", sent.len())]);
}

#[tokio::test]
async fn the_replacement_of_an_event_that_cannot_be_sent_has_its_position() {
    let mut count = 0;
    let events = broken().chain(broken());
    let (notes, sent) = observed(Sse::new(events).on_unsendable(move |_| {
        count += 1;
        Some(Scene::Tick(100 + count))
    }))
    .await;
    assert_eq!(sent, [1, 101, 2, 1, 102, 2].map(tick).concat());
    assert_eq!(notes, ["broken".to_owned(), "broken".into(), format!("finished 6 {}", sent.len())]);
}

#[tokio::test]
async fn by_default_an_event_that_cannot_be_sent_ends_the_stream_and_is_reported() {
    let (notes, sent) = observed(Sse::new(broken())).await;
    assert_eq!((notes, sent), (vec!["broken".to_owned(), "failed 1 21".into()], tick(1)));
}

#[tokio::test]
async fn a_replacement_that_cannot_be_sent_is_skipped_and_reported() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let (notes, sent) = observed(Sse::new(broken()).on_unsendable(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Some(Scene::Broken)
    }))
    .await;
    assert_eq!((calls.load(Ordering::SeqCst), sent), (1, tick(1) + &tick(2)));
    assert_eq!(notes, ["broken", "broken", "finished 2 42"]);
}

#[tokio::test]
async fn a_terminal_event_ends_the_stream_even_if_it_cannot_be_sent() {
    let done = "event: done\ndata: null\n\n";
    // The replacement is terminal.
    let watch = Watch::default();
    let (notes, sent) = observed(Sse::new(watch.stream(broken())).on_unsendable(|_| Some(Scene::Done))).await;
    assert_eq!((sent, watch.polls()), (tick(1) + done, 2));
    assert_eq!(notes, ["broken".to_owned(), format!("terminal 2 {}", 21 + done.len())]);

    // The event that could not be sent is terminal: no event may follow it.
    let last = || stream::iter([Scene::Tick(1), Scene::BrokenDone, Scene::Tick(3)]);
    let (notes, sent) = observed(Sse::new(last()).on_unsendable(|_| None)).await;
    assert_eq!((notes, sent), (vec!["broken_done".to_owned(), "failed 1 21".into()], tick(1)));
    let (notes, sent) = observed(Sse::new(last()).on_unsendable(|_| Some(Scene::Tick(9)))).await;
    assert_eq!((notes, sent), (vec!["broken_done".to_owned(), "failed 2 42".into()], tick(1) + &tick(9)));
    let (notes, sent) = observed(Sse::new(last()).on_unsendable(|_| Some(Scene::Done))).await;
    assert_eq!((&notes[1][..10], sent), ("terminal 2", tick(1) + done));

    let (notes, sent) = observed(Sse::new(last()).on_unsendable(|_| Some(Scene::Broken))).await;
    assert_eq!((notes, sent), (["broken_done", "broken", "failed 1 21"].map(str::to_owned).into(), tick(1)));

    // A replacement that cannot be sent is terminal.
    let (notes, sent) = observed(Sse::new(broken()).on_unsendable(|_| Some(Scene::BrokenDone))).await;
    assert_eq!(sent, tick(1));
    assert_eq!(notes, ["broken", "broken_done", "failed 1 21"]);
}

#[tokio::test]
async fn a_panic_of_the_closure_or_its_replacement_ends_the_stream_like_one_of_the_stream() {
    let (notes, sent) = observed(Sse::new(broken()).on_unsendable(|_| panic!("in the closure"))).await;
    assert_eq!((notes, sent), (vec!["broken".to_owned(), "panicked 1 21".into()], tick(1)));
    let (notes, sent) = observed(Sse::new(broken()).on_unsendable(|_| Some(Scene::Panics))).await;
    assert_eq!((notes, sent), (vec!["broken".to_owned(), "panicked 1 21".into()], tick(1)));
}

/// Bytes that were written before the error or the panic are removed.
#[tokio::test]
async fn an_item_that_fails_after_a_part_is_written_is_not_sent_in_part() {
    #[derive(Clone, Copy)]
    enum Item {
        Half,
        /// Panics in `is_terminal`, after it is encoded.
        Bomb,
    }
    impl EventItem for Item {
        type Event = Self;
        fn write(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
            encoder.encode(&Scene::Tick(1))?;
            match self {
                Self::Half => encoder.encode(&Scene::Broken),
                Self::Bomb => Ok(()),
            }
        }
        fn is_terminal(&self) -> bool {
            assert!(matches!(self, Self::Half), "in `is_terminal`");
            false
        }
    }
    let nothing = |reason: &str, count: usize| {
        let notes = std::iter::repeat_n("broken".to_owned(), count).chain([format!("{reason} 0 0")]);
        (notes.collect::<Vec<_>>(), String::new())
    };
    let half = || Sse::new(stream::iter([Item::Half]));
    assert_eq!(observed(half()).await, nothing("failed", 1));
    assert_eq!(observed(half().on_unsendable(|_| None)).await, nothing("finished", 1));
    assert_eq!(observed(half().on_unsendable(|_| Some(Item::Half))).await, nothing("finished", 2));
    assert_eq!(observed(half().on_unsendable(|_| Some(Item::Bomb))).await, nothing("panicked", 1));
}

#[tokio::test]
async fn a_panic_in_the_drop_of_the_closure_is_caught() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the drop");
        }
    }
    let with_bomb = |sse: Sse<_>| {
        let bomb = Bomb;
        sse.on_unsendable(move |_| {
            let _held = &bomb;
            None
        })
    };
    let (notes, sent) = observed(with_bomb(Sse::new(broken().boxed()))).await;
    assert_eq!((notes, sent), (vec!["broken".to_owned(), "panicked 2 42".into()], tick(1) + &tick(2)));
    // The closures of streams that are never sent: of an empty one and of a refused one.
    let empty = response(with_bomb(Sse::new(stream::empty().boxed())));
    assert_eq!(empty.status(), http::StatusCode::NO_CONTENT);
    let refused = SseLayer::new()
        .max_streams(0)
        .layer(service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(with_bomb(Sse::new(broken().boxed()))))));
    assert_eq!(text(refused.oneshot(Request::new(())).await.unwrap()).await, "");
}

#[tokio::test]
async fn events_after_a_skipped_or_replaced_one_keep_their_numbers() {
    let ids = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| Some(line.strip_prefix("id: ")?.to_owned())).collect()
    };
    let scenes = || stream::iter([Scene::Tick(1), Scene::Broken, Scene::Broken, Scene::Tick(4)]);
    let skipped = text(response(Sse::new(scenes()).ids_from(1).on_unsendable(|_| None))).await;
    assert_eq!(ids(&skipped), ["1", "4"]);
    let replaced = text(response(Sse::new(scenes()).ids_from(1).on_unsendable(|_| Some(Scene::Tick(0))))).await;
    assert_eq!(ids(&replaced), ["1", "2", "3", "4"]);
    let twice = text(response(Sse::new(scenes()).ids_from(1).on_unsendable(|_| Some(Scene::Broken)))).await;
    assert_eq!(ids(&twice), ["1", "4"]);
    let hidden = text(response(Sse::new(scenes()).ids_from(1).on_unsendable(|_| Some(Scene::Hidden)))).await;
    assert_eq!(ids(&hidden), ["1", "4"]);

    // An event with an id of its own takes no number.
    let own =
        stream::iter([Event::new(Scene::Tick(1)), Event::new(Scene::Broken).id(70_u64), Event::new(Scene::Tick(2))]);
    let own = text(response(Sse::new(own).ids_from(1).on_unsendable(|_| None))).await;
    assert_eq!(ids(&own), ["1", "2"]);
}

#[tokio::test]
async fn on_unsendable_works_for_every_kind_of_stream() {
    let skip = |_: &EncodeError| None;
    let expected = tick(1) + &tick(2);
    assert_eq!(text(response(Sse::new(broken()).on_unsendable(skip).boxed())).await, expected);
    assert_eq!(text(response(Sse::new(broken()).boxed().on_unsendable(skip))).await, expected);
    assert_eq!(text(response(Sse::new(broken().map(Event::new)).boxed().on_unsendable(skip))).await, expected);
    // The last setting wins.
    let later = Sse::new(broken()).on_unsendable(|_| Some(Scene::Tick(9))).on_unsendable(skip);
    assert_eq!(text(response(later)).await, expected);

    let readings = || broken().map(Ok).chain(stream::iter([Err("disk full"), Ok(Scene::Tick(3))]));
    let failing = Sse::from_results(readings(), |_| Some(Scene::Broken)).on_unsendable(|_| Some(Scene::Tick(0)));
    assert_eq!(
        text(response(failing)).await,
        [1, 0, 2, 0].map(tick).concat(),
        "the event of an error can be replaced, too"
    );

    async fn handler() -> Sse<impl Stream<Item = Scene>> {
        Sse::new(broken()).on_unsendable(|_| None)
    }
    let router: Router = Router::new().route("/", get(handler)).layer(SseLayer::new());
    let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), expected);
}

#[tokio::test]
async fn an_event_for_one_subscriber_of_a_hub_that_cannot_be_sent_is_replaced() {
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    for front in [Scene::Broken, Scene::Tick(0)] {
        let subscription = hub.subscribe(LastEventId::default()).start_with(front);
        hub.publish(&Scene::Tick(1)).await.unwrap();
        let sse = Sse::new(subscription).on_unsendable(|_| Some(Scene::Tick(0))).batch(1);
        let mut body = pin!(response(sse).into_body());
        assert_eq!(next_frame(body.as_mut()).await, Some(tick(0)));
        assert!(next_frame(body.as_mut()).await.unwrap().ends_with(&tick(1)));
    }
}

#[test]
fn an_endless_run_of_events_that_cannot_be_sent_lets_other_tasks_run() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        for replacement in [None, Some(Scene::Hidden), Some(Scene::Broken)] {
            let watch = Watch::default();
            let events = watch.stream(stream::repeat(Scene::Broken));
            let sse = Sse::new(events).on_unsendable(move |_| replacement.clone()).keep_alive(Duration::from_secs(10));
            let mut body = pin!(response(sse).into_body());
            assert_eq!(poll_once(body.as_mut()), Poll::Pending);
            assert!(watch.polls() <= 1024, "{}", watch.polls());
            // The body is woken and continues, and its client gets keep-alives.
            tokio::time::advance(Duration::from_secs(11)).await;
            assert_eq!(next_frame(body.as_mut()).await.unwrap(), ": keep-alive\n\n");
        }
    });
    runtime.block_on(async {
        let flood = stream::iter([Scene::Tick(1)]).chain(stream::repeat(Scene::Broken));
        let mut body = pin!(response(Sse::new(flood).on_unsendable(|_| None)).into_body());
        assert_eq!(
            poll_once(body.as_mut()),
            Poll::Ready(Some(tick(1))),
            "encoded events are sent without waiting for more"
        );
    });
}

#[tokio::test]
async fn a_body_without_a_sendable_event_ends_with_its_stream() {
    let events = stream::iter(vec![Scene::Broken; 5000]);
    assert!(frames(response(Sse::new(events).on_unsendable(|_| None))).await.is_empty());
}

/// An event with an id of its own takes no number, and neither does its replacement.
#[tokio::test]
async fn the_replacement_of_an_event_with_its_own_id_takes_no_number() {
    let events = || {
        stream::iter([
            Event::new(Scene::Tick(1)),
            Event::new(Scene::Broken).id(EventId::new("own").unwrap()),
            Event::new(Scene::Tick(2)),
        ])
    };
    let skipped = text(response(Sse::new(events()).ids_from(1).on_unsendable(|_| None))).await;
    let replaced = text(response(Sse::new(events()).ids_from(1).on_unsendable(|_| Some(Scene::Tick(100))))).await;
    assert!(skipped.ends_with("id: 2\nevent: tick\ndata: 2\n\n"), "{skipped}");
    assert!(replaced.ends_with("id: 2\nevent: tick\ndata: 2\n\n"), "{replaced}");
}

/// The id itself or the event type written before it is invalid.
#[tokio::test]
async fn an_event_whose_own_id_cannot_be_sent_takes_no_number() {
    for broken in [
        RawEventRef::new("x", "").with_id(Some("a\nb")).to_raw_event(),
        RawEventRef::new("a\nb", "").with_id(Some("own")).to_raw_event(),
    ] {
        let events = stream::iter([RawEvent::new("a", "1"), broken, RawEvent::new("b", "2")]);
        let sent = text(response(Sse::new(events).ids_from(1).on_unsendable(|_| None))).await;
        assert!(sent.ends_with("id: 2\nevent: b\ndata: 2\n\n"), "{sent}");
    }
}

#[tokio::test]
async fn an_event_whose_json_id_cannot_be_encoded_takes_no_number() {
    #[derive(EncodeEvent)]
    enum Own {
        /// A JSON object cannot have these keys.
        Keyed {
            #[sse(id(json))]
            id: HashMap<Vec<u8>, u8>,
        },
        Plain,
    }
    let events = stream::iter([Own::Plain, Own::Keyed { id: HashMap::from([(vec![1], 1)]) }, Own::Plain]);
    let sent = text(response(Sse::new(events).ids_from(1).on_unsendable(|_| None))).await;
    assert!(sent.ends_with("id: 2\nevent: Plain\ndata: null\n\n"), "{sent}");
}
