//! nginx's `proxy_read_timeout`, and keep-alives that prevent it.

use std::time::Duration;

use sse_typed::{
    Client, RawEvent, SseLayer,
    client::{ReconnectPolicy, Signal, Signals},
};
use tokio::time::timeout;

use super::process::Nginx;
use crate::{
    controlled::controlled_router,
    program::{LIMIT, Program, found},
    server::Server,
};

async fn next(signals: &mut Signals<RawEvent>) -> Signal<RawEvent> {
    timeout(LIMIT, signals.next()).await.expect("no signal").unwrap().unwrap()
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn keep_alives_pass_nginx_and_outlast_its_read_timeout() {
    if !found("keep_alives_pass_nginx_and_outlast_its_read_timeout", &[Program::Nginx]) {
        return;
    }
    let (router, mut visits) = controlled_router(SseLayer::new().keep_alive(Duration::from_millis(300)));
    let server = Server::start(router).await;
    let nginx = Nginx::start(server.address(), "proxy_read_timeout 3s;");
    let mut signals = Client::hyper().boxed().get(nginx.url("/events")).connect::<RawEvent>().with_signals();
    assert!(matches!(next(&mut signals).await, Signal::Open(head) if head.headers["sse-keep-alive"] == "1"));
    // Together these take longer than the timeout.
    for _ in 0..12 {
        assert!(matches!(next(&mut signals).await, Signal::Comment(_)));
    }
    let visit = visits.next().await;
    visit.send(1);
    assert!(matches!(next(&mut signals).await, Signal::Event(event) if event.id.is_some()));
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn nginx_cuts_a_stream_that_is_silent_for_its_read_timeout_and_the_client_resumes() {
    let test = "nginx_cuts_a_stream_that_is_silent_for_its_read_timeout_and_the_client_resumes";
    if !found(test, &[Program::Nginx]) {
        return;
    }
    let (router, mut visits) = controlled_router(SseLayer::new().no_keep_alive());
    let server = Server::start(router).await;
    let nginx = Nginx::start(server.address(), "proxy_read_timeout 1s;");
    let fast = ReconnectPolicy::default().base(Duration::from_millis(100)).jitter(0.0);
    let request = Client::hyper().boxed().get(nginx.url("/events")).reconnect(fast);
    let mut signals = request.connect::<RawEvent>().with_signals();
    assert!(matches!(next(&mut signals).await, Signal::Open(_)));
    let visit = visits.next().await;
    visit.send(1);
    assert!(matches!(next(&mut signals).await, Signal::Event(_)));
    // The body ends without its last chunk, so the client reconnects after an error.
    let Signal::Reconnecting { cause: Some(cause), .. } = next(&mut signals).await else { panic!("{signals:?}") };
    assert!(cause.to_string().starts_with("the event stream broke off"), "{cause}");
    assert!(matches!(next(&mut signals).await, Signal::Open(_)));
    assert_eq!(visits.next().await.last_event_id(), Some("1"));
    visit.dropped().await;
}
