//! The graceful shutdown of servers whose clients read.

use std::{collections::HashSet, time::Duration};

use futures_util::{Stream, StreamExt, future::join_all, stream};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use sse_typed::{
    Encoded, RawEvent, Sse, SseLayer,
    server::{Drain, Shutdown, Stats},
    testing::Collect,
};
use tokio::{task::JoinHandle, time::Instant};

use crate::common::{SERVERS, Serve, Version, ask, bind, connect, memory, within_timeout};

/// The limit of the time that a shutdown takes. The promise is 100 ms with 1,000 clients, and a debug build with the clients on
/// the same thread takes about that; a busy machine gets more time. A server that waited for the next keep-alive would take
/// 15 seconds, and one that waited for the streams would never end.
const MAX_SHUTDOWN_TIME: Duration = Duration::from_secs(2);

/// One event, then silence.
fn once() -> impl Stream<Item = RawEvent> + Send {
    stream::iter([RawEvent::new("hello", "there")]).chain(stream::poll_fn(|_| std::task::Poll::Pending))
}

/// Reads the first event of each response, and starts tasks that return the rest of the text.
async fn read_to_end(responses: impl IntoIterator<Item = Response<Incoming>>) -> Vec<JoinHandle<String>> {
    let mut clients = Vec::new();
    for response in responses {
        let mut events = Collect::<RawEvent>::response(response);
        events.expect_status(200);
        events.next().await;
        assert_eq!(events.wire_frames(), ["event: hello\ndata: there\n\n"]);
        clients.push(tokio::spawn(async move {
            events.rest().await;
            String::from_utf8(events.wire_frames()[1..].concat()).unwrap()
        }));
    }
    clients
}

/// Begins the shutdown, and asserts that the server ends in time and that every body ends cleanly with a random reconnection
/// time.
async fn assert_ends(what: &str, shutdown: &Shutdown, server: JoinHandle<()>, clients: Vec<JoinHandle<String>>) {
    let begin = Instant::now();
    shutdown.begin();
    within_timeout(what, server).await.unwrap();
    let took = begin.elapsed();
    println!("{what}: ended after {took:?} with {} clients", clients.len());
    assert!(took < MAX_SHUTDOWN_TIME, "{what}: {took:?}");
    let count = clients.len();
    let mut times = HashSet::new();
    for client in clients {
        let rest = within_timeout("end of the body", client).await.unwrap();
        assert!(rest.starts_with("retry: ") && rest.matches('\n').count() == 2, "{rest}");
        times.insert(rest);
    }
    assert!(times.len() > count / 2, "{count} clients have {} reconnection times", times.len());
}

#[tokio::test]
async fn a_server_with_1000_reading_clients_over_http_1_ends_at_once() {
    for server in SERVERS {
        let shutdown = Shutdown::new();
        let stats = Stats::new();
        let layer = SseLayer::new().shutdown(&shutdown, Drain::Now).stats(&stats);
        // Some systems do not allow a process this number of sockets, so the connections are in memory.
        let (dial, listener) = memory();
        let task = Serve::new(layer, &shutdown, || Sse::new(once())).start(server, listener);
        let responses = join_all((0..1000).map(|_| async { ask(Version::Http1, dial.connect(), 1).await.0 })).await;
        let clients = read_to_end(responses.into_iter().flatten()).await;
        assert_eq!((clients.len(), stats.open()), (1000, 1000));
        assert_ends(&format!("{server:?} in memory"), &shutdown, task, clients).await;
        assert_eq!((stats.open(), stats.closed().find(|(name, _)| *name == "shutdown").unwrap().1), (0, 1000));
    }
}

#[tokio::test]
async fn a_server_with_1000_reading_clients_over_http_2_ends_at_once() {
    for server in SERVERS {
        let shutdown = Shutdown::new();
        let layer = SseLayer::new().shutdown(&shutdown, Drain::Now);
        let (address, listener) = bind().await;
        let task = Serve::new(layer, &shutdown, || Sse::new(once())).start(server, listener);
        let responses = join_all((0..10).map(|_| async { ask(Version::Http2, connect(address).await, 100).await.0 }));
        let clients = read_to_end(responses.await.into_iter().flatten()).await;
        assert_eq!(clients.len(), 1000);
        assert_ends(&format!("{server:?} over HTTP/2"), &shutdown, task, clients).await;
    }
}

#[tokio::test]
async fn a_server_with_reading_clients_on_sockets_over_http_1_ends_at_once() {
    for server in SERVERS {
        let shutdown = Shutdown::new();
        let layer = SseLayer::new().shutdown(&shutdown, Drain::Now);
        let (address, listener) = bind().await;
        let task = Serve::new(layer, &shutdown, || Sse::new(once())).start(server, listener);
        let responses = join_all((0..100).map(|_| async { ask(Version::Http1, connect(address).await, 1).await.0 }));
        let clients = read_to_end(responses.await.into_iter().flatten()).await;
        assert_ends(&format!("{server:?} on sockets"), &shutdown, task, clients).await;
    }
}

#[tokio::test]
async fn every_client_gets_the_farewell_before_its_connection_is_closed() {
    let farewell = Encoded::new(&RawEvent::new("bye", "deploying")).unwrap();
    for server in SERVERS {
        for (version, streams) in [(Version::Http1, 1), (Version::Http2, 50)] {
            let shutdown = Shutdown::new();
            let layer = SseLayer::new().shutdown(&shutdown, Drain::Farewell(farewell.clone()));
            let (address, listener) = bind().await;
            let task = Serve::new(layer, &shutdown, || Sse::new(once())).start(server, listener);
            let (responses, _) = ask(version, connect(address).await, streams).await;
            let clients = read_to_end(responses).await;
            shutdown.begin();
            within_timeout("end of the server", task).await.unwrap();
            for client in clients {
                let rest = within_timeout("end of the body", client).await.unwrap();
                assert!(rest.ends_with("event: bye\ndata: deploying\n\n"), "{rest}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_waits_for_a_stream_that_ends_within_its_grace_period() {
    for server in SERVERS {
        let shutdown = Shutdown::new();
        let layer = SseLayer::new().shutdown(&shutdown, Drain::Finish { grace: Duration::from_secs(30) });
        let (dial, listener) = memory();
        let task = Serve::new(layer, &shutdown, || {
            Sse::new(stream::iter([RawEvent::new("hello", "there")]).chain(stream::once(async {
                tokio::time::sleep(Duration::from_secs(20)).await;
                RawEvent::new("done", "all of it")
            })))
        })
        .start(server, listener);
        let clients = read_to_end(ask(Version::Http1, dial.connect(), 1).await.0).await;
        let begin = Instant::now();
        shutdown.begin();
        within_timeout("end of the server", task).await.unwrap();
        assert_eq!(begin.elapsed().as_secs(), 20, "{server:?}");
        for client in clients {
            assert!(client.await.unwrap().ends_with("event: done\ndata: all of it\n\n"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_opens_while_the_shutdown_begins_is_ended_or_refused() {
    for server in SERVERS {
        for round in 0..10 {
            let shutdown = Shutdown::new();
            let layer = SseLayer::new().no_keep_alive().shutdown(&shutdown, Drain::Now);
            let (dial, listener) = memory();
            let task = Serve::new(layer, &shutdown, || Sse::new(once())).start(server, listener);
            let clients: Vec<_> = (0..100)
                .map(|n| {
                    let (dial, shutdown) = (dial.clone(), shutdown.clone());
                    tokio::spawn(async move {
                        let Some(io) = dial.try_connect() else { return };
                        // What was sent while the listener was dropped is dropped with the last sender.
                        drop(dial);
                        if n == round * 10 {
                            shutdown.begin();
                        }
                        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(io)).await;
                        let (mut client, connection) = handshake.unwrap();
                        tokio::spawn(async { drop(connection.await) });
                        let request = Request::get("/").header("host", "test").body(String::new()).unwrap();
                        // A connection that was no longer accepted gets no response.
                        let Ok(response) = client.send_request(request).await else { return };
                        assert!([200, 503].contains(&response.status().as_u16()));
                        response.into_body().collect().await.unwrap();
                    })
                })
                .collect();
            drop(dial);
            within_timeout("end of the server", task).await.unwrap();
            for client in clients {
                within_timeout("end of the body", client).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_server_ends_when_the_future_of_its_shutdown_is_ready() {
    for server in SERVERS {
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let shutdown = Shutdown::on(async { drop(receiver.await) });
        let layer = SseLayer::new().shutdown(&shutdown, Drain::Now);
        let (address, listener) = bind().await;
        let task = Serve::new(layer, &shutdown, || Sse::new(once())).start(server, listener);
        let clients = read_to_end(ask(Version::Http1, connect(address).await, 1).await.0).await;
        drop(sender);
        within_timeout("end of the server", task).await.unwrap();
        assert!(shutdown.has_begun());
        for client in clients {
            within_timeout("end of the body", client).await.unwrap();
        }
    }
}
