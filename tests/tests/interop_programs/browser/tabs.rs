//! Eight tabs of one origin with one stream each.

use std::time::Duration;

use axum::{Router, http::Version, response::Html, routing::get};
use sse_typed::{Gap, Hub, LastEventId, Sse, SseEvent, SseLayer, server::Stats};

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

const TABS: usize = 8;

/// The maximum number of connections of a browser to one origin over HTTP/1.1.
const CONNECTIONS: usize = 6;

struct Tabs {
    hub: Hub<Count>,
    stats: Stats,
    pages: Vec<Page>,
    _server: Server,
    _browser: Browser,
}

impl Tabs {
    /// Loads all pages before it opens the streams: with six open streams no further page could be loaded.
    async fn open(tls: bool, expected: Version) -> Self {
        let hub = Hub::<Count>::builder().build();
        let stats = Stats::new();
        let served = hub.clone();
        let events = move |version: Version, id: LastEventId| {
            assert_eq!(version, expected);
            std::future::ready(Sse::new(served.subscribe(id)))
        };
        let router = Router::new()
            .route("/events", get(events))
            .layer(SseLayer::new().stats(&stats))
            .route("/", get(|| std::future::ready(Html("<!doctype html><title>tab</title>"))));
        let server =
            if tls { Server::start_with_tls(router, &["h2", "http/1.1"]).await } else { Server::start(router).await };
        let browser = Browser::start();
        let mut pages = Vec::new();
        for _ in 0..TABS {
            pages.push(browser.open(&server.url("/")).await);
        }
        for page in &pages {
            page.record("/events", &["tick"]).await;
        }
        Self { hub, stats, pages, _server: server, _browser: browser }
    }

    /// Publishes an event, and waits until each of these pages has it.
    async fn assert_all_get(&mut self, tabs: std::ops::Range<usize>, n: u32) {
        self.hub.publish_now(&Count::Tick { n }).unwrap();
        for page in &mut self.pages[tabs] {
            assert_eq!(page.next_event().await["data"], format!(r#"{{"n":{n}}}"#));
        }
    }
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn eight_tabs_share_one_connection_over_http_2() {
    if !browser_found("eight_tabs_share_one_connection_over_http_2") {
        return;
    }
    let mut tabs = Tabs::open(true, Version::HTTP_2).await;
    for page in &mut tabs.pages {
        assert_eq!(page.next().await, "open");
    }
    for n in 0..3 {
        tabs.assert_all_get(0..TABS, n).await;
    }
    assert_eq!(tabs.stats.open(), TABS as u64);
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn the_seventh_tab_waits_over_http_1_until_another_is_closed() {
    if !browser_found("the_seventh_tab_waits_over_http_1_until_another_is_closed") {
        return;
    }
    let mut tabs = Tabs::open(false, Version::HTTP_11).await;
    for page in &mut tabs.pages[..CONNECTIONS] {
        assert_eq!(page.next().await, "open");
    }
    // In this time the other tabs could have opened their streams.
    for n in 0..50 {
        tabs.assert_all_get(0..CONNECTIONS, n).await;
    }
    assert_eq!(tabs.stats.open(), CONNECTIONS as u64);
    for page in &tabs.pages[CONNECTIONS..] {
        assert_eq!(page.evaluate("source.readyState").await, 0, "it is connecting");
    }
    tabs.pages.remove(0).close().await;
    assert_eq!(tabs.pages[CONNECTIONS - 1].next().await, "open");
    tabs.assert_all_get(0..CONNECTIONS, 50).await;
    tokio::time::timeout(Duration::ZERO, tabs.pages[CONNECTIONS].next()).await.expect_err("the eighth still waits");
}
