//! The scripted server on a socket.

use std::{io, time::Duration};

use sse_typed::{
    Client, Event, RawEvent,
    client::ReconnectPolicy,
    testing::{Answer, Collect, ListeningServer, RawClient, ScriptedServer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::Feed;

async fn listen(answers: impl IntoIterator<Item = Answer>) -> ListeningServer {
    ScriptedServer::new(answers).listen().await
}

async fn ask(server: &ListeningServer, request: &str) -> (String, io::Result<usize>) {
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    let end = socket.read_to_end(&mut text).await;
    (String::from_utf8(text).unwrap(), end)
}

const GET: &str = "GET /feed HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn an_answer_is_one_of_http_1_1() {
    let server = listen([
        Answer::stream().header("x", b"\xc3\xa9").send("data: 1\n\n").send("").send("data: 2\n\n"),
        Answer::status(200).header("content-length", "9").send("data: 1\n\n"),
        Answer::raw("HTTP/1.0 200 Fine\ncontent-type:text/event-stream\n\n").send("data: 1\n\n"),
    ])
    .await;
    let expected = "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\
                    content-type: text/event-stream\r\nx: é\r\n\r\n\
                    9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n";
    assert_eq!(ask(&server, GET).await.0, expected);
    let expected = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\ndata: 1\n\n";
    assert_eq!(ask(&server, GET).await.0, expected);
    let expected = "HTTP/1.0 200 Fine\ncontent-type:text/event-stream\n\ndata: 1\n\n";
    assert_eq!(ask(&server, GET).await.0, expected);
    assert_eq!(ask(&server, GET).await.0, "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
}

#[tokio::test]
async fn requests_are_recorded_with_their_bodies() {
    let server = listen([]).await;
    let _ = ask(&server, "POST /a?b HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\ncontent-length: 3\r\n\r\nabc").await;
    let _ =
        ask(&server, "PUT /b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n")
            .await;
    let _ = ask(&server, "CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let (refused, _) = ask(&server, "nonsense\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    let requests = server.requests();
    let shown: Vec<_> = requests.iter().map(|r| (r.method.as_str(), r.uri.to_string(), &*r.body)).collect();
    let expected: [(_, _, &[u8]); 3] = [
        ("POST", "/a?b".to_owned(), b"abc"),
        ("PUT", "/b".to_owned(), b"def"),
        ("CONNECT", "example.org:443".to_owned(), b""),
    ];
    assert_eq!(shown, expected);
    assert_eq!(requests[0].header_all("x-a"), ["1", "2"]);
}

#[tokio::test]
async fn a_connection_is_closed_reset_or_kept_open() {
    let body = || Answer::stream().send("data: 1\n\n");
    let server = listen([
        body().break_at(3),
        body().reset(),
        Answer::close(),
        Answer::refuse(),
        body().stall(),
        Answer::never(),
    ])
    .await;
    let (text, end) = ask(&server, GET).await;
    assert!(text.ends_with("\r\n\r\n3\r\ndat\r\n") && end.is_ok(), "{text}");
    let (_, end) = ask(&server, GET).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(ask(&server, GET).await.1.unwrap(), 0);
    assert_eq!(ask(&server, GET).await.1.unwrap_err().kind(), io::ErrorKind::ConnectionReset);

    let silence = Duration::from_millis(20);
    let client = RawClient::get(TcpStream::connect(server.address()).await.unwrap(), "/").await;
    let mut events = client.read().await;
    events.expect(RawEvent::new("message", "1")).await;
    events.expect_silence_for(silence).await;
    // No answer: not even a head.
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(GET.as_bytes()).await.unwrap();
    assert!(tokio::time::timeout(silence, socket.read_u8()).await.is_err());
    // Whoever stays is closed with the server.
    drop(server);
    assert!(events.expect_broken().await.contains("closed"));
    assert!(socket.read_u8().await.is_err());
}

#[tokio::test]
async fn a_client_over_the_network_reconnects_and_resumes() {
    let tick = |n: u64| Event::new(Feed::Tick(n)).id(n);
    let server = listen([
        Answer::redirect(307, "/there"),
        Answer::stream().event(&tick(1)).event(&tick(2)).break_off(),
        Answer::stream().event(&tick(3)).event(&Feed::Done),
    ])
    .await;
    let policy = ReconnectPolicy::default().base(Duration::ZERO).jitter(0.0);
    let source = Client::hyper().get(server.url("/here")).reconnect(policy).connect::<Feed>();
    Collect::source(source).expect_only([Feed::Tick(1), Feed::Tick(2), Feed::Tick(3), Feed::Done]).await;
    let paths: Vec<_> = server.requests().iter().map(|request| request.uri.path().to_owned()).collect();
    assert_eq!(paths[..2], ["/here", "/there"]);
    assert_eq!(server.server().last_event_ids().last().unwrap(), "2");
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_memory_is_served_on_paused_time() {
    let answer = Answer::stream().wait(Duration::from_secs(3600)).send("data: 1\n\n");
    let server = ScriptedServer::new([answer]);
    let (io, server_io) = tokio::io::duplex(1024);
    let served = server.clone();
    let serving = tokio::spawn(async move { served.serve_connection(server_io).await });
    let mut events = RawClient::get(io, "/feed").await.read().await.within(Duration::from_secs(7200));
    events.expect_only([RawEvent::new("message", "1")]).await;
    serving.await.unwrap().unwrap();
    assert_eq!(server.requests()[0].header("host"), Some("test"));
}
