//! Sessions of a client behind a proxy that cuts every connection.
//!
//! The first connection is cut before the first byte of the server, and each further one a byte later than the one before it. A
//! session that has received all events is followed by another, until one needs a single connection. So most sessions have many
//! cuts. Far behind the head of the response, where the bytes repeat, not every byte is a cut.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing::get};
use sse_typed::{
    Client, Gap, Hub, LastEventId, Sse, SseEvent,
    client::{Ended, HyperClient, Signal},
    hub::{EventStore, Start},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::serve;

/// Up to here every byte is a cut. It is far behind the head of a response.
const EVERY_BYTE: usize = 1200;

/// The distance of the cuts behind it. It is coprime to the length of most events, so that these are cut everywhere too.
const DISTANCE: usize = 41;

/// How long the client may wait for an event. Long, because it says that an event is lost.
const LIMIT: Duration = Duration::from_secs(60);

/// The number of events of a session.
pub const EVENTS: usize = 200;

/// The events of a session: their numbers, and the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SseEvent)]
#[sse(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "tests alone use it")]
pub enum Tick {
    /// A number. Short, because every byte is a cut.
    #[sse(message)]
    Tick(usize),
    /// Events were lost.
    #[sse(gap)]
    Missed(Gap),
    /// The last event.
    #[sse(terminal)]
    Done,
}

impl Tick {
    /// The event with this number, from 0.
    #[must_use]
    pub const fn of(number: usize) -> Self {
        if number + 1 < EVENTS { Self::Tick(number) } else { Self::Done }
    }
}

/// How the proxy ends the connections that it cuts after an even number of bytes. It ends the others in the other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "tests alone use it")]
pub enum Cut {
    /// With a FIN, as a server does that closes the connection.
    Close,
    /// With an RST, as the kernel does for a process that has crashed.
    Reset,
}

/// Runs sessions with a server until one needs a single connection, and asserts that each session receives each event once
/// and in order.
///
/// `begin` is called before each session, and `received` with the number of events that it has received, after each event.
///
/// # Panics
///
/// Panics if a session misses, repeats or misorders an event, waits for one for a minute, or ends with an error.
pub async fn cut_everywhere(
    server: SocketAddr,
    client: HyperClient,
    even: Cut,
    mut begin: impl AsyncFnMut(),
    mut received: impl AsyncFnMut(usize),
) {
    let client = Client::from(client);
    let cuts = Arc::new(Cuts { even, after: AtomicUsize::new(0) });
    loop {
        begin().await;
        let before = cuts.after.load(Ordering::SeqCst);
        // A session has a port of its own, so that no connection serves two of them.
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut proxy = JoinSet::new();
        proxy.spawn(Arc::clone(&cuts).accept(listener, server));

        let mut signals = client.get(format!("http://{address}/")).connect::<Tick>().with_signals();
        let handle = signals.source().handle();
        let mut events = 0;
        // A client that has lost an event may wait for it forever, and reconnect meanwhile.
        let mut deadline = Instant::now() + LIMIT;
        while let Some(signal) = timeout_at(deadline, signals.next())
            .await
            .unwrap_or_else(|_| panic!("event {events} does not arrive, cut from byte {before} on"))
        {
            match signal.unwrap_or_else(|error| panic!("event {events}, cut from byte {before} on: {error:?}")) {
                Signal::Event(event) => {
                    assert_eq!(event.data, Tick::of(events), "cut from byte {before} on");
                    events += 1;
                    deadline = Instant::now() + LIMIT;
                    received(events).await;
                }
                // Without the delay.
                Signal::Reconnecting { .. } => handle.restart(),
                _ => {}
            }
        }
        assert_eq!((events, signals.source().ended()), (EVENTS, Some(Ended::Terminal)));
        drop(signals);
        if cuts.after.load(Ordering::SeqCst) == before {
            assert!(before > EVERY_BYTE, "only {before} bytes were sent");
            return;
        }
    }
}

/// Runs sessions with a history of a store. Each request has a hub of its own, as if it reached another process.
///
/// # Panics
///
/// As [`cut_everywhere`], and if the store fails.
pub async fn cut_everywhere_on<S>(store: S, client: HyperClient, even: Cut)
where
    S: EventStore,
{
    let hub = move || Hub::<Tick>::builder().build_on(store.log("session"));
    let publisher = hub();
    for number in 0..EVENTS {
        publisher.publish(&Tick::of(number)).await.expect("the store takes the event");
    }
    let events = async move |id: LastEventId| Sse::new(hub().subscribe(id.or(Start::Earliest)));
    let address = serve::with_server(Router::new().route("/", get(events)), true).await;
    cut_everywhere(address, client, even, async || {}, async |_| {}).await;
}

/// A client that speaks HTTP/2 without TLS.
///
/// # Panics
///
/// Panics if it cannot be built.
#[must_use]
pub fn http_2() -> HyperClient {
    HyperClient::builder().http2_prior_knowledge().build().expect("no setting can fail")
}

/// The cuts of all sessions.
struct Cuts {
    even: Cut,
    /// After how many bytes of the server the next connection is cut.
    after: AtomicUsize,
}

impl Cuts {
    async fn accept(self: Arc<Self>, listener: TcpListener, server: SocketAddr) {
        let mut connections = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let cuts = Arc::clone(&self);
            connections.spawn(async move { cuts.forward(client, server).await });
        }
    }

    /// Forwards a connection up to its cut. An error is the end of the client.
    async fn forward(&self, client: TcpStream, server: SocketAddr) -> io::Result<()> {
        let server = TcpStream::connect(server).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let after = self.after.load(Ordering::SeqCst);
        let (mut from_client, mut to_client) = client.into_split();
        let (from_server, mut to_server) = server.into_split();
        let mut from_server = from_server.take(after as u64);
        let sent = tokio::select! {
            sent = copy(&mut from_server, &mut to_client) => sent?,
            _ = copy(&mut from_client, &mut to_server) => return Ok(()),
        };
        if sent < after as u64 {
            return Ok(());
        }
        let distance = if after < EVERY_BYTE { 1 } else { DISTANCE };
        self.after.store(after + distance, Ordering::SeqCst);
        if (self.even == Cut::Reset) == after.is_multiple_of(2) {
            // Without the FIN that the drop of the half would send.
            to_client.forget();
            return from_client.as_ref().set_zero_linger();
        }
        to_client.shutdown().await?;
        // A socket with unread bytes would be reset.
        copy(&mut from_client, &mut sink()).await.map(drop)
    }
}
