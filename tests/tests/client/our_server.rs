//! One enum, sent by this crate's server to its client.

use std::{convert::Infallible, time::Duration};

use axum::{Router, http::StatusCode, routing::get};
use futures_util::stream;
use http::{HeaderValue, header};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use sse_typed::{
    Client, Event, EventId, LastEventId, Sse, SseEvent, SseLayer,
    client::{Ended, HttpService, HyperClient, RequestBuilder, ResponseBody, Signal},
};
use tokio::{net::TcpListener, time::Instant};
use tower::ServiceBuilder;
use tower_http::{
    compression::{
        CompressionLayer,
        predicate::{Predicate, SizeAbove},
    },
    cors::CorsLayer,
    decompression::DecompressionLayer,
    limit::RequestBodyLimitLayer,
    set_header::SetRequestHeaderLayer,
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Ride {
    Position {
        lat: f64,
        lon: f64,
    },
    #[sse(text)]
    Note(String),
    #[sse(terminal)]
    Completed,
}

fn ride() -> Vec<Ride> {
    vec![
        Ride::Position { lat: 52.5, lon: -0.0 },
        Ride::Note("two\nlines: and a colon…".to_owned()),
        Ride::Position { lat: 1e-300, lon: f64::MAX },
        Ride::Completed,
    ]
}

/// Two events of the ride for each connection, after the last event ID.
fn feed(last_event_id: &LastEventId) -> Sse<impl futures_util::Stream<Item = Event<Ride>> + Send + 'static + use<>> {
    let from = last_event_id.parse::<usize>().unwrap().unwrap_or(0);
    let events: Vec<_> = (from + 1..).zip(ride().into_iter().skip(from)).take(2).collect();
    Sse::new(stream::iter(events.into_iter().map(|(n, event)| Event::new(event).id(EventId::from(n)))))
}

async fn rides<S: HttpService>(request: RequestBuilder<S>) -> Vec<Ride> {
    let mut source = request.connect::<Ride>();
    let mut seen = Vec::new();
    while let Some(event) = source.next().await {
        seen.push(event.unwrap().data);
    }
    assert_eq!(source.ended(), Some(Ended::Terminal));
    assert_eq!(source.last_event_id(), "4");
    seen
}

#[tokio::test(start_paused = true)]
async fn a_tower_service_under_the_layer_is_read_in_process() {
    let service = ServiceBuilder::new().layer(SseLayer::new().retry(Duration::from_secs(2))).service_fn(
        |request: http::Request<_>| {
            let _: &Full<bytes::Bytes> = request.body();
            std::future::ready(Ok::<_, Infallible>(feed(&LastEventId::of(&request))))
        },
    );
    let started = Instant::now();
    assert_eq!(rides(Client::new(service).get("/")).await, ride());
    // One reconnect, not before the server's reconnection time.
    assert!(started.elapsed() >= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_hung_server_is_detected_after_three_of_its_keep_alive_intervals() {
    let service = ServiceBuilder::new()
        // The server hangs: it has sent the head, and no comment follows.
        .map_response(|response: http::Response<_>| {
            response.map(|_| StreamBody::new(stream::pending::<Result<Frame<bytes::Bytes>, Infallible>>()))
        })
        .layer(SseLayer::new().keep_alive(Duration::from_secs(10)))
        .service_fn(|_: http::Request<Full<bytes::Bytes>>| {
            std::future::ready(Ok::<_, Infallible>(Sse::new(stream::once(std::future::pending::<Ride>()))))
        });
    let mut signals = Client::new(service).get("/").connect::<Ride>().with_signals();
    let started = Instant::now();
    while let Some(signal) = signals.next().await {
        if let Signal::Reconnecting { cause, .. } = signal.unwrap() {
            assert!(cause.unwrap().is_timeout());
            assert_eq!(started.elapsed(), Duration::from_secs(30));
            return;
        }
    }
    panic!("over: {:?}", signals.source().ended());
}

#[tokio::test(start_paused = true)]
async fn keep_alives_keep_a_quiet_stream_open() {
    let service = ServiceBuilder::new().layer(SseLayer::new().keep_alive(Duration::from_secs(10))).service_fn(
        |_: http::Request<Full<bytes::Bytes>>| {
            let late = async {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                Ride::Completed
            };
            std::future::ready(Ok::<_, Infallible>(Sse::new(stream::once(late))))
        },
    );
    let mut source = Client::new(service).get("/").connect::<Ride>();
    assert_eq!(source.next().await.unwrap().unwrap().data, Ride::Completed);
}

#[tokio::test]
async fn both_directions_go_through_tower_https_layers_over_a_socket() {
    let compressed = CompressionLayer::new().compress_when(SizeAbove::new(0).and(|_: _, _: _, _: &_, _: &_| true));
    let layers = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(CorsLayer::permissive())
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(5)))
        .layer(RequestBodyLimitLayer::new(1024))
        .layer(compressed)
        .layer(SseLayer::new().retry(Duration::from_millis(100)));
    let router = Router::new().route("/feed", get(|id: LastEventId| async move { feed(&id) })).layer(layers);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/feed", listener.local_addr().unwrap());
    let server = tokio::spawn(async { axum::serve(listener, router).await });

    let service = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(SetRequestHeaderLayer::overriding(header::USER_AGENT, HeaderValue::from_static("tests/1")))
        .layer(DecompressionLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(5)))
        .map_response(|response: http::Response<ResponseBody>| {
            assert!(response.headers().contains_key(header::CONTENT_ENCODING));
            response
        })
        .service(HyperClient::new());
    assert_eq!(rides(Client::new(service).get(&url)).await, ride());
    server.abort();
}
