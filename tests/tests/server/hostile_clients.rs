//! Clients that attack the server below HTTP: with heads that do not end, and with the frames of HTTP/2.

use std::net::SocketAddr;

use axum::{Router, routing::get};
use futures_util::stream;
use sse_typed::{RawEvent, Sse, testing::RawClient};
use tests::serve;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
    net::TcpStream,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Types of frames.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// GET, http, `/` and the authority `test`, by HPACK.
const GET: &[u8] = b"\x82\x86\x84\x41\x04test";

/// Far more frames than a server may read.
const MANY: u32 = 100_000;

async fn server() -> SocketAddr {
    let events = async || Sse::new(stream::iter([RawEvent::new("tick", "1")]));
    serve::with_server(Router::new().route("/", get(events)), true).await
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Sends frames until the server closes the connection, and returns how often that was.
async fn attack(address: SocketAddr, mut next: impl FnMut(u32) -> Vec<u8>) -> u32 {
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let reads = tokio::spawn(async move { copy(&mut read, &mut sink()).await });
    write.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    let mut sent = 0;
    while sent < MANY && write.write_all(&next(sent)).await.is_ok() {
        sent += 1;
    }
    reads.abort();
    sent
}

async fn assert_serves(address: SocketAddr) {
    let socket = TcpStream::connect(address).await.unwrap();
    let mut events = RawClient::get(socket, "/").await.read::<RawEvent>().await;
    events.expect(RawEvent::new("tick", "1")).await;
}

/// The attacks consist of the same frames.
#[tokio::test]
async fn frames_over_http_2_that_are_no_attack_are_answered() {
    let address = server().await;
    for request in [
        frame(HEADERS, END_STREAM | END_HEADERS, 1, GET),
        [frame(HEADERS, END_STREAM, 1, GET), frame(CONTINUATION, END_HEADERS, 1, &field())].concat(),
    ] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &request].concat()).await.unwrap();
        let mut head = [0; 9];
        // The head of a response follows the settings.
        while head[3] != HEADERS {
            socket.read_exact(&mut head).await.unwrap();
            assert!([HEADERS, SETTINGS, WINDOW_UPDATE].contains(&head[3]), "{head:?}");
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            socket.read_exact(&mut vec![0; length as usize]).await.unwrap();
        }
    }
}

/// A field that is not indexed: `x: ` and 100 bytes.
fn field() -> Vec<u8> {
    [b"\x00\x01x\x64".as_slice(), &[b'7'; 100]].concat()
}

#[tokio::test]
async fn a_rapid_reset_over_http_2_ends_its_connection_alone() {
    let address = server().await;
    let sent = attack(address, |n| {
        let stream = 2 * n + 1;
        let cancel = 8_u32.to_be_bytes();
        [frame(HEADERS, END_STREAM | END_HEADERS, stream, GET), frame(RST_STREAM, 0, stream, &cancel)].concat()
    })
    .await;
    assert!(sent < MANY, "{sent} streams were reset");
    assert_serves(address).await;
}

#[tokio::test]
async fn a_continuation_flood_over_http_2_ends_its_connection_alone() {
    let address = server().await;
    let field = field();
    let sent = attack(address, |n| match n {
        0 => frame(HEADERS, END_STREAM, 1, GET),
        _ => frame(CONTINUATION, 0, 1, &field),
    })
    .await;
    assert!(sent < MANY, "{sent} frames were read");
    assert_serves(address).await;
}

#[tokio::test]
async fn a_request_whose_head_never_ends_is_refused_with_431() {
    let address = server().await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    // More than the server reads. It would reset the connection of a client that goes on, which may lose the response.
    let head = ["GET / HTTP/1.1\r\nhost: test\r\nx: ", &"7".repeat(72 << 10)].concat();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
    assert_serves(address).await;
}
