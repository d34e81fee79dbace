//! Promises that need a socket.

use std::{convert::Infallible, future::ready, time::Duration};

use axum::{Router, routing::get};
use futures_util::stream;
use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use sse_typed::{RawEvent, Sse, SseLayer, testing::RawClient};
use tests::serve;
use tokio::{net::TcpStream, sync::mpsc, time::timeout};
use tower::{Layer, service_fn};

use crate::common::{Connection, Scene, Watch, silence};

/// The time after which a test fails instead of hanging. It is no promise.
const TEST_TIMEOUT: Duration = Duration::from_secs(10);

async fn within_timeout<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(TEST_TIMEOUT, future).await.unwrap_or_else(|_| panic!("no {what}"))
}

#[tokio::test]
async fn the_head_is_sent_before_the_first_event_and_each_event_at_once() {
    let receiver = std::sync::Arc::new(std::sync::Mutex::new(None::<mpsc::UnboundedReceiver<Scene>>));
    let next_receiver = std::sync::Arc::clone(&receiver);
    let service = SseLayer::new().layer(service_fn(move |_: Request<Incoming>| {
        let mut receiver = receiver.lock().unwrap().take().unwrap();
        ready(Ok::<_, Infallible>(Sse::new(stream::poll_fn(move |cx| receiver.poll_recv(cx)))))
    }));
    for address in serve::with_each(service).await {
        let (sender, receiver) = mpsc::unbounded_channel();
        *next_receiver.lock().unwrap() = Some(receiver);
        let socket = TcpStream::connect(address).await.unwrap();
        let mut events = RawClient::get(socket, "/").await.read::<RawEvent>().await;
        events.expect_header("content-type", "text/event-stream");
        for n in 0..3 {
            sender.send(Scene::Tick(n)).unwrap();
            events.next().await;
            let expected: String = (0..=n).map(|n| format!("event: tick\ndata: {n}\n\n")).collect();
            assert_eq!(events.wire_text(), expected);
        }
    }
}

#[tokio::test]
async fn events_before_a_panic_reach_the_client_and_the_connection_stays_open() {
    let service = SseLayer::new().layer(service_fn(|request: Request<Incoming>| {
        let last = if request.uri().path() == "/panics" { Scene::Panics } else { Scene::Broken };
        ready(Ok::<_, Infallible>(Sse::new(stream::iter([Scene::Tick(1), last, Scene::Tick(2)]))))
    }));
    for address in serve::with_each(service).await {
        let mut connection = Connection::open(address).await;
        for path in ["/panics", "/breaks", "/panics"] {
            let response = within_timeout("response head", connection.get(path)).await;
            let body = within_timeout("end of the body", response.into_body().collect()).await.unwrap().to_bytes();
            assert_eq!(body, "event: tick\ndata: 1\n\n");
            connection.client.ready().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_stream_is_dropped_as_soon_as_its_client_closes_the_connection() {
    // The server writes nothing, not even keep-alives.
    let watch = Watch::default();
    let make = {
        let watch = watch.clone();
        move || Sse::new(watch.stream(silence())).no_keep_alive()
    };
    let handler = make.clone();
    let each = serve::with_each(
        SseLayer::new().layer(service_fn(move |_: Request<Incoming>| ready(Ok::<_, Infallible>(make())))),
    );
    let router = Router::new().route("/", get(move || ready(handler()))).layer(SseLayer::new());
    let axum = serve::with_axum(router).await;

    for address in each.await.into_iter().chain([axum]) {
        let mut connection = Connection::open(address).await;
        let response = within_timeout("response head", connection.get("/")).await;
        assert!(!watch.is_dropped());
        drop((response, connection));
        within_timeout("drop of the stream", watch.dropped()).await;
        watch.reset();
    }
}

#[tokio::test]
async fn over_http_2_a_stream_is_dropped_when_the_client_resets_it() {
    let watch = Watch::default();
    let service = {
        let watch = watch.clone();
        SseLayer::new().layer(service_fn(move |_: Request<Incoming>| {
            ready(Ok::<_, Infallible>(Sse::new(watch.stream(silence())).no_keep_alive()))
        }))
    };
    for address in serve::with_each(service).await {
        let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let executor = hyper_util::rt::TokioExecutor::new();
        let (mut client, connection) = hyper::client::conn::http2::handshake(executor, socket).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get("http://test/").body(String::new()).unwrap();
        let response = within_timeout("response head", client.send_request(request)).await.unwrap();
        assert!(!watch.is_dropped());
        drop(response);
        within_timeout("drop of the stream", watch.dropped()).await;
        watch.reset();
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_stream_that_is_always_ready_lets_other_connections_be_served() {
    let service = SseLayer::new().layer(service_fn(|request: Request<Incoming>| {
        let count = if request.uri().path() == "/endless" { usize::MAX } else { 3 };
        ready(Ok::<_, Infallible>(Sse::new(stream::iter((0..count).map(|_| Scene::Tick(1))))))
    }));
    for address in serve::with_each(service).await {
        let mut endless = Connection::open(address).await;
        let mut response = within_timeout("response head", endless.get("/endless")).await;
        let reader = tokio::spawn(async move {
            while let Some(Ok(frame)) = response.frame().await {
                assert!(!frame.into_data().unwrap().is_empty());
            }
        });
        for _ in 0..10 {
            let mut short = Connection::open(address).await;
            let response = within_timeout("response head", short.get("/short")).await;
            let body = within_timeout("end of the body", response.into_body().collect()).await.unwrap().to_bytes();
            assert_eq!(body, "event: tick\ndata: 1\n\n".repeat(3));
        }
        assert!(!reader.is_finished(), "the endless stream is still open");
        reader.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_not_polled_while_its_client_does_not_read() {
    let watch = Watch::default();
    let service = {
        let watch = watch.clone();
        SseLayer::new().layer(service_fn(move |_: Request<Incoming>| {
            let event = RawEvent::new("big", "x".repeat(64 << 10));
            ready(Ok::<_, Infallible>(Sse::new(watch.stream(stream::repeat(event)))))
        }))
    };
    // A connection in memory: paused time advances only when no task can run.
    let (client, server) = tokio::io::duplex(64 << 10);
    tokio::spawn(async move {
        let service = TowerToHyperService::new(service);
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service).await;
    });
    let client = RawClient::get(client, "/").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let polls = watch.polls();
    assert!((1..64).contains(&polls), "{polls} events are in buffers");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(watch.polls(), polls);

    // When the client reads again, the stream is polled again.
    let mut events = client.read::<RawEvent>().await;
    while watch.polls() == polls {
        events.next().await;
    }
}
