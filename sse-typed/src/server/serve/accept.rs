use std::{
    future::{Future as _, poll_fn},
    io,
    pin::pin,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use tokio::{
    task::coop::poll_proceed,
    time::{Instant, sleep, timeout},
};

use super::{
    Served,
    connection::{OpenConnection, ServerState, UntilCut},
    detect::{Version, detect},
    handshake::Handshake,
    http1::Http1Connection,
    listener::Listener,
    service::{Address, Application, ConnectionService},
    wire::Wire,
};
use crate::{
    server::{Begun, ConnectionGuard, trace},
    wake::poll_timer,
};

/// How long the server waits for its connections to be dropped after the deadline. Only a task that blocks its thread needs
/// longer.
const DROP_TIMEOUT: Duration = Duration::from_secs(1);

/// Accepts connections until the shutdown begins, and waits until they have ended or the deadline has passed.
pub(super) async fn serve<L, H, S>(
    mut listener: L,
    handshake: H,
    server: Arc<ServerState<S>>,
    max_connections: usize,
    deadline: Duration,
) -> Served
where
    L: Listener,
    H: Handshake<ConnectionGuard<L::Io>>,
    S: Application,
{
    let mut begun = server.shutdown.begun();
    let mut errors = AcceptErrors::default();
    let mut accepted = 0;
    while let Some(accept) = next_connection(&mut listener, &server, max_connections, &mut begun).await {
        match accept {
            Ok((socket, peer)) => {
                errors.reset();
                accepted += 1;
                let open = OpenConnection::new(&server);
                let socket = ConnectionGuard::new(socket).write_timeout(server.settings.write_timeout);
                tokio::spawn(UntilCut::new(open.cut(), run(socket, peer, handshake.clone(), open)));
            }
            Err(error) if is_error_of_one_connection(&error) => {}
            Err(error) => errors.wait(&error, &server, &mut begun).await,
        }
    }
    drop(listener);

    let open = server.open_connections();
    let begun_at = poll_fn(|cx| begun.poll_at(cx)).await;
    // A deadline later than `Instant` can express is none.
    match begun_at.checked_add(deadline) {
        Some(end) => drop(timeout(end.saturating_duration_since(Instant::now()), all_ended(&server)).await),
        None => all_ended(&server).await,
    }
    let cut = server.open_connections();
    server.cut_all();
    drop(timeout(DROP_TIMEOUT, all_ended(&server)).await);
    Served { accepted, drained: open.saturating_sub(cut) as u64, cut: cut as u64 }
}

/// Accepts the next connection. `None` once the shutdown has begun.
async fn next_connection<L: Listener, S>(
    listener: &mut L,
    server: &ServerState<S>,
    max_connections: usize,
    begun: &mut Begun,
) -> Option<io::Result<(L::Io, L::Addr)>> {
    loop {
        let mut ended = pin!(server.ended.notified());
        let is_full = server.open_connections() >= max_connections;
        let accepted = poll_fn(|cx| {
            if begun.poll_at(cx).is_ready() {
                return Poll::Ready(Some(None));
            }
            if is_full {
                return ended.as_mut().poll(cx).map(|()| None);
            }
            // A listener that is always ready must leave time for others.
            let coop = ready!(poll_proceed(cx));
            let accepted = ready!(listener.poll_accept(cx));
            coop.made_progress();
            Poll::Ready(Some(Some(accepted)))
        });
        if let Some(accepted) = accepted.await {
            return accepted;
        }
    }
}

/// Waits until no connection is open.
async fn all_ended<S>(server: &ServerState<S>) {
    while server.open_connections() > 0 {
        // An end before this is remembered by `Notify`.
        server.ended.notified().await;
    }
}

/// Whether the listener can accept the next connection at once.
fn is_error_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::Interrupted
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
    )
}

const MIN_ACCEPT_DELAY: Duration = Duration::from_millis(50);
const MAX_ACCEPT_DELAY: Duration = Duration::from_secs(1);
const TRACE_INTERVAL: Duration = Duration::from_secs(1);

/// The errors of a listener that cannot accept, as when the process has no files left.
#[derive(Debug, Default)]
struct AcceptErrors {
    delay: Duration,
    traced: Option<Instant>,
}

impl AcceptErrors {
    const fn reset(&mut self) {
        self.delay = Duration::ZERO;
    }

    /// Waits for a time that doubles with each error, or until a connection ends.
    async fn wait<S>(&mut self, error: &io::Error, server: &ServerState<S>, begun: &mut Begun) {
        if self.traced.is_none_or(|traced| traced.elapsed() >= TRACE_INTERVAL) {
            self.traced = Some(Instant::now());
            trace::accept_failed(error);
        }
        self.delay = (self.delay * 2).clamp(MIN_ACCEPT_DELAY, MAX_ACCEPT_DELAY);
        let mut timer = pin!(sleep(self.delay));
        let mut ended = pin!(server.ended.notified());
        poll_fn(|cx| {
            let is_over = poll_timer(timer.as_mut(), cx).is_ready()
                || ended.as_mut().poll(cx).is_ready()
                || begun.poll_at(cx).is_ready();
            if is_over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Runs a connection from its handshake to its end, or to its first event stream.
async fn run<Socket, H, S, A>(socket: ConnectionGuard<Socket>, peer: A, handshake: H, open: OpenConnection<S>)
where
    Socket: Send,
    H: Handshake<ConnectionGuard<Socket>>,
    S: Application,
    A: Address,
{
    let settings = &open.server().settings;
    let mut begun = open.server().shutdown.begun();
    // In a block, so that the future of the handshake is dropped with it.
    let made = {
        let mut handshake = pin!(timeout(settings.handshake_timeout, handshake.handshake(socket)));
        // A connection without a request is idle, so a shutdown does not wait for it.
        poll_fn(|cx| match handshake.as_mut().poll(cx) {
            Poll::Pending => begun.poll_at(cx).map(|_| None),
            made @ Poll::Ready(_) => made.map(Some),
        })
        .await
    };
    let mut io = match made {
        Some(Ok(Ok(io))) => io,
        Some(Ok(Err(error))) => return trace::connection_failed(&error),
        Some(Err(elapsed)) => return trace::connection_failed(&elapsed),
        None => return,
    };
    let Some((version, received)) = detect(&mut io, settings.header_timeout, &mut begun).await else { return };
    match version {
        Version::Http1 => Http1Connection::new(io, received, peer, open).await,
        Version::Http2 => {
            let (http, service) = (open.server().http2.clone(), open.server().service());
            let wire = TokioIo::new(Wire::new(io, received, None, open));
            let mut connection = pin!(http.serve_connection(wire, ConnectionService::new(service, peer, None)));
            let mut is_draining = false;
            let ended = poll_fn(|cx| {
                if !is_draining && begun.poll_at(cx).is_ready() {
                    is_draining = true;
                    connection.as_mut().graceful_shutdown();
                }
                connection.as_mut().poll(cx)
            });
            if let Err(error) = ended.await {
                trace::connection_failed(&error);
            }
        }
    }
}
