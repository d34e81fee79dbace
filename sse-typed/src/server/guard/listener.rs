use std::{fmt, io, time::Duration};

use ::axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};

use super::{ConnectionGuard, WritesReachKernel};
use crate::server::{PeerAddr, Shutdown};

/// A listener for `axum::serve` whose connections are [guarded](ConnectionGuard).
///
/// Wrap the listener of the sockets in it first, and add other wrappers outside. axum's `tap_io` keeps the type of the
/// connection, so it may also be inside: `GuardedListener::new(listener.tap_io(..))`. A listener that makes TLS connections,
/// or adds a permit or a buffer to each, must be outside: `TlsListener::new(GuardedListener::new(listener))`,
/// `GuardedListener::new(listener).limit_connections(..)`. The other order does not compile: see [`WritesReachKernel`].
///
/// ```
/// use std::time::Duration;
///
/// use axum::{Router, extract::ConnectInfo, routing::get};
/// # use futures_util::stream;
/// use sse_typed::{RawEvent, Sse, SseLayer, server::{Drain, GuardedListener, PeerAddr, Shutdown}};
/// use tokio::net::TcpListener;
///
/// # async fn serve() -> std::io::Result<()> {
/// let shutdown = Shutdown::on(async { drop(tokio::signal::ctrl_c().await) });
/// let app = Router::new()
///     .route("/events", get(async |ConnectInfo(PeerAddr(peer)): ConnectInfo<PeerAddr>| {
///         println!("a stream for {peer}");
///         Sse::new(stream::repeat(RawEvent::new("tick", "again")))
///     }))
///     .layer(SseLayer::new().shutdown(&shutdown, Drain::Now));
///
/// let listener = TcpListener::bind("127.0.0.1:3000").await?;
/// let listener = GuardedListener::new(listener).shutdown_deadline(&shutdown, Duration::from_secs(5));
/// axum::serve(listener, app.into_make_service_with_connect_info::<PeerAddr>())
///     .with_graceful_shutdown(shutdown.begun())
///     .await
/// # }
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub struct GuardedListener<L> {
    listener: L,
    write_timeout: Option<Duration>,
    shutdown: Option<(Shutdown, Duration)>,
}

impl<L> GuardedListener<L> {
    /// Guards the connections of a listener with a write timeout of 30 seconds.
    #[must_use]
    pub const fn new(listener: L) -> Self
    where
        L: Listener<Io: WritesReachKernel>,
    {
        Self { listener, write_timeout: None, shutdown: None }
    }

    /// Sets how long a write may be pending: see [`ConnectionGuard::write_timeout`].
    #[must_use]
    pub const fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = Some(timeout);
        self
    }

    /// Sets how long after the beginning of `shutdown` a connection may stay open: see
    /// [`ConnectionGuard::shutdown_deadline`].
    #[must_use]
    pub fn shutdown_deadline(mut self, shutdown: &Shutdown, deadline: Duration) -> Self {
        self.shutdown = Some((shutdown.clone(), deadline));
        self
    }

    /// Returns the listener.
    #[must_use]
    pub const fn get_ref(&self) -> &L {
        &self.listener
    }

    /// Unwraps the listener.
    #[must_use]
    pub fn into_inner(self) -> L {
        self.listener
    }

    fn guard<Io: WritesReachKernel>(&self, io: Io) -> ConnectionGuard<Io> {
        let mut connection = ConnectionGuard::new(io);
        if let Some(timeout) = self.write_timeout {
            connection = connection.write_timeout(timeout);
        }
        if let Some((shutdown, deadline)) = &self.shutdown {
            connection = connection.shutdown_deadline(shutdown, *deadline);
        }
        connection
    }
}

impl<L: Listener<Io: WritesReachKernel>> Listener for GuardedListener<L> {
    type Io = ConnectionGuard<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (io, address) = self.listener.accept().await;
        (self.guard(io), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl<L: fmt::Debug> fmt::Debug for GuardedListener<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedListener")
            .field("listener", &self.listener)
            .field("write_timeout", &self.write_timeout)
            .field("shutdown", &self.shutdown)
            .finish()
    }
}

impl<L> Connected<IncomingStream<'_, GuardedListener<L>>> for PeerAddr<L::Addr>
where
    L: Listener<Io: WritesReachKernel, Addr: Clone + Sync + 'static>,
{
    fn connect_info(stream: IncomingStream<'_, GuardedListener<L>>) -> Self {
        Self(stream.remote_addr().clone())
    }
}
