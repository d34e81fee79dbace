//! Compressed streams in a browser.

use std::{
    future::ready,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    http::header,
    middleware::map_response,
    response::{Html, Response},
    routing::get,
};
use futures_util::stream::poll_fn;
use sse_typed::{Event, RawEvent, Sse, SseLayer};
use tokio::sync::mpsc;
use tower_http::compression::{CompressionLayer, predicate::SizeAbove};

use super::chromium::{Browser, browser_found};
use crate::server::Server;

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn each_event_of_a_compressed_stream_arrives_before_the_next_is_sent() {
    if !browser_found("each_event_of_a_compressed_stream_arrives_before_the_next_is_sent") {
        return;
    }
    let (events, mut receiver) = mpsc::unbounded_channel();
    let stream = Arc::new(Mutex::new(Some(Sse::new(poll_fn(move |cx| receiver.poll_recv(cx))))));
    let handler = move || ready(stream.lock().unwrap().take().expect("only one request"));
    let encoding = Arc::new(Mutex::new(None));
    let sent = Arc::clone(&encoding);
    let record = move |response: Response| {
        *sent.lock().unwrap() = response.headers().get(header::CONTENT_ENCODING).cloned();
        ready(response)
    };
    let router = Router::new()
        .route("/events", get(handler))
        .layer(SseLayer::new())
        // The default leaves event streams alone, so compression is enabled here.
        .layer(CompressionLayer::new().no_br().no_zstd().no_deflate().compress_when(SizeAbove::new(0)))
        .layer(map_response(record))
        .route("/", get(|| ready(Html("<!doctype html><title>gzip</title>"))));
    let server = Server::start(router).await;
    let browser = Browser::start();
    let mut page = browser.open(&server.url("/")).await;
    page.record("/events", &["tick"]).await;
    assert_eq!(page.next().await, "open");
    for n in 1..=20_u64 {
        events.send(Event::new(RawEvent::new("tick", format!("event {n}\nof a compressed stream"))).id(n)).unwrap();
        let event = page.next().await;
        assert_eq!(event["data"], format!("event {n}\nof a compressed stream"));
        assert_eq!(event["lastEventId"], n.to_string());
    }
    assert_eq!(encoding.lock().unwrap().as_ref().unwrap(), "gzip");
}
