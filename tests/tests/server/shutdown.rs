//! The effects of a shutdown on bodies. Its effects on servers are tested in `tests/lifecycle`.

use std::{convert::Infallible, future::ready, pin::pin, task::Poll, time::Duration};

use axum::{Router, body::Body, routing::get};
use futures_util::{Stream, StreamExt, stream};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use sse_typed::{
    Sse, SseLayer,
    server::{Drain, Events, Shutdown, SseBody, Stats},
};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt, service_fn};

use crate::common::{Scene, Watch, encoded, frames, next_frame, poll_once, silence};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn answer<St: Events>(layer: &SseLayer, sse: Sse<St>, method: Method) -> Response<SseBody<St>> {
    let mut sse = Some(sse);
    let service = layer.layer(service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(sse.take().unwrap()))));
    service.oneshot(Request::builder().method(method).body(()).unwrap()).await.unwrap()
}

async fn get_from<St: Events>(layer: &SseLayer, sse: Sse<St>) -> Response<SseBody<St>> {
    answer(layer, sse, Method::GET).await
}

/// One event, then silence.
fn once() -> impl Stream<Item = Scene> + Send {
    stream::iter([Scene::Tick(1)]).chain(silence())
}

fn retry(block: &str) -> u64 {
    let millis = block.strip_prefix("retry: ").and_then(|rest| rest.strip_suffix("\n\n"));
    millis.unwrap_or_else(|| panic!("no reconnection time: {block:?}")).parse().unwrap()
}

#[tokio::test]
async fn drain_now_ends_every_open_stream_after_a_random_reconnection_time() {
    let shutdown = Shutdown::new();
    let layer = SseLayer::new().shutdown(&shutdown, Drain::Now);
    let watch = Watch::default();
    let mut bodies = Vec::new();
    for _ in 0..1000 {
        let mut body = Box::pin(get_from(&layer, Sse::new(watch.stream(once()))).await.into_body());
        assert!(next_frame(body.as_mut()).await.unwrap().contains("tick"));
        let mut body = tokio_test::task::spawn(body);
        assert!(body.enter(|cx, mut body| body.as_mut().as_mut().poll_frame(cx)).is_pending());
        bodies.push(body);
    }
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0, "no stream has a task of its own");
    let begun = std::time::Instant::now();
    shutdown.begin();
    let mut drawn = std::collections::HashSet::new();
    for mut body in bodies {
        assert!(body.is_woken(), "the shutdown wakes the body, not a timer or an event");
        watch.reset();
        let last = next_frame(body.as_mut()).await.unwrap();
        assert!(watch.is_dropped());
        assert!(body.is_end_stream());
        assert_eq!(next_frame(body.as_mut()).await, None);
        assert!((2000..=6000).contains(&retry(&last)), "{last}");
        drawn.insert(last);
    }
    // It takes some milliseconds on an idle machine.
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    println!("1,000 streams ended in {:?}", begun.elapsed());
    assert!(drawn.len() > 500, "too many clients reconnect at the same time: {} times", drawn.len());
}

#[tokio::test]
async fn the_last_reconnection_time_is_at_least_the_one_that_was_set() {
    for (layer, range) in [
        (SseLayer::new().retry(seconds(3)), 3000..=6000),
        (SseLayer::new().retry_between(seconds(10)..=seconds(60)), 10_000..=60_000),
    ] {
        let shutdown = Shutdown::new();
        let layer = layer.shutdown(&shutdown, Drain::Now);
        let mut bodies = Vec::new();
        for _ in 0..100 {
            let mut body = Box::pin(get_from(&layer, Sse::new(once())).await.into_body());
            next_frame(body.as_mut()).await.unwrap();
            bodies.push(body);
        }
        shutdown.begin();
        let mut drawn = std::collections::HashSet::new();
        for mut body in bodies {
            let last = retry(&next_frame(body.as_mut()).await.unwrap());
            assert!(range.contains(&last), "{last}");
            drawn.insert(last);
        }
        assert!(drawn.len() > 50);
    }
}

#[tokio::test]
async fn a_farewell_is_the_last_event() {
    let shutdown = Shutdown::new();
    let layer = SseLayer::new().shutdown(&shutdown, Drain::Farewell(encoded(&Scene::Tick(9))));
    let mut body = pin!(get_from(&layer, Sse::new(once()).ids()).await.into_body());
    next_frame(body.as_mut()).await.unwrap();
    shutdown.begin();
    let last = next_frame(body.as_mut()).await.unwrap();
    let before = last.strip_suffix("event: tick\ndata: 9\n\n").unwrap();
    assert!(retry(before) >= 2000);
    assert_eq!(next_frame(body.as_mut()).await, None);
}

#[tokio::test]
async fn a_terminal_farewell_is_sent_without_a_reconnection_time() {
    let shutdown = Shutdown::new();
    let layer = SseLayer::new().shutdown(&shutdown, Drain::Farewell(encoded(&Scene::Done)));
    let mut body = pin!(get_from(&layer, Sse::new(once())).await.into_body());
    next_frame(body.as_mut()).await.unwrap();
    shutdown.begin();
    assert_eq!(next_frame(body.as_mut()).await.as_deref(), Some("event: done\ndata: null\n\n"));
    assert_eq!(next_frame(body.as_mut()).await, None);
}

#[tokio::test(start_paused = true)]
async fn drain_finish_lets_a_stream_end_by_itself_within_the_grace_period() {
    let shutdown = Shutdown::new();
    let layer = SseLayer::new().no_keep_alive().shutdown(&shutdown, Drain::Finish { grace: seconds(30) });
    let events = stream::unfold(1, async |n| {
        sleep(seconds(5)).await;
        (n <= 3).then_some((Scene::Tick(n), n + 1))
    });
    let mut body = pin!(get_from(&layer, Sse::new(events)).await.into_body());
    assert_eq!(poll_once(body.as_mut()), Poll::Pending);
    shutdown.begin();
    let begun = Instant::now();
    assert!(
        retry(&next_frame(body.as_mut()).await.unwrap()) >= 2000,
        "a reconnection time is sent at the beginning of the grace period"
    );
    for n in 1..=3 {
        assert_eq!(next_frame(body.as_mut()).await, Some(format!("event: tick\ndata: {n}\n\n")));
    }
    assert_eq!(next_frame(body.as_mut()).await, None);
    assert_eq!(begun.elapsed().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn drain_finish_ends_silent_and_busy_streams_after_the_grace_period() {
    let shutdown = Shutdown::new();
    let layer = SseLayer::new().shutdown(&shutdown, Drain::Finish { grace: seconds(30) });
    let mut silent = pin!(get_from(&layer, Sse::new(once()).no_keep_alive()).await.into_body());
    let busy = stream::unfold((), async |()| {
        sleep(Duration::from_millis(7)).await;
        Some((Scene::Tick(1), ()))
    });
    let mut busy = pin!(get_from(&layer, Sse::new(busy)).await.into_body());
    next_frame(silent.as_mut()).await.unwrap();
    next_frame(busy.as_mut()).await.unwrap();
    sleep(seconds(100)).await;
    shutdown.begin();
    let begun = Instant::now();
    let end = async |mut body: std::pin::Pin<&mut SseBody<_>>| {
        while next_frame(body.as_mut()).await.is_some() {}
        begun.elapsed().as_secs()
    };
    let busy_end = async {
        while next_frame(busy.as_mut()).await.is_some() {}
        begun.elapsed().as_secs()
    };
    assert_eq!(tokio::join!(end(silent), busy_end), (30, 30));
}

#[tokio::test(start_paused = true)]
async fn the_shorter_of_a_lifetime_and_a_grace_period_ends_the_stream() {
    for (lifetime, grace, ends, reason) in [(10, 30, 8..=10, "lifetime"), (1000, 5, 5..=5, "shutdown")] {
        let (shutdown, stats) = (Shutdown::new(), Stats::new());
        let layer = SseLayer::new().no_keep_alive().stats(&stats).max_lifetime(seconds(lifetime));
        let layer = layer.shutdown(&shutdown, Drain::Finish { grace: seconds(grace) });
        let mut body = pin!(get_from(&layer, Sse::new(once())).await.into_body());
        next_frame(body.as_mut()).await.unwrap();
        assert_eq!(poll_once(body.as_mut()), Poll::Pending);
        let begun = Instant::now();
        shutdown.begin();
        while next_frame(body.as_mut()).await.is_some() {}
        assert!(ends.contains(&begun.elapsed().as_secs()), "{reason}: {:?}", begun.elapsed());
        assert!(stats.closed().any(|closed| closed == (reason, 1)), "{stats:?}");
    }
}

#[tokio::test]
async fn a_shutdown_ends_a_stream_that_is_always_ready() {
    let shutdown = Shutdown::new();
    let layer = SseLayer::new().batch(1).shutdown(&shutdown, Drain::Now);
    let mut body = pin!(get_from(&layer, Sse::new(stream::repeat_with(|| Scene::Tick(1)))).await.into_body());
    for _ in 0..10 {
        next_frame(body.as_mut()).await.unwrap();
    }
    shutdown.begin();
    assert!(retry(&next_frame(body.as_mut()).await.unwrap()) > 0);
    assert_eq!(next_frame(body.as_mut()).await, None);
}

#[tokio::test]
async fn during_a_shutdown_new_streams_are_answered_with_503_and_other_responses_are_unchanged() {
    let shutdown = Shutdown::new();
    let layer = SseLayer::new().retry(seconds(2)).shutdown(&shutdown, Drain::Finish { grace: seconds(30) });
    let watch = Watch::default();
    let handler_watch = watch.clone();
    let router = Router::new()
        .route("/", get(move || ready(Sse::new(handler_watch.stream(once())))))
        .route("/over", get(async || Sse::<stream::Pending<Scene>>::stop()))
        .route("/text", get(async || "text"))
        .layer(layer.clone());
    shutdown.begin();

    let ask = async |path: &str| router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let typed = get_from(&layer, Sse::new(watch.stream(once()))).await.map(Body::new);
    let mut after = std::collections::HashSet::new();
    for response in [typed, ask("/").await] {
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.body().is_end_stream(), "a 503 has no body");
        for name in ["content-type", "sse-keep-alive", "x-accel-buffering"] {
            assert!(!response.headers().contains_key(name), "{:?}", response.headers());
        }
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
        assert_eq!(watch.polls(), 0);
        assert!(watch.is_dropped());
        watch.reset();
    }
    for _ in 0..100 {
        let seconds: u64 = ask("/").await.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((2..=6).contains(&seconds), "{seconds}");
        after.insert(seconds);
    }
    assert!(after.len() > 1, "with a fixed time all clients would retry together");
    assert_eq!(answer(&layer, Sse::new(once()), Method::HEAD).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask("/over").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(ask("/text").await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_inner_drain_of_a_shutdown_wins_and_different_shutdowns_all_apply() {
    let outer = Shutdown::new();
    let inner = Shutdown::new();
    let router = |inner_layer: SseLayer| {
        Router::new()
            .route("/", get(async || Sse::new(once())))
            .layer(inner_layer)
            .layer(SseLayer::new().shutdown(&outer, Drain::Now))
            .oneshot(Request::get("/").body(Body::empty()).unwrap())
    };
    let open = async |layer: SseLayer| {
        let mut body = router(layer).await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
        body
    };
    let farewell = Drain::Farewell(encoded(&Scene::Done));
    let same = open(SseLayer::new().shutdown(&outer, farewell.clone())).await;
    let both = open(SseLayer::new().shutdown(&inner, farewell.clone())).await;
    let inner_begins = open(SseLayer::new().shutdown(&inner, farewell)).await;
    let mut goes_on =
        open(SseLayer::new().no_keep_alive().shutdown(&outer, Drain::Finish { grace: seconds(30) })).await;

    let rest = async |body: Body| String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    inner.begin();
    assert_eq!(rest(inner_begins).await, "event: done\ndata: null\n\n");
    outer.begin();
    assert_eq!(rest(same).await, "event: done\ndata: null\n\n");
    assert_eq!(rest(both).await, "event: done\ndata: null\n\n");
    let begun = Instant::now();
    assert!(goes_on.frame().await.unwrap().unwrap().data_ref().unwrap().starts_with(b"retry: "));
    assert!(goes_on.frame().await.is_none());
    assert_eq!(begun.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn only_the_streams_of_a_service_with_other_responses_are_refused() {
    let shutdown = Shutdown::new();
    let service = SseLayer::new().shutdown(&shutdown, Drain::Now).layer(service_fn(|request: Request<()>| {
        let denied = || Response::builder().status(StatusCode::UNAUTHORIZED).body(Body::from("who are you?")).unwrap();
        ready(Ok::<_, Infallible>(if request.uri() == "/" { Ok(Sse::new(once())) } else { Err(denied()) }))
    }));
    shutdown.begin();
    for (path, status, text) in
        [("/", StatusCode::SERVICE_UNAVAILABLE, ""), ("/x", StatusCode::UNAUTHORIZED, "who are you?")]
    {
        let response = service.clone().oneshot(Request::get(path).body(()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), text);
    }
}

#[tokio::test]
async fn a_body_that_is_first_polled_after_the_shutdown_began_ends_at_once() {
    let shutdown = Shutdown::new();
    let layer = SseLayer::new().shutdown(&shutdown, Drain::Now);
    let watch = Watch::default();
    let response = get_from(&layer, Sse::new(watch.stream(once()))).await;
    shutdown.begin();
    let frames = frames(response).await;
    assert!(frames.len() == 1 && retry(&frames[0]) > 0, "{frames:?}");
    assert_eq!(watch.polls(), 0);
}
