//! Clients that have stopped reading. A server does not poll their bodies, so only the connection's clocks end them.

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

use crate::common::{Alive, SERVERS, Serve, Server, VERSIONS, Version, ask, bind, connect, memory, patiently};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// More than any buffer holds.
fn endless() -> impl Stream<Item = RawEvent> + Send {
    stream::repeat(RawEvent::new("big", "x".repeat(64 << 10)))
}

/// Begins the shutdown with one client in memory that has stopped reading, and says after which time the server is back.
async fn back_after(server: Server, version: Version, deadline: Option<Duration>) -> Option<Duration> {
    let (shutdown, alive) = (Shutdown::new(), Alive::default());
    let (dial, listener) = memory();
    let streams = alive.clone();
    let layer = SseLayer::new().shutdown(&shutdown, Drain::Now);
    let mut serve = Serve::new(layer, &shutdown, move || Sse::new(streams.watch(endless())));
    serve.deadline = deadline;
    let mut task = serve.start(server, listener);
    let client = ask(version, dial.connect(), 1).await;
    // Time stands still until nothing moves any more.
    sleep(seconds(600)).await;
    let begin = Instant::now();
    shutdown.begin();
    let back = timeout(seconds(86_400), &mut task).await.is_ok();
    let elapsed = begin.elapsed();
    task.abort();
    assert_eq!(alive.count().alive, usize::from(!back), "{server:?} {version:?}: with the server its streams are gone");
    drop(client);
    back.then_some(elapsed)
}

#[tokio::test(start_paused = true)]
async fn the_server_is_back_at_its_deadline_with_a_client_that_stopped_reading() {
    for server in SERVERS {
        for version in VERSIONS {
            let back = back_after(server, version, Some(seconds(3))).await.expect("the deadline ends it");
            assert!((seconds(3)..seconds(4)).contains(&back), "{server:?} {version:?}: {back:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_guard_it_would_wait_for_ever() {
    for server in SERVERS {
        for version in VERSIONS {
            assert_eq!(back_after(server, version, None).await, None, "{server:?} {version:?}");
        }
    }
}

/// With real buffers, and other clients that are healthy. The time that is measured is real.
#[tokio::test]
async fn on_sockets_the_server_is_back_at_its_deadline_with_some_clients_that_stopped_reading() {
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
            patiently("the end of who reads", reader).await.unwrap();
            patiently("the server", task).await.unwrap();
            let took = begin.elapsed();
            println!("{server:?} {version:?}: back after {took:?}");
            assert!((DEADLINE..DEADLINE + seconds(5)).contains(&took), "{server:?} {version:?}: {took:?}");
            assert_eq!(alive.count().alive, 0);
            drop(stalled);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_not_even_asked_does_not_keep_the_server() {
    for server in SERVERS {
        let shutdown = Shutdown::new();
        let (dial, listener) = memory();
        let layer = SseLayer::new().shutdown(&shutdown, Drain::Now);
        let mut serve = Serve::new(layer, &shutdown, || Sse::new(endless()));
        serve.deadline = Some(seconds(3));
        let task = serve.start(server, listener);
        let mut half_asked = dial.connect();
        half_asked.write_all(b"GET / HTTP/1.1\r\nhost: te").await.unwrap();
        let silent = dial.connect();
        sleep(seconds(1)).await;
        let begin = Instant::now();
        shutdown.begin();
        patiently("the server", task).await.unwrap();
        assert!(begin.elapsed() < seconds(4), "{server:?}: {:?}", begin.elapsed());
        drop((half_asked, silent));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_for_the_write_timeout_is_given_up() {
    for server in SERVERS {
        let (shutdown, alive) = (Shutdown::new(), Alive::default());
        let (dial, listener) = memory();
        let streams = alive.clone();
        let mut serve = Serve::new(SseLayer::new(), &shutdown, move || Sse::new(streams.watch(endless())));
        serve.write_timeout = seconds(10);
        let task = serve.start(server, listener);

        let mut client = dial.connect();
        client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        // Who reads a little now and then is slow, not gone.
        let mut piece = [0; 1024];
        for _ in 0..20 {
            sleep(seconds(9)).await;
            assert_ne!(client.read(&mut piece).await.unwrap(), 0);
            assert_eq!(alive.count().alive, 1, "{server:?}");
        }
        let stopped = Instant::now();
        alive.gone().await;
        assert!((seconds(10)..seconds(11)).contains(&stopped.elapsed()), "{server:?}: {:?}", stopped.elapsed());
        task.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_client_costs_no_events_beyond_the_buffers() {
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
