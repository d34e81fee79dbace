//! A server that takes HTTP/1 event streams over from hyper. It uses the layer and the guard, and they do not depend on it.

mod accept;
mod chunk;
mod closing;
mod connection;
mod detect;
mod event_stream;
mod hand_off;
mod handshake;
mod http1;
mod listener;
mod request_body;
mod service;
#[cfg(test)]
mod tests;
mod unsent;
mod wire;

use std::{error::Error, fmt, future::Future, io, time::Duration};

use bytes::Buf;
use http::Request;
use http_body::Body;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, ToSocketAddrs},
};
use tower_layer::Layer as _;
use tower_service::Service;

use self::connection::{ConnectionSettings, ServerState};
pub use self::{
    handshake::{Handshake, NoTls},
    listener::Listener,
    request_body::RequestBody,
};
use super::{ConnectionGuard, Drain, Shutdown, SseLayer, SseResponse};

/// An HTTP server for many open event streams: accept loop, graceful shutdown, timeouts and limits in one call.
///
/// It serves any Tower service, such as an axum `Router`, over HTTP/1.1, HTTP/1.0 and HTTP/2, with or without TLS. HTTP is
/// hyper's. Nothing forces you to use it: [`SseLayer`] and [`ConnectionGuard`] work with every other server.
///
/// ```no_run
/// # #[cfg(feature = "axum")]
/// # async fn run() -> std::io::Result<()> {
/// use std::time::Duration;
///
/// use axum::{Router, routing::get};
/// # use futures_util::stream;
/// use sse_typed::{RawEvent, Sse, server::{Drain, Server, Shutdown}};
///
/// let app = Router::new()
///     .route("/events", get(async || Sse::new(stream::repeat(RawEvent::new("tick", "again")))));
///
/// let shutdown = Shutdown::on(async { drop(tokio::signal::ctrl_c().await) });
/// let served = Server::bind("127.0.0.1:3000")
///     .await?
///     .shutdown(&shutdown, Drain::Now, Duration::from_secs(10))
///     .serve(app)
///     .await;
/// println!("{} connections, {} cut at the deadline", served.accepted(), served.cut());
/// # Ok(())
/// # }
/// ```
///
/// # Memory
///
/// An HTTP/1 connection of hyper has two buffers of 8 KiB. The server takes an event stream over from hyper as soon as its head is
/// sent, and frees them: an idle stream then takes about a tenth of the memory. After the stream, hyper gets the connection back
/// for the next request. The bytes on the wire are the same. [`hand_off(false)`](Self::hand_off) leaves all streams with hyper.
///
/// Taken over are responses with status 200, the content type `text/event-stream`, and a body of unknown length. Some stay
/// with hyper:
///
/// - responses over HTTP/2;
/// - responses to HEAD and CONNECT, and to requests with `transfer-encoding`;
/// - responses with `content-length`, `transfer-encoding` or `trailer`, or of another version than HTTP/1.1;
/// - responses to a request whose body was not read to its end. Once it is read, the stream is taken over.
///
/// # Clients
///
/// - A stream ends when its client closes its side of the connection, unless [`half_close`](Self::half_close) is set.
/// - What a client sends behind its request is its next request. Up to 8 KiB are kept until the stream has ended; then the
///   server stops reading. It does not notice that such a client disconnects until it writes.
/// - A connection that is blocked for the [write timeout](Self::write_timeout) is dropped, as by a [`ConnectionGuard`], which
///   guards each socket below TLS.
/// - A connection is closed after a request or response with `connection: close`, over HTTP/1.0, after a request that cannot be
///   parsed, and during a shutdown. The server then reads on for up to one second or 64 KiB, because closing a socket with unread
///   bytes can destroy the last event. It does not do so for idle connections during a shutdown.
///
/// # Shutdown
///
/// When the shutdown of [`shutdown`](Self::shutdown) begins, the server:
///
/// 1. closes its listener;
/// 2. ends the streams of [`Sse`](super::Sse) as their [`Drain`] says, closes idle connections and those in a TLS handshake, and
///    closes the others after their response. Event streams of other types, such as axum's, are not ended;
/// 3. at the deadline, drops the connections that are left, whether or not their clients read. The reads and writes of
///    upgraded connections fail.
///
/// # Panics
///
/// A panic of the service or a body ends its connection, or its stream over HTTP/2.
///
/// [`serve`](Self::serve) panics outside of a Tokio runtime with its timer (`enable_time`).
pub struct Server<L = TcpListener, H = NoTls> {
    listener: L,
    handshake: H,
    shutdown: Option<(Shutdown, Drain, Duration)>,
    max_connections: usize,
    settings: ConnectionSettings,
}

/// The default write timeout: that of a [`ConnectionGuard`].
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The default time for a request's head: hyper's.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// The default time for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

impl Server {
    /// Listens at an address. Of several addresses of a name, the first that is free is taken.
    ///
    /// Up to 4,096 connections wait in the kernel to be accepted, or fewer if the system's limit is lower
    /// (`net.core.somaxconn` on Linux). tokio's own default of 128 stalls clients for seconds when many connect at once.
    ///
    /// # Errors
    ///
    /// Fails if the name cannot be resolved, or if no address is free.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        listener::bind(address).await.map(Self::new)
    }
}

impl<L: Listener> Server<L> {
    /// Serves the connections of a listener. Its backlog is its own: see [`bind`](Server::bind).
    #[must_use]
    pub fn new(listener: L) -> Self {
        Self {
            listener,
            handshake: NoTls,
            shutdown: None,
            max_connections: usize::MAX,
            settings: ConnectionSettings {
                hand_off: true,
                half_close: false,
                write_timeout: WRITE_TIMEOUT,
                header_timeout: HEADER_TIMEOUT,
                handshake_timeout: HANDSHAKE_TIMEOUT,
            },
        }
    }

    /// Makes a TLS handshake on each connection, in the task of the connection. A handshake that takes longer than 10 seconds
    /// is dropped: see [`handshake_timeout`](Self::handshake_timeout).
    ///
    /// The closure gets the guarded socket. HTTP/2 does not need ALPN here: the server reads from the first bytes what the client
    /// speaks. Browsers do need it, so offer `h2` and `http/1.1`.
    ///
    /// ```no_run
    /// # use std::{convert::Infallible, future::ready, sync::Arc};
    /// # use futures_util::stream;
    /// use sse_typed::{RawEvent, Sse, server::{RequestBody, Server}};
    /// use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};
    ///
    /// # async fn serve(config: ServerConfig) -> std::io::Result<()> {
    /// let acceptor = TlsAcceptor::from(Arc::new(config));
    /// # let service = tower::service_fn(|_: http::Request<RequestBody>| {
    /// #     ready(Ok::<_, Infallible>(Sse::new(stream::repeat(RawEvent::new("tick", "again")))))
    /// # });
    /// Server::bind("127.0.0.1:3000").await?.tls(move |socket| acceptor.accept(socket)).serve(service).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tls<F, Fut, Io>(self, handshake: F) -> Server<L, F>
    where
        F: Fn(ConnectionGuard<L::Io>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = io::Result<Io>> + Send + 'static,
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { listener, handshake: NoTls, shutdown, max_connections, settings } = self;
        Server { listener, handshake, shutdown, max_connections, settings }
    }
}

impl<L: Listener, H: Handshake<ConnectionGuard<L::Io>>> Server<L, H> {
    /// Returns the address at which the server listens.
    ///
    /// # Errors
    ///
    /// Fails if the listener does not know its address.
    pub fn local_addr(&self) -> io::Result<L::Addr> {
        self.listener.local_addr()
    }

    /// Ends the server when `shutdown` begins: streams end as set by `drain`, and what is still open after `deadline` is dropped.
    /// Without it the server runs until its future is dropped.
    ///
    /// It has the effect of [`SseLayer::shutdown`] on all streams of the service; the drain of an inner layer with the same
    /// shutdown wins. Choose for the deadline the time that the process supervisor allows, minus a second. It should be longer
    /// than the grace period of [`Drain::Finish`].
    #[must_use]
    pub fn shutdown(mut self, shutdown: &Shutdown, drain: Drain, deadline: Duration) -> Self {
        self.shutdown = Some((shutdown.clone(), drain, deadline));
        self
    }

    /// Limits how many connections may be open at once. The server accepts no more until one ends; clients wait in the
    /// kernel. By default there is no limit.
    ///
    /// Set it below the number of files that the process may open. [`SseLayer::max_streams`] limits streams, and answers the
    /// requests above its limit.
    ///
    /// A limit of 0 is taken as 1.
    #[must_use]
    pub const fn max_connections(mut self, limit: usize) -> Self {
        self.max_connections = if limit == 0 { 1 } else { limit };
        self
    }

    /// Sets how long a write may be pending: see [`ConnectionGuard::write_timeout`]. The default is 30 seconds, and
    /// [`Duration::MAX`] means no timeout.
    #[must_use]
    pub const fn write_timeout(mut self, timeout: Duration) -> Self {
        self.settings.write_timeout = timeout;
        self
    }

    /// Sets how long a client may take to send the head of an HTTP/1 request, also of the next one on an open connection. The default
    /// is 30 seconds, and [`Duration::MAX`] means no timeout. The first byte of a connection has as long, before the time of the head
    /// begins.
    #[must_use]
    pub const fn header_timeout(mut self, timeout: Duration) -> Self {
        self.settings.header_timeout = timeout;
        self
    }

    /// Sets how long the handshake of [`tls`](Server::tls) may take. The default is 10 seconds, and [`Duration::MAX`] means no
    /// timeout.
    #[must_use]
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.settings.handshake_timeout = timeout;
        self
    }

    /// Sets whether an HTTP/1 stream goes on after its client has closed its sending side. The default is `false`: such a client is
    /// taken for one that has disconnected.
    #[must_use]
    pub const fn half_close(mut self, enabled: bool) -> Self {
        self.settings.half_close = enabled;
        self
    }

    /// Sets whether the server takes event streams over from hyper, which saves [memory](Self#memory). The default is `true`.
    #[must_use]
    pub const fn hand_off(mut self, enabled: bool) -> Self {
        self.settings.hand_off = enabled;
        self
    }

    /// Serves requests until the [shutdown](Self::shutdown) has ended all connections.
    ///
    /// The service is cloned for each connection, and gets requests with a [`RequestBody`] and the address of the peer: a
    /// [`PeerAddr`](super::PeerAddr) in the extensions. With the feature `axum`, `ConnectInfo<SocketAddr>` and
    /// `ConnectInfo<PeerAddr>` are extractors.
    ///
    /// Errors of a connection end that connection, and errors of the listener are retried; the feature `tracing` reports both. If
    /// connections are still not dropped one second after the deadline, because their tasks block a thread, they are left
    /// behind.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the listener is closed, and open connections continue until they end. A shutdown then still ends
    /// streams and closes idle connections, but no deadline drops the others.
    pub async fn serve<S, B>(self, service: S) -> Served
    where
        S: Service<Request<RequestBody>, Response: SseResponse<Body = B>> + Clone + Send + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        S::Future: Send + 'static,
        B: Body<Data: Buf + Send + 'static, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        // Without a timer it panics here. Otherwise the task of each connection would.
        drop(tokio::time::sleep(Duration::ZERO));
        let Self { listener, handshake, shutdown, max_connections, settings } = self;
        let mut layer = SseLayer::new();
        let (mut deadline, mut begins) = (Duration::MAX, Shutdown::new());
        if let Some((shutdown, drain, after)) = shutdown {
            layer = layer.shutdown(&shutdown, drain);
            (deadline, begins) = (after, shutdown);
        }
        let server = ServerState::new(layer.layer(service), settings, begins);
        accept::serve(listener, handshake, server, max_connections, deadline).await
    }
}

impl<L: fmt::Debug, H> fmt::Debug for Server<L, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .field("shutdown", &self.shutdown)
            .field("max_connections", &self.max_connections)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What a [`Server`] has served until its shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    accepted: u64,
    drained: u64,
    cut: u64,
}

impl Served {
    /// Returns the number of connections that were accepted.
    #[must_use]
    pub const fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Returns the number of connections that were open when the shutdown began, and ended before the deadline.
    #[must_use]
    pub const fn drained(&self) -> u64 {
        self.drained
    }

    /// Returns the number of connections that were dropped at the deadline.
    #[must_use]
    pub const fn cut(&self) -> u64 {
        self.cut
    }
}
