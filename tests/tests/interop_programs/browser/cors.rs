//! Streams of another origin than the page, with tower-http's `CorsLayer`.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{Next, from_fn},
    response::Html,
    routing::get,
};
use futures_util::stream;
use serde_json::{Value, json};
use sse_typed::{Event, LastEventId, RawEvent, Sse};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::chromium::{Browser, browser_found};
use crate::server::Server;

#[derive(Debug)]
struct RecordedRequest {
    method: Method,
    cookie: Option<String>,
    last_event_id: Option<String>,
}

type Requests = Arc<Mutex<Vec<RecordedRequest>>>;

/// The server of a page that sets a cookie. Cookies are sent to every port of a host.
async fn page_server() -> Server {
    let page = || std::future::ready(([(header::SET_COOKIE, "who=ann")], Html("<!doctype html><title>page</title>")));
    Server::start(Router::new().route("/", get(page))).await
}

/// A server whose streams have one event each. Its id is the number of the request.
async fn stream_server(cors: CorsLayer) -> (Server, Requests) {
    let requests = Requests::default();
    let recorded = Arc::clone(&requests);
    let record = move |request: Request, next: Next| {
        let text = |name: HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let record = RecordedRequest {
            method: request.method().clone(),
            cookie: text(header::COOKIE),
            last_event_id: text(HeaderName::from_static("last-event-id")),
        };
        recorded.lock().unwrap().push(record);
        next.run(request)
    };
    let events = |id: LastEventId| async move {
        let number = id.parse::<u64>().unwrap().unwrap_or(0) + 1;
        let event = Event::new(RawEvent::new("tick", number.to_string())).id(number);
        // The size hint of `unfold` is unknown, so the response is never a 204.
        let once = stream::unfold(Some(event), |event| std::future::ready(event.map(|event| (event, None))));
        Sse::new(once).retry(std::time::Duration::from_millis(50))
    };
    let router = Router::new().route("/events", get(events)).layer(cors).layer(from_fn(record));
    (Server::start(router).await, requests)
}

fn origin(page: &Server) -> AllowOrigin {
    AllowOrigin::exact(HeaderValue::from_str(&page.url("")).unwrap())
}

/// The first report of the page, and the requests that the server recorded.
async fn first_report(
    name: &str,
    cors: impl FnOnce(&Server) -> CorsLayer,
    with_credentials: bool,
) -> Option<(Value, Vec<RecordedRequest>)> {
    if !browser_found(name) {
        return None;
    }
    let browser = Browser::start();
    let server = page_server().await;
    let (streams, requests) = stream_server(cors(&server)).await;
    let mut page = browser.open(&server.url("/")).await;
    page.record_with(&streams.url("/events"), &["tick"], json!({ "withCredentials": with_credentials })).await;
    let first = page.next().await;
    if first == "open" {
        for number in 1..=3 {
            assert_eq!(page.next_event().await["lastEventId"], number.to_string());
        }
    }
    let requests = std::mem::take(&mut *requests.lock().unwrap());
    Some((first, requests))
}

fn closed() -> Value {
    json!({ "error": "closed" })
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_stream_of_another_origin_is_refused_without_cors() {
    let test = "a_stream_of_another_origin_is_refused_without_cors";
    let Some((first, requests)) = first_report(test, |_| CorsLayer::new(), false).await else { return };
    assert_eq!(first, closed());
    assert_eq!(requests.len(), 1, "a browser does not retry: {requests:?}");
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn any_origin_reads_a_stream_that_allows_any_and_resumes_it() {
    let test = "any_origin_reads_a_stream_that_allows_any_and_resumes_it";
    let cors = |_: &Server| CorsLayer::new().allow_origin(tower_http::cors::Any);
    let Some((first, requests)) = first_report(test, cors, false).await else { return };
    assert_eq!(first, "open");
    // Chromium sends no preflight (OPTIONS) for `Last-Event-ID`.
    assert!(requests.iter().all(|request| request.method == Method::GET && request.cookie.is_none()), "{requests:?}");
    let ids: Vec<_> = requests.iter().map(|request| request.last_event_id.as_deref()).collect();
    assert_eq!(ids[..3], [None, Some("1"), Some("2")]);
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn credentials_are_sent_to_a_stream_that_allows_them_for_the_origin() {
    let test = "credentials_are_sent_to_a_stream_that_allows_them_for_the_origin";
    let cors = |page: &Server| CorsLayer::new().allow_origin(origin(page)).allow_credentials(true);
    let Some((first, requests)) = first_report(test, cors, true).await else { return };
    assert_eq!(first, "open");
    assert!(requests.iter().all(|request| request.cookie.as_deref() == Some("who=ann")), "{requests:?}");
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn credentials_are_refused_if_only_the_origin_is_allowed() {
    let test = "credentials_are_refused_if_only_the_origin_is_allowed";
    let cors = |page: &Server| CorsLayer::new().allow_origin(origin(page));
    let Some((first, _)) = first_report(test, cors, true).await else { return };
    assert_eq!(first, closed());
}
