mod clocks;
#[cfg(feature = "axum")]
mod listener;
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

use self::clocks::{Clocks, Way};
#[cfg(feature = "axum")]
pub use self::listener::{GuardedListener, PeerAddr};
pub use self::writes_reach_kernel::WritesReachKernel;
use super::Shutdown;

pin_project! {
    /// An accepted connection that gives up on a client which has stopped reading.
    ///
    /// A server does not poll a body whose bytes nobody takes, so no stream can end by itself then, and a graceful
    /// shutdown waits for it for ever. The connection has two clocks instead:
    ///
    /// - the [write timeout](Self::write_timeout): how long the socket may take nothing while there is something to
    ///   write, 30 seconds unless it is set;
    /// - the [deadline of a shutdown](Self::shutdown_deadline): how long the connection may outlast its beginning. Reads wait for
    ///   it, too: over HTTP/2 a client that grants no window leaves the socket free, and nothing is ever written.
    ///
    /// When one of them has run out, every read and write fails with [`TimedOut`](io::ErrorKind::TimedOut), the server
    /// drops the connection, and with it its streams. All else passes through.
    ///
    /// The guard goes on the socket itself, below TLS. What is written to a TLS connection ends in a buffer of its own, so
    /// that a guard around it would take a client that has stopped reading for one that reads. Such a guard does not compile:
    /// see [`WritesReachKernel`].
    ///
    /// For axum there is `GuardedListener` (feature `axum`). With plain hyper it goes under hyper-util's `TokioIo`:
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
    /// With TLS the handshake is made over the guarded socket:
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
        clocks: Clocks,
    }
}

impl<Io> ConnectionGuard<Io> {
    /// Guards a connection with a write timeout of 30 seconds.
    #[must_use]
    pub fn new(io: Io) -> Self
    where
        Io: WritesReachKernel,
    {
        Self { io, clocks: Clocks::default() }
    }

    /// Sets how long the connection may take not one byte while there is something to write.
    ///
    /// That begins when the system's buffers are full: events may have waited there for longer. [`Duration::MAX`] is for
    /// ever.
    #[must_use]
    pub const fn write_timeout(mut self, timeout: Duration) -> Self {
        self.clocks.set_write_timeout(timeout);
        self
    }

    /// Sets how long after the beginning of `shutdown` the connection may still be used.
    ///
    /// A server that is healthy has closed its connections long before; choose what its supervisor grants it, less a
    /// second. It should exceed the grace of [`Drain::Finish`](super::Drain::Finish).
    #[must_use]
    pub fn shutdown_deadline(mut self, shutdown: &Shutdown, deadline: Duration) -> Self {
        self.clocks.set_shutdown(shutdown, deadline);
        self
    }

    /// The connection itself.
    #[must_use]
    pub const fn get_ref(&self) -> &Io {
        &self.io
    }

    /// The connection itself, to change.
    pub const fn get_mut(&mut self) -> &mut Io {
        &mut self.io
    }

    /// Gives the connection back, unguarded.
    #[must_use]
    pub fn into_inner(self) -> Io {
        self.io
    }
}

impl<Io: AsyncRead> AsyncRead for ConnectionGuard<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        this.clocks.read(cx)?;
        this.io.poll_read(cx, buf)
    }
}

impl<Io: AsyncWrite> AsyncWrite for ConnectionGuard<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut this = self.project();
        this.clocks.write(cx)?;
        this.clocks.poll_move(Way::Write, cx, |cx| this.io.as_mut().poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut this = self.project();
        this.clocks.write(cx)?;
        this.clocks.poll_move(Way::Write, cx, |cx| this.io.as_mut().poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        this.clocks.write(cx)?;
        this.clocks.poll_move(Way::Flush, cx, |cx| this.io.as_mut().poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        this.clocks.write(cx)?;
        this.clocks.poll_move(Way::Flush, cx, |cx| this.io.as_mut().poll_shutdown(cx))
    }
}

impl<Io: fmt::Debug> fmt::Debug for ConnectionGuard<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionGuard").field("io", &self.io).field("clocks", &self.clocks).finish()
    }
}
