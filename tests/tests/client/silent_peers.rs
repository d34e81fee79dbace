//! Connected peers that send nothing, on real sockets. Each is detected by the matching timeout; the other timeouts
//! are an hour.

use std::time::Duration;

use sse_typed::{
    Client,
    client::{HyperClient, RequestBuilder, Signal},
    testing::{Answer, ListeningServer, ScriptedServer},
};

use crate::reading::{Reading, fast};

const SOON: Duration = Duration::from_millis(300);
const HOUR: Duration = Duration::from_secs(3600);

fn request(url: String) -> RequestBuilder<HyperClient> {
    let request = Client::hyper().get(url).reconnect(fast());
    request.response_timeout(HOUR).idle_timeout(HOUR).event_timeout(HOUR)
}

/// Reads all events, and returns them with the error of the lost connection.
async fn read(request: RequestBuilder<HyperClient>) -> (Vec<Reading>, String) {
    let mut signals = request.connect::<Reading>().with_signals();
    let (mut events, mut lost) = (Vec::new(), Vec::new());
    while let Some(signal) = signals.next().await {
        match signal.unwrap() {
            Signal::Event(event) => events.push(event.data),
            Signal::Reconnecting { cause, .. } => {
                let cause = cause.unwrap();
                assert!(cause.is_timeout(), "{cause:?}");
                lost.push(cause.to_string());
            }
            _ => {}
        }
    }
    let [lost] = &lost[..] else { panic!("{lost:?}") };
    (events, lost.clone())
}

async fn server(first: Answer) -> ListeningServer {
    ScriptedServer::new([first, Answer::stream().send("event: value\ndata: 2\n\nevent: bye\ndata\n\n")]).listen().await
}

fn assert_resumed(server: &ListeningServer) {
    assert_eq!(server.server().last_event_ids(), ["", "1"]);
}

#[tokio::test]
async fn the_idle_timeout_detects_a_peer_that_vanishes_silently() {
    let server = server(Answer::stream().send("id: 1\nevent: value\ndata: 1\n\n").stall()).await;
    let (events, lost) = read(request(server.url("/")).idle_timeout(SOON)).await;
    assert_eq!(events, [Reading::Value(1), Reading::Value(2), Reading::Bye]);
    assert!(lost.contains("no data for 300ms"), "{lost}");
    assert_resumed(&server);
}

#[tokio::test]
async fn the_idle_timeout_detects_a_peer_that_stalls_within_an_event_which_is_dropped() {
    let half = Answer::stream().send("id: 1\nevent: value\ndata: 1\n\nid: 2\nevent: value\ndata: 2").stall();
    let server = server(half).await;
    let (events, lost) = read(request(server.url("/")).idle_timeout(SOON)).await;
    assert_eq!(events, [Reading::Value(1), Reading::Value(2), Reading::Bye]);
    assert!(lost.contains("no data for 300ms"), "{lost}");
    assert_resumed(&server);
}

#[tokio::test]
async fn the_event_timeout_detects_a_peer_that_sends_only_comments() {
    let first = Answer::stream().send("id: 1\nevent: value\ndata: 1\n\n");
    let comments = (0..1000).fold(first, |reply, _| reply.wait(Duration::from_millis(20)).send(":\n"));
    let server = server(comments).await;
    let (events, lost) = read(request(server.url("/")).event_timeout(SOON)).await;
    assert_eq!(events, [Reading::Value(1), Reading::Value(2), Reading::Bye]);
    assert!(lost.contains("no event"), "{lost}");
    assert_resumed(&server);
}

#[tokio::test]
async fn the_response_timeout_detects_a_peer_that_accepts_and_does_not_respond() {
    // The kernel accepts the connection, but no program does.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let request = request(url).response_timeout(SOON).reconnect(fast().max_attempts(2));
    let mut signals = request.connect::<Reading>().with_signals();
    let Some(Ok(Signal::Reconnecting { cause: Some(cause), .. })) = signals.next().await else { panic!("no cause") };
    assert!(cause.is_timeout() && cause.to_string().contains("300ms"), "{cause}");
    assert!(signals.next().await.unwrap().unwrap_err().is_gave_up());
}
