//! Servers that try to fill the memory of a client, or to keep it busy.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use sse_typed::{
    Client, EventStream, RawEvent,
    client::{HyperClient, ReconnectPolicy},
    testing::{Answer, ScriptedServer},
};
use tests::serve;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tower::ServiceBuilder;
use tower_http::{
    compression::{CompressionLayer, predicate::SizeAbove},
    decompression::DecompressionLayer,
};

use crate::reading::fast;

#[tokio::test]
async fn ten_million_comments_before_an_event_are_skipped() {
    const COMMENTS: usize = 10_000_000;
    let chunk = Bytes::from(":\n".repeat(50_000));
    let comments = stream::iter(std::iter::repeat_n(chunk, COMMENTS / 50_000));
    let event = stream::iter([Bytes::from_static(b"data: found\n\n")]);
    let frames = comments.chain(event).map(|chunk| Ok::<_, Infallible>(Frame::data(chunk)));
    let mut events = EventStream::<RawEvent, _>::from_body(StreamBody::new(frames));
    assert_eq!(events.next().await.unwrap().unwrap().data.data(), "found");
}

/// A server would refuse a head of this size, at every attempt.
#[tokio::test]
async fn an_id_of_1_mib_is_not_sent_and_neither_is_the_previous_one() {
    let id = "7".repeat(1 << 20);
    let long = Answer::stream().send(format!("id: 1\ndata: a\n\nid: {id}\ndata: b\n\n"));
    let server = ScriptedServer::new([long, Answer::stream().send("id: 2\ndata: c\n\n")]).listen().await;
    let mut source = Client::hyper().get(server.url("/")).reconnect(fast()).connect::<RawEvent>();
    for expected in ["a", "b", "c"] {
        assert_eq!(source.next().await.unwrap().unwrap().data.data(), expected);
    }
    assert!(source.next().await.is_none());
    let ids: Vec<_> = server.requests().iter().map(|request| request.last_event_id().to_owned()).collect();
    assert_eq!(ids, ["", "", "2"]);
}

#[tokio::test]
async fn a_response_whose_head_never_ends_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = socket.read(&mut request).await;
        let mut sent = socket.write(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        // Until the client has closed the connection.
        while let Ok(written) = socket.write(b"x-flood: 0123456789abcdef\r\n").await {
            sent += written;
        }
        sent
    });
    let error = Client::hyper().get(url).send::<RawEvent>().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    let sent = server.await.unwrap();
    assert!(sent < 16 << 20, "{sent} bytes, of which the kernel holds most");
}

#[tokio::test]
async fn a_decompression_bomb_is_an_event_that_is_too_large() {
    const LIMIT: usize = 1 << 20;
    let bomb = format!("data: {}\n\n", "0".repeat(4 * LIMIT));
    let answer = Answer::stream().send(bomb).send("data: after it\n\n").stall();
    let service = ServiceBuilder::new()
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(0)))
        .map_err(|error| -> Infallible { panic!("{error}") })
        .service(ScriptedServer::new([answer]));
    let url = format!("http://{}/", serve::with_hyper(service).await);
    let client = ServiceBuilder::new().layer(DecompressionLayer::new()).service(HyperClient::new());
    let request = Client::new(client).get(url).header("accept-encoding", "gzip").max_event_size(LIMIT);
    let mut source = request.reconnect(ReconnectPolicy::never()).connect::<RawEvent>();
    let error = source.next().await.unwrap().unwrap_err();
    assert!(error.is_too_large() && !error.is_fatal(), "{error:?}");
    assert_eq!(source.next().await.unwrap().unwrap().data.data(), "after it");
}
