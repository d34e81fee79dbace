//! The stream of a client that disconnects is dropped.

use std::{task::Poll, time::Duration};

use futures_util::{StreamExt, stream};
use sse_typed::{
    RawEvent, Sse, SseLayer,
    server::{BoxEvents, Shutdown, Stats},
    testing::Collect,
};
use tokio::time::{Instant, sleep};

use crate::common::{Alive, SERVERS, Serve, Server, VERSIONS, Version, ask, bind, connect};

/// The limit of the time until the drop, which is about a millisecond on an idle machine. Keep-alive is off, so the
/// disconnect cannot be noticed by a failed keep-alive.
const MAX_DROP_TIME: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug)]
enum Disconnect {
    /// The connection is closed.
    Fin,
    /// The connection is reset.
    Reset,
    /// Over HTTP/2, only this stream is reset.
    OneStream,
}

#[derive(Clone, Copy, Debug)]
enum Traffic {
    Idle,
    Busy,
}

/// A counted stream that sends at least one event.
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

async fn assert_dropped_after(server: Server, version: Version, traffic: Traffic, disconnect: Disconnect) {
    let (shutdown, alive, stats) = (Shutdown::new(), Alive::default(), Stats::new());
    let (address, listener) = bind().await;
    let streams = alive.clone();
    let layer = SseLayer::new().no_keep_alive().stats(&stats);
    let serve = Serve::new(layer, &shutdown, move || events(traffic, &streams));
    let task = serve.start(server, listener);

    let mut socket = connect(address).await;
    if matches!(disconnect, Disconnect::Reset) {
        socket.set_zero_linger().unwrap();
    }
    // With a pipe between the client and the socket, the socket can be closed while the client's tasks continue.
    let (near, mut far) = tokio::io::duplex(64 << 10);
    let wire = tokio::spawn(async move { drop(tokio::io::copy_bidirectional(&mut far, &mut socket).await) });
    let (mut responses, _) = ask(version, near, 1).await;
    let mut events = Collect::<RawEvent>::response(responses.remove(0));
    events.next().await;
    assert!(events.wire_text().contains("hello"));
    assert_eq!((alive.count().alive, stats.open()), (1, 1));
    let left = Instant::now();
    if matches!(disconnect, Disconnect::OneStream) {
        drop(events);
    } else {
        wire.abort();
    }
    alive.all_dropped().await;
    let took = left.elapsed();
    assert!(took < MAX_DROP_TIME, "{server:?} {version:?} {traffic:?} {disconnect:?}: {took:?}");
    // The stream is counted as closed after its drop.
    tokio::task::yield_now().await;
    assert_eq!(stats.closed().find(|(name, _)| *name == "disconnected").unwrap().1, 1);
    task.abort();
}

#[tokio::test]
async fn a_stream_is_dropped_when_its_client_closes_the_connection_idle_or_busy() {
    for server in SERVERS {
        for version in VERSIONS {
            assert_dropped_after(server, version, Traffic::Idle, Disconnect::Fin).await;
            assert_dropped_after(server, version, Traffic::Busy, Disconnect::Fin).await;
        }
    }
}

#[tokio::test]
async fn a_stream_is_dropped_when_its_connection_is_reset_idle_or_busy() {
    for server in SERVERS {
        for version in VERSIONS {
            assert_dropped_after(server, version, Traffic::Idle, Disconnect::Reset).await;
            assert_dropped_after(server, version, Traffic::Busy, Disconnect::Reset).await;
        }
    }
}

#[tokio::test]
async fn over_http_2_a_stream_is_dropped_when_it_is_reset_idle_or_busy() {
    for server in SERVERS {
        assert_dropped_after(server, Version::Http2, Traffic::Idle, Disconnect::OneStream).await;
        assert_dropped_after(server, Version::Http2, Traffic::Busy, Disconnect::OneStream).await;
    }
}
