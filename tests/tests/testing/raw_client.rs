//! Clients that stall, vanish, disconnect, or read slowly.

use std::{io, time::Duration};

use axum::{Router, routing::get};
use futures_util::{StreamExt, stream};
use http::Request;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use sse_typed::{
    Sse, SseLayer,
    server::{ConnectionGuard, Drain, Shutdown},
    testing::RawClient,
};
use tokio::{
    io::{AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::Instant,
};

use crate::{Feed, failure};

const SECOND: Duration = Duration::from_secs(1);

/// hyper over a connection in memory.
fn serve(app: Router) -> (DuplexStream, JoinHandle<hyper::Result<()>>) {
    let (io, server_io) = duplex(256);
    let service = TowerToHyperService::new(app);
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server_io), service);
    (io, tokio::spawn(connection))
}

fn counting() -> Router {
    Router::new().route("/", get(|| async { Sse::new(stream::iter((0..100).map(Feed::Tick))) }))
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_one_byte_a_second_gets_everything_late() {
    let (io, _server) = serve(Router::new().route("/", get(|| async { Sse::new(stream::iter([Feed::Tick(1)])) })));
    let started = Instant::now();
    let mut events = RawClient::get(io, "/").await.pace(1, SECOND).read().await.within(SECOND * 60);
    events.expect_status(200).expect_header("transfer-encoding", "chunked");
    events.expect(Feed::Tick(1)).await;
    // The size of the chunk, its line end, and the event; and not all that the buffer of the connection has already.
    assert!((SECOND * 21..SECOND * 27).contains(&started.elapsed()), "{:?}", started.elapsed());
    events.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stalls_holds_its_server_up_until_it_reads() {
    let (io, server) = serve(counting());
    let client = RawClient::get(io, "/").await;
    tokio::time::sleep(SECOND * 3600).await;
    assert!(!server.is_finished());
    let mut events = client.read::<Feed>().await;
    assert_eq!(events.take(5).await.len(), 5);
    tokio::time::sleep(SECOND * 3600).await;
    assert_eq!(events.rest().await.len(), 95);
    drop(events);
    server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_vanishes_is_ended_by_the_guard_of_the_server() {
    let (shutdown, (io, server_io)) = (Shutdown::new(), duplex(256));
    let endless = || async { Sse::new(stream::repeat_with(|| Feed::Tick(1)).chain(stream::pending())) };
    let app: Router = Router::new().route("/", get(endless)).layer(SseLayer::new().shutdown(&shutdown, Drain::Now));
    let guarded = ConnectionGuard::new(server_io).shutdown_deadline(&shutdown, SECOND * 5);
    let service = TowerToHyperService::new(app);
    let http = hyper::server::conn::http1::Builder::new();
    let server = tokio::spawn(http.serve_connection(TokioIo::new(guarded), service));

    let gone = RawClient::get(io, "/").await;
    tokio::time::sleep(SECOND).await;
    let started = Instant::now();
    shutdown.begin();
    drop(server.await.unwrap());
    assert_eq!(started.elapsed(), SECOND * 5);
    drop(gone);
}

#[tokio::test]
async fn over_a_socket_a_client_disconnects_or_resets() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for resets in [false, true] {
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let mut accepted = accepted.unwrap().0;
        let client = RawClient::get(client.unwrap(), "/feed?x=1").await;
        if resets {
            client.reset();
        } else {
            drop(client);
        }
        let mut text = Vec::new();
        let end = tokio::io::AsyncReadExt::read_to_end(&mut accepted, &mut text).await;
        if resets {
            assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        } else {
            assert_eq!(text, b"GET /feed?x=1 HTTP/1.1\r\nhost: test\r\n\r\n");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_of_any_kind_is_sent() {
    let echo = |request: axum::extract::Request| async move {
        let id = request.headers()["last-event-id"].to_str().unwrap().len() as u64;
        let body = axum::body::to_bytes(request.into_body(), 100).await.unwrap();
        Sse::new(stream::iter([Feed::Tick(id), Feed::Tick(body.len() as u64)]))
    };
    let (io, _server) = serve(Router::new().route("/", axum::routing::post(echo)));
    let request = Request::post("http://somewhere/").header("last-event-id", "123").body("12345").unwrap();
    let mut events = RawClient::request(io, request).await.read().await;
    events.expect_only([Feed::Tick(3), Feed::Tick(5)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_response_that_breaks_the_rules_fails() {
    for (answer, expected) in [
        ("", "the connection was closed before a response"),
        ("HTTP/1.1 2", "the response cannot be read: "),
        ("HTTP/1.1 x\r\n\r\n", "\"HTTP/1.1 x\" is no status line of HTTP/1.1"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", "only the transfer coding `chunked` is read"),
    ] {
        let (io, mut server_io) = duplex(256);
        let client = RawClient::get(io, "/").await;
        server_io.write_all(answer.as_bytes()).await.unwrap();
        server_io.shutdown().await.unwrap();
        let failed = failure(client.read::<Feed>()).await;
        assert!(failed.starts_with(expected), "{failed}");
    }
    let (io, mut server_io) = duplex(256);
    let mut events = {
        let client = RawClient::get(io, "/").await;
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc";
        server_io.write_all(head).await.unwrap();
        client.read::<Feed>().await
    };
    assert_eq!(events.expect_broken().await, "a chunk is longer than its size");
    let (io, _server_io) = duplex(256);
    let failed = failure(RawClient::get(io, "/").await.read::<Feed>()).await;
    assert_eq!(failed, "no response within 30s");
    let (io, _server_io) = duplex(2);
    assert_eq!(failure(RawClient::get(io, "/")).await, "the request is not taken within 30s");
}
