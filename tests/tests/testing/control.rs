//! Answers that the test sends, and requests that it waits for.

use std::{io, time::Duration};

use sse_typed::{
    Client, Event,
    testing::{Answer, Collect, RawClient, ScriptedServer},
};
use tokio::{io::duplex, net::TcpStream, time::Instant};

use crate::{Feed, failure, sync_failure};

fn tick(n: u64) -> Event<Feed> {
    Event::new(Feed::Tick(n)).id(n)
}

fn client(server: &ScriptedServer) -> Collect<Feed> {
    Collect::source(Client::new(server.clone()).get("/").connect())
}

#[tokio::test(start_paused = true)]
async fn events_are_sent_when_the_test_says_so() {
    let ((first, control), (second, resumed)) = (Answer::controlled(), Answer::controlled());
    let server = ScriptedServer::new([first, second]);
    let mut events = client(&server);
    control.event(&tick(1)); // before the request
    events.expect(Feed::Tick(1)).await;
    events.expect_none_for(Duration::from_secs(3600)).await;
    control.send("id: 2\nevent: tick\n");
    events.expect_none_for(Duration::from_secs(1)).await;
    control.send("data: 2\n\n");
    events.expect(Feed::Tick(2)).await;
    control.send("event: tick\nda");
    control.break_off();
    events.expect_reconnect().await;
    resumed.event(&tick(3));
    events.expect(Feed::Tick(3)).await;
    resumed.event(&Feed::Done);
    events.expect_only([Feed::Done]).await;
    assert_eq!(server.last_event_ids(), ["", "2"]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_control_is_a_clean_end_or_what_follows_in_the_answer() {
    for ends in [true, false] {
        let (answer, control) = Answer::controlled();
        let (open, other) = Answer::controlled();
        let server = ScriptedServer::new([answer, open.event(&tick(2)).break_off()]);
        let response = |server: ScriptedServer| async {
            let request = http::Request::get("/").body(http_body_util::Full::<bytes::Bytes>::default()).unwrap();
            tower::ServiceExt::oneshot(server, request).await.unwrap()
        };
        let mut events = Collect::<Feed>::response(response(server.clone()).await);
        control.event(&tick(1));
        if ends {
            control.end();
            other.end();
        } else {
            drop((control, other));
        }
        events.expect_only([Feed::Tick(1)]).await;
        let mut events = Collect::<Feed>::response(response(server).await);
        events.expect(Feed::Tick(2)).await;
        events.expect_broken().await;
    }
}

#[tokio::test]
async fn on_a_socket_a_controlled_answer_is_sent_broken_off_and_reset() {
    let ((one, broken), (two, resets), (three, ends)) =
        (Answer::controlled(), Answer::controlled(), Answer::controlled());
    let server = ScriptedServer::new([one, two, three]).listen().await;
    let connect = async || {
        let io = TcpStream::connect(server.address()).await.unwrap();
        RawClient::get(io, "/").await.read::<Feed>().await
    };
    let mut events = connect().await;
    broken.event(&tick(1));
    events.expect(Feed::Tick(1)).await;
    broken.break_off();
    assert!(events.expect_broken().await.contains("closed"));
    let mut events = connect().await;
    resets.reset();
    events.expect_broken().await;
    let mut events = connect().await;
    ends.event(&tick(3));
    ends.end();
    events.expect_only([Feed::Tick(3)]).await;
}

#[tokio::test(start_paused = true)]
async fn the_task_that_reads_is_woken() {
    let (answer, control) = Answer::controlled();
    let server = ScriptedServer::new([answer]);
    let (io, server_io) = duplex(1 << 10);
    let served = server.clone();
    let serving = tokio::spawn(async move { served.serve_connection(server_io).await });
    let reading = tokio::spawn(async move {
        let mut events = RawClient::get(io, "/").await.read::<Feed>().await;
        events.expect(Feed::Tick(1)).await;
        events.expect_end().await;
    });
    server.wait_for_requests(1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    control.event(&tick(1));
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(control);
    reading.await.unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_controlled_answer_can_be_shown_and_refuses_what_cannot_be_sent() {
    let (answer, control) = Answer::controlled();
    control.send("x");
    assert_eq!(format!("{control:?}"), "AnswerControl { unsent: 1, .. }");
    assert!(format!("{answer:?}").contains("Controlled"));
    let event = sse_typed::RawEvent::new("a\nb", "");
    assert!(sync_failure(|| control.event(&event)).starts_with("the event cannot be sent: "));
}

#[tokio::test(start_paused = true)]
async fn requests_are_waited_for() {
    let server = ScriptedServer::new([Answer::close(), Answer::close(), Answer::stream().stall()]);
    assert!(server.wait_for_requests(0).await.is_empty());
    let mut events = client(&server);
    let reading = tokio::spawn(async move { events.expect_open().await });
    let requests = server.wait_for_requests(3).await;
    assert_eq!(requests.len(), 3);
    reading.await.unwrap();
    // They are there already.
    server.wait_for_requests(2).await;
    let started = Instant::now();
    let failed = failure(server.wait_for_requests(4)).await;
    assert_eq!(failed, "expected 4 requests within 30s\nreceived 3\n  GET /\n  GET /\n  GET /");
    assert_eq!(started.elapsed(), Duration::from_secs(30));
}

#[tokio::test]
async fn requests_on_a_socket_are_waited_for() -> io::Result<()> {
    let server = ScriptedServer::new([]).listen().await;
    let client = RawClient::get(TcpStream::connect(server.address()).await?, "/there").await;
    assert_eq!(server.wait_for_requests(1).await[0].uri, "/there");
    drop(client);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_client_that_disconnects_is_noticed() {
    let ((first, one), (second, two)) = (Answer::controlled(), Answer::controlled());
    let server = ScriptedServer::new([first, second]);
    let mut events = client(&server);
    one.event(&tick(1));
    events.expect(Feed::Tick(1)).await;
    let started = Instant::now();
    let failed = failure(one.closed()).await;
    assert_eq!(failed, "expected that the client disconnects\nit has not within 30s");
    assert_eq!(started.elapsed(), Duration::from_secs(30));
    drop(events);
    one.closed().await;

    let (io, server_io) = duplex(1 << 10);
    let serving = tokio::spawn(async move { server.serve_connection(server_io).await });
    let events = RawClient::get(io, "/").await.read::<Feed>().await;
    let waiting = tokio::spawn(async move { two.closed().await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!waiting.is_finished());
    drop(events);
    waiting.await.unwrap();
    serving.await.unwrap().unwrap();
}
