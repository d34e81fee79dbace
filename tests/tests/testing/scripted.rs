//! The scripted server in the process, on paused time.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use sse_typed::{
    Client, Event,
    client::{EventSource, ReconnectPolicy},
    testing::{Answer, Collect, ScriptedBody, ScriptedServer},
};
use tokio::time::{Instant, timeout};
use tower::ServiceExt;

use crate::{Feed, failure, sync_failure};

async fn get(server: &ScriptedServer) -> io::Result<Response<ScriptedBody>> {
    server.clone().oneshot(Request::get("/feed").body(Full::<Bytes>::default()).unwrap()).await
}

fn client(server: &ScriptedServer) -> Collect<Feed> {
    let policy = ReconnectPolicy::default().jitter(0.0);
    let source: EventSource<Feed, _> = Client::new(server.clone()).get("/feed").reconnect(policy).connect();
    Collect::source(source)
}

fn tick(n: u64) -> Event<Feed> {
    Event::new(Feed::Tick(n)).id(n)
}

#[tokio::test(start_paused = true)]
async fn each_request_gets_the_next_answer_and_is_recorded() {
    let server = ScriptedServer::new([Answer::stream().event(&tick(1)), Answer::status(200).send("x")]);
    let started = Instant::now();
    let request = Request::post("/ask?x=1").header("last-event-id", "7").header("x-a", "1").header("x-a", "2");
    let response = server.clone().oneshot(request.body(Full::<Bytes>::from("body")).unwrap()).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["content-type"] == "text/event-stream"), (200, true));
    Collect::response(response).expect_only([Feed::Tick(1)]).await;
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(server.remaining(), 1);
    assert!(get(&server).await.unwrap().headers().is_empty());
    assert_eq!(get(&server).await.unwrap().status(), 204);

    let requests = server.requests();
    assert_eq!((requests[0].at, requests[1].at), (started, started + Duration::from_secs(3)));
    assert_eq!((requests[0].method.as_str(), requests[0].uri.to_string()), ("POST", "/ask?x=1".to_owned()));
    assert_eq!((&*requests[0].body, requests[0].header_all("x-a")), (&b"body"[..], vec!["1", "2"]));
    assert_eq!((requests[0].header("x-b"), requests[1].last_event_id()), (None, ""));
    assert!(sync_failure(|| requests[0].header("x-a").is_some()).contains("several"));
    assert_eq!(server.last_event_ids(), ["7", "", ""]);
    assert_eq!(server.delays(), [Duration::from_secs(3), Duration::ZERO]);
}

#[tokio::test(start_paused = true)]
async fn a_client_reconnects_and_resumes() {
    let server = ScriptedServer::new([
        Answer::stream().events([tick(1), tick(2)]).send("event: tick\ndata: 3").break_off(),
        Answer::close(),
        Answer::status(503).header("retry-after", "20"),
        Answer::stream().event(&tick(3)).send(": still here\n\n").event(&Feed::Done),
    ]);
    let mut events = client(&server);
    events.expect_open().await;
    assert_eq!(events.head().unwrap().status, 200);
    events.expect_all([Feed::Tick(1), Feed::Tick(2)]).await;
    assert_eq!(events.last_event_id(), "2");
    assert_eq!(events.expect_reconnect().await, Duration::from_secs(1));
    assert_eq!(events.expect_reconnect().await, Duration::from_secs(1));
    assert_eq!(events.expect_reconnect().await, Duration::from_secs(20));
    events.expect_event(tick(3)).await;
    events.expect_comment("still here").await;
    events.expect_only([Feed::Done]).await;
    assert_eq!(server.last_event_ids(), ["", "2", "2", "2"]);
    assert_eq!(server.remaining(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_trickles_and_stalls() {
    let second = Duration::from_secs(1);
    let answer =
        Answer::stream().wait(second * 3).event(&tick(1)).trickle("event: tick\ndata: 2\n\n", 4, second).stall();
    let server = ScriptedServer::new([answer]);
    let mut events = Collect::response(get(&server).await.unwrap());
    events.expect_silence_for(second * 3).await;
    events.expect(Feed::Tick(1)).await;
    let started = Instant::now();
    events.expect(Feed::Tick(2)).await;
    assert_eq!(started.elapsed(), second * 5, "21 bytes in pieces of 4");
    events.expect_silence_for(second * 3600).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_breaks_at_the_byte_of_the_script() {
    let text = "event: tick\ndata: 1\n\n";
    let body = Answer::stream().send(&text[..4]).wait(Duration::from_secs(1)).send(&text[4..]);
    for n in 0..=text.len() + 1 {
        let answers = [body.clone().break_at(n), body.clone().reset_at(n)];
        let server = ScriptedServer::new(answers);
        for kind in [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset] {
            let mut body = get(&server).await.unwrap().into_body();
            let mut read = Vec::new();
            let error = loop {
                match body.frame().await.expect("no end") {
                    Ok(frame) => read.extend_from_slice(&frame.into_data().unwrap()),
                    Err(error) => break error,
                }
            };
            assert_eq!(read, &text.as_bytes()[..n.min(text.len())]);
            assert_eq!(error.kind(), kind);
            assert!(body.frame().await.is_none());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_none() {
    let answers = [Answer::close(), Answer::refuse(), Answer::raw("HTTP/1.1 x"), Answer::never()];
    let server = ScriptedServer::new(answers);
    assert_eq!(get(&server).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(get(&server).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!(get(&server).await.unwrap_err().to_string().contains("socket"));
    assert!(timeout(Duration::from_secs(3600), get(&server)).await.is_err());
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn headers_are_set_added_and_taken_away() {
    let answer = Answer::redirect(307, "/there").header("x", "1").header("x", "2").append_header("x", "3");
    let server = ScriptedServer::new([answer, Answer::stream().without_content_type()]).otherwise(Answer::status(410));
    let response = get(&server).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["location"] == "/there"), (307, true));
    assert_eq!(response.headers().get_all("x").iter().collect::<Vec<_>>(), ["2", "3"]);
    assert!(get(&server).await.unwrap().headers().is_empty());
    assert_eq!(get(&server).await.unwrap().status(), 410);
    assert_eq!(get(&server).await.unwrap().status(), 410);
}

#[tokio::test(start_paused = true)]
async fn a_function_answers_what_it_is_asked() {
    let server = ScriptedServer::answer_with(|request| match request.last_event_id() {
        "" => Answer::stream().event(&tick(1)),
        "1" => Answer::stream().event(&tick(2)),
        _ => Answer::status(204),
    });
    client(&server).expect_only([Feed::Tick(1), Feed::Tick(2)]).await;
    assert_eq!(server.last_event_ids(), ["", "1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_function_may_ask_its_server() {
    let cell = std::sync::Arc::<std::sync::OnceLock<ScriptedServer>>::default();
    let own = std::sync::Arc::clone(&cell);
    let server = ScriptedServer::answer_with(move |_| {
        let requests = own.get().unwrap().requests().len();
        Answer::status(200 + u16::try_from(requests).unwrap())
    });
    cell.set(server.clone()).unwrap();
    assert_eq!(get(&server).await.unwrap().status(), 201);
    assert_eq!(get(&server).await.unwrap().status(), 202);
}

#[tokio::test(start_paused = true)]
async fn a_stall_does_not_keep_a_body_from_breaking() {
    let server = ScriptedServer::new([Answer::stream().send("").event(&tick(1)).stall().break_at(100)]);
    let mut events = Collect::response(get(&server).await.unwrap());
    events.expect(Feed::Tick(1)).await;
    events.expect_broken().await;
}

#[tokio::test(start_paused = true)]
async fn connections_of_a_client_do_not_break_the_silence() {
    let server = ScriptedServer::new([Answer::stream().stall()]);
    let mut events = client(&server);
    events.expect_silence_for(Duration::from_secs(5)).await;
    events.expect_open().await;
}

#[tokio::test(start_paused = true)]
async fn a_fatal_error_of_a_client_is_the_break_of_its_stream() {
    let mut events = client(&ScriptedServer::new([Answer::status(404)]));
    assert!(events.expect_broken().await.contains("404"));
    let failed = failure(client(&ScriptedServer::new([Answer::status(404)])).next()).await;
    assert!(failed.starts_with("expected an event\nthe stream broke off: ") && failed.contains("404"), "{failed}");
    let script = [Answer::stream().send("event: tick\nid: 3\ndata: x\n\n").event(&tick(4)).stall()];
    let mut events = client(&ScriptedServer::new(script));
    assert!(events.expect_bad_event().await.contains("`tick`"));
    assert_eq!(events.last_event_id(), "3");
    let failed = failure(events.expect(Feed::Tick(5))).await;
    assert!(failed.contains("received before it:\n  at 0ns: connection: 200 OK\n  at 0ns: bad event: "), "{failed}");
}

#[test]
fn an_answer_that_cannot_be_is_refused_where_it_is_made() {
    assert_eq!(sync_failure(|| Answer::status(99)), "99 is no status");
    assert_eq!(sync_failure(|| Answer::stream().header("x y", "1")), "`x y: 1` is no header");
    assert_eq!(sync_failure(|| Answer::stream().header("x", "1\n2")), "`x: 1\\n2` is no header");
    assert_eq!(sync_failure(|| Answer::never().header("x", "1")), "an answer without a head has no headers");
    assert!(sync_failure(|| Answer::stream().trickle("x", 0, Duration::ZERO)).contains("a byte at least"));
    let event = sse_typed::RawEvent::new("a\nb", "");
    assert!(sync_failure(|| Answer::stream().event(&event)).starts_with("the event cannot be sent: "));
}
