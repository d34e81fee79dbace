//! Statuses that a policy retries although they are not temporary.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{HeaderValue, StatusCode, header::AUTHORIZATION};
use sse_typed::{
    Client, EventSource,
    client::{Ended, ReconnectPolicy},
    testing::{Answer, ScriptedServer},
};

use crate::reading::Reading;

fn no_jitter() -> ReconnectPolicy {
    ReconnectPolicy::default().jitter(0.0)
}

/// The first item is the fatal error.
async fn refused(source: &mut EventSource<Reading>) -> sse_typed::client::Error {
    let error = source.next().await.unwrap().unwrap_err();
    assert!(error.is_fatal() && source.next().await.is_none());
    assert_eq!(source.ended(), Some(Ended::Failed));
    error
}

#[tokio::test(start_paused = true)]
async fn a_source_waits_for_a_feed_that_is_missing_for_some_seconds() {
    let missing = || Answer::status(404);
    let service = ScriptedServer::new([
        missing().header("retry-after", "7"),
        missing(),
        Answer::stream().send("event: value\ndata: 1\n\n").stall(),
    ]);
    let policy = no_jitter().retry_status(StatusCode::NOT_FOUND, 2);
    let mut source = Client::new(service.clone()).get("/").reconnect(policy.clone()).connect::<Reading>();
    assert_eq!(source.next().await.unwrap().unwrap().data, Reading::Value(1));
    assert_eq!(service.delays(), [7, 2].map(Duration::from_secs));

    // A feed that stays missing is an error with its status.
    let service = ScriptedServer::new([missing(), missing(), missing().send("gone for good"), missing()]);
    let mut source = Client::new(service.clone()).get("/").reconnect(policy).connect::<Reading>().boxed();
    let error = refused(&mut source).await;
    assert!(error.is_status() && error.status() == Some(StatusCode::NOT_FOUND));
    assert_eq!((&error.body().unwrap()[..], service.requests().len()), (&b"gone for good"[..], 3));
}

type Statuses = Arc<Mutex<Vec<Option<u16>>>>;

/// A source that replaces its `stale` token after a 401, and the statuses that its closure received.
fn with_token(service: ScriptedServer) -> (EventSource<Reading>, Statuses) {
    let statuses = Statuses::default();
    let recorded = Arc::clone(&statuses);
    let source = Client::new(service)
        .get("/")
        .request(move |attempt| {
            let status = attempt.previous_status();
            recorded.lock().unwrap().push(status.map(|status| status.as_u16()));
            let token = if status == Some(StatusCode::UNAUTHORIZED) { "fresh" } else { "stale" };
            let mut request = attempt.into_request();
            request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static(token));
            std::future::ready(Ok(request))
        })
        .reconnect(no_jitter().retry_status(StatusCode::UNAUTHORIZED, 1))
        .connect()
        .boxed();
    (source, statuses)
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_replaced_once() {
    let unauthorized = || Answer::status(401);
    // It expires twice, and is accepted in between, without an event.
    let service = ScriptedServer::new([
        unauthorized(),
        Answer::stream(),
        Answer::close(),
        unauthorized(),
        Answer::stream().send("event: bye\ndata\n\n"),
    ]);
    let (mut source, statuses) = with_token(service.clone());
    assert_eq!(source.next().await.unwrap().unwrap().data, Reading::Bye);
    let requests = service.requests();
    let tokens: Vec<_> = requests.iter().map(|request| request.header("authorization").unwrap()).collect();
    assert_eq!(tokens, ["stale", "fresh", "stale", "stale", "fresh"]);
    assert_eq!(*statuses.lock().unwrap(), [None, Some(401), None, None, Some(401)]);
}

#[tokio::test(start_paused = true)]
async fn a_source_ends_when_the_server_rejects_the_fresh_token_too() {
    let service = ScriptedServer::new([Answer::status(401), Answer::status(503), Answer::status(401)]);
    let (mut source, statuses) = with_token(service.clone());
    assert_eq!(refused(&mut source).await.status(), Some(StatusCode::UNAUTHORIZED));
    assert_eq!(*statuses.lock().unwrap(), [None, Some(401), Some(503)]);
    assert_eq!(service.requests().len(), 3);
}
