use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream, ToSocketAddrs, lookup_host},
};

use crate::server::WritesReachKernel;

/// How many connections may wait in the kernel to be accepted.
///
/// tokio's `TcpListener::bind` asks for 128. When more clients than that connect at once, as after a restart, the kernel
/// drops their packets, and each of these clients tries again after one, three, seven.. seconds.
const BACKLOG: u32 = 4096;

/// A source of connections for a [`Server`](super::Server).
///
/// It is implemented for tokio's [`TcpListener`], which sets `TCP_NODELAY` on each connection so that small events are sent
/// at once, and for its `UnixListener` (on Unix). Implement it for a listener of your own, for example to prepare each
/// socket:
///
/// ```
/// use std::{io, net::SocketAddr, task::{Context, Poll, ready}};
///
/// use sse_typed::server::Listener;
/// use tokio::net::{TcpListener, TcpStream};
///
/// /// Sets how many hops the packets of each connection may take.
/// struct WithTtl(TcpListener);
///
/// impl Listener for WithTtl {
///     type Io = TcpStream;
///     type Addr = SocketAddr;
///
///     fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
///         let (socket, peer) = ready!(Listener::poll_accept(&mut self.0, cx))?;
///         socket.set_ttl(16)?;
///         Poll::Ready(Ok((socket, peer)))
///     }
///
///     fn local_addr(&self) -> io::Result<SocketAddr> {
///         self.0.local_addr()
///     }
/// }
/// ```
pub trait Listener: Send + 'static {
    /// An accepted connection.
    type Io: AsyncRead + AsyncWrite + WritesReachKernel + Unpin + Send + 'static;

    /// The address of a peer.
    type Addr: Clone + Send + Sync + 'static;

    /// Accepts a connection, or registers the task to be woken when there is one.
    ///
    /// # Errors
    ///
    /// An error never ends the server. After an error of one connection, such as
    /// [`ConnectionAborted`](io::ErrorKind::ConnectionAborted), the server accepts again at once. After another error, such as too
    /// many open files, it accepts again after 50 milliseconds, later up to a second, or as soon as a connection ends.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Io, Self::Addr)>>;

    /// Returns the address at which it listens.
    ///
    /// # Errors
    ///
    /// Fails if the address is not known.
    fn local_addr(&self) -> io::Result<Self::Addr>;
}

impl Listener for TcpListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        Self::poll_accept(self, cx).map_ok(|(socket, peer)| {
            // A connection that is closed already has no options; its first read fails.
            let _ = socket.set_nodelay(true);
            (socket, peer)
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }
}

/// The address is shared, because tokio's type is not `Clone`.
#[cfg(unix)]
impl Listener for tokio::net::UnixListener {
    type Io = tokio::net::UnixStream;
    type Addr = std::sync::Arc<tokio::net::unix::SocketAddr>;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Io, Self::Addr)>> {
        Self::poll_accept(self, cx).map_ok(|(socket, peer)| (socket, peer.into()))
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Self::local_addr(self).map(Into::into)
    }
}

/// Listens at the first address that is free.
pub(super) async fn bind(addresses: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let mut failed = None;
    for address in lookup_host(addresses).await? {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the name has no address to listen at")))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted server can listen at once. On Windows the option would let another process take the address over.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
