//! The strict HTTP/1.1 parser h11 reads the bytes of `server::Server`.

use std::{fs, io, net::SocketAddr, path::Path};

use axum::{
    Router,
    body::Body,
    http::Response,
    routing::{get, post},
};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use sse_typed::{RawEvent, Sse};
use tests::serve;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::program::{LIMIT, Program, finished, found, with_h11};

/// Events between which the body is pending, so that the server takes the stream over from hyper.
fn events() -> impl Stream<Item = RawEvent> + Send + 'static {
    stream::iter(["one", "two"]).then(|text| async move {
        pause().await;
        RawEvent::new("tick", text)
    })
}

async fn pause() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

const EVENTS: &str = "event: tick\ndata: one\n\nevent: tick\ndata: two\n\n";

fn router() -> Router {
    let failing = || {
        let chunks = events().map(|event| Ok(format!("data: {}\n\n", event.data())));
        // hyper discards what it has not yet written.
        let failure = stream::once(pause()).map(|()| Err(io::Error::other("the body fails")));
        let body = Body::from_stream(chunks.chain(failure));
        Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
    };
    Router::new()
        .route("/events", get(async || Sse::new(events())))
        .route("/at-once", get(async || Sse::new(stream::iter(["one", "two"].map(|text| RawEvent::new("tick", text))))))
        .route("/open", get(async || Sse::new(events().chain(stream::pending()))))
        .route("/failing", get(async move || failing()))
        .route("/echo", post(async |text: String| text))
}

/// A request, and the headers that it has besides `host`.
struct Request(&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const fn request(path: &'static str) -> Request {
    Request("GET", path, &[], "")
}

const fn last(path: &'static str) -> Request {
    Request("GET", path, &[("connection", "close")], "")
}

impl Request {
    fn head(&self, version: &str) -> String {
        let Self(method, path, headers, _) = self;
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{method} {path} HTTP/{version}\r\nhost: test\r\n{headers}\r\n")
    }

    fn json(&self) -> Value {
        let Self(method, path, headers, body) = self;
        json!({ "method": method, "path": path, "headers": headers, "body": body })
    }
}

/// Sends requests at once, and records everything that the server sends, to the end of the connection or this text.
async fn record(address: SocketAddr, version: &str, requests: &[Request], until: Option<&str>) -> Value {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let mut received = Vec::new();
    let mut unsent = String::new();
    for request in requests {
        unsent += &request.head(version);
        if request.2.contains(&("expect", "100-continue")) {
            socket.write_all(unsent.as_bytes()).await.unwrap();
            unsent.clear();
            read(&mut socket, &mut received, Some("HTTP/1.1 100 Continue\r\n\r\n")).await;
        }
        unsent += request.3;
    }
    socket.write_all(unsent.as_bytes()).await.unwrap();
    let closed = read(&mut socket, &mut received, until).await;
    assert_eq!(closed, until.is_none(), "{:?}", String::from_utf8_lossy(&received));
    let received: String = received.iter().map(|byte| format!("{byte:02x}")).collect();
    let requests: Vec<_> = requests.iter().map(Request::json).collect();
    json!({ "requests": requests, "received": received, "closed": closed })
}

/// Whether the connection ended before this text.
async fn read(socket: &mut TcpStream, received: &mut Vec<u8>, until: Option<&str>) -> bool {
    while !until.is_some_and(|until| received.ends_with(until.as_bytes())) {
        let read = timeout(LIMIT, socket.read_buf(received)).await.expect("an end or more bytes").unwrap();
        if read == 0 {
            return true;
        }
    }
    false
}

fn response(version: &str, interim: &[u16], data: &str, states: [&str; 2]) -> Value {
    json!({ "status": 200, "version": version, "interim": interim, "data": data, "complete": true, "states": states })
}

const KEPT: [&str; 2] = ["DONE", "DONE"];

fn closed(responses: impl Into<Value>) -> Value {
    json!({
        "responses": responses.into(),
        "states": ["MUST_CLOSE", "CLOSED"],
        "closed": true,
        "error": null,
        "trailing": "",
        "unanswered": 0,
    })
}

#[tokio::test]
#[ignore = "needs h11"]
async fn h11_reads_every_response_of_the_server_however_its_bytes_are_split() {
    if !found("h11_reads_every_response_of_the_server_however_its_bytes_are_split", &[Program::H11]) {
        return;
    }
    const FORM: &[(&str, &str)] = &[("content-type", "text/plain"), ("content-length", "4")];
    const WAITS: &[(&str, &str)] =
        &[("content-type", "text/plain"), ("content-length", "4"), ("expect", "100-continue")];
    let head = |path| Request("HEAD", path, &[], "");
    let ends = ["MUST_CLOSE", "MUST_CLOSE"];
    for hand_off in [true, false] {
        let address = serve::with_server(router(), hand_off).await;
        let mut recorded = Vec::new();
        let mut expected = Vec::new();
        let mut add = |connection, result| {
            recorded.push(connection);
            expected.push(result);
        };
        for path in ["/events", "/at-once"] {
            add(record(address, "1.1", &[last(path)], None).await, closed([response("1.1", &[], EVENTS, ends)]));
            add(record(address, "1.0", &[request(path)], None).await, closed([response("1.0", &[], EVENTS, ends)]));
        }
        let pipelined = [
            request("/events"),
            head("/events"),
            request("/at-once"),
            Request("POST", "/echo", FORM, "echo"),
            head("/at-once"),
            request("/events"),
            last("/events"),
        ];
        let data = [EVENTS, "", EVENTS, "echo", "", EVENTS].map(|data| response("1.1", &[], data, KEPT));
        let data: Vec<_> = data.into_iter().chain([response("1.1", &[], EVENTS, ends)]).collect();
        add(record(address, "1.1", &pipelined, None).await, closed(data));
        let waits = [request("/events"), Request("POST", "/echo", WAITS, "wait"), last("/events")];
        add(
            record(address, "1.1", &waits, None).await,
            closed([
                response("1.1", &[], EVENTS, KEPT),
                response("1.1", &[100], "wait", KEPT),
                response("1.1", &[], EVENTS, ends),
            ]),
        );
        let started =
            |data: &str| json!({ "status": 200, "version": "1.1", "interim": [], "data": data, "complete": false });
        add(
            record(address, "1.1", &[request("/open")], Some("two\n\n\r\n")).await,
            json!({
                "responses": [started(EVENTS)],
                "states": ["DONE", "SEND_BODY"],
                "closed": false,
                "error": null,
                "trailing": "",
                "unanswered": 0,
            }),
        );
        // A stream that fails is not one that ends.
        add(
            record(address, "1.1", &[request("/failing")], None).await,
            json!({
                "responses": [started("data: one\n\ndata: two\n\n")],
                "states": ["MUST_CLOSE", "ERROR"],
                "closed": false,
                "error": "peer closed connection without sending complete message body (incomplete chunked read)",
                "trailing": "",
                "unanswered": 0,
            }),
        );

        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("h11.json");
        fs::write(&path, Value::from(recorded).to_string()).unwrap();
        let mut python = std::process::Command::new("python3");
        python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop_programs/h11/read.py")).arg(&path);
        let output = finished(with_h11(python).into()).await;
        let results: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(results.len(), expected.len());
        for (result, expected) in results.iter().zip(&expected) {
            assert_eq!(result, expected, "hand-off: {hand_off}");
        }
    }
}
