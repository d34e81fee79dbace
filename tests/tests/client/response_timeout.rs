//! The limit of time for the head of a response.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Body;
use http::{Method, Request, Response};
use sse_typed::{
    Client,
    client::{Error, HttpService, ReconnectPolicy, RequestBuilder, Resume},
};
use tokio::time::{Instant, sleep, timeout};

use crate::reading::{Reading, fast};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A client of a service that responds to a POST with one event, and never to other requests.
fn client() -> Client<impl HttpService> {
    Client::with_body(tower::service_fn(|request: Request<Body>| async move {
        if request.uri().path() != "/post" || request.method() != Method::POST {
            std::future::pending::<()>().await;
        }
        let response = Response::builder().header("content-type", "text/event-stream");
        Ok::<_, Infallible>(response.body(Body::from("id: 1\nevent: value\ndata: 1\n\n")).unwrap())
    }))
}

/// After how many seconds the request times out.
async fn given_up(request: RequestBuilder<impl HttpService>) -> Option<u64> {
    let started = Instant::now();
    let error: Error = timeout(DAY, request.send::<Reading>()).await.ok()?.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    Some(started.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_get_times_out_after_two_minutes_and_other_requests_do_not() {
    let client = client();
    assert_eq!(given_up(client.get("/")).await, Some(120));
    for method in [Method::POST, Method::PUT, Method::HEAD, Method::from_bytes(b"QUERY").unwrap()] {
        assert_eq!(given_up(client.request(method, "/")).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_response_timeout_can_be_set_and_disabled() {
    let client = client();
    assert_eq!(given_up(client.get("/").response_timeout(None)).await, None);
    assert_eq!(given_up(client.get("/").response_timeout(Duration::from_secs(7))).await, Some(7));
    assert_eq!(given_up(client.post("/").response_timeout(Duration::from_secs(7))).await, Some(7));
}

/// The seconds between the attempts of an hour, with a server that never responds.
async fn pauses(timeout: Option<Duration>) -> Vec<u64> {
    let begun = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&begun);
    let service = tower::service_fn(move |_: Request<Body>| {
        seen.lock().unwrap().push(Instant::now());
        std::future::pending::<Result<Response<Body>, Infallible>>()
    });
    let mut request = Client::with_body(service).get("/").reconnect(ReconnectPolicy::default().jitter(0.0));
    if let Some(timeout) = timeout {
        request = request.response_timeout(timeout);
    }
    let mut source = request.connect::<Reading>();
    assert!(tokio::time::timeout(Duration::from_secs(3600), source.next()).await.is_err(), "the source keeps retrying");
    let begun = begun.lock().unwrap();
    begun.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_source_whose_server_delays_the_head_retries_after_the_base_delay() {
    assert_eq!(pauses(None).await, [121; 29]);
    // A limit that was set explicitly doubles the delay.
    assert_eq!(pauses(Some(Duration::from_secs(120))).await[..6], [121, 122, 124, 128, 136, 150]);
}

/// A request whose closure takes some seconds and chooses another method than the builder's.
fn made(method: &'static Method, after: u64) -> RequestBuilder<impl HttpService> {
    client().get("/").request(move |attempt| async move {
        sleep(Duration::from_secs(after)).await;
        let mut request = attempt.into_request();
        *request.method_mut() = method.clone();
        Ok(request)
    })
}

#[tokio::test(start_paused = true)]
async fn the_method_that_the_closure_chooses_sets_the_limit() {
    assert_eq!(given_up(made(&Method::POST, 0)).await, None);
    assert_eq!(given_up(made(&Method::GET, 50)).await, Some(120));
    // The builder's method limits the closure itself.
    assert_eq!(given_up(made(&Method::POST, 1000)).await, Some(120));
    assert_eq!(given_up(made(&Method::POST, 50).response_timeout(Duration::from_secs(70))).await, Some(70));
}

#[tokio::test(start_paused = true)]
async fn a_post_that_is_resumed_with_a_get_has_the_limit_of_a_get() {
    let policy = fast().max_attempts(1);
    let mut source = client().post("/post").resume_with(Resume::Get).reconnect(policy).connect::<Reading>();
    source.next().await.unwrap().unwrap();
    let started = Instant::now();
    assert!(source.next().await.unwrap().unwrap_err().is_gave_up());
    assert_eq!(started.elapsed().as_secs(), 120);
}
