//! The client over the network.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::TokioIo;
use sse_typed::{
    Client, RawEvent,
    testing::{Answer, ListeningServer, ScriptedServer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

fn away(status: u16, to: String) -> Answer {
    Answer::status(status).header("location", to)
}

async fn data(client: &Client<sse_typed::client::HyperClient>, url: String) -> String {
    let request = client
        .get(url)
        .header("x-api-key", "secret")
        .header("cookie", "a=b")
        .header("user-agent", "test/1")
        .bearer_auth("secret")
        .last_event_id(sse_typed::EventId::from(17));
    request.send::<RawEvent>().await.unwrap().next().await.unwrap().unwrap().data.data().to_owned()
}

#[tokio::test]
async fn a_redirect_to_another_origin_carries_no_credentials() {
    let there = ScriptedServer::new([Answer::stream().send("data: there\n\n")]).listen().await;
    let here = ScriptedServer::new([away(307, there.url("/feed"))]).listen().await;
    assert_eq!(data(&Client::hyper(), here.url("/")).await, "there");

    let first = &here.requests()[0];
    assert_eq!(first.header("x-api-key"), Some("secret"));
    let second = &there.requests()[0];
    let mut names: Vec<_> = second.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "cache-control", "host", "last-event-id", "user-agent"]);
    assert_eq!(second.header("last-event-id"), Some("17"));
}

#[tokio::test]
async fn the_last_event_id_stays_within_its_origin_if_so_set() {
    let there = ScriptedServer::new([Answer::stream().send("data: there\n\n")]).listen().await;
    let here = ScriptedServer::new([away(302, there.url("/"))]).listen().await;
    let client = Client::hyper().last_event_id_across_origins(false);
    assert_eq!(data(&client, here.url("/")).await, "there");
    assert_eq!(here.requests()[0].header("last-event-id"), Some("17"));
    assert_eq!(there.requests()[0].header("last-event-id"), None);
}

#[tokio::test]
async fn headers_dropped_by_a_redirect_stay_dropped() {
    let there = ScriptedServer::new([Answer::stream().send("data: back\n\n")]).listen().await;
    let here = ScriptedServer::new([]).listen().await;
    let middle = ScriptedServer::new([away(302, there.url("/"))]).listen().await;
    let start = ScriptedServer::new([away(302, middle.url("/"))]).listen().await;
    assert_eq!(data(&Client::hyper(), start.url("/")).await, "back");
    assert_eq!(there.requests()[0].header("x-api-key"), None);
    assert!(here.requests().is_empty());
}

#[tokio::test]
async fn redirects_carry_a_body_only_within_its_origin() {
    let there = ScriptedServer::new([]).listen().await;
    let here = ScriptedServer::new([away(307, "/b".to_owned()), away(307, there.url("/"))]).listen().await;
    let error = Client::hyper().post(here.url("/a")).body("secret").send::<RawEvent>().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 307);
    assert_eq!(here.requests()[1].body, "secret");
    assert!(there.requests().is_empty());
}

/// The URL of a server's path, with the user `me` and the password `hid den`.
fn with_user(server: &ListeningServer, path: &str) -> String {
    server.url(path).replace("//", "//me:hid%20den@")
}

const ME: &str = "Basic bWU6aGlkIGRlbg==";

#[tokio::test]
async fn the_user_of_a_url_is_sent_as_basic_authentication_unless_the_request_has_its_own() {
    let server = ScriptedServer::new([]).listen().await;
    let client = Client::hyper();
    drop(client.get(with_user(&server, "/feed")).send::<RawEvent>().await.unwrap());
    drop(client.get(with_user(&server, "/feed")).bearer_auth("own").send::<RawEvent>().await.unwrap());
    let requests = server.requests();
    let sent: Vec<_> =
        requests.iter().map(|request| (request.uri.path(), request.header_all("authorization"))).collect();
    assert_eq!(sent, [("/feed", vec![ME]), ("/feed", vec!["Bearer own"])]);
    assert!(!requests[0].header("host").unwrap().contains('@'));
}

#[tokio::test]
async fn every_attempt_of_a_source_has_the_user_of_its_url() {
    let server = ScriptedServer::new([Answer::stream().send("data: 1\n\n"), Answer::stream().send("data: 2\n\n")])
        .listen()
        .await;
    let policy = sse_typed::client::ReconnectPolicy::new().base(std::time::Duration::ZERO).jitter(0.0);
    let mut source = Client::hyper().get(with_user(&server, "/")).reconnect(policy).connect::<RawEvent>();
    while source.next().await.is_some() {}
    let requests = server.requests();
    let sent: Vec<_> = requests.iter().map(|request| request.header("authorization")).collect();
    assert_eq!(sent, [Some(ME); 3]);
}

#[tokio::test]
async fn redirects_carry_the_user_of_a_url_only_within_its_origin() {
    let there = ScriptedServer::new([Answer::stream().send("data: there\n\n")]).listen().await;
    let here = ScriptedServer::new([away(307, "/again".to_owned()), away(307, there.url("/"))]).listen().await;
    drop(Client::hyper().get(with_user(&here, "/")).send::<RawEvent>().await.unwrap());
    let requests = here.requests();
    let sent: Vec<_> = requests.iter().map(|request| request.header("authorization")).collect();
    assert_eq!(sent, [Some(ME); 2]);
    assert_eq!(there.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn the_user_of_a_redirects_location_is_ignored() {
    let there =
        ScriptedServer::new([away(307, "/again".to_owned()), Answer::stream().send("data: there\n\n")]).listen().await;
    let here = ScriptedServer::new([away(307, with_user(&there, "/"))]).listen().await;
    drop(Client::hyper().get(here.url("/")).send::<RawEvent>().await.unwrap());
    assert_eq!(there.requests().len(), 2);
    for request in there.requests() {
        assert!(
            !format!("{request:?}").contains("authorization") && !format!("{request:?}").contains('@'),
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn a_redirect_loop_ends_with_the_status_of_the_last_redirect() {
    let server = ScriptedServer::new(std::iter::repeat_n(away(302, "/again".to_owned()), 50)).listen().await;
    let error = Client::hyper().get(server.url("/")).send::<RawEvent>().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 302);
    assert_eq!(server.requests().len(), 21);
}

#[tokio::test]
async fn a_redirect_to_an_unsupported_scheme_is_fatal() {
    let server = ScriptedServer::new([away(302, "ftp://127.0.0.1/".to_owned())]).listen().await;
    let mut source = Client::hyper().get(server.url("/")).connect::<RawEvent>();
    let error = source.next().await.unwrap().unwrap_err();
    assert!(error.is_fatal() && error.is_request(), "{error}");
    assert!(error.to_string().contains("ftp"), "{error}");
    assert!(source.next().await.is_none());
}

#[tokio::test]
async fn clones_of_a_client_share_its_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let service = hyper::service::service_fn(|_: http::Request<Incoming>| {
                let response = http::Response::builder().header("content-type", "text/event-stream");
                std::future::ready(response.body(Full::new(Bytes::from("data: 1\n\n"))))
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
        }
    });
    let client = Client::hyper();
    for client in [client.clone(), client.clone(), client] {
        let mut events = client.get(&url).send::<RawEvent>().await.unwrap();
        assert_eq!(events.next().await.unwrap().unwrap().data.data(), "1");
        assert!(events.next().await.is_none());
        // A separate task returns the connection to the pool.
        tokio::task::yield_now().await;
    }
    assert_eq!(accepted.load(Ordering::Relaxed), 1);
}

/// The answer is written at once, so that what one read leaves is there for the next one.
#[tokio::test]
async fn heads_and_events_larger_than_one_read_are_received() {
    for (head, is_cut) in [0, 8_100, 8_191, 8_192, 30_000].into_iter().flat_map(|head| [(head, false), (head, true)]) {
        let sizes = [0, 1, 8_190, 8_191, 8_192, 100_000];
        let events: String = sizes.iter().map(|size| format!("data: {}\n\n", "x".repeat(*size))).collect();
        let padding = format!("x-padding: {}\r\n", "x".repeat(head));
        let length = events.len() + usize::from(is_cut);
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{padding}content-length: {length}\r\n\r\n{events}"
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let serve = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                assert_ne!(socket.read_buf(&mut request).await.unwrap(), 0);
            }
            socket.write_all(answer.as_bytes()).await.unwrap();
            socket.shutdown().await.unwrap();
        };
        let read = async {
            let mut stream = Client::hyper().get(&url).send::<RawEvent>().await.unwrap();
            for size in sizes {
                let event = stream.next().await.unwrap().unwrap();
                assert_eq!(event.data.data().len(), size, "{head}");
            }
            // The body lacks its last byte, or is whole.
            assert_eq!(stream.next().await.is_some_and(|end| end.is_err()), is_cut, "{head}");
        };
        tokio::join!(serve, read);
    }
}
