use std::{
    future::ready,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, response::IntoResponse, routing::get};
use futures_util::stream;
use sse_typed::{RawEvent, Sse};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    sync::mpsc,
    time::timeout,
};

use crate::{
    feed::Feed,
    program::{Program, curl, finished, found},
};

async fn text(args: &[&str]) -> String {
    let mut command = curl();
    command.args(args);
    String::from_utf8(finished(command).await.stdout).unwrap()
}

#[tokio::test]
#[ignore = "needs curl"]
async fn curl_prints_the_stream_as_it_is_on_the_wire() {
    if !found("curl_prints_the_stream_as_it_is_on_the_wire", &[Program::Curl]) {
        return;
    }
    let expected = "retry: 4000\n\n\
        id: 1\nevent: position\ndata: {\"x\":1.5}\n\n\
        id: 2\ndata: data: no field\n\n\
        id: 3\nevent: note\ndata:  a leading space\ndata: CRLF\ndata: CR\ndata: LF\ndata: \ndata: an empty line, and a last LF\ndata: \n\n\
        event: position\ndata: {\"x\":-2.0}\n\n\
        id: 5\nevent: completed\ndata: null\n\n";
    for feed in Feed::start_on_each_server().await {
        assert_eq!(text(&[&feed.url("/whole")]).await, expected);
        assert_eq!(text(&["--http1.0", &feed.url("/whole")]).await, expected);
        assert_eq!(text(&["--request", "POST", "--data", "a body", &feed.url("/whole")]).await, "");
        // The second request uses the connection of the first.
        let url = feed.url("/whole");
        let twice = text(&["--write-out", "%{num_connects} %{errormsg}\n", &url, &url]).await;
        assert_eq!(twice, format!("{expected}1 \n{expected}0 \n"));
        assert!(text(&["--head", &url]).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[tokio::test]
#[ignore = "needs curl"]
async fn curl_resumes_and_gets_a_204_after_the_last_event() {
    if !found("curl_resumes_and_gets_a_204_after_the_last_event", &[Program::Curl]) {
        return;
    }
    for feed in Feed::start_on_each_server().await {
        let url = feed.url("/events");
        let rest = text(&["--header", "Last-Event-ID: 3", &url]).await;
        let rest = rest.split_once("\n\n").unwrap().1;
        assert_eq!(rest, "event: position\ndata: {\"x\":-2.0}\n\nid: 5\nevent: completed\ndata: null\n\n");
        let after = text(&["--header", "Last-Event-ID: 5", "--write-out", "%{http_code}", &url]).await;
        assert_eq!(after, "204");
    }
}

#[tokio::test]
#[ignore = "needs curl"]
async fn curl_gets_each_event_before_the_next_is_sent() {
    if !found("curl_gets_each_event_before_the_next_is_sent", &[Program::Curl]) {
        return;
    }
    for is_own_server in [true, false] {
        assert_each_event_is_printed_before_the_next_is_sent(is_own_server).await;
    }
}

async fn assert_each_event_is_printed_before_the_next_is_sent(is_own_server: bool) {
    let (events, receiver) = mpsc::unbounded_channel::<RawEvent>();
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let router = Router::new().route(
        "/events",
        get(move || {
            let receiver = receiver.lock().unwrap().take().expect("only one request");
            let stream = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
            ready(Sse::new(stream).into_response())
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    if is_own_server {
        tokio::spawn(sse_typed::server::Server::new(listener).serve(router));
    } else {
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    }

    let mut child = curl().arg(url).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // Each event is sent when the one before has arrived, so an event that is held back would never arrive.
    for n in 1..=3 {
        events.send(RawEvent::new("tick", n.to_string())).unwrap();
        for expected in ["event: tick", &format!("data: {n}"), ""] {
            let line = timeout(Duration::from_secs(60), lines.next_line()).await.expect("the event is held back");
            assert_eq!(line.unwrap().as_deref(), Some(expected));
        }
    }
    drop(events);
    assert_eq!(lines.next_line().await.unwrap(), None);
    assert!(child.wait().await.unwrap().success(), "the body ends cleanly");
}
