//! The maximum lifetime and the maximum number of streams.

use std::{convert::Infallible, future::ready, pin::pin, time::Duration};

use axum::{
    Router,
    body::Body,
    routing::{any, get},
};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use sse_typed::{
    Sse, SseLayer,
    server::{Events, SseBody, Stats},
};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt, service_fn};

use crate::common::{Scene, Watch, next_frame, silence};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn get_from<St: Events>(layer: &SseLayer, sse: Sse<St>) -> Response<SseBody<St>> {
    let mut sse = Some(sse);
    let service = layer.layer(service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(sse.take().unwrap()))));
    service.oneshot(Request::new(())).await.unwrap()
}

fn once() -> impl Stream<Item = Scene> + Send {
    stream::iter([Scene::Tick(1)]).chain(silence())
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_between_80_and_100_percent_of_the_maximum_lifetime() {
    let layer = SseLayer::new().max_lifetime(seconds(1000));
    let lifetimes = (0..50).map(|_| async {
        let mut body = pin!(get_from(&layer, Sse::new(once())).await.into_body());
        let begin = Instant::now();
        while next_frame(body.as_mut()).await.is_some() {}
        begin.elapsed()
    });
    let lifetimes = futures_util::future::join_all(lifetimes).await;
    assert!(lifetimes.iter().all(|lifetime| (seconds(800)..=seconds(1001)).contains(lifetime)), "{lifetimes:?}");
    let spread = *lifetimes.iter().max().unwrap() - *lifetimes.iter().min().unwrap();
    assert!(spread > seconds(50), "streams that began together must not end together: {spread:?}");
}

#[tokio::test(start_paused = true)]
async fn a_busy_stream_ends_after_its_lifetime() {
    let events = stream::unfold((), async |()| {
        sleep(Duration::from_millis(300)).await;
        Some((Scene::Tick(1), ()))
    });
    let stats = Stats::new();
    let layer = SseLayer::new().max_lifetime(seconds(100)).stats(&stats);
    let mut body = pin!(get_from(&layer, Sse::new(events)).await.into_body());
    let begin = Instant::now();
    while next_frame(body.as_mut()).await.is_some() {}
    assert!((seconds(80)..=seconds(101)).contains(&begin.elapsed()));
    assert_eq!(stats.closed().find(|(reason, _)| *reason == "lifetime"), Some(("lifetime", 1)));
}

#[tokio::test(start_paused = true)]
async fn the_maximum_lifetime_of_a_response_wins() {
    let layer = SseLayer::new().max_lifetime(seconds(10)).no_keep_alive();
    let mut longer = pin!(get_from(&layer, Sse::new(once()).max_lifetime(Duration::MAX)).await.into_body());
    next_frame(longer.as_mut()).await.unwrap();
    let more = tokio::time::timeout(seconds(86_400 * 365), next_frame(longer.as_mut())).await;
    assert!(more.is_err(), "`Duration::MAX` is no maximum");
}

/// Routes with streams and one without, under a layer.
fn router(layer: SseLayer) -> Router {
    Router::new()
        .route("/", any(async || Sse::new(once())))
        .route("/short", get(async || Sse::new(stream::iter([Scene::Tick(1)]))))
        .route("/over", get(async || Sse::<stream::Pending<Scene>>::stop()))
        .route("/text", get(async || "text"))
        .layer(layer)
}

async fn ask(router: &Router, method: Method, path: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn a_refusal_has_no_header_that_describes_the_stream() {
    let described = [
        "content-type",
        "content-length",
        "content-encoding",
        "content-language",
        "content-range",
        "content-disposition",
    ]
    .into_iter()
    .chain([
        "etag",
        "last-modified",
        "accept-ranges",
        "digest",
        "content-digest",
        "repr-digest",
        "content-location",
    ]);
    let names: Vec<_> = described.collect();
    let headers: HeaderMap =
        names.iter().map(|name| (HeaderName::from_static(name), HeaderValue::from_static("1"))).collect();
    let service = SseLayer::new().max_streams(0).layer(service_fn(move |_: Request<()>| {
        let mut response = Response::from(Sse::new(once()));
        response.headers_mut().extend(headers.clone());
        response.headers_mut().insert("x-request-id", HeaderValue::from_static("7"));
        ready(Ok::<_, Infallible>(response))
    }));
    let refused = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["x-request-id"], "7");
    let left: Vec<_> = names.iter().filter(|name| refused.headers().contains_key(**name)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_request_above_the_limit_is_answered_with_503_and_open_streams_continue() {
    let router = router(SseLayer::new().max_streams(2));
    let mut first = ask(&router, Method::GET, "/").await.into_body();
    let mut second = ask(&router, Method::GET, "/").await.into_body();
    let mut waits = std::collections::HashSet::new();
    for _ in 0..50 {
        let refused = ask(&router, Method::GET, "/").await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!refused.headers().contains_key("content-type"), "{:?}", refused.headers());
        waits.insert(refused.headers()["retry-after"].clone());
        assert!(refused.body().is_end_stream());
        assert!(refused.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
    assert!(waits.len() > 1, "with a fixed time all refused clients would retry together");
    for body in [&mut first, &mut second] {
        assert!(body.frame().await.unwrap().unwrap().is_data(), "the streams below the limit stay open");
    }
    drop(first);
    assert_eq!(ask(&router, Method::GET, "/").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_stream_counts_from_the_response_until_its_body_ends_or_is_dropped() {
    let router = router(SseLayer::new().max_streams(1));
    let is_admitted = async || ask(&router, Method::GET, "/").await.status() == StatusCode::OK;

    let unpolled = ask(&router, Method::GET, "/").await;
    assert!(!is_admitted().await, "a stream counts before its first poll");
    drop(unpolled);
    assert!(is_admitted().await);

    let mut short = ask(&router, Method::GET, "/short").await.into_body();
    assert!(!is_admitted().await);
    short.frame().await.unwrap().unwrap();
    assert!(short.frame().await.is_none());
    assert!(is_admitted().await, "a stream that has ended does not count, even if its body is not dropped");
    drop(short);

    let dropped = ask(&router, Method::GET, "/").await.into_body();
    assert!(!is_admitted().await);
    drop(dropped);
    assert!(is_admitted().await);
}

#[tokio::test]
async fn responses_without_a_stream_do_not_count() {
    let router = router(SseLayer::new().max_streams(1));
    let held = [
        ask(&router, Method::HEAD, "/").await,
        ask(&router, Method::GET, "/over").await,
        ask(&router, Method::GET, "/text").await,
    ];
    let stream = ask(&router, Method::GET, "/").await;
    assert_eq!(stream.status(), StatusCode::OK);
    assert_eq!(ask(&router, Method::GET, "/over").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(ask(&router, Method::GET, "/text").await.status(), StatusCode::OK);
    let head = ask(&router, Method::HEAD, "/").await;
    assert_eq!(head.status(), StatusCode::SERVICE_UNAVAILABLE, "a HEAD request gets the head of a GET");
    drop((held, stream));
    assert_eq!(ask(&router, Method::HEAD, "/").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_refused_stream_is_dropped_unpolled_whether_its_body_is_typed_or_erased() {
    let watch = Watch::default();
    let layer = SseLayer::new().max_streams(0);
    let response = get_from(&layer, Sse::new(watch.stream(once()))).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.body().is_end_stream());
    let mut body = pin!(response.into_body());
    assert_eq!(next_frame(body.as_mut()).await, None);
    assert!(watch.is_dropped());
    assert_eq!(watch.polls(), 0);

    watch.reset();
    let handler = watch.clone();
    let router = Router::new().route("/", get(move || ready(Sse::new(handler.stream(once()))))).layer(layer);
    let response = ask(&router, Method::GET, "/").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(response);
    assert!(watch.is_dropped());
    assert_eq!(watch.polls(), 0);
}

#[tokio::test]
async fn each_layer_has_a_limit_of_its_own_and_clones_share_one() {
    let limited = SseLayer::new().max_streams(1);
    let router = Router::new()
        .route("/a", get(async || Sse::new(once())).layer(limited.clone()))
        .route("/b", get(async || Sse::new(once())).layer(limited))
        .route("/c", get(async || Sse::new(once())))
        .layer(SseLayer::new().max_streams(2));
    let a = ask(&router, Method::GET, "/a").await;
    assert_eq!(a.status(), StatusCode::OK);
    assert_eq!(ask(&router, Method::GET, "/b").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let c = ask(&router, Method::GET, "/c").await;
    assert_eq!(c.status(), StatusCode::OK);
    assert_eq!(ask(&router, Method::GET, "/c").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(a);
    // A stream that the outer layer refuses does not count in the inner one.
    let second = ask(&router, Method::GET, "/c").await;
    let refused = ask(&router, Method::GET, "/b").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(second);
    assert_eq!(ask(&router, Method::GET, "/a").await.status(), StatusCode::OK);
}
