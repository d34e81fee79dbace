//! The client over the network that uses reqwest.

use std::error::Error;

use ::reqwest::redirect::Policy;
use http::{HeaderValue, StatusCode, header};
use sse_typed::{
    Client, RawEvent,
    client::{Ended, ReqwestClient, Signal},
    testing::{Answer, ScriptedServer},
};
use tower::ServiceBuilder;
use tower_http::set_header::SetRequestHeaderLayer;

use crate::reading::{Reading, fast};

fn client() -> Client<ReqwestClient> {
    Client::reqwest(::reqwest::Client::new())
}

fn away(status: u16, to: String) -> Answer {
    Answer::status(status).header("location", to)
}

/// Whether reqwest's own error is among the sources.
fn is_of_reqwest(error: &sse_typed::client::Error) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        if error.is::<::reqwest::Error>() {
            return true;
        }
        next = error.source();
    }
    false
}

#[tokio::test]
async fn a_source_resumes_with_its_headers_and_the_last_event_id() {
    let replies = [
        Answer::stream().send("id: 7\nevent: value\ndata: 1\n\n").break_off(),
        Answer::close(),
        Answer::status(503).send("later"),
        Answer::stream().send("event: bye\ndata\n\n"),
    ];
    let server = ScriptedServer::new(replies).listen().await;
    let http = ::reqwest::Client::builder().user_agent("tests/1").build().unwrap();
    let request = Client::reqwest(http).get(server.url("/feed?a=b")).header("x-a", "1").bearer_auth("t");
    let mut source = request.reconnect(fast()).connect::<Reading>();
    let mut seen = Vec::new();
    while let Some(event) = source.next().await {
        seen.push(event.unwrap().data);
    }
    assert_eq!(seen, [Reading::Value(1), Reading::Bye]);
    assert_eq!(source.ended(), Some(Ended::Terminal));
    let requests = server.requests();
    let ids: Vec<_> = requests.iter().map(|request| request.header("last-event-id")).collect();
    assert_eq!(ids, [None, Some("7"), Some("7"), Some("7")]);
    for request in &requests {
        assert_eq!((request.method.as_str(), request.uri.to_string().as_str()), ("GET", "/feed?a=b"));
        for (name, value) in [
            ("accept", "text/event-stream"),
            ("authorization", "Bearer t"),
            ("cache-control", "no-cache"),
            ("user-agent", "tests/1"),
            ("x-a", "1"),
        ] {
            assert_eq!(request.header(name), Some(value), "{name}");
        }
        assert_eq!(request.header("content-length"), None);
    }
}

#[tokio::test]
async fn a_body_is_posted_and_follows_a_redirect() {
    let server = ScriptedServer::new([away(307, "/b".to_owned()), Answer::stream().send("data: 1\n\n")]).listen().await;
    let request = client().post(server.url("/a")).json(&serde_json::json!({"stream": true}));
    let mut events = request.send::<RawEvent>().await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().data.data(), "1");
    let bodies: Vec<_> = server.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, [br#"{"stream":true}"#.to_vec(), br#"{"stream":true}"#.to_vec()]);
}

#[tokio::test]
async fn redirects_are_followed_by_the_given_client() {
    let there = ScriptedServer::new([Answer::stream().send("data: there\n\n")]).listen().await;
    let here = ScriptedServer::new([away(302, there.url("/")), away(302, there.url("/"))]).listen().await;
    let request = client().get(here.url("/")).bearer_auth("secret").last_event_id(sse_typed::EventId::from(17));
    let mut events = request.send::<RawEvent>().await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().data.data(), "there");
    let request = &there.requests()[0];
    assert_eq!((request.header("authorization"), request.header("last-event-id")), (None, Some("17")));

    let http = ::reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let error = Client::reqwest(http).get(here.url("/")).send::<RawEvent>().await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::FOUND));
}

#[tokio::test]
async fn a_redirect_loop_is_fatal_and_not_retried() {
    let server = ScriptedServer::new(std::iter::repeat_n(away(302, "/again".to_owned()), 50)).listen().await;
    let mut source = client().get(server.url("/")).reconnect(fast()).connect::<RawEvent>();
    let error = source.next().await.unwrap().unwrap_err();
    assert!(error.is_request() && error.to_string().contains("too many redirects"), "{error}");
    assert!(is_of_reqwest(&error), "{error:?}");
    assert!(source.next().await.is_none());
    assert_eq!(server.requests().len(), 11);
}

#[tokio::test]
async fn an_unsupported_url_is_fatal() {
    for uri in ["/relative", "ftp://localhost/feed", "http://localhost:99999/"] {
        let mut source = client().get(uri).reconnect(fast()).connect::<RawEvent>();
        let error = source.next().await.unwrap().unwrap_err();
        assert!(error.is_request() && error.is_fatal(), "{uri}: {error:?}");
        assert!(source.next().await.is_none());
    }
}

#[tokio::test]
async fn a_refused_connection_is_retried_and_its_error_names_the_cause() {
    // A port that was free a moment ago.
    let url = format!("http://{}/", std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let mut signals = client().get(url).reconnect(fast().max_attempts(2)).connect::<RawEvent>().with_signals();
    let Some(Ok(Signal::Reconnecting { cause: Some(cause), .. })) = signals.next().await else { panic!("no cause") };
    assert!(cause.is_connect() && is_of_reqwest(&cause), "{cause:?}");
    assert!(cause.to_string().contains("refused"), "{cause}");
    assert!(signals.next().await.unwrap().unwrap_err().is_gave_up());
}

#[tokio::test]
async fn the_error_of_a_broken_body_names_the_cause() {
    let server = ScriptedServer::new([Answer::stream().send("data: 1\n\ndata: 2").break_off()]).listen().await;
    let mut events = client().get(server.url("/")).send::<RawEvent>().await.unwrap();
    assert!(events.next().await.unwrap().is_ok());
    let error = events.next().await.unwrap().unwrap_err();
    assert!(error.is_body() && is_of_reqwest(&error), "{error:?}");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn middleware_works_in_front_of_it() {
    let server = ScriptedServer::new([Answer::stream().send("data: 1\n\n")]).listen().await;
    let token = SetRequestHeaderLayer::overriding(header::AUTHORIZATION, HeaderValue::from_static("Bearer of-a-layer"));
    let service = ServiceBuilder::new().layer(token).service(ReqwestClient::new(::reqwest::Client::new()));
    let mut events = Client::new(service).post(server.url("/")).body("ask").send::<RawEvent>().await.unwrap();
    assert!(events.next().await.unwrap().is_ok());
    let request = &server.requests()[0];
    assert_eq!(request.header("authorization"), Some("Bearer of-a-layer"));
    assert_eq!(request.body, "ask");
}
