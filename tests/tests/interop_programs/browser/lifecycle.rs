//! Subscriptions by `fetch` in a page that the browser caches, freezes, hides and shows again.

use std::{fs, path::Path};

use axum::{response::Html, routing::get};
use serde_json::json;
use tokio::{process::Command, time::timeout};

use super::{
    chromium::{Browser, Page, browser_found},
    fetch::{Guarded, moved, open, page_of},
    typed::{Parcel, module, next},
};
use crate::{
    program::{LIMIT, chromium, finished, script_path},
    server::Server,
};

/// The options of a subscription that would wait a day before its second attempt.
const PATIENT: &str = "headers: { authorization: 'Bearer first' }, recreate: { delay: 1e8, maxDelay: 1e8 }";

async fn follow(page: &mut Page, options: &str) {
    page.evaluate(&format!("void follow('/events', {{ {options} }})")).await;
    assert_eq!(page.next().await, json!({ "state": "open" }));
}

async fn wait_until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, wait).await.expect("it does not happen");
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_page_of_the_back_forward_cache_resumes_when_it_is_shown() {
    if !browser_found("a_page_of_the_back_forward_cache_resumes_when_it_is_shown") {
        return;
    }
    let guarded = Guarded::new();
    let other = get(|| std::future::ready(Html("<!doctype html><title>other</title>")));
    let server = Server::start(guarded.routes().merge(page_of::<Parcel>().await).route("/other", other)).await;
    let browser = Browser::start();
    let mut page = open(&browser, &server).await;
    page.evaluate("void addEventListener('pageshow', ({ persisted }) => report({ persisted }))").await;
    follow(&mut page, PATIENT).await;
    let first = guarded.moved("a");
    assert_eq!(next(&mut page).await, moved("a", &first));

    // The connection would keep the page out of the cache.
    page.evaluate("void (location.href = '/other')").await;
    wait_until(|| guarded.hub.stats().subscribers == 0).await;
    page.wait_until("document.title === 'other'").await;
    let second = guarded.moved("b");
    page.evaluate("void history.back()").await;
    wait_until(|| guarded.requests.lock().unwrap().len() == 2).await;
    assert_eq!(guarded.requests.lock().unwrap()[1][2], first);
    let mut reports = Vec::new();
    while reports.last() != Some(&moved("b", &second)) {
        reports.push(page.next().await);
    }
    assert!(reports.contains(&json!({ "persisted": true })), "the page was not loaded again: {reports:?}");
    assert!(reports.contains(&json!({ "state": "open" })), "{reports:?}");
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_page_that_was_frozen_reconnects_at_once() {
    let name = "a_page_that_was_frozen_reconnects_at_once";
    if !browser_found(name) {
        return;
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.js"));
    fs::write(&file, module::<Parcel>().await).unwrap();
    let mut command = Command::new("node");
    command.arg(script_path("frozen.mjs")).arg(file).env("CHROMIUM", chromium().unwrap());
    finished(command).await;
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn a_hidden_page_disconnects_after_its_time_and_resumes_when_it_is_visible() {
    if !browser_found("a_hidden_page_disconnects_after_its_time_and_resumes_when_it_is_visible") {
        return;
    }
    let guarded = Guarded::new();
    let server = Server::start(guarded.routes().merge(page_of::<Parcel>().await)).await;
    let browser = Browser::start();
    let mut page = open(&browser, &server).await;
    // A page without a window is always visible.
    let show = |state: &str| {
        format!(
            "void (Object.defineProperty(document, 'visibilityState', {{ value: '{state}', configurable: true }}),
                document.dispatchEvent(new Event('visibilitychange')))"
        )
    };
    follow(&mut page, &format!("{PATIENT}, pauseHidden: 100")).await;
    let first = guarded.moved("a");
    assert_eq!(next(&mut page).await, moved("a", &first));
    page.evaluate(&show("hidden")).await;
    assert_eq!(page.next().await, json!({ "state": "connecting" }));
    wait_until(|| guarded.hub.stats().subscribers == 0).await;
    let second = guarded.moved("b");
    page.evaluate(&show("visible")).await;
    assert_eq!(next(&mut page).await, moved("b", &second));
    assert_eq!(guarded.requests.lock().unwrap().len(), 2);
}
