//! The generated TypeScript with a browser's `EventSource`.

use std::{
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{Method, StatusCode, Uri, header::CONTENT_TYPE},
    response::{Html, IntoResponse},
    routing::get,
};
use serde_json::{Value, json};
use sse_typed::{
    Gap, Hub, LastEventId, Sse, SseEvent, SseLayer,
    codec::describe::DescribeEvent,
    typescript::{Options, TypeScript, render},
};
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use super::chromium::{Browser, Page, browser_found};
use crate::{
    program::{LIMIT, script_path},
    server::Server,
};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(super) enum Parcel {
    Moved {
        to: String,
    },
    #[sse(message, text)]
    Note(String),
    Weighed(f64),
    Sealed,
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Delivered {
        at: u32,
    },
}

/// The generated module of an event type as JavaScript.
pub(super) async fn module<E: DescribeEvent<TypeScript>>() -> String {
    let mut command = Command::new("node");
    command.arg(script_path("strip.mjs")).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut process = command.spawn().unwrap();
    process.stdin.take().unwrap().write_all(render::<E>(&Options::new()).as_bytes()).await.unwrap();
    let output = timeout(LIMIT, process.wait_with_output()).await.expect("esbuild does not end").unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[derive(Clone, Debug, Default)]
struct Visits {
    /// The method, path and query of each request.
    all: Arc<Mutex<Vec<String>>>,
    /// The statuses of the next responses, which are sent instead of streams.
    refusals: Arc<Mutex<Vec<StatusCode>>>,
}

/// Starts a server whose page imports the module as `parcel`, and reports every event, state and end.
async fn start(hub: &Hub<Parcel>) -> (Server, Visits) {
    let visits = Visits::default();
    let served = hub.clone();
    let events = move |State(visits): State<Visits>, method: Method, uri: Uri, id: LastEventId| {
        let hub = served.clone();
        async move {
            visits.all.lock().unwrap().push(format!("{method} {uri}"));
            // A `HEAD` asks for the status of the `GET` before, so only it removes the status.
            let refusal = visits.refusals.lock().unwrap().first().copied();
            match refusal {
                Some(status) => {
                    if method == Method::HEAD {
                        visits.refusals.lock().unwrap().remove(0);
                    }
                    status.into_response()
                }
                None => Sse::new(hub.subscribe(id)).into_response(),
            }
        }
    };
    let code = module::<Parcel>().await;
    let script = move || std::future::ready(([(CONTENT_TYPE, "text/javascript")], code.clone()));
    let page = "<!doctype html><title>parcel</title><script type=module>
        import * as parcel from './parcel.js';
        globalThis.follow = (url, options = {}) => {
            const tell = (data, { type, lastEventId }) => report({ type, data, lastEventId });
            const handlers = Object.fromEntries(parcel.eventTypes.map((type) => [type, tell]));
            globalThis.subscription = parcel.subscribe(url, handlers, {
                onState: (state) => report({ state }),
                onClose: (closed) => report({ closed }),
                onInvalid: (event, error) => report({ invalid: event, error: String(error) }),
                ...options,
            });
        };
    </script>";
    let router = Router::new()
        .route("/events", get(events))
        .layer(SseLayer::new().retry(Duration::from_millis(100)))
        .with_state(visits.clone())
        .route("/parcel.js", get(script))
        .route("/", get(move || std::future::ready(Html(page))))
        .route("/ping", get(|| std::future::ready("pong")));
    (Server::start(router).await, visits)
}

async fn open(browser: &Browser, server: &Server, options: &str) -> Page {
    let page = browser.open(&server.url("/")).await;
    page.wait_until("globalThis.follow !== undefined").await;
    page.evaluate(&format!("void follow('/events', {options})")).await;
    page
}

fn is_event(report: &Value) -> bool {
    report.get("type").is_some()
}

/// The next report that is not a state.
pub(super) async fn next(page: &mut Page) -> Value {
    loop {
        let report = page.next().await;
        if report.get("state").is_none() {
            return report;
        }
    }
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_page_gets_every_kind_of_event_typed_and_closes_at_the_terminal_one() {
    if !browser_found("a_page_gets_every_kind_of_event_typed_and_closes_at_the_terminal_one") {
        return;
    }
    let hub = Hub::builder().build();
    let (server, visits) = start(&hub).await;
    let browser = Browser::start();
    let mut page = open(&browser, &server, "{}").await;
    assert_eq!(page.next().await, json!({ "state": "open" }));
    let text = "two\nlines, and a third\n";
    let events = [
        (Parcel::Moved { to: "Đà Nẵng".to_owned() }, "moved", json!({ "to": "Đà Nẵng" })),
        (Parcel::Note(text.to_owned()), "message", json!(text)),
        (Parcel::Weighed(1.5), "weighed", json!(1.5)),
        (Parcel::Sealed, "sealed", json!(null)),
        (Parcel::Delivered { at: 7 }, "delivered", json!({ "at": 7 })),
    ];
    for (event, event_type, data) in events {
        let id = hub.publish_now(&event).unwrap();
        assert_eq!(next(&mut page).await, json!({ "type": event_type, "data": data, "lastEventId": id.as_str() }));
    }
    assert_eq!(next(&mut page).await["closed"]["reason"], "terminal");
    assert_eq!(page.evaluate("subscription.closed").await["reason"], "terminal");
    // Waits longer than the reconnection time of 100 ms.
    for _ in 0..3 {
        page.evaluate("new Promise((done) => setTimeout(() => done(fetch('/ping').then(() => null)), 100))").await;
    }
    assert_eq!(visits.all.lock().unwrap().len(), 1);
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_page_that_has_all_events_closes_at_a_204() {
    if !browser_found("a_page_that_has_all_events_closes_at_a_204") {
        return;
    }
    let hub = Hub::builder().build();
    let (server, visits) = start(&hub).await;
    let last = hub.publish_now(&Parcel::Delivered { at: 7 }).unwrap();
    let browser = Browser::start();
    let mut page = open(&browser, &server, &format!("{{ lastEventId: {:?} }}", last.as_str())).await;
    assert_eq!(next(&mut page).await, json!({ "closed": { "reason": "complete", "status": 204 } }));
    let visits = visits.all.lock().unwrap();
    assert!(visits.iter().all(|visit| visit.contains("last_event_id=")), "{visits:?}");
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_page_resumes_after_a_503_without_a_lost_or_duplicated_event() {
    if !browser_found("a_page_resumes_after_a_503_without_a_lost_or_duplicated_event") {
        return;
    }
    let hub = Hub::builder().build();
    let (mut server, visits) = start(&hub).await;
    let browser = Browser::start();
    let mut page = open(&browser, &server, "{ recreate: { delay: 50, maxDelay: 100 } }").await;
    let moved = |n: u32| Parcel::Moved { to: n.to_string() };
    assert_eq!(page.next().await, json!({ "state": "open" }));
    for n in 0..5 {
        hub.publish_now(&moved(n)).unwrap();
        assert_eq!(next(&mut page).await["data"]["to"], n.to_string());
    }
    // At a 503 the browser gives up for good, and the page creates a new `EventSource`.
    server.kill().await;
    visits.refusals.lock().unwrap().extend([StatusCode::SERVICE_UNAVAILABLE; 2]);
    for n in 5..10 {
        hub.publish_now(&moved(n)).unwrap();
    }
    server.restart().await;
    for n in 5..10 {
        assert_eq!(next(&mut page).await["data"]["to"], n.to_string());
    }
    hub.publish_now(&moved(10)).unwrap();
    assert_eq!(next(&mut page).await["data"]["to"], "10");
    assert!(!page.unread().iter().any(is_event));
    let visits = visits.all.lock().unwrap();
    assert!(visits.last().unwrap().starts_with("GET /events?last_event_id="), "{visits:?}");
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_gap_has_a_handler_of_its_own() {
    if !browser_found("a_gap_has_a_handler_of_its_own") {
        return;
    }
    let hub = Hub::builder().build();
    let (server, _) = start(&hub).await;
    let browser = Browser::start();
    let options = "{ lastEventId: 'of another stream', onGap: (gap) => report({ gap }) }";
    let mut page = open(&browser, &server, options).await;
    let gap = json!({ "missed": null, "reason": "unknown_id" });
    let event = next(&mut page).await;
    assert_eq!((&event["type"], &event["data"]), (&json!("missed"), &gap));
    assert_eq!(next(&mut page).await, json!({ "gap": gap }));
}
