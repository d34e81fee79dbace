//! A client that goes takes its stream with it.

use std::{task::Poll, time::Duration};

use futures_util::{StreamExt, stream};
use sse_typed::{
    RawEvent, Sse, SseLayer,
    server::{BoxEvents, Shutdown, Stats},
};
use tokio::time::{Instant, sleep};

use crate::common::{Alive, SERVERS, Serve, Server, VERSIONS, Version, ask, bind, connect, next_text};

/// It is a millisecond on an idle machine. There is no keep-alive by which it could be noticed later.
const PROMPTLY: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug)]
enum Leaving {
    /// The connection is closed.
    Fin,
    /// The connection is torn down, without a word of HTTP.
    Reset,
    /// Over HTTP/2: this one stream.
    OneStream,
}

#[derive(Clone, Copy, Debug)]
enum Traffic {
    Idle,
    Busy,
}

/// A stream that sends at least one event, and is counted.
fn events(traffic: Traffic, alive: &Alive) -> Sse<BoxEvents<RawEvent>> {
    let hello = || RawEvent::new("hello", "there");
    match traffic {
        Traffic::Idle => {
            let events = stream::iter([hello()]).chain(stream::poll_fn(|_| Poll::Pending));
            Sse::new(alive.watch(events)).boxed()
        }
        Traffic::Busy => {
            let ticks = stream::unfold((), async |()| Some((sleep(Duration::from_millis(1)).await, ())));
            Sse::new(alive.watch(ticks.map(move |()| hello()))).boxed()
        }
    }
}

async fn leave(server: Server, version: Version, traffic: Traffic, leaving: Leaving) {
    let (shutdown, alive, stats) = (Shutdown::new(), Alive::default(), Stats::new());
    let (address, listener) = bind().await;
    let streams = alive.clone();
    let layer = SseLayer::new().no_keep_alive().stats(&stats);
    let serve = Serve::new(layer, &shutdown, move || events(traffic, &streams));
    let task = serve.start(server, listener);

    let mut socket = connect(address).await;
    if matches!(leaving, Leaving::Reset) {
        socket.set_zero_linger().unwrap();
    }
    // The client's connection, and all its tasks, are cut off from the socket by dropping the socket alone.
    let (near, mut far) = tokio::io::duplex(64 << 10);
    let wire = tokio::spawn(async move { drop(tokio::io::copy_bidirectional(&mut far, &mut socket).await) });
    let (mut responses, _) = ask(version, near, 1).await;
    assert!(next_text(&mut responses[0]).await.unwrap().contains("hello"));
    assert_eq!((alive.count().alive, stats.open()), (1, 1));
    let left = Instant::now();
    if matches!(leaving, Leaving::OneStream) {
        drop(responses);
    } else {
        wire.abort();
    }
    alive.gone().await;
    let took = left.elapsed();
    assert!(took < PROMPTLY, "{server:?} {version:?} {traffic:?} {leaving:?}: {took:?}");
    // The last word is told behind the drop.
    tokio::task::yield_now().await;
    assert_eq!(stats.closed().find(|(name, _)| *name == "disconnected").unwrap().1, 1);
    task.abort();
}

#[tokio::test]
async fn a_stream_is_dropped_when_its_client_closes_the_connection_idle_or_busy() {
    for server in SERVERS {
        for version in VERSIONS {
            leave(server, version, Traffic::Idle, Leaving::Fin).await;
            leave(server, version, Traffic::Busy, Leaving::Fin).await;
        }
    }
}

#[tokio::test]
async fn a_stream_is_dropped_when_its_connection_is_reset_idle_or_busy() {
    for server in SERVERS {
        for version in VERSIONS {
            leave(server, version, Traffic::Idle, Leaving::Reset).await;
            leave(server, version, Traffic::Busy, Leaving::Reset).await;
        }
    }
}

#[tokio::test]
async fn over_http_2_a_stream_is_dropped_when_it_is_reset_idle_or_busy() {
    for server in SERVERS {
        leave(server, Version::Http2, Traffic::Idle, Leaving::OneStream).await;
        leave(server, Version::Http2, Traffic::Busy, Leaving::OneStream).await;
    }
}
