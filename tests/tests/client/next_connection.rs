//! The state that a connection passes to the next one, and the state that it does not.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_ENCODING};
use sse_typed::{
    Client, RawEvent,
    client::{ReconnectPolicy, RequestBuilder, Resume, Signal, WithBody},
    testing::{Answer, ScriptedServer},
};
use tokio::time::Instant;

use crate::reading::Reading;

const SECOND: Duration = Duration::from_secs(1);

type Builder = RequestBuilder<WithBody<ScriptedServer, http_body_util::Full<Bytes>>>;

fn request(service: &ScriptedServer) -> Builder {
    Client::new(service.clone()).get("/").reconnect(ReconnectPolicy::default().jitter(0.0))
}

/// When each connection was opened and lost.
async fn fates(request: Builder) -> Vec<(&'static str, u64)> {
    let mut signals = request.connect::<Reading>().with_signals();
    let (started, mut fates) = (Instant::now(), Vec::new());
    while let Some(signal) = signals.next().await {
        match signal.unwrap() {
            Signal::Open(_) => fates.push(("open", started.elapsed().as_secs())),
            Signal::Reconnecting { .. } => fates.push(("lost", started.elapsed().as_secs())),
            _ => {}
        }
    }
    fates
}

#[tokio::test(start_paused = true)]
async fn k3_the_servers_retry_applies_to_attempts_without_a_response_too() {
    let service = ScriptedServer::new([
        Answer::stream().send("retry: 5000\nid: 1\nevent: value\ndata: 1\n\n"),
        Answer::close(),
        Answer::status(503),
        Answer::stream(),
    ]);
    let mut source =
        request(&service).reconnect(ReconnectPolicy::default().max(SECOND).jitter(0.0)).connect::<Reading>();
    while let Some(event) = source.next().await {
        event.unwrap();
    }
    assert_eq!(service.delays(), [5 * SECOND; 4]);
    assert_eq!(source.reconnection_time(), Some(5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn the_timers_of_a_connection_do_not_continue_in_the_next() {
    let service = ScriptedServer::new([Answer::stream().wait(8 * SECOND), Answer::stream().stall()]);
    let fates = fates(request(&service).idle_timeout(10 * SECOND)).await;
    assert_eq!(fates, [("open", 0), ("lost", 8), ("open", 9), ("lost", 19)]);

    let service = ScriptedServer::new([Answer::stream().wait(8 * SECOND), Answer::stream().stall()]);
    let fates = self::fates(request(&service).event_timeout(10 * SECOND)).await;
    assert_eq!(fates, [("open", 0), ("lost", 8), ("open", 9), ("lost", 19)]);
}

#[tokio::test(start_paused = true)]
async fn the_keep_alive_header_of_a_response_applies_only_to_that_response() {
    let held = || Answer::stream().stall();
    let service = ScriptedServer::new([
        held().header("sse-keep-alive", "10"),
        held().header("sse-keep-alive", "20"),
        Answer::stream().wait(1000 * SECOND),
    ]);
    let fates = fates(request(&service)).await;
    let expected = [("open", 0), ("lost", 30), ("open", 31), ("lost", 91), ("open", 92), ("lost", 1092)];
    assert_eq!(fates, expected);
}

#[tokio::test(start_paused = true)]
async fn headers_replaces_the_headers_of_the_same_names_and_keeps_multiple_values() {
    let service = ScriptedServer::new([]);
    let mut more = HeaderMap::new();
    more.append("x-a", HeaderValue::from_static("2"));
    more.append("x-a", HeaderValue::from_static("3"));
    more.append("x-c", HeaderValue::from_static("4"));
    let request = request(&service).header("x-a", "0").header("x-a", "1").header("x-b", "1").headers(more);
    assert!(request.send::<RawEvent>().await.unwrap().next().await.is_none());
    let request = &service.requests()[0];
    assert_eq!(request.header_all("x-a"), ["2", "3"]);
    assert_eq!((request.header_all("x-b"), request.header_all("x-c")), (vec!["1"], vec!["4"]));
}

#[tokio::test(start_paused = true)]
async fn a_get_that_resumes_a_post_has_no_headers_of_the_body() {
    let service = ScriptedServer::new([Answer::stream().send("id: 1\nevent: value\ndata: 1\n\n")]);
    let request = Client::new(service.clone()).post("/mcp").json(&1).header(CONTENT_ENCODING, "gzip");
    let mut source = request.header("x-a", "1").resume_with(Resume::Get).connect::<Reading>();
    while let Some(event) = source.next().await {
        event.unwrap();
    }
    let requests = service.requests();
    let about = |name| requests.iter().map(|request| request.header(name)).collect::<Vec<_>>();
    assert_eq!(about("content-type"), [Some("application/json"), None]);
    assert_eq!(about("content-encoding"), [Some("gzip"), None]);
    assert_eq!(about("x-a"), [Some("1"), Some("1")]);
}

#[tokio::test(start_paused = true)]
async fn a_closure_that_hangs_times_out() {
    let service = ScriptedServer::new([]);
    let request = request(&service).response_timeout(5 * SECOND).request(|_| std::future::pending());
    let started = Instant::now();
    assert!(request.send::<RawEvent>().await.unwrap_err().is_timeout());
    assert_eq!(started.elapsed(), 5 * SECOND);
    assert!(service.requests().is_empty());
}
