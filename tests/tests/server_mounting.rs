//! The same stream on every kind of server and router, over real sockets.

use std::{convert::Infallible, future::ready, net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sse_typed::{
    Event, LastEventId, RawEvent, Sse, SseLayer,
    server::{PeerAddr, RequestBody, Server, SseBody},
};
use tests::serve;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower::{ServiceBuilder, service_fn};

/// The body that every server must send to a client without a last event ID.
const WIRE: &str = "retry: 2000\n\nid: 1\nevent: tick\ndata: one\n\nid: 2\nevent: tick\ndata: two\n\n";

fn ticks(after: &LastEventId) -> impl Stream<Item = Event<RawEvent>> + Send + use<> {
    let after = after.parse::<u64>().ok().flatten().unwrap_or_default();
    let ticks = [(1, "one"), (2, "two")].into_iter().filter(move |(id, _)| *id > after);
    // The size hint of `unfold` is unknown, so an empty stream is a 200 here.
    stream::unfold(ticks, async |mut ticks| {
        let (id, text) = ticks.next()?;
        Some((Event::new(RawEvent::new("tick", text)).id(id), ticks))
    })
}

fn layer() -> SseLayer {
    SseLayer::new().retry(Duration::from_secs(2)).keep_alive(Duration::from_millis(9_500))
}

async fn request(address: SocketAddr, request: http::request::Builder) -> Response<Incoming> {
    let socket = TcpStream::connect(address).await.unwrap();
    let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let request = request.header(header::HOST, "test").body(Empty::<Bytes>::new()).unwrap();
    client.send_request(request).await.unwrap()
}

async fn get_text(address: SocketAddr, path: &str) -> (StatusCode, HeaderMap, String) {
    read(request(address, Request::get(path)).await).await
}

async fn read(response: Response<Incoming>) -> (StatusCode, HeaderMap, String) {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

fn assert_event_stream(headers: &HeaderMap) {
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["cache-control"], "no-cache");
    assert_eq!(headers["x-accel-buffering"], "no");
    assert_eq!(headers["sse-keep-alive"], "10", "whole seconds, rounded up");
    assert!(!headers.contains_key("connection"), "{headers:?}");
}

/// Requests the stream from the start, resumed after an event, and by HEAD.
async fn assert_serves(address: SocketAddr) {
    let (status, headers, text) = get_text(address, "/events").await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, WIRE));
    assert_event_stream(&headers);

    let resumed = request(address, Request::get("/events").header("last-event-id", "1")).await;
    let (_, _, text) = read(resumed).await;
    assert_eq!(text, "retry: 2000\n\nid: 2\nevent: tick\ndata: two\n\n");

    let head = request(address, Request::head("/events")).await;
    let (status, headers, text) = read(head).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, ""));
    assert_event_stream(&headers);
    assert!(!headers.contains_key("content-length"), "a stream has no length: {headers:?}");
}

fn sse<B>(request: &Request<B>) -> Sse<impl Stream<Item = Event<RawEvent>> + Send + use<B>> {
    Sse::new(ticks(&LastEventId::of(request)))
}

#[tokio::test]
async fn a_service_builder_serves_it_with_plain_hyper() {
    let service = ServiceBuilder::new()
        .layer(layer())
        .service_fn(|request: Request<Incoming>| ready(Ok::<_, Infallible>(sse(&request))));
    for address in serve::with_each(service).await {
        assert_serves(address).await;
    }
}

#[tokio::test]
async fn a_service_may_set_headers_of_its_own() {
    let service = ServiceBuilder::new().layer(layer()).service_fn(|request: Request<Incoming>| {
        let response = Response::builder().header("x-own", "1").header("cache-control", "no-store").body(sse(&request));
        ready(Ok::<_, Infallible>(response.unwrap()))
    });
    for address in serve::with_each(service).await {
        let (_, headers, text) = get_text(address, "/events").await;
        assert_eq!(text, WIRE);
        assert_eq!(headers["x-own"], "1");
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["content-type"], "text/event-stream");
    }
}

#[tokio::test]
async fn a_service_may_answer_with_a_stream_or_another_response() {
    let service = ServiceBuilder::new().layer(layer()).service_fn(|request: Request<Incoming>| {
        let allowed = request.uri().path() == "/events";
        let denied = Response::builder().status(StatusCode::UNAUTHORIZED).body(Full::from("who are you?")).unwrap();
        ready(Ok::<_, Infallible>(if allowed { Ok(sse(&request)) } else { Err(denied) }))
    });
    for address in serve::with_each(service).await {
        assert_serves(address).await;
        let (status, headers, text) = get_text(address, "/secret").await;
        assert_eq!((status, text.as_str()), (StatusCode::UNAUTHORIZED, "who are you?"));
        assert_eq!(headers["content-length"], "12");
        assert!(!headers.contains_key("cache-control"), "what is no event stream passes untouched: {headers:?}");
    }
}

#[tokio::test]
async fn plain_hyper_serves_it_without_a_layer() {
    let service = service_fn(|request: Request<Incoming>| {
        let sse = sse(&request).retry(Duration::from_secs(2)).keep_alive(Duration::from_millis(9_500));
        ready(Ok::<_, Infallible>(Response::from(sse)))
    });
    for address in serve::with_each(service).await {
        assert_serves(address).await;
    }
}

#[tokio::test]
async fn a_response_that_was_converted_below_the_layer_takes_its_settings() {
    let service = ServiceBuilder::new().layer(layer()).service_fn(|request: Request<Incoming>| {
        let response: Response<SseBody<_>> = sse(&request).into();
        ready(Ok::<_, Infallible>(response))
    });
    for address in serve::with_each(service).await {
        assert_serves(address).await;
    }
}

#[tokio::test]
async fn an_axum_handler_returns_it() {
    let router = Router::new().route(
        "/events",
        get(async |last_event_id: LastEventId| {
            Sse::new(ticks(&last_event_id)).retry(Duration::from_secs(2)).keep_alive(Duration::from_millis(9_500))
        }),
    );
    assert_serves(serve::with_axum(router).await).await;
}

#[tokio::test]
async fn an_axum_router_is_layered() {
    let router = Router::new()
        .route("/events", get(async |last_event_id: LastEventId| Sse::new(ticks(&last_event_id))))
        .route("/text", get(async || "text"))
        .layer(layer());
    let address = serve::with_axum(router).await;
    assert_serves(address).await;

    let (status, headers, text) = get_text(address, "/text").await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "text"));
    assert!(!headers.contains_key("sse-keep-alive") && !headers.contains_key("cache-control"), "{headers:?}");
    assert_eq!(headers["content-length"], "4");
}

#[tokio::test]
async fn an_axum_router_mounts_a_service() {
    let service = ServiceBuilder::new()
        .layer(layer())
        .service_fn(|request: Request<axum::body::Body>| ready(Ok::<_, Infallible>(sse(&request))));
    let router = Router::new().route_service("/events", service);
    assert_serves(serve::with_axum(router.clone()).await).await;
    for hand_off in [true, false] {
        assert_serves(serve::with_server(router.clone(), hand_off).await).await;
    }
}

#[tokio::test]
async fn http_2_carries_many_streams_on_one_connection() {
    let service = ServiceBuilder::new()
        .layer(layer())
        .service_fn(|request: Request<Incoming>| ready(Ok::<_, Infallible>(sse(&request))));
    for address in serve::with_each(service).await {
        let socket = TcpStream::connect(address).await.unwrap();
        let (client, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
        tokio::spawn(connection);
        let streams = (0..20).map(|_| {
            let mut client = client.clone();
            async move {
                let request = Request::get("http://test/events").body(Empty::<Bytes>::new()).unwrap();
                read(client.send_request(request).await.unwrap()).await
            }
        });
        for (_, headers, text) in futures_util::future::join_all(streams).await {
            assert_event_stream(&headers);
            assert_eq!(text, WIRE);
        }
    }
}

#[tokio::test]
async fn an_empty_stream_is_a_204_without_a_body_on_every_server() {
    fn over(stop: bool) -> Sse<stream::Empty<RawEvent>> {
        if stop { Sse::stop() } else { Sse::new(stream::empty()) }
    }
    let hyper = ServiceBuilder::new()
        .layer(layer())
        .service_fn(|request: Request<Incoming>| ready(Ok::<_, Infallible>(over(request.uri().path() == "/stop"))));
    let axum =
        Router::new().route("/stop", get(async || over(true))).route("/over", get(async || over(false))).layer(layer());
    let axum = serve::with_axum(axum).await;
    for address in serve::with_each(hyper).await.into_iter().chain([axum]) {
        for path in ["/stop", "/over"] {
            let (status, headers, text) = get_text(address, path).await;
            assert_eq!((status, text.as_str()), (StatusCode::NO_CONTENT, ""), "{path}");
            assert!(!headers.contains_key("content-type"), "{headers:?}");
            assert!(!headers.contains_key("content-length"), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn a_pooled_client_uses_the_connection_again_after_a_stream() {
    let service = ServiceBuilder::new().layer(layer()).service_fn(|request: Request<RequestBody>| {
        let peer = request.extensions().get::<PeerAddr>().unwrap().to_string();
        let response = Response::builder().header("x-peer", peer).body(sse(&request));
        ready(Ok::<_, Infallible>(response.unwrap()))
    });
    for hand_off in [true, false] {
        let server = Server::bind("127.0.0.1:0").await.unwrap().hand_off(hand_off);
        let url = format!("http://{}/events", server.local_addr().unwrap());
        tokio::spawn(server.serve(service.clone()));
        let client = reqwest::Client::new();
        let mut peers = Vec::new();
        for _ in 0..3 {
            let response = client.get(&url).send().await.unwrap();
            peers.push(response.headers()["x-peer"].clone());
            assert_eq!(response.text().await.unwrap(), WIRE);
        }
        assert!(peers.iter().all(|peer| *peer == peers[0]), "{hand_off}: {peers:?}");
    }
}

/// The kernel resets a socket that is closed with unread bytes, and the client may then lose what it has not read.
#[tokio::test]
async fn a_client_that_sends_more_than_its_request_gets_the_whole_stream_before_the_connection_is_closed() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let service = service_fn(|_: Request<RequestBody>| {
        let events = stream::unfold(0, async |number| {
            tokio::task::yield_now().await;
            (number < 200).then(|| (RawEvent::new("large", "x".repeat(1 << 10)), number + 1))
        });
        ready(Ok::<_, Infallible>(Sse::new(events)))
    });
    tokio::spawn(server.serve(service));
    for _ in 0..20 {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let (mut read, mut write) = socket.split();
        write.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        write.write_all(&[b'x'; 32 << 10]).await.unwrap();
        let mut text = String::new();
        read.read_to_string(&mut text).await.unwrap();
        assert_eq!(text.matches("event: large").count(), 200);
    }
}
