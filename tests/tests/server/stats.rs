//! The counters of `Stats`.

use std::{pin::pin, time::Duration};

use axum::{Router, body::Body, routing::get};
use futures_util::{StreamExt, stream};
use http::Request;
use http_body_util::BodyExt;
use sse_typed::{
    Sse, SseLayer,
    server::{Drain, Shutdown, Stats},
};
use tower::{Layer, ServiceExt, service_fn};

use crate::common::{Scene, next_frame, silence};

const TICK: u64 = "event: tick\ndata: 1\n\n".len() as u64;

fn closed(stats: &Stats, reason: &str) -> u64 {
    stats.closed().find(|(name, _)| *name == reason).unwrap().1
}

async fn ask(router: &Router, path: &str) -> Body {
    router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap().into_body()
}

#[tokio::test]
async fn streams_events_and_bytes_are_counted_while_they_are_open_and_by_reason_when_they_close() {
    let stats = Stats::new();
    let shutdown = Shutdown::new();
    let router = Router::new()
        .route("/short", get(async || Sse::new(stream::iter([Scene::Tick(1), Scene::Tick(1)]))))
        .route("/long", get(async || Sse::new(stream::iter([Scene::Tick(1)]).chain(silence()))))
        .route("/done", get(async || Sse::new(stream::iter([Scene::Done]))))
        .route("/broken", get(async || Sse::new(stream::iter([Scene::Broken]))))
        .route("/panics", get(async || Sse::new(stream::iter([Scene::Panics]))))
        .layer(SseLayer::new().stats(&stats).max_streams(2).shutdown(&shutdown, Drain::Now));

    ask(&router, "/short").await.collect().await.unwrap();
    assert_eq!((stats.open(), stats.opened(), stats.events(), stats.bytes()), (0, 1, 2, 2 * TICK));

    let mut left = ask(&router, "/long").await;
    let mut ended = ask(&router, "/long").await;
    assert_eq!((stats.open(), stats.opened()), (0, 1), "a stream is open when its body is polled");
    left.frame().await.unwrap().unwrap();
    ended.frame().await.unwrap().unwrap();
    assert_eq!((stats.open(), stats.opened(), stats.events(), stats.bytes()), (2, 3, 4, 4 * TICK));
    drop(ask(&router, "/long").await);
    assert_eq!((stats.open(), stats.opened(), stats.refused()), (2, 3, 1));
    drop(left);
    assert_eq!((stats.open(), closed(&stats, "disconnected")), (1, 1));

    for path in ["/done", "/broken", "/panics"] {
        ask(&router, path).await.collect().await.unwrap();
    }
    shutdown.begin();
    ended.collect().await.unwrap();
    drop(ask(&router, "/long").await);
    let by_reason: Vec<_> = stats.closed().collect();
    assert_eq!(
        by_reason,
        [
            ("finished", 1),
            ("terminal", 1),
            ("failed", 1),
            ("panicked", 1),
            ("disconnected", 1),
            ("shutdown", 1),
            ("lifetime", 0),
            ("until", 0),
            ("recheck", 0),
        ]
    );
    assert_eq!((stats.open(), stats.opened(), stats.refused(), stats.events()), (0, 6, 2, 5));
}

#[tokio::test]
async fn a_stream_that_passes_two_layers_with_the_same_stats_counts_once() {
    let (shared, own, outermost) = (Stats::new(), Stats::new(), Stats::new());
    let service = SseLayer::new().stats(&outermost).layer(SseLayer::new().stats(&shared).layer(
        SseLayer::new().stats(&own).max_streams(1).layer(SseLayer::new().stats(&shared).layer(service_fn(
            async |_: Request<()>| {
                Ok::<_, std::convert::Infallible>(Sse::new(stream::iter([Scene::Tick(1)]).chain(silence())))
            },
        ))),
    ));
    let mut body = pin!(service.clone().oneshot(Request::new(())).await.unwrap().into_body());
    next_frame(body.as_mut()).await.unwrap();
    drop(service.oneshot(Request::new(())).await.unwrap());
    for stats in [shared, own, outermost] {
        assert_eq!((stats.open(), stats.opened(), stats.refused(), stats.events()), (1, 1, 1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn keep_alives_count_as_bytes_and_not_as_events() {
    let stats = Stats::new();
    let router = Router::new()
        .route("/", get(async || Sse::new(silence())))
        .layer(SseLayer::new().stats(&stats).keep_alive(Duration::from_secs(10)));
    let mut body = ask(&router, "/").await;
    body.frame().await.unwrap().unwrap();
    assert_eq!((stats.events(), stats.bytes()), (0, ": keep-alive\n\n".len() as u64));
}
