//! The observers of streams.

use std::{
    convert::Infallible,
    future::ready,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, routing::get};
use futures_util::{Stream, StreamExt, stream};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use sse_typed::{
    EncodeError, EncodeEvent, EventKind, EventWriter, Sse, SseLayer,
    server::{EndReason, Events, KeepAlive, SseBody},
};
use tower::{Layer, ServiceExt, service_fn};

use crate::common::{Scene, encoded, frames, next_frame, silence};

type Notes = Arc<Mutex<Vec<String>>>;

/// A layer whose observers record their calls under `name`.
fn noting(name: &'static str, notes: &Notes) -> SseLayer {
    let (opens, closes) = (Arc::clone(notes), Arc::clone(notes));
    SseLayer::new()
        .on_open(move |opened| opens.lock().unwrap().push(format!("{name} open={}", opened.open())))
        .on_close(move |closed| {
            let reason = match closed.reason() {
                EndReason::Failed(error) => format!("Failed({})", error.event_type()),
                reason => format!("{reason:?}"),
            };
            closes.lock().unwrap().push(format!(
                "{name} {reason} events={} bytes={} seconds={} open={}",
                closed.events(),
                closed.bytes(),
                closed.duration().as_secs(),
                closed.open()
            ));
        })
}

fn take(notes: &Notes) -> Vec<String> {
    std::mem::take(&mut notes.lock().unwrap())
}

async fn answer<St: Events>(layer: &SseLayer, sse: Sse<St>, method: Method) -> Response<SseBody<St>> {
    let mut sse = Some(sse);
    let service = layer.layer(service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(sse.take().unwrap()))));
    service.oneshot(Request::builder().method(method).body(()).unwrap()).await.unwrap()
}

async fn get_from<St: Events>(layer: &SseLayer, sse: Sse<St>) -> Response<SseBody<St>> {
    answer(layer, sse, Method::GET).await
}

fn ticks() -> impl Stream<Item = Scene> {
    stream::iter([Scene::Tick(1), Scene::Tick(2)])
}

#[tokio::test(start_paused = true)]
async fn a_closed_stream_is_reported_with_its_reason_and_totals() {
    let notes = Notes::default();
    let layer = noting("-", &notes);
    let bytes = 2 * "event: tick\ndata: 1\n\n".len();
    let done = bytes + "event: done\ndata: null\n\n".len();

    frames(get_from(&layer, Sse::new(ticks())).await).await;
    assert_eq!(take(&notes), ["- open=1".into(), format!("- Finished events=2 bytes={bytes} seconds=0 open=0")]);

    frames(get_from(&layer, Sse::new(ticks().chain(stream::iter([Scene::Done])))).await).await;
    assert_eq!(take(&notes)[1], format!("- Terminal events=3 bytes={done} seconds=0 open=0"));

    frames(get_from(&layer, Sse::new(ticks().chain(stream::iter([Scene::Broken])))).await).await;
    assert_eq!(take(&notes)[1], format!("- Failed(broken) events=2 bytes={bytes} seconds=0 open=0"));

    frames(get_from(&layer, Sse::new(ticks().chain(stream::iter([Scene::Panics])))).await).await;
    assert_eq!(take(&notes)[1], format!("- Panicked events=2 bytes={bytes} seconds=0 open=0"));

    // The event of an error ends the stream as terminal only if it is marked so.
    for (last, reason) in [(Scene::Tick(3), "Finished"), (Scene::Done, "Terminal")] {
        let failing = ticks().map(Ok).chain(stream::iter([Err(last)]));
        frames(get_from(&layer, Sse::from_results(failing, Some)).await).await;
        assert!(take(&notes)[1].starts_with(&format!("- {reason} events=3 ")));
    }

    {
        let response = get_from(&layer, Sse::new(ticks().chain(stream::pending())).batch(1)).await;
        let mut body = pin!(response.into_body());
        next_frame(body.as_mut()).await;
        next_frame(body.as_mut()).await;
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert_eq!(take(&notes), ["- open=1"]);
    }
    assert_eq!(take(&notes), [format!("- Disconnected events=2 bytes={bytes} seconds=7 open=0")]);
}

#[tokio::test]
async fn a_panic_in_the_drop_of_the_stream_is_caught_and_reported() {
    struct PanicsInDrop;
    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            panic!("in the drop");
        }
    }
    let notes = Notes::default();
    let bomb = PanicsInDrop;
    let events = ticks().map(move |tick| {
        let _held = &bomb;
        tick
    });
    assert_eq!(frames(get_from(&noting("-", &notes), Sse::new(events)).await).await.len(), 1);
    assert!(take(&notes)[1].starts_with("- Panicked events=2 "));
}

#[tokio::test]
async fn an_event_that_is_removed_after_a_panic_is_not_counted() {
    /// Panics when it is dropped, after it is encoded.
    struct Bomb;
    impl EventKind for Bomb {
        fn event_type(&self) -> &str {
            "bomb"
        }
    }
    impl EncodeEvent for Bomb {
        fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
            event.json(&1)
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the drop");
        }
    }
    let notes = Notes::default();
    let events = stream::once(async { Bomb });
    assert!(frames(get_from(&noting("-", &notes), Sse::new(events)).await).await.is_empty());
    assert_eq!(take(&notes)[1], "- Panicked events=0 bytes=0 seconds=0 open=0");
}

#[tokio::test(start_paused = true)]
async fn keep_alives_count_as_bytes_and_not_as_events() {
    let notes = Notes::default();
    let ping = encoded(&Scene::Tick(1));
    let events = ticks().chain(stream::once(tokio::time::sleep(Duration::from_secs(25))).filter_map(|()| ready(None)));
    let sse = Sse::new(events).keep_alive(KeepAlive::every(Duration::from_secs(10)).event(ping));
    frames(get_from(&noting("-", &notes), sse).await).await;
    let bytes = 4 * "event: tick\ndata: 1\n\n".len();
    assert_eq!(take(&notes)[1], format!("- Finished events=2 bytes={bytes} seconds=25 open=0"));
}

#[tokio::test]
async fn open_streams_are_counted_over_all_clones_of_a_layer() {
    let notes = Notes::default();
    let layer = noting("-", &notes);
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let sse = Sse::new(stream::iter([Scene::Tick(1)]).chain(stream::pending()));
        let mut body = Box::pin(get_from(&layer.clone(), sse).await.into_body());
        next_frame(body.as_mut()).await;
        bodies.push(body);
    }
    assert_eq!(take(&notes), ["- open=1", "- open=2", "- open=3"]);
    bodies.clear();
    let left: Vec<_> = take(&notes).iter().map(|note| note.rsplit_once(' ').unwrap().1.to_owned()).collect();
    assert_eq!(left, ["open=2", "open=1", "open=0"]);
}

#[tokio::test]
async fn clones_of_a_layer_with_different_observers_count_separately() {
    let (left, right) = (Notes::default(), Notes::default());
    let base = SseLayer::new().retry(Duration::from_secs(1)).on_open(|_| {});
    let noting = |notes: &Notes| {
        let notes = Arc::clone(notes);
        base.clone().on_close(move |closed| notes.lock().unwrap().push(format!("open={}", closed.open())))
    };
    let mut open = pin!(get_from(&noting(&left), Sse::new(silence())).await.into_body());
    next_frame(open.as_mut()).await;
    frames(get_from(&noting(&right), Sse::new(ticks())).await).await;
    assert_eq!((take(&left), take(&right)), (vec![], vec!["open=0".to_owned()]));

    let base = SseLayer::new().on_close(|_| {});
    let noting = |notes: &Notes| {
        let notes = Arc::clone(notes);
        base.clone().on_open(move |opened| notes.lock().unwrap().push(format!("open={}", opened.open())))
    };
    let mut open = pin!(get_from(&noting(&left), Sse::new(ticks().chain(stream::pending()))).await.into_body());
    next_frame(open.as_mut()).await;
    frames(get_from(&noting(&right), Sse::new(ticks())).await).await;
    assert_eq!((take(&left), take(&right)), (vec!["open=1".to_owned()], vec!["open=1".to_owned()]));
}

#[tokio::test]
async fn each_observer_works_without_the_others() {
    let notes = Notes::default();
    let note = |name: &'static str| {
        let notes = Arc::clone(&notes);
        move || notes.lock().unwrap().push(name.to_owned())
    };
    let (open, close, unsendable) = (note("open"), note("close"), note("unsendable"));
    let layers = [
        ("open", SseLayer::new().on_open(move |_| open())),
        ("close", SseLayer::new().on_close(move |_| close())),
        ("unsendable", SseLayer::new().on_unsendable(move |_| unsendable())),
    ];
    for (name, layer) in layers {
        frames(get_from(&layer, Sse::new(ticks().chain(stream::iter([Scene::Broken])))).await).await;
        assert_eq!(take(&notes), [name]);
    }
}

#[tokio::test]
async fn observers_of_all_layers_are_called_the_innermost_first() {
    let notes = Notes::default();
    let router = Router::new()
        .route("/", get(async || Sse::new(ticks())))
        .layer(noting("inner", &notes))
        .layer(noting("outer", &notes));
    let response = router.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    response.into_body().collect().await.unwrap();
    let names: Vec<_> = take(&notes).iter().map(|note| note.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["inner", "outer", "inner", "outer"]);
}

#[tokio::test]
async fn a_response_whose_body_is_not_polled_is_not_reported() {
    let notes = Notes::default();
    let layer = noting("-", &notes);
    drop(answer(&layer, Sse::new(ticks()), Method::HEAD).await);
    drop(answer(&layer, Sse::new(ticks()), Method::GET).await);
    frames(get_from(&layer, Sse::<stream::Pending<Scene>>::stop()).await).await;
    assert_eq!(take(&notes), [""; 0]);
}

#[tokio::test]
async fn a_panic_of_an_observer_does_not_end_the_stream() {
    let layer = SseLayer::new().on_open(|_| panic!("on open")).on_close(|_| panic!("on close"));
    assert_eq!(frames(get_from(&layer, Sse::new(ticks())).await).await.len(), 1);
}
