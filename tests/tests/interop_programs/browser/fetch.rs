//! The generated TypeScript with a browser's `fetch`.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn},
    response::{Html, IntoResponse},
    routing::{any, get},
};
use serde_json::{Value, json};
use sse_typed::{Hub, LastEventId, Sse, SseEvent, SseLayer, codec::describe::DescribeEvent, typescript::TypeScript};
use tower_http::cors::CorsLayer;

use super::{
    chromium::{Browser, Page, browser_found},
    typed::{Parcel, module, next},
};
use crate::server::Server;

/// A server whose streams need a token.
#[derive(Clone, Debug)]
pub(super) struct Guarded {
    pub(super) hub: Hub<Parcel>,
    token: Arc<Mutex<String>>,
    /// The method, token, last event ID and body of each request for a stream.
    pub(super) requests: Arc<Mutex<Vec<[String; 4]>>>,
}

impl Guarded {
    pub(super) fn new() -> Self {
        let token = Arc::new(Mutex::new("first".to_owned()));
        Self { hub: Hub::builder().build(), token, requests: Arc::default() }
    }

    fn set_token(&self, token: &str) {
        token.clone_into(&mut self.token.lock().unwrap());
    }

    pub(super) fn moved(&self, to: &str) -> String {
        self.hub.publish_now(&Parcel::Moved { to: to.to_owned() }).unwrap().as_str().to_owned()
    }

    /// The routes of the streams and of the token.
    pub(super) fn routes(&self) -> Router {
        let events = |State(guarded): State<Self>, method: Method, headers: HeaderMap, id: LastEventId, body: Bytes| async move {
            let text = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let request = [method.to_string(), text("authorization"), text("last-event-id"), body];
            let expected = format!("Bearer {}", guarded.token.lock().unwrap());
            let is_allowed = request[1] == expected;
            guarded.requests.lock().unwrap().push(request);
            if !is_allowed {
                return (StatusCode::UNAUTHORIZED, "no token").into_response();
            }
            Sse::new(guarded.hub.subscribe(id)).into_response()
        };
        let token = |State(guarded): State<Self>| std::future::ready(guarded.token.lock().unwrap().clone());
        Router::new()
            .route("/events", any(events))
            .route("/token", get(token))
            .layer(SseLayer::new().retry(Duration::from_millis(50)))
            .with_state(self.clone())
    }

    fn last_request(&self) -> [String; 4] {
        self.requests.lock().unwrap().last().unwrap().clone()
    }
}

/// Reports every event, state and end of a subscription.
pub(super) const FOLLOW: &str = "
    const report = globalThis.report ?? ((value) => postMessage(value));
    const tell = (data, { type, lastEventId }) => report({ type, data, lastEventId });
    const handlers = Object.fromEntries(parcel.eventTypes.map((type) => [type, tell]));
    globalThis.follow = (url, options = {}) => {
        globalThis.subscription = parcel.subscribe(url, handlers, {
            onState: (state) => report({ state }),
            onClose: (closed) => report({ closed }),
            onEvent: ({ type, data, lastEventId }) => parcel.eventTypes.includes(type) || report({ type, data, lastEventId }),
            ...options,
        });
    };
    const token = async () => ({ authorization: `Bearer ${await (await fetch('/token')).text()}` });";

/// The routes of a page that imports the module of an event type as `parcel`.
pub(super) async fn page_of<E: DescribeEvent<TypeScript>>() -> Router {
    let code = module::<E>().await;
    let script =
        |code: String| get(move || std::future::ready(([(header::CONTENT_TYPE, "text/javascript")], code.clone())));
    let import = format!("import * as parcel from './parcel.js'; {FOLLOW} globalThis.token = token;");
    let worker = format!("{import} onmessage = ({{ data }}) => follow(data.url, data.options);");
    Router::new()
        .route("/parcel.js", script(code))
        .route("/follow.js", script(format!("{import} globalThis.parcel = parcel;")))
        .route("/worker.js", script(worker))
        .route(
            "/",
            get(|| {
                std::future::ready(Html("<!doctype html><title>x</title><script type=module src=/follow.js></script>"))
            }),
        )
}

pub(super) async fn open(browser: &Browser, server: &Server) -> Page {
    let page = browser.open(&server.url("/")).await;
    page.wait_until("globalThis.parcel !== undefined").await;
    page
}

pub(super) fn moved(to: &str, id: &str) -> Value {
    json!({ "type": "moved", "data": { "to": to }, "lastEventId": id })
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_post_resumes_through_a_proxy_that_cuts_with_a_fresh_token_until_a_401() {
    if !browser_found("a_post_resumes_through_a_proxy_that_cuts_with_a_fresh_token_until_a_401") {
        return;
    }
    let guarded = Guarded::new();
    let upstream = Server::start(guarded.routes().merge(page_of::<Parcel>().await)).await;
    let mut proxy = Server::in_front_of(upstream.address()).await;
    let browser = Browser::start();
    let mut page = open(&browser, &proxy).await;
    page.evaluate("void follow('/events', { body: '{\"of\":\"Đà Nẵng\"}', headers: token, recreate: { delay: 20 } })")
        .await;
    assert_eq!(page.next().await, json!({ "state": "open" }));
    let first = guarded.moved("a");
    assert_eq!(next(&mut page).await, moved("a", &first));
    let body = "{\"of\":\"Đà Nẵng\"}";
    assert_eq!(guarded.last_request(), ["POST", "Bearer first", "", body]);

    proxy.kill().await;
    guarded.set_token("second");
    let second = guarded.moved("b");
    proxy.restart().await;
    assert_eq!(next(&mut page).await, moved("b", &second));
    assert_eq!(guarded.last_request(), ["POST", "Bearer second", &first, body]);

    // A token that the server does not accept ends the subscription.
    page.evaluate("void (globalThis.fetch = ((fetch) => (url, init) => url === '/token' ? new Response('wrong') : fetch(url, init))(fetch))").await;
    proxy.kill().await;
    proxy.restart().await;
    assert_eq!(next(&mut page).await, json!({ "closed": { "reason": "refused", "status": 401 } }));
    assert_eq!(guarded.last_request()[1], "Bearer wrong");
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_page_that_is_online_again_reconnects_at_once() {
    if !browser_found("a_page_that_is_online_again_reconnects_at_once") {
        return;
    }
    let guarded = Guarded::new();
    let upstream = Server::start(guarded.routes().merge(page_of::<Parcel>().await)).await;
    let mut proxy = Server::in_front_of(upstream.address()).await;
    let browser = Browser::start();
    let mut page = open(&browser, &proxy).await;
    page.evaluate("void follow('/events', { headers: { authorization: 'Bearer first' }, recreate: { delay: 1e8, maxDelay: 1e8 } })").await;
    assert_eq!(page.next().await, json!({ "state": "open" }));
    page.set_offline(true).await;
    proxy.kill().await;
    assert_eq!(page.next().await, json!({ "state": "connecting" }));
    // The first attempt keeps to the 50 ms of the server, and fails. The next one would be after a day.
    page.evaluate("new Promise((done) => setTimeout(done, 500))").await;
    proxy.restart().await;
    page.set_offline(false).await;
    assert_eq!(page.next().await, json!({ "state": "open" }));
    let id = guarded.moved("back");
    assert_eq!(next(&mut page).await, moved("back", &id));
}

/// Names and selection rules that are easy to get wrong.
#[derive(Debug, PartialEq, SseEvent)]
enum Odd {
    #[sse(rename = "temp²")]
    Temperature(f64),
    #[sse(message, key = "error")]
    Failed { error: Value },
    #[sse(message, key = "result")]
    Answer { result: Value },
    #[sse(rename = "last", terminal)]
    Last,
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn ids_names_and_null_keys_are_the_same_in_both_transports_and_in_a_worker() {
    if !browser_found("ids_names_and_null_keys_are_the_same_in_both_transports_and_in_a_worker") {
        return;
    }
    const STREAM: &str = "\u{feff}retry: 50\nid: é 1\nevent: temp²\ndata: 1.5\n\n\
        data: {\"error\":null,\"result\":1}\r\n\r\n\
        id: 2\0\rdata: {\"error\":7,\"result\":null}\r\r\
        id: 3\n\ndata: {\"result\":null}\n\nid\ndata: {\"error\":8}\n\nevent: last\ndata: null\n\n";
    let stream = || std::future::ready(([(header::CONTENT_TYPE, "text/event-stream")], STREAM));
    let server = Server::start(page_of::<Odd>().await.route("/events", get(stream))).await;
    let browser = Browser::start();
    let mut page = open(&browser, &server).await;
    let event = |name: &str, data: Value, id: &str| json!({ "type": name, "data": data, "lastEventId": id });
    let expected = [
        json!({ "state": "open" }),
        event("temp²", json!(1.5), "é 1"),
        event("Answer", json!({ "error": null, "result": 1 }), "é 1"),
        event("Failed", json!({ "error": 7, "result": null }), "é 1"),
        event("Answer", json!({ "result": null }), "3"),
        event("Failed", json!({ "error": 8 }), ""),
        event("last", json!(null), ""),
        json!({ "state": "closed" }),
        json!({ "closed": { "reason": "terminal" } }),
    ];
    for transport in ["eventsource", "fetch"] {
        let options = json!({ "transport": transport });
        let in_worker = format!(
            "void ((globalThis.worker = new Worker('/worker.js', {{ type: 'module' }})).onmessage = ({{ data }}) => report(data),
                worker.postMessage({{ url: '/events', options: {options} }}))"
        );
        for code in [format!("void follow('/events', {options})"), in_worker] {
            page.evaluate(&code).await;
            for expected in &expected {
                assert_eq!(page.next().await, *expected, "{code}");
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_request_of_another_origin_is_preflighted_and_resumes() {
    if !browser_found("a_request_of_another_origin_is_preflighted_and_resumes") {
        return;
    }
    let guarded = Guarded::new();
    let page_server = Server::start(page_of::<Parcel>().await).await;
    // The settings that the manual names.
    let cors = CorsLayer::new()
        .allow_origin(HeaderValue::from_str(&page_server.url("")).unwrap())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static("last-event-id")])
        .expose_headers([header::RETRY_AFTER, HeaderName::from_static("sse-keep-alive")])
        .max_age(Duration::from_secs(3600));
    let preflights = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&preflights);
    let count = move |request: axum::extract::Request, next: Next| {
        *counted.lock().unwrap() += u32::from(request.method() == Method::OPTIONS);
        next.run(request)
    };
    let mut server = Server::start(guarded.routes().layer(cors).layer(from_fn(count))).await;
    let browser = Browser::start();
    let mut page = open(&browser, &page_server).await;
    let url = server.url("/events");
    let options = "{ headers: { authorization: 'Bearer first' }, recreate: { delay: 20 } }";
    page.evaluate(&format!("void follow('{url}', {options})")).await;
    assert_eq!(page.next().await, json!({ "state": "open" }));
    let first = guarded.moved("a");
    assert_eq!(next(&mut page).await, moved("a", &first));
    server.kill().await;
    let second = guarded.moved("b");
    server.restart().await;
    assert_eq!(next(&mut page).await, moved("b", &second));
    assert_eq!(guarded.last_request(), ["GET", "Bearer first", &first, ""]);
    let preflights = *preflights.lock().unwrap();
    assert!((1..=2).contains(&preflights), "{preflights}");
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_request_is_a_loop_over_one_answer() {
    if !browser_found("a_request_is_a_loop_over_one_answer") {
        return;
    }
    let guarded = Guarded::new();
    let mut server = Server::start(guarded.routes().merge(page_of::<Parcel>().await)).await;
    let browser = Browser::start();
    let mut page = open(&browser, &server).await;
    let ask = "void (async () => {
        try {
            for await (const { type } of parcel.request('/events', { method: 'POST', headers: token, body: '?' })) report({ type });
            report('end');
        } catch ({ name, status, body }) {
            report({ name, status, body });
        }
    })()";
    page.evaluate(ask).await;
    while guarded.requests.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    guarded.moved("a");
    assert_eq!(page.next().await, json!({ "type": "moved" }));
    server.kill().await;
    assert_eq!(page.next().await["name"], "TypeError", "the answer was cut");
    server.restart().await;
    guarded.requests.lock().unwrap().clear();
    page.evaluate(ask).await;
    while guarded.requests.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    guarded.hub.publish_now(&Parcel::Delivered { at: 7 }).unwrap();
    assert_eq!(page.next().await, json!({ "type": "delivered" }));
    assert_eq!(page.next().await, json!("end"));
    page.evaluate(&ask.replace("headers: token", "headers: {}")).await;
    assert_eq!(page.next().await, json!({ "name": "SseRequestError", "status": 401, "body": "no token" }));
}
