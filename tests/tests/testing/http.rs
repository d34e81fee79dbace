//! What HTTP allows: responses without a body, interim responses, trailers, codings, requests in parts and in a row.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, Request, Response};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use sse_typed::{
    RawEvent,
    testing::{Answer, Collect, RawClient, ScriptedServer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    net::TcpStream,
};
use tower::ServiceExt;

use crate::{Feed, failure};

fn head() -> Request<Full<Bytes>> {
    Request::head("/").body(Full::default()).unwrap()
}

/// The bytes that a server sends back to a request.
async fn ask(server: ScriptedServer, request: &str) -> String {
    let (mut io, server_io) = duplex(1 << 16);
    let serving = tokio::spawn(async move { drop(server.serve_connection(server_io).await) });
    io.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    io.read_to_string(&mut text).await.unwrap();
    serving.await.unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn the_response_to_a_head_request_has_no_body() {
    let answer = Answer::stream().send("data: 1\n\n");
    let server = ScriptedServer::new([answer.clone(), answer]);
    let text = ask(server.clone(), "HEAD / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\n"), "{text}");
    let mut events = Collect::<Feed>::response(server.oneshot(head()).await.unwrap());
    events.expect_status(200);
    events.expect_end().await;

    let (io, mut server_io) = duplex(256);
    let client = RawClient::request(io, Request::head("/").body("").unwrap()).await;
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    server_io.write_all(head).await.unwrap();
    client.read::<Feed>().await.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_response_that_can_have_no_body_has_none() {
    for status in [204, 304] {
        let answer = Answer::status(status).send("data: 1\n\n");
        let server = ScriptedServer::new([answer.clone(), answer]);
        let text = ask(server.clone(), "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(text.ends_with("\r\n\r\n") && !text.contains("data"), "{text}");
        let response = server.oneshot(Request::get("/").body(Full::<Bytes>::default()).unwrap()).await.unwrap();
        Collect::<Feed>::body(response.into_body()).expect_end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn interim_responses_are_skipped() {
    let (io, mut server_io) = duplex(256);
    let client = RawClient::get(io, "/").await;
    let bytes = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
                  HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9\r\n\r\ndata: 1\n\n";
    server_io.write_all(bytes).await.unwrap();
    let mut events = client.read().await;
    events.expect_status(200);
    events.expect_only([RawEvent::new("message", "1")]).await;
}

#[tokio::test(start_paused = true)]
async fn interim_responses_without_end_fail() {
    let (io, mut server_io) = duplex(256);
    let client = RawClient::get(io, "/").await;
    let server = tokio::spawn(async move { while server_io.write_all(b"HTTP/1.1 102 \r\n\r\n").await.is_ok() {} });
    assert!(failure(client.read::<Feed>()).await.contains("too many interim responses"));
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_before_its_body_is_told_to_go_on() {
    let server = ScriptedServer::new([Answer::stream()]);
    let (mut io, server_io) = duplex(1 << 16);
    let served = server.clone();
    let serving = tokio::spawn(async move { served.serve_connection(server_io).await });
    io.write_all(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n").await.unwrap();
    let mut interim = [0; 25];
    io.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    io.write_all(b"ab").await.unwrap();
    serving.await.unwrap().unwrap();
    assert_eq!(server.requests()[0].body, "ab");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_read_is_refused_with_the_reason() {
    for (request, reason) in [
        ("nonsense\r\n\r\n", "no request line"),
        ("GET / HTTP/1.1\r\nhost\r\n\r\n", "a header has no colon"),
        ("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n", "only the transfer coding `chunked` is read"),
        ("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nx\r\n", "invalid digit"),
        ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", "invalid digit"),
    ] {
        let server = ScriptedServer::new([Answer::stream()]);
        let text = ask(server.clone(), request).await;
        assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\n") && text.contains(reason), "{text}");
        assert_eq!((server.requests().len(), server.remaining()), (0, 1));
    }
}

#[tokio::test]
async fn requests_in_a_row_do_not_cost_the_client_its_response() {
    let server = ScriptedServer::new([
        Answer::stream().send("data: 1\n\n"),
        Answer::stream().send("data: 2\n\n").break_off(),
        Answer::close(),
    ]);
    let listening = server.listen().await;
    for expected in ["data: 1\n\n\r\n0\r\n\r\n", "data: 2\n\n\r\n", ""] {
        let mut socket = TcpStream::connect(listening.address()).await.unwrap();
        socket.write_all("GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3).as_bytes()).await.unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).await.unwrap();
        assert!(text.ends_with(expected), "{text}");
    }
    // Each connection has one request.
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_raw_request_in_chunks_is_sent_as_it_is() {
    let server = ScriptedServer::new([Answer::stream()]);
    let (io, server_io) = duplex(1 << 16);
    let served = server.clone();
    let serving = tokio::spawn(async move { served.serve_connection(server_io).await });
    let request = Request::post("/").header("transfer-encoding", "chunked").body("2\r\nab\r\n0\r\n\r\n").unwrap();
    RawClient::request(io, request).await.read::<Feed>().await.expect_end().await;
    serving.await.unwrap().unwrap();
    assert_eq!((server.requests()[0].header("content-length"), &*server.requests()[0].body), (None, &b"ab"[..]));
}

#[tokio::test(start_paused = true)]
async fn trailers_and_empty_frames_are_skipped() {
    let frames = stream::iter([
        Frame::data(Bytes::from("event: tick\nda")),
        Frame::data(Bytes::new()),
        Frame::data(Bytes::from("ta: 1\n\n")),
        Frame::trailers(HeaderMap::new()),
    ]);
    let mut events = Collect::body(StreamBody::new(frames.map(Ok::<_, Infallible>)));
    events.expect_only([Feed::Tick(1)]).await;
}

#[tokio::test(start_paused = true)]
async fn line_ends_and_a_mark_of_the_byte_order_may_be_cut_anywhere() {
    let text = "\u{feff}event: tick\r\ndata: 1\r\n\r\n: a\r\revent: tick\rdata: 2\r\r\nevent: done\ndata: null\n\n";
    for size in 1..text.len() {
        let chunks: Vec<_> = text.as_bytes().chunks(size).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect();
        let mut events = Collect::bytes(stream::iter(chunks));
        events.expect(Feed::Tick(1)).await;
        events.expect_comment("a").await;
        events.expect_only([Feed::Tick(2), Feed::Done]).await;
        assert_eq!(events.wire_text(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_in_another_coding_is_named() {
    let response = Response::builder().header("content-type", "text/event-stream").header("content-encoding", "gzip");
    let mut events = Collect::<Feed>::response(response.body(Full::new(Bytes::from("\x1f"))).unwrap());
    let failed = failure(events.expect_none_for(Duration::from_secs(1))).await;
    assert!(
        failed.starts_with("the body is in the content coding gzip, which a `Collect` does not decode\n"),
        "{failed}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_within_an_event_is_no_end() {
    let body = || Collect::<Feed>::bytes(stream::iter([Ok::<_, std::io::Error>("event: tick\ndata: 1\n")]));
    let failed = failure(body().expect_only([])).await;
    assert!(
        failed.starts_with("expected the end of the stream\nthe stream broke off: the body ended within an event: "),
        "{failed}"
    );
    assert!(failure(body().rest()).await.contains("within an event"));
    assert!(failure(body().expect(Feed::Tick(1))).await.contains("within an event"));
    assert!(body().expect_broken().await.contains("within an event"));
}

#[tokio::test(start_paused = true)]
async fn a_response_without_events_is_named_with_its_request() {
    let failed = failure(Collect::<Feed>::get(axum::Router::new(), "/lost").await.next()).await;
    assert!(failed.starts_with("the response to GET /lost is no event stream\nreceived 404 Not Found"), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_huge_event_is_received_and_its_message_is_short() {
    let event = RawEvent::new("big", "x".repeat(3 << 20));
    let mut events = Collect::stream(stream::iter([event.clone(), event.clone()]));
    events.expect(event).await;
    let failed = failure(events.expect(RawEvent::new("small", "y"))).await;
    assert!(failed.len() < 10_000, "{}", failed.len());
    assert!(failed.contains("small"), "{failed}");
    let mut silent = Collect::stream(stream::pending::<RawEvent>());
    let failed = failure(silent.expect(RawEvent::new("big", "x".repeat(1 << 20)))).await;
    assert!(failed.len() < 10_000, "{}", failed.len());
}

#[tokio::test]
async fn of_many_requests_at_once_each_gets_an_answer_of_its_own() {
    let answers = (0..50).map(|n| Answer::stream().send(format!("data: {n}\n\n")));
    let server = ScriptedServer::new(answers);
    let listening = server.listen().await;
    let clients = (0..60).map(|_| async {
        let client = RawClient::get(TcpStream::connect(listening.address()).await.unwrap(), "/").await;
        let mut events = client.read::<RawEvent>().await;
        events.rest().await
    });
    let mut received: Vec<u32> = futures_util::future::join_all(clients)
        .await
        .concat()
        .iter()
        .map(|event| event.data().parse().unwrap())
        .collect();
    received.sort_unstable();
    assert_eq!(received, (0..50).collect::<Vec<_>>());
    assert_eq!((server.requests().len(), server.remaining()), (60, 0));
}

#[test]
fn the_server_can_be_shown() {
    // On a thread of its own: one that waits for itself cannot be ended.
    let (shown, text) = std::sync::mpsc::channel();
    std::thread::spawn(move || shown.send(format!("{:?}", ScriptedServer::new([Answer::stream()]))));
    let text = text.recv_timeout(Duration::from_secs(10)).expect("the text of the server");
    assert_eq!(text, "ScriptedServer { requests: 0, remaining: 1, .. }");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_is_asked_in_the_order_of_the_records() {
    let server = ScriptedServer::answer_with({
        let mut asked = 0;
        move |request| {
            asked += 1;
            Answer::status(200).header("path", request.uri.path()).header("number", asked.to_string())
        }
    });
    let ask = |n: usize| {
        let server = server.clone();
        tokio::spawn(async move {
            let request = Request::builder().method(Method::GET).uri(format!("/{n}")).body(Full::<Bytes>::default());
            let response = server.oneshot(request.unwrap()).await.unwrap();
            let number: usize = response.headers()["number"].to_str().unwrap().parse().unwrap();
            (number, format!("/{n}"))
        })
    };
    let answered = futures_util::future::join_all((0..3000).map(ask)).await;
    let requests = server.requests();
    for (number, path) in answered.into_iter().map(Result::unwrap) {
        assert_eq!(requests[number - 1].uri.path(), path);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_vanishes_does_not_hold_its_connection_for_the_waits_of_the_answer() {
    let server = ScriptedServer::new([Answer::stream().wait(Duration::from_secs(3600)).send("data: 1\n\n")]);
    let (io, server_io) = duplex(1 << 10);
    let started = tokio::time::Instant::now();
    let serving = tokio::spawn(async move { server.serve_connection(server_io).await });
    let events = RawClient::get(io, "/").await.read::<Feed>().await;
    drop(events);
    drop(serving.await.unwrap());
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn another_version_of_http_is_refused_and_1_0_gets_no_chunks() {
    for request in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1 x\r\n\r\n"] {
        let server = ScriptedServer::new([Answer::stream()]);
        let text = ask(server.clone(), request).await;
        assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{request:?}: {text}");
        assert_eq!(server.remaining(), 1);
    }
    let server = ScriptedServer::new([Answer::stream().send("data: 1\n\n")]);
    let text = ask(server, "GET / HTTP/1.0\r\n\r\n").await;
    assert!(text.ends_with("\r\n\r\ndata: 1\n\n") && !text.contains("chunked"), "{text}");
}
