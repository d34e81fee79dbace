//! Clients that have stopped reading. A server does not poll their bodies, so only the timeouts of the connection end them.

use std::time::Duration;

use futures_util::{Stream, future::join_all, stream};
use sse_typed::{
    RawEvent, Sse, SseLayer,
    server::{Drain, Shutdown},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};

use crate::common::{Alive, SERVERS, Serve, Server, VERSIONS, Version, ask, bind, connect, memory, within_timeout};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A stream with more bytes than any buffer holds.
fn endless() -> impl Stream<Item = RawEvent> + Send {
    stream::repeat(RawEvent::new("big", "x".repeat(64 << 10)))
}

/// Begins the shutdown while one client in memory has stopped reading, and returns the time until the server has ended.
async fn shutdown_time(server: Server, version: Version, deadline: Option<Duration>) -> Option<Duration> {
    let (shutdown, alive) = (Shutdown::new(), Alive::default());
    let (dial, listener) = memory();
    let streams = alive.clone();
    let layer = SseLayer::new().shutdown(&shutdown, Drain::Now);
    let mut serve = Serve::new(layer, &shutdown, move || Sse::new(streams.watch(endless())));
    serve.deadline = deadline;
    let mut task = serve.start(server, listener);
    let client = ask(version, dial.connect(), 1).await;
    // Paused time advances only when no task can run, so all buffers are full then.
    sleep(seconds(600)).await;
    let begin = Instant::now();
    shutdown.begin();
    let has_ended = timeout(seconds(86_400), &mut task).await.is_ok();
    let elapsed = begin.elapsed();
    task.abort();
    assert_eq!(
        alive.count().alive,
        usize::from(!has_ended),
        "{server:?} {version:?}: streams are dropped with the server"
    );
    drop(client);
    has_ended.then_some(elapsed)
}

#[tokio::test(start_paused = true)]
async fn a_server_ends_at_the_deadline_although_a_client_has_stopped_reading() {
    for server in SERVERS {
        for version in VERSIONS {
            let time = shutdown_time(server, version, Some(seconds(3))).await.expect("the server ends at the deadline");
            assert!((seconds(3)..seconds(4)).contains(&time), "{server:?} {version:?}: {time:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_a_server_waits_for_a_stalled_client_for_ever() {
    for server in SERVERS {
        for version in VERSIONS {
            assert_eq!(shutdown_time(server, version, None).await, None, "{server:?} {version:?}");
        }
    }
}

/// On sockets, so with the buffers of the system and in real time, and with a client that reads.
#[tokio::test]
async fn on_sockets_a_server_ends_at_the_deadline_although_some_clients_have_stopped_reading() {
    const DEADLINE: Duration = Duration::from_millis(700);
    for server in SERVERS {
        for version in VERSIONS {
            let (shutdown, alive) = (Shutdown::new(), Alive::default());
            let (address, listener) = bind().await;
            let streams = alive.clone();
            let layer = SseLayer::new().shutdown(&shutdown, Drain::Now);
            let mut serve = Serve::new(layer, &shutdown, move || Sse::new(streams.watch(endless())));
            serve.deadline = Some(DEADLINE);
            let task = serve.start(server, listener);

            let stalled = join_all((0..5).map(|_| async { ask(version, connect(address).await, 1).await })).await;
            let mut before = alive.count();
            loop {
                sleep(Duration::from_millis(100)).await;
                if std::mem::replace(&mut before, alive.count()) == alive.count() {
                    break;
                }
            }
            let (mut reading, _) = ask(version, connect(address).await, 1).await;
            let mut reading = reading.remove(0);
            let reader = tokio::spawn(async move {
                while http_body_util::BodyExt::frame(&mut reading).await.is_some_and(|frame| frame.is_ok()) {}
            });
            let begin = Instant::now();
            shutdown.begin();
            within_timeout("end of the client that reads", reader).await.unwrap();
            within_timeout("end of the server", task).await.unwrap();
            let took = begin.elapsed();
            println!("{server:?} {version:?}: ended after {took:?}");
            assert!((DEADLINE..DEADLINE + seconds(5)).contains(&took), "{server:?} {version:?}: {took:?}");
            assert_eq!(alive.count().alive, 0);
            drop(stalled);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn connections_without_a_request_do_not_delay_the_shutdown() {
    for server in SERVERS {
        let shutdown = Shutdown::new();
        let (dial, listener) = memory();
        let layer = SseLayer::new().shutdown(&shutdown, Drain::Now);
        let mut serve = Serve::new(layer, &shutdown, || Sse::new(endless()));
        serve.deadline = Some(seconds(3));
        let task = serve.start(server, listener);
        let mut half_request = dial.connect();
        half_request.write_all(b"GET / HTTP/1.1\r\nhost: te").await.unwrap();
        let silent = dial.connect();
        sleep(seconds(1)).await;
        let begin = Instant::now();
        shutdown.begin();
        within_timeout("end of the server", task).await.unwrap();
        assert!(begin.elapsed() < seconds(4), "{server:?}: {:?}", begin.elapsed());
        drop((half_request, silent));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_for_the_write_timeout_is_disconnected() {
    for server in SERVERS {
        let (shutdown, alive) = (Shutdown::new(), Alive::default());
        let (dial, listener) = memory();
        let streams = alive.clone();
        let mut serve = Serve::new(SseLayer::new(), &shutdown, move || Sse::new(streams.watch(endless())));
        serve.write_timeout = seconds(10);
        let task = serve.start(server, listener);

        let mut client = dial.connect();
        client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        // A client that reads a little at times is slow and not stalled.
        let mut piece = [0; 1024];
        for _ in 0..20 {
            sleep(seconds(9)).await;
            assert_ne!(client.read(&mut piece).await.unwrap(), 0);
            assert_eq!(alive.count().alive, 1, "{server:?}");
        }
        let stopped = Instant::now();
        alive.all_dropped().await;
        assert!((seconds(10)..seconds(11)).contains(&stopped.elapsed()), "{server:?}: {:?}", stopped.elapsed());
        task.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_not_polled_when_the_buffers_of_its_client_are_full() {
    for version in VERSIONS {
        let (shutdown, alive) = (Shutdown::new(), Alive::default());
        let (dial, listener) = memory();
        let streams = alive.clone();
        let serve = Serve::new(SseLayer::new(), &shutdown, move || Sse::new(streams.watch(endless())));
        let task = serve.start(Server::Hyper, listener);
        let client = ask(version, dial.connect(), 1).await;
        sleep(seconds(60)).await;
        let taken = alive.count();
        sleep(seconds(86_400)).await;
        assert_eq!(alive.count(), taken);
        task.abort();
        drop(client);
    }
}
