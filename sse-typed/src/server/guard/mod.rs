#[cfg(feature = "axum")]
mod listener;
mod timeouts;
mod writes_reach_kernel;

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[cfg(feature = "axum")]
pub use self::listener::GuardedListener;
use self::timeouts::{Operation, Timeouts};
pub use self::writes_reach_kernel::WritesReachKernel;
use super::Shutdown;

pin_project! {
    /// An accepted connection that times out if its client stops reading.
    ///
    /// A server does not poll a body while its client does not read. The stream then cannot end, and a graceful shutdown
    /// would wait for it forever. The guard ends the connection instead, by one of two timeouts:
    ///
    /// - the [write timeout](Self::write_timeout): how long a write may be pending without progress, 30 seconds by default;
    /// - the [shutdown deadline](Self::shutdown_deadline): how long after the beginning of a shutdown the connection may stay
    ///   open. Reads fail at the deadline, too: an HTTP/2 client that grants no window leaves the socket writable, and the
    ///   server never writes.
    ///
    /// When a timeout has expired, every read and write fails with [`TimedOut`](io::ErrorKind::TimedOut). The server then
    /// drops the connection and its streams. Otherwise reads and writes pass through unchanged.
    ///
    /// Put the guard on the socket itself, below TLS. A TLS connection buffers writes, so a guard around it would mistake a
    /// client that has stopped reading for one that reads. A guard around a TLS connection does not compile: see
    /// [`WritesReachKernel`].
    ///
    /// For axum there is `GuardedListener` (feature `axum`). With plain hyper, put the guard inside hyper-util's `TokioIo`:
    ///
    /// ```
    /// # use std::{convert::Infallible, future::ready, time::Duration};
    /// # use futures_util::stream;
    /// use hyper_util::{rt::TokioIo, service::TowerToHyperService};
    /// use sse_typed::{RawEvent, Sse, SseLayer, server::{ConnectionGuard, Drain, Shutdown}};
    /// # use tokio::net::TcpListener;
    /// use tower::ServiceBuilder;
    ///
    /// # async fn serve(listener: TcpListener) -> std::io::Result<()> {
    /// let shutdown = Shutdown::new();
    /// let service = ServiceBuilder::new()
    ///     .layer(SseLayer::new().shutdown(&shutdown, Drain::Now))
    ///     .service_fn(|_: http::Request<hyper::body::Incoming>| {
    ///         ready(Ok::<_, Infallible>(Sse::new(stream::repeat(RawEvent::new("tick", "again")))))
    ///     });
    ///
    /// let (socket, _) = listener.accept().await?;
    /// let connection = ConnectionGuard::new(socket).shutdown_deadline(&shutdown, Duration::from_secs(5));
    /// hyper::server::conn::http1::Builder::new()
    ///     .serve_connection(TokioIo::new(connection), TowerToHyperService::new(service))
    ///     .await
    ///     .map_err(std::io::Error::other)
    /// # }
    /// ```
    ///
    /// With TLS, make the handshake over the guarded socket:
    ///
    /// ```
    /// # use sse_typed::server::ConnectionGuard;
    /// # use tokio::net::TcpStream;
    /// use tokio_rustls::{TlsAcceptor, server::TlsStream};
    ///
    /// async fn accept(acceptor: &TlsAcceptor, socket: TcpStream) -> std::io::Result<TlsStream<ConnectionGuard<TcpStream>>> {
    ///     acceptor.accept(ConnectionGuard::new(socket)).await
    /// }
    /// ```
    pub struct ConnectionGuard<Io> {
        #[pin]
        io: Io,
        timeouts: Timeouts,
    }
}

impl<Io> ConnectionGuard<Io> {
    /// Guards a connection with a write timeout of 30 seconds.
    #[must_use]
    pub fn new(io: Io) -> Self
    where
        Io: WritesReachKernel,
    {
        Self { io, timeouts: Timeouts::default() }
    }

    /// Sets how long a write may be pending without a byte being written.
    ///
    /// A write is pending once the system's buffers are full. Events may have waited in these buffers for longer.
    /// [`Duration::MAX`] means no timeout.
    #[must_use]
    pub const fn write_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.set_write_timeout(timeout);
        self
    }

    /// Sets how long after the beginning of `shutdown` the connection may stay open.
    ///
    /// The server closes the connections of clients that read long before the deadline. Choose the time that the process
    /// supervisor allows for a shutdown, minus a second. The deadline should be longer than the grace period of [`Drain::Finish`](super::Drain::Finish).
    #[must_use]
    pub fn shutdown_deadline(mut self, shutdown: &Shutdown, deadline: Duration) -> Self {
        self.timeouts.set_shutdown(shutdown, deadline);
        self
    }

    /// Returns the connection.
    #[must_use]
    pub const fn get_ref(&self) -> &Io {
        &self.io
    }

    /// Returns the connection mutably.
    pub const fn get_mut(&mut self) -> &mut Io {
        &mut self.io
    }

    /// Unwraps the connection. It is then no longer guarded.
    #[must_use]
    pub fn into_inner(self) -> Io {
        self.io
    }
}

impl<Io: AsyncRead> AsyncRead for ConnectionGuard<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        this.timeouts.check_read(cx)?;
        this.io.poll_read(cx, buf)
    }
}

impl<Io: AsyncWrite> AsyncWrite for ConnectionGuard<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut this = self.project();
        this.timeouts.check_write(cx)?;
        this.timeouts.poll_with_timeout(Operation::Write, cx, |cx| this.io.as_mut().poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut this = self.project();
        this.timeouts.check_write(cx)?;
        this.timeouts.poll_with_timeout(Operation::Write, cx, |cx| this.io.as_mut().poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        this.timeouts.check_write(cx)?;
        this.timeouts.poll_with_timeout(Operation::Flush, cx, |cx| this.io.as_mut().poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        this.timeouts.check_write(cx)?;
        this.timeouts.poll_with_timeout(Operation::Flush, cx, |cx| this.io.as_mut().poll_shutdown(cx))
    }
}

impl<Io: fmt::Debug> fmt::Debug for ConnectionGuard<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionGuard").field("io", &self.io).field("timeouts", &self.timeouts).finish()
    }
}
