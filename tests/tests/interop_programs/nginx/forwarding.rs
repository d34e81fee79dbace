//! Streams through nginx. Each event is sent when the one before has arrived, so an event that is held back would never
//! arrive.

use axum::{http::header, response::IntoResponse};
use sse_typed::{
    Client, EventId, RawEvent, SseLayer,
    client::{Ended, EventSource, HyperClient},
};
use tokio::{sync::mpsc, time::timeout};
use tower::ServiceBuilder;
use tower_http::decompression::DecompressionLayer;

use super::process::Nginx;
use crate::{
    browser::Browser,
    controlled::{Visit, Visits, controlled_router, controlled_router_with, data},
    program::{LIMIT, Program, found},
    server::Server,
};

/// The number of events that are sent one after the other.
const EVENTS: u64 = 20;

/// Polls the source until its request arrives.
async fn visit<S: sse_typed::client::HttpService>(visits: &mut Visits, source: &mut EventSource<RawEvent, S>) -> Visit {
    tokio::select! {
        visit = visits.next() => visit,
        event = source.next() => panic!("an event that was not sent: {event:?}"),
    }
}

async fn assert_lock_step<S: sse_typed::client::HttpService>(visit: &Visit, source: &mut EventSource<RawEvent, S>) {
    for n in 1..=EVENTS {
        visit.send(n);
        let event = timeout(LIMIT, source.next()).await.expect("the event is held back").unwrap().unwrap();
        assert_eq!((event.data.event_type(), event.data.data()), ("tick", &*data(n)));
        assert_eq!(event.id.unwrap(), EventId::from(n));
    }
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn nginx_with_its_defaults_passes_each_event_before_the_next_is_sent() {
    if !found("nginx_with_its_defaults_passes_each_event_before_the_next_is_sent", &[Program::Nginx]) {
        return;
    }
    let (router, mut visits) = controlled_router(SseLayer::new());
    for server in [Server::start(router.clone()).await, Server::start_with_hyper(router).await] {
        // The second setting is a common one: connections to the server are reused.
        for directives in ["", "proxy_http_version 1.1; proxy_set_header Connection '';"] {
            let nginx = Nginx::start(server.address(), directives);
            let mut source = Client::hyper().get(nginx.url("/events")).connect::<RawEvent>();
            let visit = visit(&mut visits, &mut source).await;
            assert_lock_step(&visit, &mut source).await;
            drop(source);
            visit.dropped().await;
        }
    }
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn nginx_holds_events_back_if_buffering_is_allowed() {
    if !found("nginx_holds_events_back_if_buffering_is_allowed", &[Program::Nginx]) {
        return;
    }
    // Without `x-accel-buffering: no`, nginx would hold the events back.
    let (router, mut visits) =
        controlled_router_with(SseLayer::new(), |sse| ([("x-accel-buffering", "yes")], sse).into_response());
    let server = Server::start(router).await;
    let nginx = Nginx::start(server.address(), "");
    let request = Client::hyper().get(nginx.url("/events"));
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let reader = tokio::spawn(async move {
        let mut events = request.send::<RawEvent>().await.unwrap();
        while let Some(event) = events.try_next().await.unwrap() {
            arrived.send(event.data.data().to_owned()).unwrap();
        }
    });
    let visit = visits.next().await;
    for n in 1..=EVENTS {
        visit.send(n);
        // nginx is a single process, so this response shows that it has handled the bytes before.
        let pong = reqwest::get(nginx.url("/ping")).await.unwrap();
        assert_eq!(pong.text().await.unwrap(), "pong");
    }
    assert_eq!(arrivals.try_recv(), Err(mpsc::error::TryRecvError::Empty));
    drop(visit);
    timeout(LIMIT, reader).await.expect("the body ends").unwrap();
    let all: Vec<_> = std::iter::from_fn(|| arrivals.try_recv().ok()).collect();
    assert_eq!(all, (1..=EVENTS).map(data).collect::<Vec<_>>());
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn nginx_passes_the_last_event_id_and_a_204() {
    if !found("nginx_passes_the_last_event_id_and_a_204", &[Program::Nginx]) {
        return;
    }
    let (router, mut visits) = controlled_router_with(SseLayer::new(), |sse| sse.into_response());
    // The response of a hub to a client that has all events.
    let no_more = || async { sse_typed::Sse::<futures_util::stream::Empty<RawEvent>>::stop() };
    let server = Server::start(router.route("/no-more", axum::routing::get(no_more))).await;
    let nginx = Nginx::start(server.address(), "");
    let url = nginx.url("/events?last_event_id=no");
    let mut source = Client::hyper().get(url).last_event_id(EventId::new("7-an id").unwrap()).connect::<RawEvent>();
    let visit = visit(&mut visits, &mut source).await;
    assert_eq!(visit.last_event_id(), Some("7-an id"));
    assert_eq!(visit.path, "/events?last_event_id=no");

    let mut source = Client::hyper().get(nginx.url("/no-more")).connect::<RawEvent>();
    assert!(timeout(LIMIT, source.next()).await.expect("the source ends").is_none());
    assert!(matches!(source.ended(), Some(Ended::NoContent)), "{:?}", source.ended());
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn nginx_compresses_a_stream_event_by_event() {
    if !found("nginx_compresses_a_stream_event_by_event", &[Program::Nginx]) {
        return;
    }
    let (router, mut visits) = controlled_router(SseLayer::new());
    let server = Server::start(router).await;
    let nginx = Nginx::start(server.address(), "gzip on; gzip_types text/event-stream;");
    let service = ServiceBuilder::new()
        .layer(DecompressionLayer::new())
        .map_response(|response: http::Response<sse_typed::client::ResponseBody>| {
            assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
            response
        })
        .service(HyperClient::new());
    let mut source = Client::new(service).get(nginx.url("/events")).connect::<RawEvent>();
    let visit = visit(&mut visits, &mut source).await;
    assert_lock_step(&visit, &mut source).await;
}

#[tokio::test]
#[ignore = "needs Chromium, Node, npm packages and nginx"]
async fn chromium_reads_through_nginx_over_http_2_with_and_without_compression() {
    let programs = [Program::Chromium, Program::Node, Program::NpmPackages, Program::Nginx];
    if !found("chromium_reads_through_nginx_over_http_2_with_and_without_compression", &programs) {
        return;
    }
    let (router, mut visits) = controlled_router(SseLayer::new());
    let server = Server::start(router).await;
    let browser = Browser::start();
    for directives in ["", "gzip on; gzip_types text/event-stream;"] {
        let directives = format!("proxy_set_header X-Protocol $server_protocol; {directives}");
        let nginx = Nginx::start_with_http_2(server.address(), &directives);
        let mut page = browser.open(&nginx.url("/")).await;
        page.record("/events", &["tick"]).await;
        let visit = visits.next().await;
        assert_eq!(visit.headers["x-protocol"], "HTTP/2.0");
        for n in 1..=EVENTS {
            visit.send(n);
            let event = page.next_event().await;
            assert_eq!((&event["data"], &event["lastEventId"]), (&data(n).into(), &n.to_string().into()));
        }
        // Closing the tab drops its stream, although the connection stays open.
        page.close().await;
        visit.dropped().await;
    }
}
