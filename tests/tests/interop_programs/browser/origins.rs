//! Subscriptions by `fetch` to another origin: preflight requests, headers that a page can see, and redirects.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::{Next, from_fn},
    response::Redirect,
    routing::get,
};
use serde_json::{Value, json};
use sse_typed::{Hub, LastEventId, Sse, SseLayer};
use tower_http::cors::{AllowHeaders, CorsLayer};

use super::{
    chromium::{Browser, Page, browser_found},
    fetch::{moved, open, page_of},
    typed::{Parcel, next},
};
use crate::server::Server;

/// The method and the headers of each request for the stream.
type Requests = Arc<Mutex<Vec<(Method, HeaderMap)>>>;

/// A stream for pages of another origin.
struct Stream {
    hub: Hub<Parcel>,
    requests: Requests,
    server: Server,
}

impl Stream {
    async fn start(cors: CorsLayer) -> Self {
        let hub = Hub::<Parcel>::builder().build();
        let subscribed = hub.clone();
        let events = move |id: LastEventId| std::future::ready(Sse::new(subscribed.subscribe(id)));
        let requests = Requests::default();
        let recorded = Arc::clone(&requests);
        let record = move |request: Request, next: Next| {
            recorded.lock().unwrap().push((request.method().clone(), request.headers().clone()));
            next.run(request)
        };
        let layer = SseLayer::new().retry(Duration::from_millis(50)).keep_alive(Duration::from_secs(15));
        let router = Router::new().route("/events", get(events)).layer(layer).layer(cors).layer(from_fn(record));
        Self { hub, requests, server: Server::start(router).await }
    }

    fn moved(&self, to: &str) -> String {
        self.hub.publish_now(&Parcel::Moved { to: to.to_owned() }).unwrap().as_str().to_owned()
    }

    fn methods(&self) -> Vec<Method> {
        self.requests.lock().unwrap().iter().map(|(method, _)| method.clone()).collect()
    }
}

fn cors(page_server: &Server) -> CorsLayer {
    CorsLayer::new().allow_origin(HeaderValue::from_str(&page_server.url("")).unwrap())
}

async fn follow(page: &mut Page, url: &str, options: &str) {
    page.evaluate(&format!("void follow('{url}', {{ transport: 'fetch', recreate: {{ delay: 20 }}, {options} }})"))
        .await;
    assert_eq!(page.next().await, json!({ "state": "open" }));
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn resuming_by_the_query_needs_no_preflight_request() {
    if !browser_found("resuming_by_the_query_needs_no_preflight_request") {
        return;
    }
    let page_server = Server::start(page_of::<Parcel>().await).await;
    let mut stream = Stream::start(cors(&page_server)).await;
    let browser = Browser::start();
    let mut page = open(&browser, &page_server).await;
    follow(&mut page, &stream.server.url("/events"), "resumeBy: 'query'").await;
    let first = stream.moved("a");
    assert_eq!(next(&mut page).await, moved("a", &first));
    stream.server.kill().await;
    let second = stream.moved("b");
    stream.server.restart().await;
    assert_eq!(next(&mut page).await, moved("b", &second));
    assert_eq!(stream.methods(), [Method::GET, Method::GET]);
    assert_eq!(stream.requests.lock().unwrap()[1].1.get("last-event-id"), None);
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_last_event_id_in_a_header_needs_a_preflight_request_that_allows_it() {
    if !browser_found("a_last_event_id_in_a_header_needs_a_preflight_request_that_allows_it") {
        return;
    }
    let page_server = Server::start(page_of::<Parcel>().await).await;
    let allowed = cors(&page_server).allow_headers([HeaderName::from_static("last-event-id")]);
    let browser = Browser::start();
    for (cors, allows) in [(cors(&page_server), false), (allowed, true)] {
        let mut stream = Stream::start(cors).await;
        let mut page = open(&browser, &page_server).await;
        // The first request has no ID, and no preflight request.
        follow(&mut page, &stream.server.url("/events"), "recreate: { delay: 20, attempts: 2 }").await;
        let first = stream.moved("a");
        assert_eq!(next(&mut page).await, moved("a", &first));
        assert_eq!(stream.methods(), [Method::GET]);
        stream.server.kill().await;
        let second = stream.moved("b");
        stream.server.restart().await;
        let resumed = next(&mut page).await;
        if allows {
            assert_eq!(resumed, moved("b", &second));
            assert_eq!(stream.methods(), [Method::GET, Method::OPTIONS, Method::GET]);
        } else {
            assert_eq!(resumed, json!({ "closed": { "reason": "refused" } }));
            assert_eq!(stream.methods().iter().filter(|&method| method == Method::GET).count(), 1);
        }
    }
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_page_sees_the_keep_alive_of_another_origin_only_if_it_is_exposed() {
    if !browser_found("a_page_sees_the_keep_alive_of_another_origin_only_if_it_is_exposed") {
        return;
    }
    let page_server = Server::start(page_of::<Parcel>().await).await;
    let browser = Browser::start();
    let page = open(&browser, &page_server).await;
    let exposed = cors(&page_server).expose_headers([HeaderName::from_static("sse-keep-alive")]);
    for (cors, expected) in [(cors(&page_server), Value::Null), (exposed, json!("15"))] {
        let stream = Stream::start(cors).await;
        let url = stream.server.url("/events");
        let seen =
            page.evaluate(&format!("fetch('{url}').then(({{ headers }}) => headers.get('sse-keep-alive'))")).await;
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_redirect_to_another_origin_takes_along_all_headers_but_the_token() {
    if !browser_found("a_redirect_to_another_origin_takes_along_all_headers_but_the_token") {
        return;
    }
    // The page's server is known only after the stream's, so the stream allows any origin.
    let stream = Stream::start(CorsLayer::permissive().allow_headers(AllowHeaders::mirror_request())).await;
    let url = stream.server.url("/events");
    let redirect = get(move || std::future::ready(Redirect::temporary(&url)));
    let page_server = Server::start(page_of::<Parcel>().await.route("/moved", redirect)).await;
    let browser = Browser::start();
    let mut page = open(&browser, &page_server).await;
    let options = "headers: { authorization: 'Bearer first', 'x-secret': 'mine' }, lastEventId: 'Đà 😀'";
    follow(&mut page, "/moved", options).await;
    let headers = stream.requests.lock().unwrap().last().unwrap().1.clone();
    assert_eq!(headers.get(header::AUTHORIZATION), None);
    assert_eq!(headers["x-secret"], "mine");
    // The ID is its bytes in UTF-8, which a page cannot put into a header by itself.
    assert_eq!(headers["last-event-id"].as_bytes(), "Đà 😀".as_bytes());

    // The hub does not know this ID.
    assert_eq!(next(&mut page).await["type"], "missed");
    page.evaluate("void subscription.close()").await;
    assert_eq!(next(&mut page).await, json!({ "closed": { "reason": "closed" } }));

    let no_redirect = format!("{options}, transport: 'fetch', redirect: 'error', recreate: {{ attempts: 0 }}");
    page.evaluate(&format!("void follow('/moved', {{ {no_redirect} }})")).await;
    assert_eq!(next(&mut page).await, json!({ "closed": { "reason": "refused" } }));
}
