//! Pages whose server is killed and restarted.

use std::time::Duration;

use axum::{Router, response::Html, routing::get};
use serde_json::json;
use sse_typed::{Gap, Hub, LastEventId, Sse, SseEvent, SseLayer, hub::Retention};

use super::chromium::{Browser, Page, browser_found};
use crate::server::Server;

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Count {
    Tick {
        n: u32,
    },
    #[sse(gap)]
    Missed(Gap),
}

const TYPES: [&str; 2] = ["tick", "missed"];

/// A short reconnection time, so that the page also tries to reconnect while no server is running.
const RETRY: Duration = Duration::from_millis(100);

/// A hub and its server. The hub continues when the server is killed.
async fn start(retention: Retention) -> (Hub<Count>, Server) {
    let hub = Hub::builder().retain(retention).build();
    let served = hub.clone();
    let router = Router::new()
        .route("/events", get(move |id: LastEventId| std::future::ready(Sse::new(served.subscribe(id)))))
        .layer(SseLayer::new().retry(RETRY))
        .route("/", get(|| std::future::ready(Html("<!doctype html><title>count</title>"))));
    let server = Server::start(router).await;
    (hub, server)
}

async fn record(browser: &Browser, server: &Server) -> Page {
    let mut page = browser.open(&server.url("/")).await;
    page.record("/events", &TYPES).await;
    assert_eq!(page.next().await, "open");
    page
}

async fn assert_ticks(page: &mut Page, numbers: impl IntoIterator<Item = u32>) {
    for n in numbers {
        let event = page.next_event().await;
        assert_eq!((&event["type"], &event["data"]), (&json!("tick"), &json!(format!(r#"{{"n":{n}}}"#))));
    }
}

fn publish(hub: &Hub<Count>, numbers: impl IntoIterator<Item = u32>) {
    for n in numbers {
        hub.publish_now(&Count::Tick { n }).unwrap();
    }
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn no_event_is_lost_or_duplicated_when_the_server_is_killed_and_restarted() {
    if !browser_found("no_event_is_lost_or_duplicated_when_the_server_is_killed_and_restarted") {
        return;
    }
    let browser = Browser::start();
    let (hub, mut server) = start(Retention::events(1_000)).await;
    let mut page = record(&browser, &server).await;
    for round in (0..300).step_by(100) {
        publish(&hub, round..round + 30);
        assert_ticks(&mut page, round..round + 10).await;
        // The other events are in flight or in the buffers of the browser.
        server.kill().await;
        publish(&hub, round + 30..round + 60);
        assert_ticks(&mut page, round + 10..round + 30).await;
        server.restart().await;
        publish(&hub, round + 60..round + 100);
        assert_ticks(&mut page, round + 30..round + 100).await;
    }
    assert!(page.unread().iter().all(|report| report.get("type").is_none()), "no event is duplicated");
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn trimmed_history_is_reported_as_a_gap() {
    if !browser_found("trimmed_history_is_reported_as_a_gap") {
        return;
    }
    let browser = Browser::start();
    let (hub, mut server) = start(Retention::events(3)).await;
    let mut page = record(&browser, &server).await;
    publish(&hub, 0..1);
    assert_ticks(&mut page, 0..1).await;
    server.kill().await;
    publish(&hub, 1..10);
    server.restart().await;
    let gap = page.next_event().await;
    assert_eq!((&gap["type"], &gap["data"]), (&json!("missed"), &json!(r#"{"missed":6,"reason":"trimmed"}"#)));
    assert_ticks(&mut page, 7..10).await;
    // The gap has an id of its own, so a client that resumes from it does not get it again.
    server.kill().await;
    server.restart().await;
    publish(&hub, 10..11);
    assert_ticks(&mut page, 10..11).await;
}
