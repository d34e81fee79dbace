//! The status and all headers of each response that is sent for a stream or instead of one.

use std::{convert::Infallible, future::ready};

use axum::{Router, body::Body, routing::any};
use futures_util::stream;
use http::{
    HeaderName, HeaderValue, Method, Request, Response,
    header::{CACHE_CONTROL, RETRY_AFTER},
};
use sse_typed::{
    Sse, SseLayer,
    server::{BoxEvents, Drain, Shutdown},
};
use tower::{Layer, ServiceExt, service_fn};

use crate::common::{Scene, silence};

type Answer = Sse<BoxEvents<Scene>>;

/// Status and headers, sorted.
type Head = (u16, Vec<String>);

fn open() -> Answer {
    Sse::new(silence()).boxed()
}

fn empty() -> Answer {
    Sse::new(stream::empty::<Scene>()).boxed()
}

fn head<B>(response: &Response<B>) -> Head {
    let line = |(name, value): (&HeaderName, &HeaderValue)| match name {
        // Its value is random.
        &RETRY_AFTER => format!("{name}: <seconds>"),
        _ => format!("{name}: {}", value.to_str().unwrap()),
    };
    let mut lines: Vec<_> = response.headers().iter().map(line).collect();
    lines.sort();
    (response.status().as_u16(), lines)
}

/// The response head under Tower layers, given from the inside out.
async fn tower(layers: &[&SseLayer], answer: impl Into<Answered>, method: Method) -> Head {
    let mut answer = Some(answer.into().0);
    let service = service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(answer.take().unwrap())));
    let mut service = tower::util::BoxService::new(SseLayer::new().layer(service));
    for layer in layers {
        service = tower::util::BoxService::new(layer.layer(service));
    }
    head(&service.oneshot(Request::builder().method(method).body(()).unwrap()).await.unwrap())
}

struct Answered(Response<Answer>);

impl From<Answer> for Answered {
    fn from(answer: Answer) -> Self {
        Self(Response::new(answer))
    }
}

impl From<Response<Answer>> for Answered {
    fn from(answer: Response<Answer>) -> Self {
        Self(answer)
    }
}

/// The response head in axum, under layers given from the inside out.
async fn axum(layers: &[&SseLayer], answer: fn() -> Answer, method: Method) -> Head {
    let mut router = Router::new().route("/", any(move || ready(answer())));
    for layer in layers {
        router = router.layer((*layer).clone());
    }
    head(&router.oneshot(Request::builder().method(method).uri("/").body(Body::empty()).unwrap()).await.unwrap())
}

#[tokio::test]
async fn no_response_instead_of_a_stream_may_be_stored_by_a_cache() {
    let plain = SseLayer::new();
    let full = SseLayer::new().max_streams(0);
    let shutdown = Shutdown::new();
    shutdown.begin();
    let shutting_down = SseLayer::new().shutdown(&shutdown, Drain::Now);
    let with = |status: u16, cache_control: &'static str, answer| {
        Response::builder().status(status).header(CACHE_CONTROL, cache_control).body(answer).unwrap()
    };
    let of_status = |status: u16, answer| Response::builder().status(status).body(answer).unwrap();

    let stream =
        ["cache-control: no-cache", "content-type: text/event-stream", "sse-keep-alive: 15", "x-accel-buffering: no"];
    let no_cache = ["cache-control: no-cache"];
    let refused = ["cache-control: no-cache", "retry-after: <seconds>"];
    let mut rows: Vec<(&str, Head, u16, &[&str])> = vec![
        ("a stream, without a layer", head(&Response::from(open())), 200, &stream),
        ("an empty stream, without a layer", head(&Response::from(empty())), 204, &no_cache),
        ("`stop`, without a layer", head(&Response::from(Answer::stop())), 204, &no_cache),
        ("a status without a body", tower(&[], of_status(204, open()), Method::GET).await, 204, &no_cache),
        ("another status without a body", tower(&[], of_status(205, open()), Method::GET).await, 205, &no_cache),
        (
            "`stop` with a status of its own",
            tower(&[], of_status(404, Answer::stop()), Method::GET).await,
            404,
            &no_cache,
        ),
        // A 304 is about the copy that a cache already has, so it gets no header.
        ("not modified", tower(&[], of_status(304, open()), Method::GET).await, 304, &[]),
        (
            "`stop` with a `cache-control` of its own",
            tower(&[], with(200, "no-store", Answer::stop()), Method::GET).await,
            204,
            &["cache-control: no-store"],
        ),
        (
            "a refused stream with a `cache-control` of its own",
            tower(&[&full], with(200, "max-age=60", open()), Method::GET).await,
            503,
            &refused,
        ),
    ];
    for method in [Method::GET, Method::HEAD] {
        rows.extend([
            ("a stream", tower(&[], open(), method.clone()).await, 200, &stream[..]),
            ("an empty stream", tower(&[], empty(), method.clone()).await, 204, &no_cache),
            ("`stop`", tower(&[], Answer::stop(), method.clone()).await, 204, &no_cache),
            ("`stop` at the limit of streams", tower(&[&full], Answer::stop(), method.clone()).await, 204, &no_cache),
            ("a stream above the limit", tower(&[&full], open(), method.clone()).await, 503, &refused),
            ("a stream during a shutdown", tower(&[&shutting_down], open(), method.clone()).await, 503, &refused),
            ("refused by the inner layer", tower(&[&full, &plain], open(), method.clone()).await, 503, &refused),
            (
                "refused by the outer layer",
                tower(&[&plain, &shutting_down], open(), method.clone()).await,
                503,
                &refused,
            ),
            ("axum: a stream", axum(&[], open, method.clone()).await, 200, &stream),
            ("axum: an empty stream", axum(&[&plain], empty, method.clone()).await, 204, &no_cache),
            ("axum: `stop`", axum(&[&plain], Answer::stop, method.clone()).await, 204, &no_cache),
            ("axum: a stream above the limit", axum(&[&full, &plain], open, method.clone()).await, 503, &refused),
            (
                "axum: a stream during a shutdown",
                axum(&[&plain, &shutting_down], open, method.clone()).await,
                503,
                &refused,
            ),
        ]);
    }
    let wrong: Vec<_> = rows
        .into_iter()
        .filter(|(_, (status, headers), expected, lines)| status != expected || headers != lines)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
