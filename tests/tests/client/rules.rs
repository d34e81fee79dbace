//! The rules C, R and K of the standard, over a real socket.

use std::time::{Duration, Instant};

use sse_typed::{
    Client, EventSource, RawEvent,
    client::{HyperClient, ReadyState, ReconnectPolicy},
    testing::{Answer, ListeningServer, ScriptedServer},
};
use tokio::net::TcpListener;

use crate::reading::fast;

type Source = EventSource<RawEvent, HyperClient>;

fn connect(server: &ListeningServer) -> Source {
    Client::hyper().get(server.url("/feed?a=1")).reconnect(fast()).connect()
}

/// The data of all events; an error fails the test.
async fn all(source: &mut Source) -> Vec<String> {
    let mut data = Vec::new();
    while let Some(event) = source.next().await {
        data.push(event.unwrap().data.data().to_owned());
    }
    data
}

/// The `last-event-id` of each request.
fn ids(server: &ListeningServer) -> Vec<Option<String>> {
    server.requests().iter().map(|request| request.header("last-event-id").map(str::to_owned)).collect()
}

fn some(id: &str) -> Option<String> {
    Some(id.to_owned())
}

#[tokio::test]
async fn c1_a_url_that_does_not_parse_is_the_only_item_and_is_not_retried() {
    for url in ["http://this is invalid/", "", "/relative", "ftp://127.0.0.1/", "http://"] {
        let mut source: Source = Client::hyper().get(url).connect();
        let error = source.next().await.unwrap().unwrap_err();
        assert!(error.is_request() && error.is_fatal(), "{url:?}: {error:?}");
        assert!(source.next().await.is_none());
    }
}

#[tokio::test]
async fn c2_the_method_is_get_and_the_target_is_the_given_url() {
    let server = ScriptedServer::new([]).listen().await;
    assert!(all(&mut connect(&server)).await.is_empty());
    let request = &server.requests()[0];
    assert_eq!((request.method.as_str(), request.uri.to_string().as_str()), ("GET", "/feed?a=1"));
    assert!(request.body.is_empty());
}

#[tokio::test]
async fn c3_c4_accept_and_cache_control_are_sent() {
    let server = ScriptedServer::new([]).listen().await;
    all(&mut connect(&server)).await;
    let request = &server.requests()[0];
    assert_eq!(request.header("accept"), Some("text/event-stream"));
    assert_eq!(request.header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn c3_c4_set_headers_replace_them() {
    let server = ScriptedServer::new([]).listen().await;
    let request = Client::hyper().get(server.url("/")).header("accept", "text/event-stream, */*").bearer_auth("t");
    all(&mut request.connect()).await;
    let request = &server.requests()[0];
    assert_eq!(request.header("accept"), Some("text/event-stream, */*"));
    assert_eq!(request.header("authorization"), Some("Bearer t"));
}

#[tokio::test]
async fn c5_cookies_are_neither_stored_nor_sent() {
    let first = Answer::stream().send("data: a\n\n").header("set-cookie", "session=1");
    let server = ScriptedServer::new([first]).listen().await;
    all(&mut connect(&server)).await;
    assert_eq!(server.requests()[1].header("cookie"), None);
}

#[tokio::test]
async fn c6_redirects_are_followed() {
    for status in [301, 302, 303, 307, 308] {
        let away = Answer::status(status).header("location", "/elsewhere");
        let server = ScriptedServer::new([away, Answer::stream().send("data: a\n\n")]).listen().await;
        let mut source = connect(&server);
        assert_eq!(source.next().await.unwrap().unwrap().data.data(), "a");
        assert_eq!(server.requests()[1].uri, "/elsewhere");
    }
}

#[tokio::test]
async fn c7_a_reconnect_requests_the_original_url() {
    let away = Answer::status(302).header("location", "/elsewhere");
    let server = ScriptedServer::new([away, Answer::stream().send("id: 1\ndata: a\n\n")]).listen().await;
    all(&mut connect(&server)).await;
    let paths: Vec<_> = server.requests().into_iter().map(|request| request.uri).collect();
    assert_eq!(paths, ["/feed?a=1", "/elsewhere", "/feed?a=1"]);
}

#[tokio::test]
async fn c8_the_first_request_has_no_last_event_id_unless_one_was_set() {
    let server = ScriptedServer::new([]).listen().await;
    all(&mut connect(&server)).await;
    let resumed = Client::hyper().get(server.url("/")).last_event_id(sse_typed::EventId::from(41));
    all(&mut resumed.connect()).await;
    let by_header = Client::hyper().get(server.url("/")).header("Last-Event-ID", "42");
    all(&mut by_header.connect()).await;
    let both = Client::hyper().get(server.url("/")).header("Last-Event-ID", "42");
    all(&mut both.last_event_id(sse_typed::EventId::from(43)).connect()).await;
    assert_eq!(ids(&server), [None, some("41"), some("42"), some("43")]);
}

#[tokio::test]
async fn c9_a_reconnect_replaces_the_last_event_id_and_sends_it_as_utf_8() {
    let replies =
        ["id: 1\ndata: a\n\n", "id: …é\ndata: b\n\n", "id\ndata: c\n\n"].map(|text| Answer::stream().send(text));
    let server = ScriptedServer::new(replies).listen().await;
    let mut source: Source =
        Client::hyper().get(server.url("/")).header("last-event-id", "0").reconnect(fast()).connect();
    assert_eq!(all(&mut source).await, ["a", "b", "c"]);
    assert_eq!(ids(&server), [some("0"), some("1"), some("…é"), None]);
}

#[tokio::test]
async fn c10_the_last_event_id_is_kept_across_connections_without_ids() {
    let replies = ["id: 1\ndata: a\n\n", "data: b\n\n", ":only a comment\n\n", "data: c\n\n"]
        .map(|text| Answer::stream().send(text));
    let server = ScriptedServer::new(replies).listen().await;
    let mut source = connect(&server);
    assert_eq!(all(&mut source).await, ["a", "b", "c"]);
    assert_eq!(ids(&server), [None, some("1"), some("1"), some("1"), some("1")]);
    assert_eq!(source.last_event_id(), "1");
}

#[tokio::test]
async fn c11_a_long_id_is_sent_back_verbatim() {
    let id = format!(r#"[{{"topic":"eqiad.mediawiki","offset":{}}}]"#, "9".repeat(4000));
    let server = ScriptedServer::new([Answer::stream().send(format!("id: {id}\ndata: a\n\n"))]).listen().await;
    all(&mut connect(&server)).await;
    assert_eq!(ids(&server), [None, Some(id)]);
}

#[tokio::test]
async fn c12_an_id_that_is_not_a_valid_header_value_is_not_sent_and_neither_is_the_previous_one() {
    let server =
        ScriptedServer::new(["id: 1\ndata: a\n\n", "id: \u{1}\ndata: b\n\n"].map(|text| Answer::stream().send(text)))
            .listen()
            .await;
    let mut source = connect(&server);
    assert_eq!(all(&mut source).await, ["a", "b"]);
    assert_eq!(ids(&server), [None, some("1"), None]);
}

#[tokio::test]
async fn r1_a_status_other_than_200_is_fatal_and_the_error_has_its_head_and_body() {
    for status in [205, 210, 299, 400, 401, 404, 410] {
        let reply = Answer::status(status)
            .header("content-type", "text/event-stream")
            .header("x-reason", "because")
            .send(if status == 205 { "" } else { "data: no\n\n" });
        let server = ScriptedServer::new([reply]).listen().await;
        let mut source = connect(&server);
        let error = source.next().await.unwrap().unwrap_err();
        assert!(error.is_status() && error.is_fatal(), "{status}: {error:?}");
        assert_eq!(error.status().unwrap(), status);
        assert_eq!(error.head().unwrap().headers["x-reason"], "because");
        if status != 205 {
            assert_eq!(&error.body().unwrap()[..], b"data: no\n\n");
        }
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert!(source.next().await.is_none());
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn r1_the_browser_policy_ends_on_503_and_the_default_retries() {
    for (policy, requests) in [(ReconnectPolicy::browser(), 1), (fast(), 2)] {
        let server = ScriptedServer::new([Answer::status(503)]).listen().await;
        let mut source: Source = Client::hyper().get(server.url("/")).reconnect(policy).connect();
        assert_eq!(source.next().await.is_none(), requests == 2);
        assert!(source.next().await.is_none());
        assert_eq!(server.requests().len(), requests);
    }
}

#[tokio::test]
async fn r2_204_ends_the_source_without_an_error() {
    let server = ScriptedServer::new([Answer::stream().send("data: a\n\n"), Answer::status(204)]).listen().await;
    let mut source = connect(&server);
    assert_eq!(all(&mut source).await, ["a"]);
    assert_eq!(source.ready_state(), ReadyState::Closed);
    assert!(source.next().await.is_none());
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn r3_another_content_type_is_fatal() {
    for content_type in ["text/html", "application/json", "x bogus", "text/event-streams", ""] {
        let reply = Answer::stream().send("data: a\n\n").header("content-type", content_type);
        let server = ScriptedServer::new([reply]).listen().await;
        let mut source = connect(&server);
        let error = source.next().await.unwrap().unwrap_err();
        assert!(error.is_content_type() && error.is_fatal(), "{content_type:?}: {error:?}");
        assert!(error.to_string().contains(content_type), "{error}");
        assert_eq!(&error.body().unwrap()[..], b"data: a\n\n");
        assert!(source.next().await.is_none());
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn r3_case_and_parameters_of_the_content_type_are_ignored() {
    for content_type in
        ["TEXT/event-Stream", "text/event-stream;", "text/event-stream; charset=utf-8", "text/event-stream;x"]
    {
        let server = ScriptedServer::new([Answer::stream().send("data: a\n\n").header("content-type", content_type)])
            .listen()
            .await;
        assert_eq!(all(&mut connect(&server)).await, ["a"], "{content_type}");
    }
}

#[tokio::test]
async fn r3_a_missing_content_type_is_fatal_unless_it_is_accepted() {
    let replies = || [Answer::stream().send("data: a\n\n").without_content_type()];
    let server = ScriptedServer::new(replies()).listen().await;
    assert!(connect(&server).next().await.unwrap().unwrap_err().is_content_type());

    let server = ScriptedServer::new(replies()).listen().await;
    let mut source: Source = Client::hyper().get(server.url("/")).accept_missing_content_type(true).connect();
    assert_eq!(source.next().await.unwrap().unwrap().data.data(), "a");
}

#[tokio::test]
async fn r4_the_charset_is_ignored() {
    let reply =
        Answer::stream().send("data: ok…\n\n").header("content-type", "text/event-stream; charset=windows-1252");
    let server = ScriptedServer::new([reply]).listen().await;
    assert_eq!(all(&mut connect(&server)).await, ["ok…"]);
}

#[tokio::test]
async fn r5_a_source_is_open_before_its_first_event() {
    let server = ScriptedServer::new([Answer::stream().header("x-a", "1").stall()]).listen().await;
    let source = connect(&server);
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    let source = source.opened().await.unwrap();
    assert_eq!(source.ready_state(), ReadyState::Open);
    assert_eq!(source.head().unwrap().headers["x-a"], "1");
}

#[tokio::test]
async fn r5_opened_returns_the_error_when_there_is_no_stream() {
    let server = ScriptedServer::new([Answer::status(403)]).listen().await;
    assert_eq!(connect(&server).opened().await.unwrap_err().status().unwrap(), 403);
}

#[tokio::test]
async fn r6_an_error_before_the_response_is_retried() {
    let server =
        ScriptedServer::new([Answer::close(), Answer::close(), Answer::stream().send("data: a\n\n")]).listen().await;
    assert_eq!(all(&mut connect(&server)).await, ["a"]);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn r6_a_refused_connection_is_retried_as_often_as_the_policy_says() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let request = Client::hyper().get(format!("http://{address}/")).reconnect(fast().max_attempts(2));
    let mut source: Source = request.connect();
    let started = Instant::now();
    let error = source.next().await.unwrap().unwrap_err();
    assert!(error.is_gave_up() && error.is_fatal(), "{error:?}");
    assert!(error.to_string().contains("2 attempts"), "{error}");
    assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert!(source.next().await.is_none());
}

#[tokio::test]
async fn r8_the_source_reconnects_after_the_end_of_the_body_graceful_or_not() {
    let replies = [
        Answer::stream().send("id: 1\ndata: a\n\n"),
        Answer::stream().send("id: 2\ndata: b\n\n").break_off(),
        Answer::stream().send("id: 3\ndata: c\n\nid: 4\ndata: unfin").break_off(),
        Answer::stream().break_off(),
    ];
    let server = ScriptedServer::new(replies).listen().await;
    assert_eq!(all(&mut connect(&server)).await, ["a", "b", "c"]);
    assert_eq!(ids(&server), [None, some("1"), some("2"), some("3"), some("3")]);
}

#[tokio::test]
async fn k1_k3_a_reconnect_waits_for_the_servers_reconnection_time() {
    let server = ScriptedServer::new([Answer::stream().send("retry: 350\n\n"), Answer::stream().send("data: a\n\n")])
        .listen()
        .await;
    assert_eq!(all(&mut connect(&server)).await, ["a"]);
    let requests = server.requests();
    for pair in requests.windows(2) {
        let delay = pair[1].at - pair[0].at;
        assert!(delay >= Duration::from_millis(350), "{delay:?}");
    }
    assert_eq!(requests.len(), 3);
}

#[tokio::test]
async fn k2_a_reconnect_waits_a_second_without_a_retry_of_the_server() {
    let server = ScriptedServer::new([Answer::stream().send("data: a\n\n")]).listen().await;
    let mut source: Source = Client::hyper().get(server.url("/")).connect();
    all(&mut source).await;
    let requests = server.requests();
    let delay = requests[1].at - requests[0].at;
    assert!((Duration::from_secs(1)..Duration::from_secs(10)).contains(&delay), "{delay:?}");
}

#[tokio::test]
async fn k4_k6_a_failure_is_one_error_and_no_item_follows() {
    let server = ScriptedServer::new([Answer::status(404)]).listen().await;
    let mut source = connect(&server);
    let error = source.next().await.unwrap().unwrap_err();
    assert!(error.raw_event().is_none());
    for _ in 0..3 {
        assert!(source.next().await.is_none());
    }
    assert_eq!(source.ready_state(), ReadyState::Closed);
}

#[tokio::test]
async fn k7_r7_dropping_the_source_closes_the_connection() {
    let (answer, control) = Answer::controlled();
    let server = ScriptedServer::new([answer]).listen().await;
    let mut source = connect(&server);
    control.send("data: a\n\n");
    assert_eq!(source.next().await.unwrap().unwrap().data.data(), "a");
    drop(source);
    control.closed().await;
}

#[tokio::test]
async fn p17_p19_the_id_of_an_unfinished_block_is_not_sent() {
    let server = ScriptedServer::new([Answer::stream().send("id: 1\ndata: a\n\nid: 2\ndata: b\n")]).listen().await;
    assert_eq!(all(&mut connect(&server)).await, ["a"]);
    assert_eq!(ids(&server), [None, some("1")]);
}

#[tokio::test]
async fn p14_p16_blocks_with_only_an_id_or_a_retry_take_effect() {
    let server =
        ScriptedServer::new([Answer::stream().send("id: 7\n\nretry: 101\n\n"), Answer::stream().send("retry: 10")])
            .listen()
            .await;
    let mut source = connect(&server);
    assert!(all(&mut source).await.is_empty());
    assert_eq!(ids(&server), [None, some("7"), some("7")]);
    // `retry` takes effect with the end of its line; an unfinished line is ignored.
    assert_eq!(source.reconnection_time(), Some(Duration::from_millis(101)));
}
