//! Many subscriptions by `fetch` in one page, and subscriptions in shared workers and service workers.

use axum::{http::header::CONTENT_TYPE, routing::get};
use serde_json::json;

use super::{
    chromium::{Browser, browser_found},
    fetch::{FOLLOW, Guarded, moved, open, page_of},
    typed::{Parcel, next},
};
use crate::server::Server;

const SUBSCRIPTIONS: usize = 100;

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_hundred_subscriptions_of_a_page_share_one_connection_over_http_2() {
    if !browser_found("a_hundred_subscriptions_of_a_page_share_one_connection_over_http_2") {
        return;
    }
    let guarded = Guarded::new();
    let router = guarded.routes().merge(page_of::<Parcel>().await);
    let server = Server::start_with_tls(router, &["h2", "http/1.1"]).await;
    let browser = Browser::start();
    let mut page = open(&browser, &server).await;
    let code = "for (let n = 0; n < 100; n += 1) follow('/events', { headers: { authorization: 'Bearer first' } })";
    page.evaluate(&format!("void (() => {{ {code} }})()")).await;
    for _ in 0..SUBSCRIPTIONS {
        assert_eq!(page.next().await, json!({ "state": "open" }));
    }
    for to in ["a", "b"] {
        let id = guarded.moved(to);
        for _ in 0..SUBSCRIPTIONS {
            assert_eq!(page.next().await, moved(to, &id));
        }
    }
    assert_eq!(guarded.requests.lock().unwrap().len(), SUBSCRIPTIONS);
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn the_tabs_of_a_browser_share_the_stream_of_a_shared_worker() {
    if !browser_found("the_tabs_of_a_browser_share_the_stream_of_a_shared_worker") {
        return;
    }
    let guarded = Guarded::new();
    let worker = format!(
        "import * as parcel from './parcel.js';
        const ports = new Set();
        const postMessage = (value) => ports.forEach((port) => port.postMessage(value));
        {FOLLOW}
        onconnect = ({{ ports: [port] }}) => {{
            ports.add(port);
            globalThis.subscription ?? follow('/events', {{ headers: token }});
            port.postMessage('connected');
        }};"
    );
    let script = move || std::future::ready(([(CONTENT_TYPE, "text/javascript")], worker.clone()));
    let router = guarded.routes().merge(page_of::<Parcel>().await).route("/shared.js", get(script));
    let server = Server::start(router).await;
    let browser = Browser::start();
    let mut pages = vec![open(&browser, &server).await, open(&browser, &server).await];
    for page in &mut pages {
        let connect = "void ((globalThis.shared = new SharedWorker('/shared.js', { type: 'module' })).port.onmessage =
            ({ data }) => report(data))";
        page.evaluate(connect).await;
        while page.next().await != "connected" {}
    }
    while guarded.requests.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let id = guarded.moved("both");
    for page in &mut pages {
        assert_eq!(next(page).await, moved("both", &id));
    }
    assert_eq!(guarded.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_service_worker_opens_a_stream_and_passes_one_on() {
    if !browser_found("a_service_worker_opens_a_stream_and_passes_one_on") {
        return;
    }
    let guarded = Guarded::new();
    let worker = format!(
        "import * as parcel from './parcel.js';
        const postMessage = (value) => clients.matchAll().then((all) => all.forEach((client) => client.postMessage(value)));
        {FOLLOW}
        oninstall = () => skipWaiting();
        onactivate = (event) => event.waitUntil(clients.claim());
        onmessage = () => follow('/events', {{ headers: {{ authorization: 'Bearer first' }} }});
        onfetch = (event) => {{
            if (event.request.url.endsWith('/passed')) {{
                event.respondWith(fetch('/events', {{ headers: event.request.headers }}));
            }}
        }};"
    );
    let script = move || std::future::ready(([(CONTENT_TYPE, "text/javascript")], worker.clone()));
    let router = guarded.routes().merge(page_of::<Parcel>().await).route("/service.js", get(script));
    let server = Server::start(router).await;
    let browser = Browser::start();
    let mut page = open(&browser, &server).await;
    let install = "(async () => {
        navigator.serviceWorker.onmessage = ({ data }) => report({ worker: data });
        await navigator.serviceWorker.register('/service.js', { type: 'module' });
        await navigator.serviceWorker.ready;
        if (navigator.serviceWorker.controller === null) {
            await new Promise((done) => (navigator.serviceWorker.oncontrollerchange = done));
        }
    })()";
    page.evaluate(install).await;
    page.evaluate("navigator.serviceWorker.controller.postMessage('follow')").await;
    assert_eq!(page.next().await, json!({ "worker": { "state": "open" } }));
    page.evaluate("void follow('/passed', { headers: { authorization: 'Bearer first' } })").await;
    assert_eq!(page.next().await, json!({ "state": "open" }));
    let id = guarded.moved("a");
    let mut reports = [page.next().await, page.next().await];
    reports.sort_by_key(|report| report.get("worker").is_some());
    assert_eq!(reports, [moved("a", &id), json!({ "worker": moved("a", &id) })]);
}
