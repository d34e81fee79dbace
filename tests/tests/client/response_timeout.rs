//! How long a request waits for the head of its response.

use std::{convert::Infallible, time::Duration};

use axum::body::Body;
use http::{Method, Request, Response};
use sse_typed::{
    Client,
    client::{Error, HttpService, RequestBuilder, Resume},
};
use tokio::time::{Instant, sleep, timeout};

use crate::reading::{Reading, fast};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A client of a service that answers a POST with an event and its end, and no other request.
fn client() -> Client<impl HttpService> {
    Client::with_body(tower::service_fn(|request: Request<Body>| async move {
        if request.uri().path() != "/post" || request.method() != Method::POST {
            std::future::pending::<()>().await;
        }
        let response = Response::builder().header("content-type", "text/event-stream");
        Ok::<_, Infallible>(response.body(Body::from("id: 1\nevent: value\ndata: 1\n\n")).unwrap())
    }))
}

/// After how many seconds it is given up.
async fn given_up(request: RequestBuilder<impl HttpService>) -> Option<u64> {
    let started = Instant::now();
    let error: Error = timeout(DAY, request.send::<Reading>()).await.ok()?.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    Some(started.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_get_waits_for_two_minutes_and_other_requests_for_as_long_as_it_takes() {
    let client = client();
    assert_eq!(given_up(client.get("/")).await, Some(120));
    for method in [Method::POST, Method::PUT, Method::HEAD, Method::from_bytes(b"QUERY").unwrap()] {
        assert_eq!(given_up(client.request(method, "/")).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_response_timeout_may_be_set_and_turned_off() {
    let client = client();
    assert_eq!(given_up(client.get("/").response_timeout(None)).await, None);
    assert_eq!(given_up(client.get("/").response_timeout(Duration::from_secs(7))).await, Some(7));
    assert_eq!(given_up(client.post("/").response_timeout(Duration::from_secs(7))).await, Some(7));
}

/// A request of another method than the builder's, made after some seconds.
fn made(method: &'static Method, after: u64) -> RequestBuilder<impl HttpService> {
    client().get("/").request(move |attempt| async move {
        sleep(Duration::from_secs(after)).await;
        let mut request = attempt.into_request();
        *request.method_mut() = method.clone();
        Ok(request)
    })
}

#[tokio::test(start_paused = true)]
async fn the_method_of_the_request_that_the_closure_makes_counts() {
    assert_eq!(given_up(made(&Method::POST, 0)).await, None);
    assert_eq!(given_up(made(&Method::GET, 50)).await, Some(120));
    // The closure itself has the time of the method that was asked for.
    assert_eq!(given_up(made(&Method::POST, 1000)).await, Some(120));
    assert_eq!(given_up(made(&Method::POST, 50).response_timeout(Duration::from_secs(70))).await, Some(70));
}

#[tokio::test(start_paused = true)]
async fn a_post_that_is_resumed_by_get_waits_as_a_get_does() {
    let policy = fast().max_attempts(1);
    let mut source = client().post("/post").resume_with(Resume::Get).reconnect(policy).connect::<Reading>();
    source.next().await.unwrap().unwrap();
    let started = Instant::now();
    assert!(source.next().await.unwrap().unwrap_err().is_gave_up());
    assert_eq!(started.elapsed().as_secs(), 120);
}
