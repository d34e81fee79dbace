//! The settings of responses and layers, and their precedence.

use std::{convert::Infallible, future::ready, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    response::IntoResponse,
    routing::{any, get},
};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use sse_typed::{Event, LastEventId, RawEvent, Sse, SseLayer, server::Events};
use tower::{
    Layer, ServiceExt, service_fn,
    util::{BoxService, MapRequestLayer},
};

use crate::common::{Scene, Watch, encoded, frames, next_frame, response, silence, text};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ticks() -> impl Stream<Item = Scene> + Send {
    stream::iter([Scene::Tick(1), Scene::Tick(2)])
}

fn request(method: Method) -> Request<Body> {
    Request::builder().method(method).uri("/").body(Body::empty()).unwrap()
}

async fn read(response: Response<Body>) -> (HeaderMap, String) {
    let (head, body) = response.into_parts();
    (head.headers, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

/// The headers and text of a response under two layers, from a typed service and from an axum handler, whose body is erased.
async fn under<St>(
    make: impl Fn() -> Sse<St> + Clone + Send + Sync + 'static,
    inner: SseLayer,
    outer: SseLayer,
) -> [(HeaderMap, String); 2]
where
    St: Events + Send + 'static,
{
    let erased = make.clone();
    let typed = outer.layer(inner.layer(service_fn(move |_: Request<Body>| ready(Ok::<_, Infallible>(make())))));
    let typed = typed.oneshot(request(Method::GET)).await.unwrap();
    let router = Router::new().route("/", get(move || ready(erased()))).layer(inner).layer(outer);
    let erased = router.oneshot(request(Method::GET)).await.unwrap();
    [read(typed.map(Body::new)).await, read(erased).await]
}

/// Middleware may change a GET into a HEAD, for example to check whether a stream exists.
#[tokio::test]
async fn a_response_has_no_body_if_any_layer_sees_a_head_request() {
    let answer = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(response(Sse::new(ticks())).map(Body::new))));
    let to_head = MapRequestLayer::new(|mut request: Request<()>| {
        *request.method_mut() = Method::HEAD;
        request
    });
    for stack in [
        BoxService::new(SseLayer::new().layer(to_head.layer(SseLayer::new().layer(answer)))),
        BoxService::new(to_head.layer(SseLayer::new().layer(SseLayer::new().layer(answer)))),
    ] {
        let response = stack.oneshot(Request::new(())).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(http_body::Body::is_end_stream(response.body()));
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
}

#[tokio::test]
async fn a_reconnection_time_is_sent_before_the_first_event() {
    assert!(
        text(response(Sse::new(ticks()).retry(Duration::from_micros(1_500)))).await.starts_with("retry: 2\n\nevent:")
    );
    // It is sent even without an event.
    let silent = response(Sse::new(silence()).retry(seconds(3)));
    assert_eq!(next_frame(std::pin::pin!(silent.into_body())).await.as_deref(), Some("retry: 3000\n\n"));
}

#[tokio::test]
async fn each_response_has_a_random_reconnection_time() {
    let mut drawn = std::collections::HashSet::new();
    for _ in 0..20 {
        let text = text(response(Sse::new(ticks()).retry_between(seconds(2)..=seconds(6)))).await;
        let retry: u64 = text.strip_prefix("retry: ").unwrap().split('\n').next().unwrap().parse().unwrap();
        assert!((2000..=6000).contains(&retry), "{retry}");
        drawn.insert(retry);
    }
    assert!(drawn.len() > 1);
}

#[tokio::test]
async fn ids_number_the_events_that_have_none() {
    let events = stream::iter([
        Event::new(Scene::Tick(1)),
        Event::new(Scene::Tick(2)).id(77_u64),
        Event::new(Scene::Hidden),
        Event::new(Scene::Tick(3)),
    ]);
    let text = text(response(Sse::new(events).ids_from(41))).await;
    let ids: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert_eq!(ids, ["41", "77", "42"]);
}

#[tokio::test]
async fn the_ids_of_each_response_are_unique() {
    let mut prefixes = std::collections::HashSet::new();
    for _ in 0..20 {
        let text = text(response(Sse::new(ticks()).ids())).await;
        let ids: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("id: ")?.split_once('-')).collect();
        assert!(matches!(ids[..], [(first, "1"), (second, "2")] if first == second), "{text}");
        prefixes.insert(ids[0].0.to_owned());
    }
    assert_eq!(prefixes.len(), 20);
}

#[tokio::test]
async fn encoded_events_are_not_numbered() {
    assert_eq!(
        text(response(Sse::new(stream::iter([encoded(&Scene::Tick(1))])).ids())).await,
        "event: tick\ndata: 1\n\n"
    );
}

#[tokio::test]
async fn the_innermost_value_of_each_setting_wins() {
    let make = || Sse::new(ticks()).retry(seconds(1));
    let inner = SseLayer::new().retry(seconds(2)).batch(1).keep_alive(seconds(20));
    let outer = SseLayer::new().retry(seconds(3)).batch(1 << 20).keep_alive(seconds(30)).ids();
    for (headers, text) in under(make, inner.clone(), outer.clone()).await {
        assert!(text.starts_with("retry: 1000\n\nid: "), "{text}");
        assert_eq!(headers["sse-keep-alive"], "20");
    }
    for (headers, text) in under(|| Sse::new(ticks()).ids_from(5).no_keep_alive(), inner, outer.clone()).await {
        assert!(text.starts_with("retry: 2000\n\nid: 5\nevent: tick\ndata: 1\n\n"), "{text}");
        assert!(!headers.contains_key("sse-keep-alive"));
    }
    for (headers, text) in under(|| Sse::new(ticks()), SseLayer::new(), outer).await {
        assert!(text.starts_with("retry: 3000\n\nid: "), "{text}");
        assert_eq!(headers["sse-keep-alive"], "30");
    }
}

#[tokio::test]
async fn the_batch_of_a_layer_reaches_a_body_that_axum_erased() {
    let router = Router::new().route("/", get(async || Sse::new(ticks()))).layer(SseLayer::new().batch(1));
    let mut body = router.oneshot(request(Method::GET)).await.unwrap().into_body();
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(frame, "event: tick\ndata: 1\n\n");
}

#[tokio::test]
async fn headers_are_set_only_if_absent() {
    let own = [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "yes"),
        ("sse-keep-alive", "15"),
    ];
    let service = SseLayer::new().keep_alive(seconds(3)).layer(service_fn(|_: Request<Body>| {
        let mut response = Response::new(Sse::new(ticks()));
        response
            .headers_mut()
            .extend(own.map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value))));
        ready(Ok::<_, Infallible>(response))
    }));
    let typed = service.oneshot(request(Method::GET)).await.unwrap().map(drop);
    let router = Router::new()
        .route("/", get(async move || (own, Sse::new(ticks()).keep_alive(seconds(4)))))
        .layer(SseLayer::new().keep_alive(seconds(3)));
    let erased = router.oneshot(request(Method::GET)).await.unwrap().map(drop);
    for response in [typed, erased] {
        for (name, value) in own {
            assert_eq!(response.headers()[name], value);
        }
        assert_eq!(response.headers().len(), own.len());
    }
}

#[tokio::test]
async fn the_keep_alive_header_is_set_only_if_keep_alive_is_on() {
    fn header(sse: Sse<impl Events>) -> Option<HeaderValue> {
        response(sse).headers().get("sse-keep-alive").cloned()
    }
    assert_eq!(header(Sse::new(silence())).unwrap(), "15");
    assert_eq!(header(Sse::new(silence()).keep_alive(Duration::from_millis(1))).unwrap(), "1");
    assert_eq!(header(Sse::new(silence()).no_keep_alive()), None);
    let off = SseLayer::new().no_keep_alive();
    for (headers, _) in under(|| Sse::new(ticks()), off, SseLayer::new().keep_alive(seconds(5))).await {
        assert!(!headers.contains_key("sse-keep-alive"), "the layer removes the header of the default: {headers:?}");
    }
}

#[tokio::test]
async fn a_head_request_gets_only_the_head_and_polls_no_stream() {
    let watch = Watch::default();
    let make = {
        let watch = watch.clone();
        move || Sse::new(watch.stream(silence()))
    };
    let handler = make.clone();
    let converted = make.clone();
    let typed = SseLayer::new().layer(service_fn(move |_: Request<Body>| ready(Ok::<_, Infallible>(make()))));
    let response = typed.oneshot(request(Method::HEAD)).await.unwrap();
    assert!(watch.is_dropped(), "the stream is dropped at once");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(frames(response).await, [""; 0]);

    // A body that was created before the layer saw the response learns of it through the extensions.
    let erased = SseLayer::new()
        .layer(service_fn(move |_: Request<Body>| ready(Ok::<_, Infallible>(Response::from(converted())))));
    let response = erased.oneshot(request(Method::HEAD)).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(frames(response).await, [""; 0]);

    let router = Router::new().route("/", any(move || ready(handler()))).layer(SseLayer::new());
    let (headers, text) = read(router.oneshot(request(Method::HEAD)).await.unwrap()).await;
    assert_eq!((headers["content-type"].to_str().unwrap(), text.as_str()), ("text/event-stream", ""));
    assert_eq!(watch.polls(), 0);
}

#[tokio::test]
async fn responses_without_a_typed_stream_are_unchanged() {
    let answer = || {
        let other = Sse::<stream::Pending<RawEvent>>::stop;
        [
            "text".into_response(),
            ([("content-type", "text/event-stream")], "data: by hand\n\n").into_response(),
            http::StatusCode::IM_A_TEAPOT.into_response(),
            other().into_response(),
        ]
    };
    for index in 0..4 {
        let bare = answer().into_iter().nth(index).unwrap();
        let service = SseLayer::new().retry(seconds(1)).layer(service_fn(move |_: Request<Body>| {
            ready(Ok::<_, Infallible>(answer().into_iter().nth(index).unwrap()))
        }));
        let layered = service.oneshot(request(Method::GET)).await.unwrap();
        assert_eq!((bare.status(), bare.headers()), (layered.status(), layered.headers()));
        assert_eq!(read(bare).await, read(layered).await);
    }
}

#[tokio::test]
async fn the_layer_inserts_the_last_event_id_into_the_extensions_of_the_request() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let service = {
        let seen = Arc::clone(&seen);
        SseLayer::new().layer(service_fn(move |request: Request<Body>| {
            seen.lock().unwrap().push(request.extensions().get::<LastEventId>().cloned());
            ready(Ok::<_, Infallible>(Sse::new(ticks())))
        }))
    };
    let with = |request: http::request::Builder| request.body(Body::empty()).unwrap();
    for request in [
        with(Request::get("/").header("last-event-id", "é/7")),
        with(Request::get("/?last_event_id=%C3%A9%2F8")),
        with(Request::get("/").header("last-event-id", "x".repeat(1025))),
        with(Request::get("/")),
    ] {
        service.clone().oneshot(request).await.unwrap();
    }
    let seen: Vec<_> = seen.lock().unwrap().iter().map(|id| id.clone().unwrap()).collect();
    let seen: Vec<_> = seen.iter().map(LastEventId::as_str).collect();
    assert_eq!(seen, [Some("é/7"), Some("é/8"), None, None]);
}

#[tokio::test]
async fn an_axum_handler_returns_a_stream_of_results() {
    async fn handler() -> impl IntoResponse {
        Sse::from_results(ticks().map(Ok::<_, std::io::Error>), |_| None)
    }
    let response = Router::new().route("/", get(handler)).oneshot(request(Method::GET)).await.unwrap();
    assert!(read(response).await.1.ends_with("data: 2\n\n"));
}
