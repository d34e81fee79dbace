//! Whatever ends a stream, the events before are sent and the body ends cleanly.

use std::{cell::Cell, convert::Infallible, pin::pin};

use futures_util::{StreamExt, stream};
use http::{Response, StatusCode};
use http_body::Body;
use sse_typed::{
    Encoded, Event, RawEvent, Sse,
    server::{BoxEvents, SseBody},
};

use crate::common::{Scene, Watch, encoded, frames, poll_once, response, text};

const TICKS: &str = "event: tick\ndata: 1\n\nevent: tick\ndata: 2\n\n";

fn ticks() -> impl futures_util::Stream<Item = Scene> + Send {
    stream::iter([Scene::Tick(1), Scene::Tick(2)])
}

#[tokio::test]
async fn a_stream_that_ends_ends_the_body() {
    assert_eq!(frames(response(Sse::new(ticks()))).await, [TICKS]);
}

#[tokio::test]
async fn events_before_a_panic_of_the_stream_are_sent() {
    let events = ticks().chain(stream::once(async { panic!("in the stream") }));
    assert_eq!(frames(response(Sse::new(events))).await, [TICKS]);
}

#[tokio::test]
async fn an_event_that_panics_while_it_is_encoded_is_not_sent_in_part() {
    let events = ticks().chain(stream::iter([Scene::Panics, Scene::Tick(3)]));
    assert_eq!(frames(response(Sse::new(events))).await, [TICKS]);
}

#[tokio::test]
async fn a_stream_that_panics_again_while_it_is_dropped_ends_cleanly() {
    struct PanicsTwice(Cell<bool>);
    impl Drop for PanicsTwice {
        fn drop(&mut self) {
            assert!(!self.0.get(), "in the drop");
        }
    }
    let bomb = PanicsTwice(Cell::new(false));
    let events = ticks().chain(stream::poll_fn(move |_| {
        bomb.0.set(true);
        panic!("in the stream")
    }));
    assert_eq!(frames(response(Sse::new(events))).await, [TICKS]);
}

#[tokio::test]
async fn an_event_that_cannot_be_sent_ends_the_stream_after_the_events_before_it() {
    let events = ticks().chain(stream::iter([Scene::Broken, Scene::Tick(3)]));
    assert_eq!(frames(response(Sse::new(events))).await, [TICKS]);
}

#[tokio::test]
async fn a_terminal_event_ends_the_stream_and_drops_it() {
    let done = format!("{TICKS}event: done\ndata: null\n\n");
    for envelope in [false, true] {
        let watch = Watch::default();
        let events = ticks().chain(stream::once(async { Scene::Done })).chain(stream::pending());
        let sse = if envelope {
            Sse::new(watch.stream(events.map(Event::new))).boxed()
        } else {
            Sse::new(watch.stream(events)).boxed()
        };
        let mut body = pin!(response(sse).into_body());
        assert_eq!(poll_once(body.as_mut()).map(Option::unwrap_or_default), std::task::Poll::Ready(done.clone()));
        assert!(watch.is_dropped(), "the stream is dropped with its last event, not with the body");
        assert!(body.is_end_stream());
    }
    let events = stream::iter([encoded(&Scene::Tick(1)), encoded(&Scene::Done), encoded(&Scene::Tick(2))]);
    assert_eq!(text(response(Sse::new(events))).await, "event: tick\ndata: 1\n\nevent: done\ndata: null\n\n");
}

#[tokio::test]
async fn an_error_of_the_stream_becomes_the_last_event() {
    let readings = || stream::iter([Ok(Scene::Tick(1)), Ok(Scene::Tick(2)), Err("broken pipe"), Ok(Scene::Tick(3))]);
    let sse = Sse::from_results(readings(), |error| {
        assert_eq!(error, "broken pipe");
        Some(Scene::Done)
    });
    assert_eq!(text(response(sse)).await, format!("{TICKS}event: done\ndata: null\n\n"));

    // It is the last event, even if it is not terminal.
    let sse = Sse::from_results(readings(), |_| Some(Scene::Tick(9)));
    assert_eq!(text(response(sse)).await, format!("{TICKS}event: tick\ndata: 9\n\n"));

    let without_last = Sse::from_results(readings(), |_| None);
    assert_eq!(text(response(without_last)).await, TICKS);

    let no_error = Sse::from_results(ticks().map(Ok::<_, Infallible>), |never| match never {});
    assert_eq!(text(response(no_error)).await, TICKS);
}

#[tokio::test]
async fn an_error_becomes_a_bare_event_in_a_stream_of_envelopes() {
    let readings = stream::iter([Ok(Event::new(Scene::Tick(1)).id(7_u64)), Err(())]);
    let sse = Sse::from_results(readings, |()| Some(Scene::Tick(0)));
    assert_eq!(text(response(sse)).await, "id: 7\nevent: tick\ndata: 1\n\nevent: tick\ndata: 0\n\n");
}

#[tokio::test]
async fn branches_with_different_streams_and_envelopes_return_one_type() {
    fn answer(branch: u8) -> Sse<BoxEvents<Scene>> {
        match branch {
            0 => Sse::new(ticks()).boxed(),
            1 => Sse::new(ticks().map(|tick| Event::new(tick).id(1_u64))).retry(std::time::Duration::ZERO).boxed(),
            2 => Sse::from_results(ticks().map(Ok::<_, ()>), |()| None).boxed(),
            3 => Sse::new(stream::empty::<Scene>()).boxed(),
            _ => Sse::stop(),
        }
    }
    assert_eq!(text(response(answer(0))).await, TICKS);
    assert!(text(response(answer(1))).await.starts_with("retry: 0\n\nid: 1\nevent: tick\ndata: 1\n\n"));
    assert_eq!(text(response(answer(2))).await, TICKS);
    for branch in [3, 4] {
        let response = response(answer(branch));
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(frames(response).await, [""; 0]);
    }
}

#[test]
fn a_stream_that_is_known_to_be_empty_is_a_204() {
    let none = || stream::iter::<[RawEvent; 0]>([]);
    let over = [
        Response::from(Sse::new(none())).map(drop),
        Response::from(Sse::new(none()).retry(std::time::Duration::ZERO)).map(drop),
        Response::from(Sse::from_results(none().map(Ok::<_, ()>), |()| None)).map(drop),
        Response::from(Sse::<stream::Pending<RawEvent>>::stop()).map(drop),
    ];
    for response in over {
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers().len(), 1, "no cache may store it: {:?}", response.headers());
        assert_eq!(response.headers()["cache-control"], "no-cache");
    }
    // Before the first poll it is not known that this stream is empty.
    let unknown = stream::poll_fn(|_| std::task::Poll::Ready(None::<RawEvent>));
    assert_eq!(Response::from(Sse::new(unknown)).status(), StatusCode::OK);
}

#[test]
fn the_body_never_fails() {
    fn assert_infallible<B: Body<Error = Infallible> + Send>(_: &B) {}
    assert_infallible(response(Sse::new(stream::empty::<Encoded>())).body());
    assert_infallible::<SseBody<BoxEvents<Scene>>>(response(Sse::stop()).body());
}

#[tokio::test]
async fn a_stream_whose_size_hint_panics_is_sent() {
    struct Hintless<St>(St);
    impl<St: futures_util::Stream + Unpin> futures_util::Stream for Hintless<St> {
        type Item = St::Item;

        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<St::Item>> {
            self.0.poll_next_unpin(cx)
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            panic!("in the hint")
        }
    }
    assert_eq!(frames(response(Sse::new(Hintless(ticks())))).await, [TICKS]);
}

#[tokio::test]
async fn a_response_whose_status_allows_no_body_has_none() {
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let answer = Response::builder().status(status).body(Sse::new(ticks())).unwrap();
        let response = tower::ServiceExt::oneshot(
            tower::ServiceBuilder::new().layer(sse_typed::SseLayer::new()).service(tower::service_fn(
                |answer: http::Request<Response<Sse<_>>>| async { Ok::<_, Infallible>(answer.into_body()) },
            )),
            http::Request::new(answer),
        );
        let response = response.await.unwrap();
        assert_eq!(response.status(), status);
        assert!(response.body().is_end_stream());
        assert!(!response.headers().contains_key("content-type"));
    }
}

#[tokio::test]
async fn a_full_header_map_causes_no_panic() {
    let mut full = Response::new(());
    for n in 0_u32.. {
        let name: http::HeaderName = format!("x-{n}").parse().unwrap();
        if full.headers_mut().try_insert(name, n.into()).is_err() {
            break;
        }
    }
    let answer = full.map(|()| Sse::new(ticks()));
    let service = tower::ServiceBuilder::new().layer(sse_typed::SseLayer::new()).service(tower::service_fn(
        |answer: http::Request<Response<Sse<_>>>| async { Ok::<_, Infallible>(answer.into_body()) },
    ));
    let response = tower::ServiceExt::oneshot(service, http::Request::new(answer)).await.unwrap();
    assert_eq!(frames(response).await, [TICKS]);
}

#[tokio::test]
async fn a_panic_in_the_drop_of_a_stream_that_is_never_sent_is_caught() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the drop");
        }
    }
    let bomb = || {
        let bomb = Bomb;
        stream::poll_fn(move |_| {
            let _ = &bomb;
            std::task::Poll::<Option<Scene>>::Pending
        })
    };
    // A refused stream, and the stream of a HEAD request.
    let layer = sse_typed::SseLayer::new().max_streams(0);
    let service = tower::ServiceBuilder::new()
        .layer(layer)
        .service_fn(|_: http::Request<()>| std::future::ready(Ok::<_, Infallible>(Sse::new(bomb()))));
    let refused = tower::ServiceExt::oneshot(service, http::Request::new(())).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(poll_once(pin!(refused.into_body()).as_mut()), std::task::Poll::Ready(None));
    let service = tower::ServiceBuilder::new()
        .layer(sse_typed::SseLayer::new())
        .service_fn(|_: http::Request<()>| std::future::ready(Ok::<_, Infallible>(Sse::new(bomb()))));
    let head = http::Request::head("/").body(()).unwrap();
    assert_eq!(tower::ServiceExt::oneshot(service, head).await.unwrap().status(), StatusCode::OK);
}
